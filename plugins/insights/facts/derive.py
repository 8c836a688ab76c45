"""Derives the facts of one conversation from what is stored of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import chain
from typing import NamedTuple

import msgspec

from gateway import (
    DRAFT_TOKENS,
    MOOD_SCALE,
    TOKENS,
    UPSET_AT,
    CaseRecord,
    Handoff,
    Message,
    MoodLabel,
    Suggestion,
    Survey,
    work_steps,
)
from plugins.insights.facts.case_facts import (
    CaseFacts,
    HandlingFacts,
    HandoverFacts,
    SuggestionFacts,
    SurveyFacts,
)
from plugins.insights.facts.edits import EditKind, edit_kinds
from plugins.insights.facts.human_moment import human_moments
from plugins.insights.facts.told_again import told_again
from plugins.insights.facts.wording import read_talk

DAY = 86_400.0
_UNSENT = frozenset({"failed", "discarded"})
_ANSWERS = frozenset({"answer", "message"})
"""Purposes of the bot's messages that answer something."""
_TRANSFERRED = "transferred"


class WordsRead(NamedTuple):
    """What the words of a conversation say, in codes."""

    told_again: int = 0
    human_moments: tuple[str, ...] = ()


def read_words(messages: Sequence[Message], customer_name: str | None) -> WordsRead:
    """Reads a conversation once, for all that is found in its words."""
    talk = read_talk(messages)
    if talk is None:
        return WordsRead()
    return WordsRead(
        told_again=sum(told.by == "agent" for told in told_again(talk)),
        human_moments=tuple(sorted({m.kind for m in human_moments(talk, customer_name)})),
    )


class TextDetectors(msgspec.Struct, frozen=True, kw_only=True):
    """What reads words. Tests of the rest replace it."""

    read_words: Callable[[Sequence[Message], str | None], WordsRead] = read_words
    edit_kinds: Callable[[str, str], tuple[EditKind, ...]] = edit_kinds


DETECTORS = TextDetectors()


def derive_facts(
    case: CaseRecord,
    zone: tzinfo,
    first_claims: Mapping[str, float],
    detectors: TextDetectors = DETECTORS,
) -> CaseFacts:
    """The facts of ``case``, without those that need the customer's other conversations.

    ``zone`` is the time zone of days and hours. ``first_claims``: when each agent first had a
    conversation (seconds since 1970), for their experience.
    """
    conversation = case.conversation
    opened, local = conversation.opened_at, conversation.opened_at.astimezone(zone)
    public = [m for m in case.messages if not m.internal and m.status not in _UNSENT]
    customers = [m for m in public if m.author == "customer"]
    bots = [m for m in public if m.author == "bot"]
    agents = [m for m in public if m.author == "agent"]
    moods = _moods(customers, case.surveys)
    claimed = [handoff for handoff in case.handoffs if handoff.agent is not None]
    since = _Since(opened)
    words = detectors.read_words(case.messages, case.customer_name) if agents else WordsRead()
    return CaseFacts(
        conversation=conversation.id,
        customer=case.customer,
        opened=opened.timestamp(),
        day=local.date().isoformat(),
        hour=local.hour,
        brand=conversation.brand,
        channel=conversation.address.channel,
        language=conversation.language or "und",
        intent=conversation.intent or "none",
        state=conversation.state,
        team=claimed[-1].tier if claimed else "bot",
        messages=len(public),
        agent_messages=len(agents),
        voiced=len({message.turn or -message.id for message in bots}),
        answered_by_bot=any(message.purpose in _ANSWERS for message in bots),
        handovers=tuple(_handovers(case.handoffs, since)),
        first_answer=_first_answer(customers, public),
        resolved=since.maybe(_resolved(case)),
        mood_first=moods[0] if moods else None,
        mood_last=moods[-1] if moods else None,
        readings=len(moods),
        surveys=tuple(_survey(survey, since) for survey in case.surveys),
        suggestions=tuple(_suggestions(case.suggestions, agents, first_claims, detectors)),
        voice_rules=_rules(bots),
        human_moments=words.human_moments,
        told_again=words.told_again,
        handled=tuple(_handled(handoff, case.messages, customers) for handoff in claimed),
        segments=_sum_of("segments", chain(bots, agents)),
        tokens=_sum_of(TOKENS, chain(bots, agents)) + _sum_of(DRAFT_TOKENS, customers),
        spam="spam" in conversation.labels,
    )


class _Since:
    """Seconds since a conversation began."""

    def __init__(self, opened: datetime) -> None:
        self._opened = opened

    def __call__(self, at: datetime) -> float:
        return round((at - self._opened).total_seconds(), 3)

    def maybe(self, at: datetime | None) -> float | None:
        return None if at is None else self(at)


def _resolved(case: CaseRecord) -> datetime | None:
    """When a person resolved it. One that was left with the bot is closed when the customer begins
    another one: that solved nothing."""
    at = case.conversation.resolved_at
    by_person = any(m.author == "system" and m.agent and m.at == at for m in case.messages)
    return at if by_person else None


