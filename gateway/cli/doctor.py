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
from gateway.cli.common import as_json, chosen, config, gateway_of, runs
from gateway.ops.doctor import Diagnosis, Examine, backlog_problems, diagnose
from gateway.plugins import BadPlugin
from gateway.ports import HealthCheck, HealthProblem
from gateway.settings import BadConfig, RedisSettings


@click.command()
@config
@as_json
@runs
async def doctor(config: Path | None, json: bool) -> None:
    """Explain in words what is not well; exit 1 when something is broken. Changes nothing."""
    try:
        gateway = gateway_of(config)
    except (BadConfig, BadPlugin) as bad:
        found: Sequence[Diagnosis] = _misconfigured(bad, chosen(config))
    else:
        try:
            found = await diagnose(_parts(gateway))
        finally:
            await gateway.store.stop()
    for ailment in found:
        click.echo(msgspec.json.encode(_told(ailment)) if json else _in_words(ailment))
    if any(one.symptom and one.symptom.severity == "broken" for one in found):
        sys.exit(1)


def _misconfigured(bad: BadConfig | BadPlugin, file: Path | None) -> list[Diagnosis]:
    problems = [str(one) for one in bad.problems] if isinstance(bad, BadConfig) else [str(bad)]
    fix = f"mend it in {file or 'the environment'}; `warmline check` looks again"
    return [
        Diagnosis(part="configuration", symptom=HealthProblem(what=problem, fix=fix))
        for problem in problems
    ]


def _parts(gateway: Gateway) -> Mapping[str, Examine]:
    """Every part by its name: the house's own, then the guests that can be examined."""
    database = DatabaseHealthCheck(gateway.database)
    parts: dict[str, Examine] = {
        "configuration": _well,
        "server": partial(_server, gateway, database),
        "database": partial(database.check_health, gateway.clock),
        "queues": partial(_queues, gateway, database),
    }
    if gateway.settings.core.redis_url is not None:
        parts["redis"] = partial(
            _redis, gateway.settings.core.redis_url, gateway.settings.core.redis
        )
    registrations = gateway.registrations
    plugins: dict[str, object] = {f"channel {n}": one for n, one in registrations.channels.items()}
    for one in (*registrations.understanders, *registrations.handlers, *registrations.components):
        plugins.setdefault(str(getattr(one, "name", type(one).__name__)), one)
    for name, plugin in plugins.items():
        if isinstance(plugin, HealthCheck):
            parts[name] = partial(plugin.check_health, gateway.clock)
    return parts


async def _well() -> Sequence[HealthProblem]:
    return ()


async def _queues(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    if not await database.is_current():
        return ()  # told by the database's own examination
    now = gateway.clock.now()
    return backlog_problems(await gateway.store.statistics.backlog(now), now)


async def _redis(url: str, bounds: RedisSettings) -> Sequence[HealthProblem]:
    """Whether it can be reached and written to: a full one answers a PING."""
    link = RedisConnection(url, prefix=bounds.prefix, timeout=bounds.timeout)
    try:
        await link.call(lambda redis: redis.set(link.key("doctor"), "1", px=10_000))
    except RedisUnavailable:
        what = link.trouble or "Redis cannot be used"
        fix = "see `redis_url`, and whether it is up; messages are worked meanwhile, by the sweep"
        return [HealthProblem(what=what, severity="warning", fix=fix)]
    finally:
        await link.close()
    return ()


async def _processes(database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    """Who serves from a database that several may share."""
    if not await database.is_current():
        return ()  # told by the database's own examination
    heartbeat, gone = await database.serving()
    found = []
    if not heartbeat:
        what = "no server works on this database"
        found.append(HealthProblem(what=what, severity="warning", fix="start `warmline serve`"))
    if gone:
        what = f"stopped without a word: {', '.join(gone)}"
        fix = "the others take over what they held; see why they ended, and start them again"
        found.append(HealthProblem(what=what, severity="warning", fix=fix))
    return found


async def _server(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[HealthProblem]:
    """Whether one works in this folder, and what it says of itself."""
    core = gateway.settings.core
    if gateway.database.shared:
        return await _processes(database)
    if not is_served(gateway.settings.data_dir / "serving.lock"):
        what = f"no server works in {gateway.settings.data_dir}"
        return [HealthProblem(what=what, severity="warning", fix="start `warmline serve`")]
    url = f"http://{core.host}:{core.port}/readyz"
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=5)) as session,
            session.get(url) as answer,
        ):
            told = msgspec.json.decode(await answer.read(), type=_Readiness)
    except (ClientError, TimeoutError, msgspec.DecodeError, OSError) as error:
        what = f"a server works here, but {url} gives no answer ({type(error).__name__})"
        fix = "if it listens elsewhere, set `host` and `port`; else see its log and restart it"
        return [HealthProblem(what=what, severity="warning", fix=fix)]
    fix = "see the part of that name here, and the server's log"
    return [
        HealthProblem(what=f"{name}: {state}", fix=fix)
        for name, state in told.checks.items()
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


def _told(ailment: Diagnosis) -> dict[str, object]:
    symptom = ailment.symptom
    if symptom is None:
        return {"part": ailment.part, "state": "well"}
    return {
        "part": ailment.part,
        "state": symptom.severity,
        "what": symptom.what,
        "since": symptom.since,
        "mend": symptom.fix,
    }


def _in_words(ailment: Diagnosis) -> str:
    symptom = ailment.symptom
    if symptom is None:
        return f"well     {ailment.part}"
    since = f" (since {symptom.since:%Y-%m-%d %H:%M} UTC)" if symptom.since else ""
    return f"{symptom.severity:8} {ailment.part}: {symptom.what}{since}\n         -> {symptom.fix}"
