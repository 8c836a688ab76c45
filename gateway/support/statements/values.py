"""Values in a text, by how they look: numbers of orders, addresses, phones, dates, names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.support.personal_data import EMAIL, PHONE
from gateway.support.statements.text import ReadText
from gateway.support.statements.words import StatementWords, value_shape

_EMAIL = re.compile(EMAIL)
_PHONE = re.compile(PHONE)
_CODE = re.compile(
    r"(?<![\w@.,-])#?(?:[a-z]{1,4}[- ]?\d[\d-]*\d(?:-[a-z])?|[a-z]{1,3}-\d+"
    r"|(?:19|20)\d\d/\d{3,}|\d+(?:-\d+)*-[a-z]?\d*|\d{4,10}[a-z]{0,2}|\d{15,22})(?![\w@]|[.,]\d)"
)
_POSTCODE = re.compile(r"\b\d{5} [A-ZÀ-Þ][\w-]{2}")
_AMOUNT = re.compile(r"\b\d+[.,]\d\d\b")
_NUMBER = re.compile(r"\d")
_NOT_CODES = re.compile(r"(?:19|20)\d\d$")
_RANGE = re.compile(r"\d{1,2}-\d{1,2}|(?:19|20)\d\d-\d\d(?:-\d\d|\d\d)?")
_NAME = re.compile(r"[A-ZÀ-Þ][\w'-]+")
_GAP = re.compile(r"[\s:]*")
_DIGITS = re.compile(r"\D")
MOST_DIGITS = 10
"""Digits of an order's number without letters."""
FEWEST_PHONE_DIGITS, MOST_PHONE_DIGITS = 7, 14
LONGEST_BEFORE = 30
"""Characters before a number that may say whose it is."""
MOST_NAMES = 4
"""Words of one name."""


class ValuePlace(NamedTuple):
    """A value in a text: ``text[start:end]``. ``code`` is the value as it is compared."""

    fact: str
    start: int
    end: int
    code: str


def value_places(read: ReadText, words: StatementWords) -> list[ValuePlace]:
    """The values of ``read``. Facts: ``order``, ``phone``, ``email``, ``address``, ``amount``,
    ``date``, ``photo`` (the words that say that one is attached) and ``name`` (each word of it)."""
    found: list[ValuePlace] = []
    if _NUMBER.search(read.folded):
        orders = list(order_codes(read))
        blanked = blank_emails(read.folded)
        codes = {place.code for place in orders}
        phones = [
            ValuePlace("phone", match.start(), match.end(), _DIGITS.sub("", match[0]))
            for match in _PHONE.finditer(blanked)
        ]
        phones = [place for place in phones if place.code not in codes]
        numbers = "".join({place.code for place in phones})
        found += [place for place in orders if not phones or place.code not in numbers]
        found += phones
        found += [ValuePlace("amount", m.start(), m.end(), m[0])
                  for m in _AMOUNT.finditer(read.folded)]  # fmt: skip
        if (match := value_shape("addresses").search(read.folded)) or (
            match := _POSTCODE.search(read.text)
        ):
            found.append(ValuePlace("address", match.start(), match.end(), match[0]))
    if "@" in read.folded:
        found += [ValuePlace("email", m.start(), m.end(), m[0])
                  for m in _EMAIL.finditer(read.folded)]  # fmt: skip
    found += stated_dates(read, words)
    if match := value_shape("attached").search(read.folded):
        found.append(ValuePlace("photo", match.start(), match.end(), "sent"))
    found += stated_names(read, words)
    return found


def order_codes(read: ReadText) -> Iterator[ValuePlace]:
    """What may be numbers of orders, parcels, invoices; ``code`` is without spaces, hyphens and
    case."""
    if not _NUMBER.search(read.folded):
        return
    blanked = blank_emails(read.folded)
    named = value_shape("order_nouns").search(blanked) is not None or len(read.words) <= 2
    for match in _CODE.finditer(blanked):
        start, said = match.start(), match[0]
        word, space, number = said.partition(" ")
        if space and not read.text[start : start + len(word)].isupper():
            start, said = start + len(word) + 1, number  # `is 4711`: the word is none of it
            if MOST_DIGITS < len(number) <= MOST_PHONE_DIGITS and number.isdigit():
                continue
        code = re.sub(r"[-# /]", "", said)
        letters = code[0].isalpha()
        if letters and space and len(code) < 6:
            continue
        if letters and "-" not in said and sum(c.isdigit() for c in code) < 3:
            continue
        parts = said.strip("#").split("-")
        coded = len(parts) > 1 and len(code) > 4 and not _RANGE.fullmatch(said)
        if not letters and (not (named or coded) or _NOT_CODES.match(code)):
            continue
        if not letters and len(code) == 5 and _POSTCODE.match(read.text, start):
            continue
        if len(code) >= FEWEST_PHONE_DIGITS and code.isdigit() and _is_phone(blanked, start):
            continue
        yield ValuePlace("order", start, match.end(), code)


def _is_phone(folded: str, start: int) -> bool:
    """Whether digits alone are said to be a phone's: `call me on 0171234567`."""
    before = folded[max(0, start - LONGEST_BEFORE) : start]
    return value_shape("before_phone").search(before) is not None


def blank_emails(folded: str) -> str:
    """``folded`` with its e-mail addresses blanked: their digits are no numbers."""
    if "@" not in folded:
        return folded
    return _EMAIL.sub(lambda match: " " * len(match[0]), folded)


def stated_dates(read: ReadText, words: StatementWords) -> list[ValuePlace]:
    """Dates and days. ``code`` has the first three letters of their words, sorted."""
    if not _NUMBER.search(read.folded) and words.words["days"].isdisjoint(read.words):
        return []
    found = []
    for match in words.date.finditer(read.folded):
        parts = re.findall(r"\d+|[a-z]{3,}", match[0])
        code = " ".join(sorted(part[:3] for part in parts if part not in ("of", "de", "di")))
        found.append(ValuePlace("date", match.start(), match.end(), code))
    return found


def stated_names(read: ReadText, words: StatementWords) -> list[ValuePlace]:
    """The words of names that a customer gives as theirs: `My name is Irene Castle`."""
    found: list[ValuePlace] = []
    if not words.has("name_hints", read.words):
        return found
    for match in words.customer_names.finditer(read.folded):
        at = match.end()
        while named := _GAP.match(read.text, at):
            name = _NAME.match(read.text, named.end())
            if name is None or len(found) >= MOST_NAMES:
                break
            found.append(ValuePlace("name", name.start(), name.end(), name[0]))
            at = name.end()
    return found
