"""How often each answer was given lately, on which channels, and how customers rated it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from gateway import CaseRecord, Value
from plugins.lead_rooms.sampling import RecentCases

RATINGS = ("csat", "felt_heard")
"""The surveys that are answered from 1 to 5."""


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
