"""What is wrong, in words: every part is examined, side by side, and none may hang the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from gateway.model import Value
from gateway.ports import HealthProblem, WarmlineError
from gateway.store import Backlog, QueueStatistics

Examine = Callable[[], Awaitable[Sequence[HealthProblem]]]
PATIENCE = 15.0
"""Seconds for one examination; some call a provider."""
SLOW = timedelta(minutes=1)
OLD = timedelta(minutes=30)


class Diagnosis(Value, frozen=True, kw_only=True):
    """What one examination found; without a symptom that part is well."""

    part: str
    symptom: HealthProblem | None = None


async def diagnose(parts: Mapping[str, Examine]) -> tuple[Diagnosis, ...]:
    """Examine all of them; in their order, one line for each symptom, or one that all is well."""
    names = list(parts)
    found = await asyncio.gather(*(_examine(parts[name]) for name in names))
    return tuple(
        Diagnosis(part=name, symptom=symptom)
        for name, symptoms in zip(names, found, strict=True)
        for symptom in symptoms or (None,)
    )


async def _examine(examine: Examine) -> Sequence[HealthProblem]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await examine()
    except TimeoutError:
        what = f"gave no answer within {PATIENCE:g} s"
        return [HealthProblem(what=what, fix="see whether this machine reaches it, and try again")]
    except WarmlineError as error:
        return [
            HealthProblem(what=str(error), fix="see its settings, and whether it can be reached")
        ]
    except Exception as error:  # noqa: BLE001  (that it cannot be examined is what is told)
        what = f"could not be examined: {type(error).__name__}"
        return [HealthProblem(what=what, fix="see the log of the server for the same error")]


def backlog_problems(backlog: Backlog, now: datetime) -> list[HealthProblem]:
    """What waits too long, and what waits for a person."""
    look = (
        (backlog.inbox, SLOW, "broken", "messages wait to be handled",
         "is a server running? else see turn.failed in its log, and what is slow in /metrics"),
        (backlog.outbox, SLOW * 5, "broken", "replies wait to be sent",
         "a provider does not take them: see the channels above, and delivery.failed in the log"),
        (backlog.hooks, SLOW * 5, "warning", "webhooks wait to be told",
         "an endpoint does not answer: see webhook.failed in the log"),
        (backlog.overdue, timedelta(0), "broken", "timers should have fired",
         "no server makes its rounds: start one, or see timers.failed in its log"),
        (backlog.stuck, timedelta(0), "broken", "messages could not be handled",
         "see `warmline inbox list`, mend what broke, then `warmline inbox retry`"),
        (backlog.dead, timedelta(0), "broken", "replies could not be delivered",
         "see `warmline outbox list`, then `warmline outbox retry`, or answer otherwise"),
        (backlog.unsure, timedelta(0), "warning", "replies that nobody knows to have arrived",
         "ask the provider or the customer; `warmline outbox retry ID` sends one again"),
        (backlog.hooks_dead, timedelta(0), "warning", "webhooks were not taken",
         "see `warmline webhooks list`, then `warmline webhooks retry`"),
        (backlog.unclaimed, OLD, "warning", "customers wait for a person",
         "claim them at the desk, or let the policy's hours and `claim` times fit your team"),
    )  # fmt: skip
    return [
        HealthProblem(what=f"{queue.rows} {what}", since=queue.since, severity=severity, fix=fix)  # type: ignore[arg-type]  # of the table above
        for queue, patience, severity, what, fix in look
        if _is_late(queue, patience, now)
    ]


def _is_late(queue: QueueStatistics, patience: timedelta, now: datetime) -> bool:
    return queue.rows > 0 and (queue.since is None or now - queue.since >= patience)
