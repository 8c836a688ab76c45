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

from gateway.adapters.redis.link import Away, Link
from gateway.adapters.sql.statistics import DatabaseHealthCheck
from gateway.app import Gateway
from gateway.cli.start import as_json, chosen, config, gateway_of, runs
from gateway.guests import BadGuest
from gateway.ports import Checkup, Symptom
from gateway.services.doctor import Ailment, Examine, diagnose, of_backlog
from gateway.settings import BadConfig, Redis


@click.command()
@config
@as_json
@runs
async def doctor(config: Path | None, json: bool) -> None:
    """Explain in words what is not well; exit 1 when something is broken. Changes nothing."""
    try:
        gateway = gateway_of(config)
    except (BadConfig, BadGuest) as bad:
        found: Sequence[Ailment] = _misconfigured(bad, chosen(config))
    else:
        try:
            found = await diagnose(_parts(gateway))
        finally:
            await gateway.store.stop()
    for ailment in found:
        click.echo(msgspec.json.encode(_told(ailment)) if json else _in_words(ailment))
    if any(one.symptom and one.symptom.severity == "broken" for one in found):
        sys.exit(1)


def _misconfigured(bad: BadConfig | BadGuest, file: Path | None) -> list[Ailment]:
    problems = [str(one) for one in bad.problems] if isinstance(bad, BadConfig) else [str(bad)]
    mend = f"mend it in {file or 'the environment'}; `warmline check` looks again"
    return [
        Ailment(part="configuration", symptom=Symptom(what=problem, mend=mend))
        for problem in problems
    ]


def _parts(gateway: Gateway) -> Mapping[str, Examine]:
    """Every part by its name: the house's own, then the guests that can be examined."""
    database = DatabaseHealthCheck(gateway.database)
    parts: dict[str, Examine] = {
        "configuration": _well,
        "server": partial(_server, gateway, database),
        "database": partial(database.checkup, gateway.clock),
        "queues": partial(_queues, gateway, database),
    }
    if gateway.settings.core.redis_url is not None:
        parts["redis"] = partial(
            _redis, gateway.settings.core.redis_url, gateway.settings.core.redis
        )
    offers = gateway.offers
    guests: dict[str, object] = {f"channel {n}": one for n, one in offers.channels.items()}
    for one in (*offers.understanders, *offers.handlers, *offers.sites):
        guests.setdefault(str(getattr(one, "name", type(one).__name__)), one)
    for name, guest in guests.items():
        if isinstance(guest, Checkup):
            parts[name] = partial(guest.checkup, gateway.clock)
    return parts


async def _well() -> Sequence[Symptom]:
    return ()


async def _queues(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[Symptom]:
    if not await database.is_current():
        return ()  # told by the database's own examination
    now = gateway.clock.now()
    return of_backlog(await gateway.store.figures.backlog(now), now)


async def _redis(url: str, bounds: Redis) -> Sequence[Symptom]:
    """Whether it can be reached and written to: a full one answers a PING."""
    link = Link(url, prefix=bounds.prefix, timeout=bounds.timeout)
    try:
        await link.call(lambda redis: redis.set(link.key("doctor"), "1", px=10_000))
    except Away:
        what = link.trouble or "Redis cannot be used"
        mend = "see `redis_url`, and whether it is up; messages are worked meanwhile, by the sweep"
        return [Symptom(what=what, severity="warning", mend=mend)]
    finally:
        await link.close()
    return ()


async def _processes(database: DatabaseHealthCheck) -> Sequence[Symptom]:
    """Who serves from a database that several may share."""
    if not await database.is_current():
        return ()  # told by the database's own examination
    alive, gone = await database.serving()
    found = []
    if not alive:
        what = "no server works on this database"
        found.append(Symptom(what=what, severity="warning", mend="start `warmline serve`"))
    if gone:
        what = f"stopped without a word: {', '.join(gone)}"
        mend = "the others take over what they held; see why they ended, and start them again"
        found.append(Symptom(what=what, severity="warning", mend=mend))
    return found


async def _server(gateway: Gateway, database: DatabaseHealthCheck) -> Sequence[Symptom]:
    """Whether one works in this folder, and what it says of itself."""
    core = gateway.settings.core
    if gateway.database.shared:
        return await _processes(database)
    if not is_served(gateway.settings.data_dir / "serving.lock"):
        what = f"no server works in {gateway.settings.data_dir}"
        return [Symptom(what=what, severity="warning", mend="start `warmline serve`")]
    url = f"http://{core.host}:{core.port}/readyz"
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=5)) as session,
            session.get(url) as answer,
        ):
            told = msgspec.json.decode(await answer.read(), type=_Readiness)
    except (ClientError, TimeoutError, msgspec.DecodeError, OSError) as error:
        what = f"a server works here, but {url} gives no answer ({type(error).__name__})"
        mend = "if it listens elsewhere, set `host` and `port`; else see its log and restart it"
        return [Symptom(what=what, severity="warning", mend=mend)]
    mend = "see the part of that name here, and the server's log"
    return [
        Symptom(what=f"{name}: {state}", mend=mend)
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


def _told(ailment: Ailment) -> dict[str, object]:
    symptom = ailment.symptom
    if symptom is None:
        return {"part": ailment.part, "state": "well"}
    return {
        "part": ailment.part,
        "state": symptom.severity,
        "what": symptom.what,
        "since": symptom.since,
        "mend": symptom.mend,
    }


def _in_words(ailment: Ailment) -> str:
    symptom = ailment.symptom
    if symptom is None:
        return f"well     {ailment.part}"
    since = f" (since {symptom.since:%Y-%m-%d %H:%M} UTC)" if symptom.since else ""
    return f"{symptom.severity:8} {ailment.part}: {symptom.what}{since}\n         -> {symptom.mend}"
