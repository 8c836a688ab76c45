"""Tells an agent the case: what is wanted, known, tried and open, and what the customer needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from gateway.model import (
    CaseFact,
    CaseStory,
    ContextCard,
    CustomerNeed,
    Emotion,
    Message,
    StoryLine,
)
from gateway.routing.reasons import HARM
from gateway.settings import packaged_yaml
from gateway.support.courtesy import is_courtesy
from gateway.support.statements import asked_for, facts_told

SHORT = 160
"""Characters of a line: two of them fit on a card."""
MOST_WANTED = 3
"""Requests that are shown: the first, and the newest."""
MOST_TRIED = 4
FEWEST_WORDS = 3
"""Words of a message that can say what is wanted."""
LONG_WAIT = timedelta(minutes=30)
"""A wait for which an agent thanks."""
OFTEN = 2
"""So many earlier contacts about the same matter, or failures of the bot, are often."""
UPSET = {
    "angry": "angry",
    "frustrated": "angry",
    "anxious": "anxious",
    "urgent": "urgent",
    "confused": "confused",
}
SHOWN_FACTS = frozenset(
    ("order", "email", "phone", "address", "name", "date", "item", "size", "colour", "amount",
     "photo")
)  # fmt: skip
_SENTENCE = re.compile(r"(?:[^.?!\n]|\.(?=\S)|(?<=\d)\.(?= ))+[.?!]*")
_ANSWERS = frozenset(("answer", "message", "clarify", "notice", "fallback"))


def tell_case(card: ContextCard, now: datetime) -> CaseStory:
    """The story of the conversation on ``card``, as of ``now``."""
    said = [m for m in card.messages if not m.internal and m.status not in ("discarded", "failed")]
    customer = [m for m in said if m.author == "customer"]
    return CaseStory(
        wanted=_wanted(customer),
        facts=case_facts(card),
        tried=_tried(said),
        questions=_questions(said, card),
        need=_need(card, customer, now),
    )


def case_facts(card: ContextCard) -> tuple[CaseFact, ...]:
    """What the customer gave in this conversation, and what agents confirmed of them before: the
    newest value of each fact. Of orders and articles all are kept."""
    found: dict[object, CaseFact] = {}
    for message in card.messages:
        if message.author != "customer" or message.internal:
            continue
        for name, value in _stated(message, card):
            key = (name, value.casefold()) if name in ("order", "item", "date") else name
            found.pop(key, None)
            found[key] = CaseFact(name=name, value=value, message=message.id, at=message.at)
    confirmed = {fact.name: fact for fact in card.confirmed}
    facts = [
        fact.replace(confirmed_by=known.agent.name)
        if (known := confirmed.get(fact.name)) and known.value == fact.value
        else fact
        for fact in found.values()
    ]
    here = {fact.name for fact in facts}
    facts += [
        CaseFact(
            name=known.name,
            value=known.value,
            message=known.message if known.conversation == card.conversation.id else 0,
            at=known.at,
            confirmed_by=known.agent.name,
        )
        for known in card.confirmed
        if known.name not in here
    ]
    return tuple(facts)


def _stated(message: Message, card: ContextCard) -> Iterable[tuple[str, str]]:
    """What the rules find, then the shop's own slots that they do not know."""
    found = [
        (fact.name, fact.value)
        for fact in facts_told(message.text, language_of(message, card))
        if fact.name in SHOWN_FACTS and fact.name != "photo"
    ]
    yield from found
    values = {value for _, value in found}
    for slot in message.understanding.slots if message.understanding else ():
        if slot.value not in values:
            yield slot.name, slot.value
    if message.attachments:
        yield "photo", message.attachments[0].name


def language_of(message: Message, card: ContextCard) -> str:
    """The language of a message, else that of its conversation."""
    known = message.understanding.language if message.understanding else None
    if known and known.code != "und":
        return known.code
    return card.conversation.language or card.customer.language or "en"


def shorten(text: str, most: int = SHORT) -> str:
    """As many whole sentences of ``text`` as fit into ``most`` characters; a first sentence that is
    longer ends at a word."""
    flat = " ".join(text.split())
    if len(flat) <= most:
        return flat
    end = 0
    for match in _SENTENCE.finditer(flat):
        if match.end() > most:
            break
        end = match.end()
    if end:
        return f"{flat[:end].rstrip()} …"
    return f"{flat[: most - 1].rsplit(' ', 1)[0].rstrip()}…"


