"""``warmline doctor``: what is wrong, since when, and what to do."""

from __future__ import annotations

import asyncio
import fcntl
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click
import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from gateway.adapters.redis.connection import RedisConnection, RedisUnavailable
from gateway.adapters.sql.statistics import DatabaseHealthCheck
from gateway.app import Gateway
from gateway.app.infrastructure import plugin_name
from gateway.cli.check import plugin_warnings
from gateway.cli.common import (
    config_option,
    find_config,
    follow_versions,
    in_url,
    json_option,
    load_gateway,
    print_json,
    run_async,
)
from gateway.ops.doctor import Check, Diagnosis, backlog_problems, diagnose, unsafe_settings
from gateway.plugins import BadPlugin, default_config, place_of
from gateway.ports import HealthCheck, HealthProblem, WarmlineError
from gateway.settings import BadConfig, RedisSettings
from gateway.support.labels import counted


@click.command()
@config_option
@json_option
@run_async
async def doctor(config: Path | None, json: bool) -> None:
    """Report problems and how to fix them.

    It changes nothing, and works with or without a running server. The exit code is 1 if something
    is broken.
    """
    try:
        gateway = load_gateway(config)
    except (BadConfig, BadPlugin) as error:
        diagnoses: Sequence[Diagnosis] = _misconfigured(error, find_config(config))
    else:
        try:
            await follow_versions(gateway)
            checks = dict(health_checks(gateway))
            checks["deployment"] = partial(_check_deployment, gateway, find_config(config))
            diagnoses = await diagnose(checks)
        finally:
            await gateway.store.stop()
    for diagnosis in diagnoses:
        print_json(_to_json(diagnosis)) if json else click.echo(_to_text(diagnosis))
    if any(d.problem and d.problem.severity == "broken" for d in diagnoses):
        sys.exit(1)


def _misconfigured(error: BadConfig | BadPlugin, file: Path | None) -> list[Diagnosis]:
    if isinstance(error, BadPlugin) and error.plugin and error.plugin.remedy:
        problem = HealthProblem(what=error.what, fix=error.plugin.remedy)
        return [Diagnosis(part=f"plugin {error.plugin.name}", problem=problem)]
    problems = error.problems if isinstance(error, BadConfig) else [error]
    fix = f"fix it in {file or 'the environment'}, then run `warmline check`"
    return [
        Diagnosis(part="configuration", problem=HealthProblem(what=str(problem), fix=fix))
        for problem in problems
    ]


def health_checks(gateway: Gateway) -> Mapping[str, Check]:
    """The health checks by part: first the gateway's own, then those of plugins."""
    database = DatabaseHealthCheck(gateway.database)
    checks: dict[str, Check] = {
        "configuration": partial(_check_configuration, gateway),
        "server": partial(_check_server, gateway, database),
        "database": partial(database.check_health, gateway.clock),
        "queues": partial(_check_queues, gateway, database),
    }
    checks["shadow mode"] = partial(_check_shadow, gateway, database)
    checks["versions"] = partial(_check_versions, gateway)
    core, registrations = gateway.settings.core, gateway.registrations
    if core.brands:
        checks["brands"] = partial(_check_brands, gateway)
    if core.redis_url is not None:
        checks["redis"] = partial(_check_redis, core.redis_url, core.redis)
    if gateway.infrastructure.hours.any_closed and gateway.policy.reasons.harm.enabled:
        checks["alarms"] = partial(_check_alarms, gateway)
    plugins: dict[str, object] = {f"channel {n}": c for n, c in registrations.channels.items()}
    offers = (*registrations.understanders, *registrations.handlers, *registrations.components)
    for offer in offers:
        plugins.setdefault(plugin_name(offer), offer)
    for name, plugin in plugins.items():
        if isinstance(plugin, HealthCheck):
            checks[name] = partial(_check_plugin, plugin, gateway)
    return checks


