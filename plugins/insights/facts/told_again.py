"""Finds what a customer had to tell again.

Three signs, each by rules in ``words/*.yaml``: one of us asks for a fact that the customer has
told, without showing that they have read it; the customer says that they have told it; or the
customer answers a question with a value of theirs that stands above already.

Known bias: a fact that we asked for in words that no rule knows is found only when the customer
repeats its value or complains, and customers who silently tell it in other words are missed. So
the rate is a lower bound. A language without a file in ``words`` is read with the rules of the
nearest one, where little but values is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, cast

from gateway import Message, ReadText, Value, questions_for, read_text, statement_words

from .told_facts import Told, codes, content, events, values
from .wording import Talk, Wording, read_talk, stem

ToldFact = Literal[
    "order", "item", "problem", "address", "email", "phone", "name", "date", "photo", "other"
]
"""What was told: a number of an order or parcel, which article, what happened or is wanted, a
postal address, an e-mail address, a phone number, a name, a date, a photo or file; ``other``:
a size, a colour, an amount, or a customer's "as I said" that does not name the fact."""

_OTHERS = dict.fromkeys(("size", "colour", "amount"), "other")
_MAX_ANSWER = 4
"""Content words of an answer that is a fact and no story."""
_MAX_CONTENT = 10
"""Content words of an answer that may be the story again."""
_IN_WORDS = ("item", "problem", "date", "name")
_MAX_VALUE_ANSWER = 8
"""Words of an answer to a question that no rule knows."""
_AFTER = 25
"""Characters after a complaint in which the one that was told may be named."""


class ToldAgain(Value, frozen=True, kw_only=True):
    """A fact that the customer had told and was asked for again, or had to repeat.

    ``how`` is ``asked`` when we asked for it again, ``complaint`` when the customer says that they
    have told it ("as I said"), ``repeated`` when they give the same value again after a question.
    The other fields are ids of messages, None when there is no such message.
    """

    fact: ToldFact
    how: Literal["asked", "complaint", "repeated"]
    told: int
    """The customer's message that had it first."""
    asked: int | None = None
    """Our message that asked again, or that the customer's complaint answers."""
    repeated: int | None = None
    """The customer's message that repeats it or complains."""
    by: Literal["bot", "agent"] = "agent"
    """Who asked, or whom the complaint answers. ``agent`` is what handoff completeness counts."""


class _Question(NamedTuple):
    """What we said since the customer's last message."""

    message: int
    by: Literal["bot", "agent"]
    facts: tuple[str, ...]
    words: frozenset[str]
    asks: bool


def told_again(messages: Sequence[Message] | Talk) -> tuple[ToldAgain, ...]:
    """What the customer had to tell again, in the order of the messages.

    Each fact is named once, at the first sign. Notes and messages that were never sent are left
    out, and so is what the customer told in earlier conversations and to other people. Who asks
    for several facts of one conversation reads it once (`read_talk`).
    """
    talk = messages if isinstance(messages, Talk) else read_talk(messages)
    if talk is None:
        return ()
    rules = talk.wording
    told = Told(rules)
    found: dict[str, ToldAgain] = {}
    question: _Question | None = None
    for message, read in talk.messages:
        if message.author == "customer":
            if told.first is not None:
                for one in _answer(message, read, question, told, found):
                    found[one.fact] = one
            told.add(message, read)
            question = None
        elif message.purpose not in ("survey", "thanks"):
            asked = _asked(read.text, rules.language)
            by: Literal["bot", "agent"] = "agent" if message.author == "agent" else "bot"
            if told.first is not None and asked:
                told.look()
                for fact in asked:
                    where = told.where(fact)
                    if (
                        where is not None
                        and fact not in found
                        and _forgotten(fact, read, told, rules)
                    ):
                        found[fact] = ToldAgain(
                            fact=cast(ToldFact, fact),
                            how="asked",
                            told=where,
                            asked=message.id,
                            by=by,
                        )
            before = question or _Question(message.id, by, (), frozenset(), asks=False)
            question = _Question(
                message.id, by, (*before.facts, *asked), before.words | read.words,
                asks=before.asks or bool(asked) or "?" in read.text,
            )  # fmt: skip
    return tuple(found.values())


# -- what we ask ---------------------------------------------------------------------------------


@lru_cache(1024)
def _asked(text: str, language: str) -> tuple[str, ...]:
    """The facts that our message asks for. Cached: bots and saved texts say the same again."""
    asked = questions_for(read_text(text), statement_words(language))
    return tuple(dict.fromkeys(_OTHERS.get(place.fact, place.fact) for place in asked))