def _wanted(customer: Sequence[Message]) -> tuple[StoryLine, ...]:
    asking = [m for m in customer if _says_something(m)] or [m for m in customer if m.text.strip()]
    if len(asking) > MOST_WANTED:
        asking = [asking[0], *asking[-(MOST_WANTED - 1) :]]
    return tuple(_line(message) for message in asking)


def _says_something(message: Message) -> bool:
    return len(message.text.split()) >= FEWEST_WORDS and not is_courtesy(message.text)


def _line(message: Message, text: str = "") -> StoryLine:
    by = message.agent.name if message.agent else message.author
    return StoryLine(text=shorten(text or message.text), message=message.id, at=message.at, by=by)


def _tried(said: Sequence[Message]) -> tuple[StoryLine, ...]:
    ours = [m for m in said if m.author in ("bot", "agent") and m.purpose in _ANSWERS]
    return tuple(_line(m) for m in ours[-MOST_TRIED:] if m.text.strip())


def _questions(said: Sequence[Message], card: ContextCard) -> tuple[StoryLine, ...]:
    """The customer's questions since our last answer, and ours that nobody has answered."""
    last = max((n for n, m in enumerate(said) if _is_answer(m)), default=-1)
    since = said[last + 1 :]
    asked = [
        _line(message, match[0].strip())
        for message in since
        if message.author == "customer"
        for match in _SENTENCE.finditer(message.text)
        if match[0].rstrip().endswith("?") and len(match[0].split()) >= FEWEST_WORDS
    ]
    ours = said[last] if last >= 0 else None
    if ours is not None and not any(m.author == "customer" and not m.asks_nothing for m in since):
        language = card.conversation.language or "en"
        asked += [
            _line(ours, ours.text[fact.start : fact.end].strip())
            for fact in asked_for(ours.text, language)[:1]
        ]
    return tuple(asked[-MOST_TRIED:])


def _is_answer(message: Message) -> bool:
    return message.author in ("bot", "agent") and message.purpose in _ANSWERS


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = packaged_yaml("gateway.pipeline.case", "needs.yaml")
    return found


def _need(card: ContextCard, customer: Sequence[Message], now: datetime) -> CustomerNeed | None:
    if not customer or card.conversation.state == "resolved":
        return None
    code, because = need_code(card, customer, now)
    row = _table()[code]
    language = language_of(customer[-1], card)
    proposal = row["proposal"].get(language) or row["proposal"]["en"]
    return CustomerNeed(code=code, line=row["line"], proposal=proposal, because=tuple(because))


def need_code(  # noqa: PLR0911  (a table of signs, the first that applies)
    card: ContextCard, customer: Sequence[Message], now: datetime
) -> tuple[str, list[str]]:
    """The first need of ``needs.yaml`` that applies, and the signs for it. From the mood of the
    newest message, the reasons of the handoff, promises, the wait and earlier contacts."""
    codes = {reason.code for reason in card.handoff.reasons} if card.handoff else set()
    mood = _mood(customer)
    intent = card.conversation.intent
    broken = [p for p in card.promises if p.is_broken(now)]
    before = [e for e in card.earlier if e.intent and e.intent == intent]
    waited = now - _waiting_since(card, now)
    if HARM in codes:
        return "harm", ["spoke of harm"]
    if broken:
        return "broken_promise", [f"“{shorten(broken[-1].words, 80)}” was not kept"]
    if len(before) >= OFTEN or "bot_failed" in codes:
        times = f"{len(before)} earlier contacts about it" if before else "the bot did not help"
        return "told_often", [times]
    if mood.label in UPSET:
        return UPSET[mood.label], [f"sounds {mood.label}", *(f"“{c.text}”" for c in mood.cues[:2])]
    if waited >= LONG_WAIT and card.conversation.state in ("waiting", "person"):
        return "waiting", [f"has waited {int(waited.total_seconds() // 60)} min"]
    if "asked_for_person" in codes and not any(m.author == "agent" for m in card.messages):
        return "person", ["asked for a person"]
    if mood.label == "pleased":
        return "pleased", ["sounds pleased"]
    return "answer", []


def _mood(customer: Sequence[Message]) -> Emotion:
    known = (m.understanding.emotion for m in reversed(customer) if m.understanding)
    return next(known, Emotion())


def _waiting_since(card: ContextCard, now: datetime) -> datetime:
    """When the first message came that nobody of ours has answered; ``now`` when none waits."""
    since = now
    for message in reversed(card.messages):
        if message.internal:
            continue
        if message.author == "agent":
            break
        if message.author == "customer" and not message.asks_nothing:
            since = message.at
    return since
