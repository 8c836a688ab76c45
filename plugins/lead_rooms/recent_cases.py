"""The newest conversations, a bounded number of them: read one by one, and what the bot answered in
them: how often, on which channels, and how customers rated it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway import CaseRecord, Services, Value

DAY = timedelta(days=1)
RATINGS = ("csat", "felt_heard")
"""The surveys that are answered from 1 to 5."""


@dataclass(frozen=True, kw_only=True)
class RecentCases:
    """The conversations of the last ``days`` days, at most ``most`` of them."""

    services: Services
    days: int
    most: int

    async def newest_first(self, brands: Sequence[str] = ()) -> AsyncIterator[CaseRecord]:
        """Day by day backwards, within a day in their order; with ``brands`` only theirs. What is
        beyond ``most`` is older."""
        now, seen = self.services.clock.now(), 0
        for back in range(self.days):
            until = now - back * DAY
            after = 0
            while page := await self.services.records.cases(
                since=until - DAY, until=until, after=after
            ):
                for case in page:
                    if brands and case.conversation.brand not in brands:
                        continue
                    yield case
                    seen += 1
                    if seen == self.most:
                        return
                after = page[-1].conversation.id


class AnswerUse(Value, frozen=True, kw_only=True):
    """Of one intent: how often the bot answered it, on which channels (the usual first), and the
    mean of the ratings (1 to 5) of the conversations in which it did; None: no ratings."""

    count: int
    channels: tuple[str, ...]
    rating: float | None = None
    ratings: int = 0


class AnswerUses(Value, frozen=True, kw_only=True):
    """All of `AnswerUse` by intent; ``conversations`` were looked at."""

    by_intent: Mapping[str, AnswerUse]
    conversations: int


async def count_uses(cases: RecentCases, brands: Sequence[str]) -> AnswerUses:
    """Count the answers of the newest conversations."""
    channels: dict[str, Counter[str]] = defaultdict(Counter)
    scores: dict[str, list[int]] = defaultdict(list)
    seen = 0
    async for case in cases.newest_first(brands):
        seen += 1
        answered = answered_intents(case)
        for intent in answered:
            channels[intent][case.conversation.address.channel] += 1
        rated = [
            survey.answer.score
            for survey in case.surveys
            if survey.ask.kind in RATINGS and survey.answer and survey.answer.score
        ]
        for intent in set(answered):
            scores[intent] += rated
    by_intent = {
        intent: AnswerUse(
            count=found.total(),
            channels=tuple(name for name, _ in found.most_common()),
            rating=sum(scores[intent]) / len(scores[intent]) if scores[intent] else None,
            ratings=len(scores[intent]),
        )
        for intent, found in channels.items()
    }
    return AnswerUses(by_intent=by_intent, conversations=seen)


def answered_intents(case: CaseRecord) -> list[str]:
    """The intents that the bot answered, once for each message of the customer."""
    asked = {
        message.turn: message.understanding.intent.name
        for message in case.messages
        if message.author == "customer" and message.understanding and message.understanding.ranking
    }
    turns = dict.fromkeys(
        message.turn
        for message in case.messages
        if message.author == "bot" and message.purpose == "answer" and message.turn in asked
    )
    return [asked[turn] for turn in turns]
