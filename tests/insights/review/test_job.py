"""The daily job draws every day once, whatever happened in between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from gateway import (
    Address,
    CaseRecord,
    ChangedCases,
    Conversation,
    Guess,
    Message,
    Understanding,
)
from gateway.testing import FakeClock, MemoryStorage
from plugins.insights.review.job import ReviewSampling
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewStorage

FIRST = datetime(2026, 3, 2, 12, tzinfo=UTC)


class ListedRecords:
    """`Records` of conversations in a list."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def exchange(self, conversation: int, at: datetime) -> None:
        """A question and its answer."""
        id = len(self.messages) + 1
        read = Understanding(ranking=(Guess(name="refund", confidence=0.9),))
        self.messages += [
            Message(id=id, conversation=conversation, author="customer", text="?", at=at, turn=id,
                    understanding=read),
            Message(id=id + 1, conversation=conversation, author="bot", text="!", at=at, turn=id,
                    purpose="answer", status="sent"),
        ]  # fmt: skip

    async def cases(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 200,
    ) -> tuple[CaseRecord, ...]:
        ids = {message.conversation for message in self.messages}
        found = await self.cases_by_id([id for id in sorted(ids) if id > after])
        return tuple(
            case
            for case in found
            if (since is None or case.conversation.opened_at >= since)
            and (until is None or case.conversation.opened_at < until)
        )

    async def cases_by_id(self, ids: Sequence[int]) -> tuple[CaseRecord, ...]:
        return tuple(self._case(id) for id in sorted(ids))

    async def changed_cases(self, *, message: int, limit: int = 3) -> ChangedCases:
        found = [one for one in self.messages if one.id > message][:limit]
        return ChangedCases(
            conversations=tuple(dict.fromkeys(one.conversation for one in found)),
            message=found[-1].id if found else message,
        )

    def _case(self, id: int) -> CaseRecord:
        messages = tuple(one for one in self.messages if one.conversation == id)
        address = Address(channel="sms", value="+1")
        conversation = Conversation(id=id, address=address, opened_at=messages[0].at)
        return CaseRecord(conversation=conversation, customer=1, messages=messages)


class Nights:
    """The job, the records and the clock."""

    def __init__(self, timezone: str = "UTC", **settings: Any) -> None:
        self.records, self.clock = ListedRecords(), FakeClock(FIRST)
        self._memory = MemoryStorage()
        self.storage = ReviewStorage(self._memory)
        self._job = ReviewSampling(
            settings=ReviewSettings(**{"per_week": 700, **settings}), timezone=timezone
        )

    async def draw(self, *, days: float = 1) -> list[tuple[str, int]]:
        """Let time pass, draw, and return the day and the conversation of each item."""
        await self.clock.advance(days * 86_400)
        services: Any = SimpleNamespace(
            storage=self._memory, clock=self.clock, records=self.records
        )
        await self._job.draw_missing(services)
        return [(f"{i.day:%d}", i.conversation) for i in (await self.storage.sheet()).items]


async def test_days_without_a_server_are_made_up_for() -> None:
    """Each answer belongs to its day, also in a conversation that went on."""
    nights = Nights()
    nights.records.exchange(1, FIRST)
    assert await nights.draw() == [("02", 1)]
    nights.records.exchange(1, FIRST + timedelta(days=1))
    nights.records.exchange(2, FIRST + timedelta(days=2))
    nights.records.exchange(1, FIRST + timedelta(days=3))
    drawn = [("02", 1), ("03", 1), ("04", 2), ("05", 1)]
    assert await nights.draw(days=3) == drawn
    assert [draw.answers for draw in await nights.storage.draws()] == [1, 1, 1, 1]
    assert await nights.draw(days=0) == drawn


async def test_a_draw_before_anybody_wrote_is_made_again() -> None:
    """Past conversations were added since."""
    nights = Nights()
    assert await nights.draw() == []
    nights.records.exchange(1, FIRST)
    assert await nights.draw(days=0) == [("02", 1)]
    assert [draw.answers for draw in await nights.storage.draws()] == [1]


async def test_what_was_written_since_midnight_is_drawn_the_next_night() -> None:
    """It is there when the day before is drawn, and belongs to the next."""
    nights = Nights()
    nights.records.exchange(1, FIRST)
    nights.records.exchange(2, FIRST + timedelta(hours=13))
    nights.records.exchange(3, FIRST + timedelta(hours=2))
    assert await nights.draw() == [("02", 1), ("02", 3)]
    assert await nights.draw() == [("02", 1), ("02", 3), ("03", 2)]


async def test_a_day_is_one_of_the_time_zone() -> None:
    """At 12:00 in London it is past midnight in Auckland."""
    nights = Nights("Pacific/Auckland")
    nights.records.exchange(1, FIRST)
    assert await nights.draw() == [("03", 1)]


async def test_nothing_is_drawn_without_a_budget() -> None:
    nights = Nights(per_week=0)
    nights.records.exchange(1, FIRST)
    assert await nights.draw() == []
    assert await nights.storage.draws() == ()


async def test_the_first_day_alone_is_drawn_of_an_old_shop() -> None:
    """A shop with a past begins with yesterday."""
    nights = Nights()
    nights.records.exchange(1, FIRST - timedelta(days=5))
    nights.records.exchange(2, FIRST)
    assert await nights.draw() == [("02", 2)]
    assert [draw.day for draw in await nights.storage.draws()] == [date(2026, 3, 2)]
