"""``warmline doctor``: what is wrong, since when, and what to do; with or without a server."""

from __future__ import annotations

import fcntl
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
from gateway.cli.common import (
    config_option,
    find_config,
    json_option,
    load_gateway,
    print_json,
    run_async,
)
from gateway.ops.doctor import Diagnosis, Examine, backlog_problems, diagnose
from gateway.plugins import BadPlugin
from gateway.ports import HealthCheck, HealthProblem
from gateway.settings import BadConfig, RedisSettings


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
    except (BadConfig, BadPlugin) as bad:
        found: Sequence[Diagnosis] = _configuration_problems(bad, find_config(config))
    else:
        try:
            found = await diagnose(examinations(gateway))
        finally:
            await gateway.store.stop()
    for diagnosis in found:
        print_json(_as_json(diagnosis)) if json else click.echo(_as_text(diagnosis))
    if any(each.symptom and each.symptom.severity == "broken" for each in found):
        sys.exit(1)


def _configuration_problems(bad: BadConfig | BadPlugin, file: Path | None) -> list[Diagnosis]:
    problems = bad.problems if isinstance(bad, BadConfig) else [bad]
    fix = f"correct it in {file or 'the environment'}, then run `warmline check`"
    return [
        Diagnosis(part="configuration", symptom=HealthProblem(what=str(problem), fix=fix))
        for problem in problems
    ]


def examinations(gateway: Gateway) -> Mapping[str, Examine]:
    """The examination of each part: those of the gateway, then the plugins' (`HealthCheck`)."""
    database = DatabaseHealthCheck(gateway.database)
    core, registrations = gateway.settings.core, gateway.registrations
    parts: dict[str, Examine] = {
        "configuration": _examine_nothing,
        "server": partial(_examine_server, gateway, database),
        "database": partial(database.check_health, gateway.clock),
        "queues": partial(_examine_queues, gateway, database),
    }
    if core.redis_url is not None:
        parts["redis"] = partial(_examine_redis, core.redis_url, core.redis)
    plugins: dict[str, object] = {
        f"channel {name}": channel for name, channel in registrations.channels.items()
    }
    others: tuple[object, ...] = (
        *registrations.understanders,
        *registrations.handlers,
        *registrations.components,
    )
    for plugin in others:
        plugins.setdefault(str(getattr(plugin, "name", type(plugin).__name__)), plugin)
    checks = {name: each for name, each in plugins.items() if isinstance(each, HealthCheck)}
    for name, check in checks.items():
        parts[name] = partial(check.check_health, gateway.clock)
    return parts


async def _examine_nothing() -> Sequence[HealthProblem]:
    """The configuration has no problems: the gateway could be built."""
    return ()


async def _examine_queues(
    gateway: Gateway, database: DatabaseHealthCheck
) -> Sequence[HealthProblem]:
    if not await database.is_current():
        return ()  # the database's own examination reports that
    now = gateway.clock.now()
    return backlog_problems(await gateway.store.statistics.backlog(now), now)


async def _examine_redis(url: str, bounds: RedisSettings) -> Sequence[HealthProblem]:
    """Whether Redis can be reached and written to. A PING would succeed on a full one."""
    connection = RedisConnection(url, prefix=bounds.prefix, timeout=bounds.timeout)
    try:
        await connection.call(lambda redis: redis.set(connection.key("doctor"), "1", px=10_000))
    except RedisUnavailable:
        what = connection.trouble or "Redis cannot be used"
        fix = "check `redis_url` and that Redis runs; until then messages are handled with a delay"
        return [_warning(what, fix)]
    finally:
        await connection.close()
    return ()


async def _examine_processes(database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    """Which processes serve from a database that several can share."""
    if not await database.is_current():
        return ()  # the database's own examination reports that
    running, gone = await database.serving()
    found = []
    if not running:
        found.append(_warning("no server works on this database", "start `warmline serve`"))
    if gone:
        what = f"ended without shutting down: {', '.join(gone)}"
        fix = "the other processes take over their work; look at their logs and start them again"
        found.append(_warning(what, fix))
    return found


async def _examine_server(
    gateway: Gateway, database: DatabaseHealthCheck
) -> Sequence[HealthProblem]:
    """Whether a server runs in this folder, and what its ``/readyz`` reports."""
    core = gateway.settings.core
    if gateway.database.shared:
        return await _examine_processes(database)
    if not is_locked(gateway.settings.data_dir / "serving.lock"):
        what = f"no server runs in {gateway.settings.data_dir}"
        return [_warning(what, "start `warmline serve`")]
    url = f"http://{core.host}:{core.port}/readyz"
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=5)) as session,
            session.get(url) as response,
        ):
            readiness = msgspec.json.decode(await response.read(), type=_Readiness)
    except (ClientError, TimeoutError, msgspec.DecodeError, OSError) as error:
        what = f"a server runs here, but {url} does not answer ({type(error).__name__})"
        fix = "if it listens elsewhere, set `host` and `port`; else look at its log and restart it"
        return [_warning(what, fix)]
    fix = "see the part of that name in this report, and the server's log"
    return [
        HealthProblem(what=f"{name}: {state}", fix=fix)
        for name, state in readiness.checks.items()
        if state != "ok"
    ]


class _Readiness(msgspec.Struct):
    checks: dict[str, str]


def _warning(what: str, fix: str) -> HealthProblem:
    return HealthProblem(what=what, fix=fix, severity="warning")


def is_locked(file: Path) -> bool:
    """Whether a server holds the lock on ``file``."""
    if not file.exists():
        return False
    with file.open("r") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _as_json(diagnosis: Diagnosis) -> dict[str, object]:
    problem = diagnosis.symptom
    if problem is None:
        return {"part": diagnosis.part, "state": "well"}
    return {
        "part": diagnosis.part,
        "state": problem.severity,
        "what": problem.what,
        "since": problem.since,
        "mend": problem.fix,
    }


def _as_text(diagnosis: Diagnosis) -> str:
    problem = diagnosis.symptom
    if problem is None:
        return f"well     {diagnosis.part}"
    since = f" (since {problem.since:%Y-%m-%d %H:%M} UTC)" if problem.since else ""
    title = f"{problem.severity:8} {diagnosis.part}: {problem.what}{since}"
    return f"{title}\n         -> {problem.fix}"
