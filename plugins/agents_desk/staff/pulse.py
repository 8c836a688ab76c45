"""The weekly pulse: one question, answered by nobody in particular.

A week has one row with five counts, and no row for an answer. That somebody has answered is kept
beside their name, without the answer and without a time, so that they are not asked twice. An
answer adds 1 to a count: afterwards nothing is left that joins the two. What the team reads is the
figure of a week that is over, so nobody can watch it change with one answer; a week with fewer than
five answers is deleted unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway import Value, WarmlineError
from plugins.agents_desk.staff.care import LEAST_PEOPLE
from plugins.agents_desk.staff.storage import PULSED, StaffStorage

PULSE = "staff/pulse/"
QUESTION = "How was this week's work for you?"
SCORES = (1, 2, 3, 4, 5)
ASKED_FROM = 3
"""The weekday from which the question is asked: Thursday (0 is Monday), with most of the week to
look back on."""
WEEKS_SHOWN = 12
NEAREST, HIGHEST = 1.5, 4.5
"""The figure is given in halves, and not beyond these: a mean of exactly 1 or 5 would tell
everybody's answer."""


class PulseWeek(Value, frozen=True, kw_only=True):
    """The answers of one week as the team may read them. ``text`` is the figure."""

    week: str
    answers: int
    mean: float

    @property
    def text(self) -> str:
        if self.mean <= NEAREST:
            return f"{NEAREST:g} or less"
        return f"{HIGHEST:g} or more" if self.mean >= HIGHEST else f"{self.mean:g}"


class Pulse:
    """Asks, counts and shows."""

    def __init__(self, storage: StaffStorage, timezone: str = "UTC") -> None:
        self._storage, self._zone = storage, ZoneInfo(timezone)

    async def is_due(self, agent: str, now: datetime) -> bool:
        """Whether this person is asked now."""
        if now.astimezone(self._zone).weekday() < ASKED_FROM:
            return False
        return await self._storage.get(PULSED + agent, str) != self.week(now)

    async def answer(self, agent: str, score: int, now: datetime) -> None:
        """Count an answer. Raises WarmlineError for a second one in a week, and for one that is not
        among `SCORES`."""
        if score not in SCORES:
            raise WarmlineError("choose a number from 1 to 5")
        week = self.week(now)
        if not await self.is_due(agent, now):
            raise WarmlineError("you have answered this week; thank you")
        # First the mark, then the count: an answer may get lost, but none is counted twice.
        await self._storage.change(PULSED + agent, str, lambda _: week)

        def add(counts: list[int] | None) -> list[int]:
            counts = counts or [0] * len(SCORES)
            return [n + (at == score) for at, n in zip(SCORES, counts, strict=True)]

        await self._storage.change(PULSE + week, list[int], add)

    async def weeks(self, now: datetime) -> tuple[PulseWeek, ...]:
        """The weeks that are over and have enough answers, newest first."""
        found = await self._storage.all(PULSE, list[int])
        shown = [
            PulseWeek(week=week, answers=sum(counts), mean=_halves(counts))
            for week, counts in sorted(found.items(), reverse=True)
            if week < self.week(now) and sum(counts) >= LEAST_PEOPLE
        ]
        return tuple(shown[:WEEKS_SHOWN])

    async def delete_small(self, now: datetime) -> None:
        """Delete the counts of past weeks that too few people answered."""
        for week, counts in (await self._storage.all(PULSE, list[int])).items():
            if week < self.week(now) and sum(counts) < LEAST_PEOPLE:
                await self._storage.drop(PULSE + week)

    def week(self, now: datetime) -> str:
        """The ISO 8601 week: ``2026-W48``."""
        local = now.astimezone(self._zone)
        year, week, _ = local.isocalendar()
        return f"{year}-W{week:02}"


def _halves(counts: Sequence[int]) -> float:
    mean = sum(score * n for score, n in zip(SCORES, counts, strict=True)) / sum(counts)
    return min(HIGHEST, max(NEAREST, round(2 * mean) / 2))