def _moods(customers: Sequence[Message], surveys: Sequence[Survey]) -> list[MoodLabel]:
    """The mood of each message of the customer that was read. The answer to a survey is no part of
    the conversation: `5` reads as calm."""
    answers = {_answer_to(survey, customers) for survey in surveys} if surveys else set()
    return [
        message.understanding.emotion.label
        for message in customers
        if message.understanding is not None and message.id not in answers
    ]


def _answer_to(survey: Survey, customers: Sequence[Message]) -> int:
    """The id of the message that answers ``survey``: the last one before its answer was stored; 0
    when there is none."""
    if survey.answered_at is None:
        return 0
    return max(
        (m.id for m in customers if survey.asked_at <= m.at <= survey.answered_at), default=0
    )


def _handovers(handoffs: Sequence[Handoff], since: _Since) -> Iterator[HandoverFacts]:
    """Rows that follow one another without a claim are one wait: a handoff that nobody claims in
    time is closed, and one of a higher tier opened at the same moment."""
    current: HandoverFacts | None = None
    for handoff in handoffs:
        codes = tuple(dict.fromkeys(reason.code for reason in handoff.reasons))
        at = since(handoff.created_at)
        goes_on = current is not None and current.claimed is None and current.closed == at
        if current is not None and not goes_on:
            yield current
        moved = _TRANSFERRED in codes
        begun = current if current is not None and goes_on else None
        current = HandoverFacts(
            at=begun.at if begun else at,
            reasons=begun.reasons if begun and moved else codes,
            tier=handoff.tier,
            raised=begun.raised + (not moved) if begun else 0,
            claimed=since.maybe(handoff.claimed_at),
            closed=since.maybe(handoff.closed_at),
            by_colleague=begun.by_colleague if begun else moved,
        )
    if current is not None:
        yield current


def _first_answer(customers: Sequence[Message], public: Sequence[Message]) -> float | None:
    if not customers:
        return None
    asked = customers[0]
    for message in public:
        answers = message.author == "agent" or (
            message.author == "bot" and message.purpose in _ANSWERS
        )
        if answers and message.id > asked.id:
            return max(0.0, round((message.at - asked.at).total_seconds(), 3))
    return None


def _survey(survey: Survey, since: _Since) -> SurveyFacts:
    answer = survey.answer
    return SurveyFacts(
        kind=survey.ask.kind,
        aspect=survey.ask.aspect,
        asked=since(survey.asked_at),
        answered=since.maybe(survey.answered_at),
        score=answer.score if answer else None,
        solved=answer.solved if answer else None,
    )


def _suggestions(
    suggestions: Sequence[Suggestion],
    agents: Sequence[Message],
    first_claims: Mapping[str, float],
    detectors: TextDetectors,
) -> Iterator[SuggestionFacts]:
    """An agent sees the newest suggestion. It was ignored when they then wrote something else; one
    that a newer one replaced before that was never seen, and stays open."""
    for at, suggestion in enumerate(suggestions):
        outcome = suggestion.outcome
        replaced = suggestions[at + 1].at if at + 1 < len(suggestions) else None
        if outcome == "open" and any(
            suggestion.at < message.at and (replaced is None or message.at < replaced)
            for message in agents
        ):
            outcome = "ignored"
        final = suggestion.final
        edited = outcome == "edited" and final is not None
        by = suggestion.agent
        first = first_claims.get(by.id) if by else None
        yield SuggestionFacts(
            # `precedents: conversation 12` says which one: that is about another customer.
            source=suggestion.source.partition(":")[0],
            outcome=outcome,
            edits=detectors.edit_kinds(suggestion.text, final) if edited and final else (),
            experience=None
            if first is None
            else max(0, int((suggestion.at.timestamp() - first) / DAY)),
        )


def _rules(bots: Sequence[Message]) -> dict[str, int]:
    rules: dict[str, int] = {}
    for message in bots:
        for applied in message.applied:
            rules[applied.rule] = rules.get(applied.rule, 0) + 1
    return rules


def _handled(
    handoff: Handoff, messages: Sequence[Message], customers: Sequence[Message]
) -> HandlingFacts:
    agent, begin, end = handoff.agent, handoff.claimed_at, handoff.closed_at
    if agent is None or begin is None:
        raise ValueError(f"handoff {handoff.id} was not claimed")
    before = [m for m in customers if m.at < begin][-1:]
    during = [m for m in messages if m.at >= begin and (end is None or m.at <= end)]
    heard = [m for m in during if m.author == "customer" and m.status not in _UNSENT]
    moods = [MOOD_SCALE[m.understanding.emotion.label] for m in before if m.understanding]
    moods += [MOOD_SCALE[m.understanding.emotion.label] for m in heard if m.understanding]
    own = [m for m in during if m.author == "agent" and m.agent and m.agent.id == agent.id]
    return HandlingFacts(
        agent=agent.id,
        begin=begin.timestamp(),
        end=end.timestamp() if end else None,
        steps=tuple(work_steps(begin, end, own, [*before, *heard])),
        mood=min(moods, default=0),
        upset_messages=sum(mood <= UPSET_AT for mood in moods),
    )


def _sum_of(name: str, messages: Iterable[Message]) -> int:
    """The sum of the facts ``name`` of ``messages``; what is no number counts nothing."""
    return sum(
        int(fact.value)
        for message in messages
        for fact in message.facts
        if fact.name == name and fact.value.isdecimal()
    )
