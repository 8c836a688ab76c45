"""The facts that a customer tells in a message, by rule and not by a model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from gateway import (
    Message,
    ReadText,
    Slot,
    order_codes,
    read_text,
    stated_names,
    value_places,
    value_shape,
)

from .wording import Wording, stem, wording

WORDS_OF_A_STORY = 2
"""So many words beside function words, and a customer has said what it is about."""


def codes(read: ReadText) -> set[str]:
    """What may be numbers of orders, parcels, invoices: without spaces, hyphens and case."""
    return {place.code for place in order_codes(read)}


def values(message: Message, read: ReadText, rules: Wording) -> dict[str, set[str]]:
    """The values that ``message`` states, by fact (see `ToldFact`)."""
    found: dict[str, set[str]] = {}
    for place in value_places(read, rules.statements):
        fact = "other" if place.fact == "amount" else place.fact
        found.setdefault(fact, set()).add(place.code)
    if message.attachments:
        found["photo"] = {"sent"}
    for slot in message.understanding.slots if message.understanding else ():
        found.setdefault(_fact_of(slot), set()).add(re.sub(r"[-# /]", "", slot.value.casefold()))
    return found


def _fact_of(slot: Slot) -> str:
    """The fact (see `ToldFact`) that a shop's slot is, by its name."""
    reached = next((fact for fact in ("email", "phone", "address") if fact in slot.name), None)
    if reached is None and value_shape("order_nouns").search(slot.name):
        return "order"
    return reached or (slot.name if slot.name in ("name", "date") else "other")


def customer_names(read: ReadText, rules: Wording) -> list[str]:
    """The names that a customer gives as theirs: `My name is Irene Castle`."""
    return [place.code for place in stated_names(read, rules.statements)]


def told_story(read: ReadText, rules: Wording) -> bool:
    """Whether the customer says what it is about, and not only hello or that they want a person."""
    told = read.words - rules.words["person"] - rules.words["greetings"] - rules.words["stop"]
    return len(told - rules.words["determiners"]) >= WORDS_OF_A_STORY


def content(read: ReadText, rules: Wording) -> frozenset[str]:
    """The stems of the words that say something of this customer alone, with numbers."""
    return _content(read.text, rules.language)


@lru_cache(512)
def _content(text: str, language: str) -> frozenset[str]:
    """As `content`. Cached: both detectors ask."""
    rules = wording(language)
    words = read_text(text).words - rules.ignored
    stems = frozenset([stem(word) for word in words if len(word) > 2 or word.isdigit()])
    return stems - rules.ignored_stems


def events(words: Iterable[str], rules: Wording) -> set[str]:
    """What happens in a sentence: something is ordered, arrives, is needed."""
    return {name for name, of in rules.events.items() if not of.isdisjoint(words)}


class Told:
    """What the customer has told so far."""

    def __init__(self, rules: Wording) -> None:
        self.rules = rules
        self._unread: list[tuple[Message, ReadText]] = []
        self.first: int | None = None
        self.values: dict[str, dict[str, int]] = {}
        self.stems: dict[str, int] = {}
        self.events: set[str] = set()
        self.story: int | None = None
        self.words: set[str] = set()

    def add(self, message: Message, read: ReadText) -> None:
        """Take in a message of the customer."""
        if self.first is None:
            self.first = message.id
        self._unread.append((message, read))

    def look(self) -> None:
        """Read what was taken in: only where somebody asks or complains, which is rare."""
        for message, read in self._unread:
            self._read(message, read)
        self._unread.clear()

    def _read(self, message: Message, read: ReadText) -> None:
        for fact, said in values(message, read, self.rules).items():
            for value in said:
                self.values.setdefault(fact, {}).setdefault(value, message.id)
            if fact == "date":
                self.events.update(events(read.words, self.rules))
        for key in content(read, self.rules):
            self.stems.setdefault(key, message.id)
        self.words |= read.words
        self.words.update(self.rules.digits[word] for word in read.words & self.rules.digits.keys())
        if self.story is None and told_story(read, self.rules):
            self.story = message.id

    def where(self, fact: str) -> int | None:
        """The message that told ``fact`` first; None if none did."""
        if fact == "problem":
            return self.story
        if fact == "item":
            return min(self.stems.values(), default=None)
        return min(self.values.get(fact, {}).values(), default=None)
