"""What looks like a fact that a customer gives, and is none: ours, somebody else's, of no case."""

from __future__ import annotations

import re

from gateway.support.statements.phrases import StatementPhrases
from gateway.support.statements.text import ReadText
from gateway.support.statements.values import ValuePlace
from gateway.support.statements.words import StatementWords

PLACE = "§"
"""Stands for the value in the expressions of ``not_told``, and nowhere else in a sentence."""
LONGEST_SIDE = 120
"""Characters of a sentence that are read on each side of a value."""
FEWEST_DIGITS = 3
"""Digits of an order's number that has letters."""
_END = re.compile(r"[?!\n]|(?<!\bnr)(?<!\bno)(?<!idnr)(?<!\btel)(?<!\d)\.(?=\s|$)")
_ENDING = re.compile(r"(?<=\w{3})(?:e[nrsm]?|[aos]s?)$")
_LETTERS = re.compile(r"[a-z]+[ -]?")
_SIGNED_DIGITS = re.compile(r"\d[\d./-]*")
_DIGITS = re.compile(r"\d+")
_CLOCK = re.compile(r"(?:[01]?\d|2[0-3])\.[0-5]\d")
_AT = re.compile(
    r"\b(?:at|by|until|before|after|around|um|gegen|bis|vor|nach|ab|las|la|a|vers|avant|apres"
    r"|version|v) $"
)
LAST_DAY, LAST_MONTH = 31, 12
_TOKEN = re.compile(r"\d+|[^\W\d_]+")


def is_told(read: ReadText, place: ValuePlace, known: StatementPhrases) -> bool:
    """Whether ``place`` is a fact of the customer's own case, as far as its sentence says."""
    if place.fact == "order":
        said = read.text[place.start : place.end]
        if sum(map(str.isdigit, said)) < FEWEST_DIGITS:
            return False
    pattern = known.not_told.get(place.fact)
    return pattern is None or pattern.search(_sentence(read, place)) is None


def _sentence(read: ReadText, place: ValuePlace) -> str:
    """The sentence of ``place``, with `PLACE` for the value."""
    start = place.start
    if place.fact == "order" and (word := _LETTERS.match(read.folded, start, place.end)):
        start = word.end()  # `HRB 12345`: the word is none of the number
    left = read.folded[max(0, start - LONGEST_SIDE) : start].replace(PLACE, " ")
    right = read.folded[place.end : place.end + LONGEST_SIDE].replace(PLACE, " ")
    for end in _END.finditer(left):
        begin = end.end()
        left = " " * begin + left[begin:]
    mark = _END.search(right)
    return f"{left.lstrip()}{PLACE}{right[: mark.end()] if mark else right}"


def is_date(value: str, language: str) -> bool:
    """Whether ``value`` may be a date if it has nothing but digits with signs between them
    (``12.11.``, ``12/11/26``). Without a year, a last full stop is part of a date in German alone:
    elsewhere it ends the sentence."""
    if not _SIGNED_DIGITS.fullmatch(value):
        return True
    numbers = [int(part) for part in _DIGITS.findall(value)]
    if numbers[0] > LAST_DAY:
        return len(numbers) > 2
    first, second = numbers[:2]
    if (
        len(numbers) == 2
        and value.endswith((".", "/"))
        and (language != "de" or "." not in value[:-1])
    ):
        return False
    if "." in value.rstrip("."):
        return 0 < second <= LAST_MONTH
    return (
        (first, second) != (24, 7)
        and min(first, second) <= LAST_MONTH
        and max(first, second) <= LAST_DAY
    )


def is_time(folded: str, start: int, end: int) -> bool:
    """Whether an amount without a currency is the time of a day: ``at 14.30``."""
    return bool(
        _CLOCK.fullmatch(folded, start, end) and _AT.search(folded[max(0, start - 12) : start])
    )


def date_key(value: str, words: StatementWords) -> frozenset[str]:
    """What two names of one date share: days, months and numbers. ``on Saturday morning`` and
    ``Saturday evening`` are one date of a case."""
    names = words.words["days"] | words.words["months"]
    said = _TOKEN.findall(value)
    known = (next((name for name in names if one.startswith(name)), None) for one in said)
    found = {*filter(None, known), *filter(str.isdigit, said)}
    return frozenset(found or (value,))


def form_key(value: str) -> str:
    """What two forms of one word share: all but the endings of gender, number and case."""
    stems = (_ENDING.sub("", _ENDING.sub("", word)) for word in _TOKEN.findall(value))
    return " ".join(stems)
