"""Draws yesterday's answers for review, once a day, in one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from gateway import CaseRecord, Pace, Services
from plugins.insights.review.newness import voice_samples, with_reasons, with_seen
from plugins.insights.review.population import ReviewCandidate, find_candidates
from plugins.insights.review.sampling import draw
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewStorage
from plugins.insights.review.values import DayDraw, KnownCodes, ReviewItem

log = structlog.get_logger()
LOOK_EVERY = 900.0
"""Seconds between two looks whether a day has ended."""
LOOK_WHILE_EMPTY = 5.0
"""The same while there is no conversation: past ones are drawn from as soon as they are added."""
CATCH_UP = 14
"""Days without a draw that are made up for, after the server was down."""
CASES = 200
OVERLAP = 1_000
"""Messages that two draws look at: processes may store theirs in another order than their times."""


@dataclass(kw_only=True)
class ReviewSampling:
    """Draws the items of each day when it has ended, in the time zone of the figures.

    Implements `ExclusiveTask`. A draw that was interrupted is made again from the beginning, and
    nothing of it is shown before. What is known of an answer when it is drawn (a hand-over, a low
    rating by then) decides how likely it is.
    """

    settings: ReviewSettings
    timezone: str

    async def watch(self, services: Services) -> None:
        """Draw what is missing, every quarter of an hour."""
        while True:
            await self.draw_missing(services)
            known = await services.records.cases(limit=1)
            await services.clock.sleep(LOOK_EVERY if known else LOOK_WHILE_EMPTY)

    def stand_by(self) -> None:
        """Another process draws."""

    async def draw_missing(self, services: Services) -> None:
        """Draw the days that have ended and were not drawn, at most `CATCH_UP`; yesterday alone
        when there was no draw before. One made before anybody wrote is made again once there are
        conversations: past ones may have been added."""
        storage, zone = ReviewStorage(services.storage), ZoneInfo(self.timezone)
        today = services.clock.now().astimezone(zone).date()
        oldest = today - timedelta(days=CATCH_UP)
        draws = await storage.draws(oldest - timedelta(days=1))
        first = max(draws[-1].day + timedelta(days=1), oldest) if draws else today - timedelta(1)
        if draws and not draws[-1].message and await services.records.cases(limit=1):
            first = max(draws[-1].day, oldest)
        days = [first + timedelta(days=n) for n in range((today - first).days)]
        if not days or not self.settings.per_week:
            return
        cursor = (draws[-1].message or None) if draws else None
        drawing = _Drawing(_midnight(first, zone), _midnight(today, zone), cursor or 0)
        opened = drawing.start - timedelta(days=CATCH_UP), drawing.end
        async for case in _cases(services, cursor, opened):
            drawing.take(case)
        known = await storage.known()
        for day in days:
            candidates = await asyncio.to_thread(drawing.of, day, zone)
            known = await asyncio.to_thread(with_seen, known, candidates, drawing.intents, day)
            items = await asyncio.to_thread(self._draw, candidates, known, day)
            await storage.keep_known(known)
            await _keep_voice_samples(storage, candidates, day)
            done = DayDraw(
                day=day, answers=len(candidates), drawn=len(items), message=drawing.message
            )
            await storage.keep_draw(done, items)
            log.info("review.drawn", day=day.isoformat(), answers=len(candidates), drawn=len(items))

    def _draw(
        self, candidates: Sequence[ReviewCandidate], known: KnownCodes, day: date
    ) -> tuple[ReviewItem, ...]:
        settings = self.settings
        return draw(
            with_reasons(
                candidates,
                known,
                day=day,
                new_days=settings.new_days,
                low_confidence=settings.low_confidence,
            ),
            day=day,
            budget=settings.per_week / 7,
            double_share=settings.double_share,
        )


class _Drawing:
    """The answers from ``start`` until before ``end``, taken from one conversation at a time."""

    def __init__(self, start: datetime, end: datetime, message: int) -> None:
        self.start, self.end = start, end
        self.intents: set[str] = set()
        self._candidates: list[ReviewCandidate] = []
        self._before_end, self._known = 0, message

    @property
    def message(self) -> int:
        """The next draw looks at conversations with messages above this id: all that were sent
        after ``end``. 0: nobody has written anything before."""
        if not self._before_end:
            return self._known
        return max(self._known, self._before_end - OVERLAP, 1)

    def take(self, case: CaseRecord) -> None:
        self._candidates += find_candidates(case, self.start, self.end)
        for message in case.messages:
            if message.at < self.end and message.author != "customer":
                # A provider's clock dates customers' messages; ours dates all that is drawn.
                self._before_end = max(self._before_end, message.id)
            if message.understanding:
                self.intents |= {guess.name for guess in message.understanding.ranking}

    def of(self, day: date, zone: ZoneInfo) -> list[ReviewCandidate]:
        return [c for c in self._candidates if c.at.astimezone(zone).date() == day]


async def _keep_voice_samples(
    storage: ReviewStorage, candidates: Sequence[ReviewCandidate], day: date
) -> None:
    held = {(s.id, s.channel): s.lot for s in await storage.voice_samples(f"{day:%Y-%m}")}
    for sample in await asyncio.to_thread(voice_samples, candidates, day):
        if sample.lot < held.get((sample.id, sample.channel), "~"):
            await storage.keep_voice_sample(sample)


async def _cases(
    services: Services, cursor: int | None, opened: tuple[datetime, datetime]
) -> AsyncIterator[CaseRecord]:
    """The conversations with messages above ``cursor``. Without one, those that were ``opened`` in
    that time."""
    records, pace = services.records, Pace()
    if cursor is None:
        after, (since, until) = 0, opened
        while page := await records.cases(since=since, until=until, after=after, limit=CASES):
            for case in page:
                yield case
            after = page[-1].conversation.id
            await pace.rest()
        return
    ids: dict[int, None] = {}
    while (changed := await records.changed_cases(message=cursor)).message != cursor:
        ids.update(dict.fromkeys(changed.conversations))
        cursor = changed.message
    listed = list(ids)
    for start in range(0, len(listed), CASES):
        for case in await records.cases_by_id(listed[start : start + CASES]):
            yield case
        await pace.rest()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
