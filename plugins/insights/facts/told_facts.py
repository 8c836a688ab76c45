"""The facts that a customer tells in a message, by rule and not by a model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from gateway import EMAIL, PHONE, Message, Slot, packaged_yaml

from .wording import ReadText, Wording, read_text, stem, wording

_EMAIL = re.compile(EMAIL)
_PHONE = re.compile(PHONE)
_CODE = re.compile(
    r"(?<![\w@.,-])#?(?:[a-z]{1,4}[- ]?\d[\d-]*\d(?:-[a-z])?|[a-z]{1,3}-\d+"
    r"|(?:19|20)\d\d/\d{3,}|\d+(?:-\d+)*-[a-z]?\d*|\d{4,10}[a-z]{0,2})(?![\w@]|[.,]\d)"
)
_POSTCODE = re.compile(r"\b\d{5} [A-ZÀ-Þ][\w-]{2}")
_AMOUNT = re.compile(r"\b\d+[.,]\d\d\b")
_NUMBER = re.compile(r"\d")
_NOT_CODES = re.compile(r"(?:19|20)\d\d$")
_RANGE = re.compile(r"\d{1,2}-\d{1,2}|(?:19|20)\d\d-\d\d(?:-\d\d|\d\d)?")
_NAME = re.compile(r"[A-ZÀ-Þ][\w'-]+")
_GAP = re.compile(r"[\s:]*")
_DIGITS = re.compile(r"\D")


@cache
def shape(name: str) -> re.Pattern[str]:
    """Any of the expressions in the list ``name`` of ``words/values.yaml``."""
    lists = packaged_yaml("plugins.insights.facts", "words/values.yaml")
    return re.compile("|".join(f"(?:{pattern})" for pattern in lists[name]))


WORDS_OF_A_STORY = 2
"""So many words beside function words, and a customer has said what it is about."""


def codes(read: ReadText) -> set[str]:
    """What may be numbers of orders, parcels, invoices: without spaces, hyphens and case."""
    if not _NUMBER.search(read.folded):
        return set()
    blanked = _EMAIL.sub(" ", read.folded)
    named = shape("order_nouns").search(blanked) is not None or len(read.words) <= 2
    found = set()
    for match in _CODE.finditer(blanked):
        code = re.sub(r"[-# /]", "", match[0])
        letters = code[0].isalpha()
        if letters and " " in match[0] and len(code) < 6:
            continue
        if letters and "-" not in match[0] and sum(c.isdigit() for c in code) < 3:
            continue
        parts = match[0].strip("#").split("-")
        coded = len(parts) > 1 and len(code) > 4 and not _RANGE.fullmatch(match[0])
        if not letters and (not (named or coded) or _NOT_CODES.match(code)):
            continue
        if not letters and len(code) == 5 and _POSTCODE.match(read.text, match.start()):
            continue
        found.add(code)
    return found


def values(message: Message, read: ReadText, rules: Wording) -> dict[str, set[str]]:
    """The values that ``message`` states, by fact (see `ToldFact`)."""
    found: dict[str, set[str]] = {}
    if _NUMBER.search(read.folded):
        blanked = _EMAIL.sub(" ", read.folded)
        found["order"] = codes(read)
        phones = {_DIGITS.sub("", match[0]) for match in _PHONE.finditer(blanked)}
        found["phone"] = {phone for phone in phones if phone not in found["order"]} - found["order"]
        found["other"] = set(_AMOUNT.findall(read.folded))
        if (match := shape("addresses").search(read.folded)) or (
            match := _POSTCODE.search(read.text)
        ):
            found["address"] = {match[0]}
        if found["phone"]:
            found["order"] = {
                code for code in found["order"] if code not in "".join(found["phone"])
            }
    if "@" in read.folded:
        found["email"] = set(_EMAIL.findall(read.folded))
    if dates := _dates(read, rules):
        found["date"] = dates
    if message.attachments or shape("attached").search(read.folded):
        found["photo"] = {"sent"}
    if names := customer_names(read, rules):
        found["name"] = set(names)
    for slot in message.understanding.slots if message.understanding else ():
        found.setdefault(_fact_of(slot), set()).add(re.sub(r"[-# /]", "", slot.value.casefold()))
    return {fact: said for fact, said in found.items() if said}


def _fact_of(slot: Slot) -> str:
    """The fact (see `ToldFact`) that a shop's slot is, by its name."""
    reached = next((fact for fact in ("email", "phone", "address") if fact in slot.name), None)
    if reached is None and shape("order_nouns").search(slot.name):
        return "order"
    return reached or (slot.name if slot.name in ("name", "date") else "other")


def _dates(read: ReadText, rules: Wording) -> set[str]:
    found: set[str] = set()
    if not _NUMBER.search(read.folded) and rules.words["days"].isdisjoint(read.words):
        return found
    for match in rules.date.finditer(read.folded):
        parts = re.findall(r"\d+|[a-z]{3,}", match[0])
        found.add(" ".join(sorted(part[:3] for part in parts if part not in ("of", "de", "di"))))
    return found


def customer_names(read: ReadText, rules: Wording) -> list[str]:
    """The names that a customer gives as theirs: `My name is Irene Castle`."""
    found: list[str] = []
    if not rules.has("name_hints", read.words):
        return found
    for match in rules.customer_names.finditer(read.folded):
        at = match.end()
        while named := _GAP.match(read.text, at):
            name = _NAME.match(read.text, named.end())
            if name is None or len(found) > 3:
                break
            found.append(name[0])
            at = name.end()
    return found


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
