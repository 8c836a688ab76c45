"""Values in a text: numbers of orders, addresses, phones, dates and names by how they look, and
articles by their names or by what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.support.personal_data import EMAIL, PHONE
from gateway.support.statements.phrases import StatementPhrases
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

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_NOUN_OF = re.compile(r"(?<![\w-])([\w-]{3,20}) (?:de |d')$")
_CAPITAL_INSIDE = re.compile(r"[a-zß,] [A-ZÄÖÜ][a-zäöüß]")
"""A noun with its capital: whoever writes one writes all of them so."""
_LINKED_NOUN = re.compile(r" (?:de |a |en |d')(?!la\b|le\b|mi\b|ma\b)([\w-]{3,24})")
"""What may follow the noun of an article in French and Spanish: `robot de cocina`."""
MOST_ITEM_WORDS = 4
"""Words of an item: `the small blue coffee maker`."""
LONGEST_OF = 24
"""Characters before a ware that may begin its name: `encre d'imprimante`."""


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


def article_names(read: ReadText, known: StatementPhrases) -> Iterator[ValuePlace]:
    """The articles of a text: wares that the list has; without any, the first noun of which is said
    what is said of articles alone: that it was bought, sent back, is broken, or is in a size."""
    last = -1
    for ware in known.wares.finditer(read.folded):
        start = _whole_start(read, ware.start(), known)
        if start <= last or read.text[ware.start() : ware.end()].lower() in known.not_wares:
            continue
        last = ware.end()
        yield ValuePlace("item", start, last, "")
    if last >= 0:
        return
    found = next(filter(None, _things(read, known)), None)
    if found:
        yield ValuePlace("item", *found, "")


def _whole_start(read: ReadText, start: int, known: StatementPhrases) -> int:
    """Where an article begins whose name ends with a ware: `encre d'imprimante`."""
    if known.article_head != "first":
        return start
    begin = max(0, start - LONGEST_OF)
    of = _NOUN_OF.search(read.folded[begin:start])
    if of is None or of[1] in known.item_stop or _never_bought(of[1], known):
        return start
    return begin + of.start(1)


def _things(read: ReadText, known: StatementPhrases) -> Iterator[tuple[int, int] | None]:
    """What may be an article that no list has: what was bought or returned, and of what a fault is
    told. Not what is never an article: `the parcel arrived`, `my son`."""
    for match in known.told_item.finditer(read.folded):
        yield _thing(read, match.end(), len(read.text), known)
    for match in known.told_thing.finditer(read.folded):
        group = match.lastindex or 0
        yield _thing(read, match.start(group), match.end(group), known)


def _thing(read: ReadText, at: int, last: int, known: StatementPhrases) -> tuple[int, int] | None:
    """The article that is named between two places: its words up to one that is none of it."""
    words: list[tuple[int, int]] = []
    while len(words) < MOST_ITEM_WORDS and at < last:
        word = _WORD.match(read.folded, at)
        if word is None:
            break
        at = word.end() + 1
        spaced = read.folded[word.end() : at] == " "
        stops = word[0] in known.item_stop or word[0] in known.item_end
        if not words and spaced and _before_noun(read, word, stops, known):
            last = max(last, at + 1)
            continue
        if stops or word[0].isdigit():
            break
        words.append(word.span())
        if not spaced or known.article_head == "capital":
            break
    if not words:
        return None
    start, end = words[0] if known.article_head == "first" else words[-1]
    if _never_bought(read.folded[start:end], known):
        return None
    if known.article_head == "capital" and read.text[start].islower():
        return None if _CAPITAL_INSIDE.search(read.text) else (start, end)
    if known.article_head == "first":
        linked = _LINKED_NOUN.match(read.folded, end)
        return start, linked.end() if linked and not _never_bought(linked[1], known) else end
    return words[0][0], end


def _never_bought(noun: str, known: StatementPhrases) -> bool:
    return noun in known.not_items or noun.endswith(known.not_item_endings)


def _before_noun(read: ReadText, word: re.Match[str], stops: bool, known: StatementPhrases) -> bool:
    """Whether a word stands before the noun: `new`; in German each in small letters before one
    with a capital."""
    if word[0] in known.before_items:
        return True
    if stops or known.article_head != "capital":
        return False
    small = read.text[word.start()].islower()
    return small and read.text[word.end() + 1 : word.end() + 2].isupper()