async def _check_plugin(plugin: HealthCheck, gateway: Gateway) -> Sequence[HealthProblem]:
    """The check of a plugin. Of a mistake in its code only type and place are shown: its text may
    hold a secret."""
    try:
        return await plugin.check_health(gateway.clock)
    except (WarmlineError, OSError, ClientError):  # a service that cannot be reached is no bug
        raise
    except Exception as error:
        found = gateway.registrations
        package = found.plugins.get(found.owners.get(id(plugin), ""))
        if package is None or not package.remedy:
            raise
        what = f"its health check raised {type(error).__name__}{place_of(error, package)}"
        return [HealthProblem(what=what, fix=package.remedy)]


async def _check_configuration(gateway: Gateway) -> Sequence[HealthProblem]:
    """What is valid, and surely not as intended."""
    fix = "set what it needs, or remove the section"
    found = [
        HealthProblem(what=str(warning), severity="warning", fix=fix)
        for warning in gateway.settings.warnings
    ]
    for warning in await asyncio.to_thread(lambda: [*plugin_warnings(gateway.settings)]):
        what, _, advice = str(warning).partition("; ")
        found.append(HealthProblem(what=what, severity="warning", fix=advice))
    return found


async def _check_versions(gateway: Gateway) -> Sequence[HealthProblem]:
    """What people adopted and does not fit the files any more, or was erased."""
    follower = gateway.infrastructure.follower
    found = [
        HealthProblem(
            what=f"left out of what was adopted ({kind}): {misfit}",
            severity="warning",
            fix="correct the file, adopt a change, or `warmline versions rollback`",
        )
        for kind, left_out in follower.left_out.items()
        for misfit in left_out
    ]
    lost = sum(overlay.lost for overlay in follower.overlays.values())
    if lost:
        examples = counted(lost, "adopted example")
        what = f"{examples} went with conversations that were erased or are too old"
        fix = "write sentences of your own into `nlu.yml`, or adopt others"
        found.append(HealthProblem(what=what, severity="warning", fix=fix))
    return found