def _forgotten(fact: str, read: ReadText, told: Told, rules: Wording) -> bool:
    """Whether the asker shows no sign that they have read the fact."""
    if fact == "order":
        return codes(read).isdisjoint(told.values.get("order", ()))
    if fact in ("problem", "item"):
        return told.stems.keys().isdisjoint(content(read, rules))
    if fact == "photo":
        return not rules.has("unfit_photo", read.words)
    if fact == "date":
        here = events(read.words, rules)
        there = told.events
        return not here or not there or bool(here & there)
    compact = re.sub(r"\W", "", read.folded)
    return not any(re.sub(r"\W", "", value) in compact for value in told.values.get(fact, ()))


# -- what the customer answers ---------------------------------------------------------------------


def _answer(
    message: Message,
    read: ReadText,
    question: _Question | None,
    told: Told,
    found: dict[str, ToldAgain],
) -> Iterator[ToldAgain]:
    """What the customer tells again in ``message``, or says that they have told."""
    rules = told.rules
    by = question.by if question else "agent"
    asked = question.message if question else None
    pending = [fact for fact in (question.facts if question else ()) if fact in found]
    for fact in pending:
        if found[fact].repeated is None and found[fact].asked == asked:
            yield found[fact].replace(repeated=message.id)
    facts: list[str] = []
    how: Literal["complaint", "repeated"] = "repeated"
    if _complains(read, question, rules):
        told.look()
        how = "complaint"
        facts = [] if pending else _complained(message, read, question, told, rules)
    elif question is not None and question.asks:
        told.look()
        facts = list(_repeated(message, read, question, told, rules))
    for fact in facts:
        if fact not in found and told.first is not None:
            yield ToldAgain(
                fact=cast(ToldFact, fact), how=how, told=told.where(fact) or told.first,
                asked=asked, repeated=message.id, by=by,
            )  # fmt: skip


def _complains(read: ReadText, question: _Question | None, rules: Wording) -> bool:
    """Whether the customer says that they have told it to us already."""
    if not rules.has("complaint_hints", read.words):
        return False
    if rules.has("no_matter", read.words) and not (question and question.asks):
        return False
    for match in rules.complaints.finditer(read.folded):
        said = re.findall(r"[^\W_]+", read.folded[match.start() : match.end() + _AFTER])
        if not rules.has("not_us", said):
            return True
    return False


def _complained(
    message: Message, read: ReadText, question: _Question | None, told: Told, rules: Wording
) -> list[str]:
    """The facts that a complaint is about."""
    if question and question.facts:
        asked = [fact for fact in dict.fromkeys(question.facts) if told.where(fact) is not None]
        return asked or [question.facts[0]]
    if repeated := list(_same_values(message, read, told, rules)):
        return repeated
    named = [fact for fact in ("photo", "order", "email", "address", "phone")
             if rules.statements.asks[fact].search(read.folded)]  # fmt: skip
    return named[:1] or ["other"]


def _repeated(
    message: Message, read: ReadText, question: _Question, told: Told, rules: Wording
) -> Iterator[str]:
    """The facts that the answer has again, though the question did not name them."""
    for fact in _same_values(message, read, told, rules):
        unknown = not question.facts and len(read.words) <= _MAX_VALUE_ANSWER
        if (
            fact in question.facts
            or unknown
            or (fact == "other" and len(read.words) <= _MAX_ANSWER)
        ):
            if told.values[fact].keys() & _values_of_question(question):
                continue
            yield fact
            return
    if _says_again(read, question, told, rules):
        yield next((fact for fact in question.facts if fact in _IN_WORDS), "other")


def _says_again(read: ReadText, question: _Question, told: Told, rules: Wording) -> bool:
    """Whether the answer's own words all stand above, and not in the question."""
    empty = rules.words["yes_no"] | rules.words["stop"] | rules.words["greetings"]
    empty |= rules.words["determiners"]
    said = [rules.digits.get(word, word) for word in read.sequence
            if word in rules.digits or word not in empty]  # fmt: skip
    if not 0 < len(said) <= _MAX_CONTENT:
        return False
    known = sum(word in told.words or stem(word) in told.stems for word in said)
    ours = sum(word in question.words for word in said)
    allowed = len(said) // 5
    return known >= len(said) - allowed and ours <= allowed


def _values_of_question(question: _Question) -> set[str]:
    """The words of the question that may be values."""
    return {re.sub(r"[-#]", "", word) for word in question.words}


def _same_values(message: Message, read: ReadText, told: Told, rules: Wording) -> Iterator[str]:
    for fact, said in values(message, read, rules).items():
        if fact != "photo" and not told.values.get(fact, {}).keys().isdisjoint(said):
            yield fact
