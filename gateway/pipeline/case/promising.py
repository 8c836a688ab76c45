"""What our messages promise, when its person is reminded, and which message keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.model import MadePromise, Message, Timer
from gateway.settings import Hours
from gateway.support.statements import claims_in, promises_in

PROMISE_TIMER = "promise"
"""The name of the timer that fires when a promise is overdue."""
MORNING = time(8)
"""When the day begins on which a promise without a clock is due."""
AHEAD = timedelta(hours=1)
"""How long before a promise's time its person is reminded: enough to still keep most."""
_SPEAKING = frozenset(("message", "answer", "clarify", "fallback", "handover", "notice"))
"""Purposes of messages whose promises count."""
_KEPT_BY = {
    "send": frozenset(("sent",)),
    "refund": frozenset(("refunded",)),
    "call": frozenset(("checked",)),
    "check": frozenset(("checked", "done", "sent", "refunded")),
    "other": frozenset(("done", "sent", "refunded", "checked")),
}
"""The claims (see `Claim.kind`) that keep a promise of each kind; an ``answer`` is kept by any."""
SHORTEST_ANSWER = 20
"""Characters of a message that can be the promised answer: not ``One moment, please.``"""


def zone_of(hours: Hours | None) -> ZoneInfo:
    """The business's time zone; UTC without hours."""
    return ZoneInfo(hours.timezone if hours else "UTC")


def made_promises(
    replies: Sequence[Message], language: str, at: datetime, zone: ZoneInfo
) -> tuple[tuple[int, MadePromise], ...]:
    """The promises in ``replies``, each with the number of its message."""
    return tuple(
        (number, promise)
        for number, reply in enumerate(replies)
        if reply.purpose in _SPEAKING
        for promise in promises_in(reply.text, language, at, zone)
    )


def claims_made(replies: Sequence[Message], language: str) -> tuple[str, ...]:
    """The kinds of what ``replies`` say was done."""
    texts = (reply.text for reply in replies if reply.purpose in _SPEAKING)
    return tuple({claim.kind for text in texts for claim in claims_in(text, language)})


def kinds_kept(
    replies: Sequence[Message], claims: Sequence[str], *, promises: bool
) -> frozenset[str]:
    """The kinds of promises that ``replies`` of a person keep; ``promises``: they promise something
    themselves, so they are no answer yet."""
    if not replies or replies[0].author != "agent":
        return frozenset()
    kept = {kind for kind, by in _KEPT_BY.items() if not by.isdisjoint(claims)}
    answers = sum(len(reply.text) for reply in replies) >= SHORTEST_ANSWER
    if answers and not promises:
        kept |= {"answer", "check"}
    return frozenset(kept)


def reminder(promise: MadePromise, at: datetime) -> datetime:
    """From when on its person is reminded: the morning of the day, or an hour before."""
    if promise.whole_day:
        morning = datetime.combine(promise.due.date(), MORNING, promise.due.tzinfo)
        return max(at, morning)
    return max(at, promise.due - AHEAD)


def promise_timers(made: Sequence[tuple[int, MadePromise]]) -> tuple[Timer, ...]:
    """A timer for each time after which a promise is overdue."""
    moments = dict.fromkeys(promise.due + timedelta(seconds=1) for _, promise in made)
    return tuple(Timer(name=PROMISE_TIMER, due_at=due) for due in moments)
