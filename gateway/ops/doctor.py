"""Diagnosis: runs all health checks at the same time, and names what waits for too long and what is
unsafe in public."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import ClientError

from gateway.model import Value
from gateway.ports import DeploymentCheck, HealthProblem, UnsafeSetting, WarmlineError
from gateway.settings import CoreSettings, Settings
from gateway.store import Backlog, QueueStatistics
from gateway.support.labels import counted
from gateway.support.private import open_to_others

Check = Callable[[], Awaitable[Sequence[HealthProblem]]]
TIMEOUT = 15.0
"""Seconds for one check; some call a provider."""
SLOW = timedelta(minutes=1)
OLD = timedelta(minutes=30)
REACH = "check its settings, and that this machine can reach it"
LOCAL = ("127.0.0.1", "::1", "localhost")
NAMED_FILES = 3
"""Files that one line names; there may be thousands."""


class Diagnosis(Value, frozen=True, kw_only=True):
    """One result of a part's health check. Without a ``problem`` the part is well."""

    part: str
    problem: HealthProblem | None = None


async def diagnose(checks: Mapping[str, Check]) -> tuple[Diagnosis, ...]:
    """Run the checks of all parts side by side. Returns, in their order, one diagnosis for each
    problem, or one without a problem for a part that is well."""
    results = await asyncio.gather(*(_run(check) for check in checks.values()))
    return tuple(
        Diagnosis(part=part, problem=problem)
        for part, problems in zip(checks, results, strict=True)
        for problem in problems or (None,)
    )


async def _run(check: Check) -> Sequence[HealthProblem]:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await check()
    except TimeoutError:
        what = f"the check did not finish within {TIMEOUT:g} s"
        fix = "check that this machine can reach it, then run `warmline doctor` again"
        return [HealthProblem(what=what, fix=fix)]
    except WarmlineError as error:
        return [HealthProblem(what=str(error), fix=REACH)]
    except (OSError, ClientError) as error:
        return [HealthProblem(what=f"the check failed with {type(error).__name__}", fix=REACH)]
    except Exception as error:  # noqa: BLE001  (its text may hold a secret: only its type is shown)
        what = f"the check failed with {type(error).__name__}"
        return [HealthProblem(what=what, fix="look for the same error in the server's log")]


def backlog_problems(backlog: Backlog, now: datetime) -> list[HealthProblem]:
    """The queues in which rows wait for too long or for a person."""
    queues = (
        (backlog.inbox, SLOW, "broken",
         ("message waits to be handled", "messages wait to be handled"),
         "start a server; if one runs, see turn.failed in its log, and what is slow in /metrics"),
        (backlog.outbox, SLOW * 5, "broken",
         ("reply waits to be sent", "replies wait to be sent"),
         "a provider does not accept them: see the channels above, and delivery.failed in the log"),
        (backlog.hooks, SLOW * 5, "warning",
         ("webhook waits to be sent", "webhooks wait to be sent"),
         "an endpoint does not answer: see webhook.failed in the log"),
        (backlog.overdue, timedelta(0), "broken",
         ("timer is overdue", "timers are overdue"),
         "start a server; if one runs, see timers.failed in its log"),
        (backlog.stuck, timedelta(0), "broken",
         ("message could not be handled", "messages could not be handled"),
         "run `warmline inbox list`, fix what failed, then run `warmline inbox retry`"),
        (backlog.dead, timedelta(0), "broken",
         ("reply could not be delivered", "replies could not be delivered"),
         "run `warmline outbox list`, then `warmline outbox retry`, or answer in another way"),
        (backlog.unsure, timedelta(0), "warning",
         ("reply may or may not have arrived", "replies may or may not have arrived"),
         "ask the provider or the customer; `warmline outbox retry ID` sends a reply again"),
        (backlog.hooks_dead, timedelta(0), "warning",
         ("webhook was not accepted", "webhooks were not accepted"),
         "run `warmline webhooks list`, then `warmline webhooks retry`"),
        (backlog.unclaimed, OLD, "warning",
         ("customer waits for a person", "customers wait for a person"),
         "claim them at the desk, or adapt the policy's `hours` and `claim_minutes` to your team"),
    )  # fmt: skip
    return [
        HealthProblem(
            what=counted(queue.rows, *what),
            since=queue.since,
            severity=severity,  # type: ignore[arg-type]  # of the table above
            fix=fix,
        )
        for queue, tolerance, severity, what, fix in queues
        if _is_late(queue, tolerance, now)
    ]


def _is_late(queue: QueueStatistics, tolerance: timedelta, now: datetime) -> bool:
    return queue.rows > 0 and (queue.since is None or now - queue.since >= tolerance)


def unsafe_settings(
    settings: Settings, plugins: Iterable[object], *, demo: bool
) -> list[UnsafeSetting]:
    """Everything unsafe: the gateway's own settings, the files in its data folder, and what each
    plugin says of itself. ``demo``: whether the configuration is the packaged demo's."""
    core = settings.core
    found = [*_public_url(core), *_keys(core), *_webhooks(core), *_files(settings)]
    if demo:
        what = "this is the demo's configuration, with a demo's shop, answers and addresses"
        fix = "write a warmline.yaml of your own, or name it with --config"
        found.append(UnsafeSetting(key="plugins.demo_shop", what=what, fix=fix))
    for plugin in plugins:
        if isinstance(plugin, DeploymentCheck):
            found += plugin.unsafe_settings()
    return list(dict.fromkeys(found))


def _public_url(core: CoreSettings) -> Iterator[UnsafeSetting]:
    parts = urlsplit(core.public_url)
    if parts.scheme == "https":
        return
    what = f"{core.public_url} is plain http: others can read messages and passwords on the way"
    if parts.hostname in LOCAL:
        what = f"{core.public_url} is an address of this machine: nobody else can reach it"
    yield UnsafeSetting(
        key="public_url",
        what=what,
        fix="put a proxy with TLS in front, and set `public_url` to its https address",
    )


def _keys(core: CoreSettings) -> Iterator[UnsafeSetting]:
    if core.data_key is None or not core.data_key.get_secret_value().strip():
        yield UnsafeSetting(
            key="data_key",
            what="messages and files are stored unencrypted",
            fix="set WARMLINE_DATA_KEY_FILE to a file with the output of `warmline keys new`",
        )


def _webhooks(core: CoreSettings) -> Iterator[UnsafeSetting]:
    for name, endpoint in core.webhooks.endpoints.items():
        if endpoint.url.scheme == "http" and endpoint.url.host not in LOCAL:
            yield UnsafeSetting(
                key=f"webhooks.endpoints.{name}.url",
                what="webhooks are sent over plain http",
                fix="use an https address",
            )


def _files(settings: Settings) -> Iterator[UnsafeSetting]:
    for key, folder in _folders(settings):
        found = list(open_to_others(folder))
        if found:
            named = [f"{path} ({rights:o})" for path, rights in found[:NAMED_FILES]]
            names = ", ".join(named)
            more = f" and {len(found) - NAMED_FILES} more" if len(found) > NAMED_FILES else ""
            yield UnsafeSetting(
                key=key,
                what=f"other users of this machine may read {names}{more}",
                fix=f"run `chmod -R go= {folder}`",
            )


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "data_dir", settings.data_dir
    if archive := settings.core.retention.archive:
        yield "retention.archive", settings.path(archive)
    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).is_relative_to(settings.data_dir):
        yield "database_url", Path(file)
