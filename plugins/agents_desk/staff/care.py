"""Care: when a break is proposed, and what may be said about how a team is. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from gateway import LOAD_LIMIT, LoadLedger
from plugins.agents_desk.settings import CareSettings
from plugins.agents_desk.staff.values import LoadSummary, Presence, TeamCare

LEAST_PEOPLE = 5
"""People of whom a lead may see anything together: among fewer, everybody would know who is meant.
The report and the pulse have the same bound."""
PROPOSAL_FOR = timedelta(minutes=30)
"""How long a proposal stays on the page when it is not answered."""

Weight = Literal["light", "noticeable", "heavy"]


def load_now(summary: LoadSummary | None, now: datetime) -> float:
    """The emotional load at this moment, in upset minutes."""
    if summary is None:
        return 0.0
    ledger = LoadLedger(fleeting=summary.fleeting, lasting=summary.lasting, now=summary.at)
    return ledger.load_at(now.timestamp())


def weight_of(load: float) -> Weight:
    """A load in a word: no number ranks people. Half of the limit of a day is noticeable."""
    if load < LOAD_LIMIT / 3:
        return "light"
    return "noticeable" if load < 2 * LOAD_LIMIT / 3 else "heavy"


def needs_relief(summary: LoadSummary | None, now: datetime, settings: CareSettings) -> bool:
    """Whether a break would do this person good."""
    if summary is None:
        return False
    return (
        load_now(summary, now) >= settings.break_load
        or upset_since_break(summary, now) >= settings.break_upset
    )


def upset_since_break(summary: LoadSummary, now: datetime) -> int:
    """Conversations with upset customers since the last quarter of an hour without work."""
    rested = now.timestamp() - summary.at >= BREAK_SECONDS
    return 0 if rested else summary.upset_since_break


BREAK_SECONDS = 15 * 60.0
"""As in `LoadLedger`."""


def may_propose(presence: Presence, now: datetime, settings: CareSettings) -> bool:
    """Whether a proposal now would be the only one within ``break_every`` minutes, and not come
    right after a break."""
    pause = timedelta(minutes=settings.break_every)
    last = max(filter(None, (presence.proposed, presence.answered)), default=None)
    return presence.state == "available" and (last is None or now - last >= pause)


def is_proposed(presence: Presence, now: datetime) -> bool:
    """Whether a proposal waits for an answer."""
    if presence.proposed is None or presence.state != "available":
        return False
    open_still = presence.answered is None or presence.answered < presence.proposed
    return open_still and now - presence.proposed < PROPOSAL_FOR


def team_care(loads: Collection[tuple[float, bool]], now: datetime) -> TeamCare:
    """What a lead may know of the people at work who have not shared their own: each with the load
    and whether a break would do them good. Those who shared are left out, so that nobody is found
    by taking them away from the whole."""
    if len(loads) < LEAST_PEOPLE:
        return TeamCare(at=now, people=len(loads))
    return TeamCare(
        at=now,
        people=len(loads),
        relief=any(relief for _, relief in loads),
        typical=weight_of(statistics.median(load for load, _ in loads)),
    )