async def _check_shadow(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    """Whether the bot says nothing: so it was meant, and it must not be forgotten."""
    if not await database.is_current():
        return ()  # the database's own check reports this
    since = (await gateway.infrastructure.shadow.state()).current
    if since is None:
        return ()
    return [
        HealthProblem(
            what=f"shadow mode is on, by {since.by or 'somebody'}: the bot answers nobody",
            since=since.since,
            severity="warning",
            fix="read `warmline shadow report`, then run `warmline shadow off`",
        )
    ]


async def _check_queues(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    if not await database.is_current():
        return ()  # the database's own check reports this
    now = gateway.clock.now()
    return backlog_problems(await gateway.store.statistics.backlog(now), now)


async def _check_deployment(gateway: Gateway, config: Path | None) -> Sequence[HealthProblem]:
    """What is unsafe where others can reach the gateway; on one machine alone none of it is."""
    demo = config is not None and config == default_config()
    plugins = gateway.infrastructure.plugin_objects
    unsafe = await asyncio.to_thread(unsafe_settings, gateway.settings, plugins, demo=demo)
    return [
        HealthProblem(what=f"{each.key}: {each.what}", severity="warning", fix=each.fix)
        for each in unsafe
    ]


async def _check_brands(gateway: Gateway) -> Sequence[HealthProblem]:
    """Check that brands and support addresses know one another."""
    found = gateway.settings.brands.problems(gateway.registrations.channels)
    return [
        HealthProblem(what=what, severity="warning", fix=f"{fix} in the configuration")
        for what, _, fix in (problem.partition("; ") for problem in found)
    ]


async def _check_alarms(gateway: Gateway) -> Sequence[HealthProblem]:
    """Check that an alarm about harm reaches somebody outside opening hours."""
    if gateway.infrastructure.alarms_reach_somebody:
        return ()
    what = "nobody is alerted when a customer speaks of harm outside opening hours"
    fix = (
        "set `channels.email.alarm_to`, `plugins.agents_slack`, or an endpoint of `webhooks` for "
        "`handoff.alarm`"
    )
    return [HealthProblem(what=what, severity="warning", fix=fix)]


async def _check_redis(url: str, settings: RedisSettings) -> Sequence[HealthProblem]:
    """Write to Redis: a full one still answers PING."""
    connection = RedisConnection(url, prefix=settings.prefix, timeout=settings.timeout)
    try:
        await connection.call(lambda redis: redis.set(connection.key("doctor"), "1", px=10_000))
    except RedisUnavailable:
        what = connection.trouble or "Redis cannot be used"
        fix = "start it, or correct `redis_url`; until then processes find work in the database"
        return [HealthProblem(what=what, severity="warning", fix=fix)]
    finally:
        await connection.close()
    return ()


async def _check_processes(database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    """Check the processes of a database that several may share."""
    if not await database.is_current():
        return ()  # the database's own check reports this
    alive, dead = await database.serving()
    problems = []
    if not alive:
        what = "no server works on this database"
        problems.append(HealthProblem(what=what, severity="warning", fix="run `warmline serve`"))
    if dead:
        what = f"processes ended without shutting down: {', '.join(dead)}"
        fix = "see their logs for the cause and start them again; others take over their work"
        problems.append(HealthProblem(what=what, severity="warning", fix=fix))
    return problems


async def _check_server(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    """Check whether a server works in this folder, and what its ``/readyz`` says."""
    core = gateway.settings.core
    if gateway.database.shared:
        return await _check_processes(database)
    lock = gateway.settings.data_dir / "serving.lock"
    if not is_served(lock):
        what = f"no server is running in {gateway.settings.data_dir}"
        return [HealthProblem(what=what, severity="warning", fix="run `warmline serve`")]
    address = listens_at(lock)
    url = f"{address or f'http://{in_url(core.host)}:{core.port}'}/readyz"
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=5)) as session,
            session.get(url) as response,
        ):
            readiness = msgspec.json.decode(await response.read(), type=_Readiness)
    except (ClientError, TimeoutError, msgspec.DecodeError, OSError) as error:
        what = f"a server works here, but {url} does not answer ({type(error).__name__})"
        fix = "see its log and restart it"
        if address is None:
            fix = f"set `host` and `port` if it listens elsewhere; else {fix}"
        return [HealthProblem(what=what, severity="warning", fix=fix)]
    fix = "see the part of that name here, and the server's log"
    return [
        HealthProblem(what=f"{name}: {state}", fix=fix)
        for name, state in readiness.checks.items()
        if state != "ok"
    ]


class _Readiness(msgspec.Struct):
    checks: dict[str, str]


def is_served(lock: Path) -> bool:
    """Whether a server holds this lock."""
    if not lock.exists():
        return False
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def listens_at(lock: Path) -> str | None:
    """The URL of the server that holds this lock; None if its file does not say it."""
    with lock.open("r", encoding="utf-8", errors="replace") as file:
        found = re.match(r"http://[^\s/]{1,300}\Z", file.read(400))
    return found[0] if found else None


def _to_json(diagnosis: Diagnosis) -> dict[str, object]:
    problem = diagnosis.problem
    if problem is None:
        return {"part": diagnosis.part, "state": "well"}
    return {
        "part": diagnosis.part,
        "state": problem.severity,
        "what": problem.what,
        "since": problem.since,
        "mend": problem.fix,
    }


def _to_text(diagnosis: Diagnosis) -> str:
    problem = diagnosis.problem
    if problem is None:
        return f"well     {diagnosis.part}"
    since = f" (since {problem.since:%Y-%m-%d %H:%M} UTC)" if problem.since else ""
    return (
        f"{problem.severity:8} {diagnosis.part}: {problem.what}{since}\n         -> {problem.fix}"
    )
