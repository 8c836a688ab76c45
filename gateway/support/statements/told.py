"""The facts that a customer's message states, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from gateway.model import Value
from gateway.support.statements.not_told import date_key, form_key, is_date, is_time, is_told
from gateway.support.statements.phrases import (
    PHRASE_LANGUAGES,
    StatementPhrases,
    likely_languages,
    phrases,
)
from gateway.support.statements.text import ReadText, read_text, words_of
from gateway.support.statements.values import ValuePlace, article_names, value_places
from gateway.support.statements.words import (
    STATEMENT_LANGUAGES,
    StatementWords,
    statement_words,
)

_AMOUNT = re.compile(
    r"(?:[€£$]|\b(?:eur|usd|gbp|chf)) ?\d+(?:[.,]\d{1,2})?"
    r"|\b\d{1,6}(?:[.,]\d{1,2})? ?(?:[€£$]|(?:euros?|eur|pounds?|quid|dollars?|pfund|livres|francs"
    r"|franken|chf|gbp|usd|libras|dolares|cents?)\b)"
)
_BARE_AMOUNT = re.compile(
    r"\b\d+[.,]\d\d\b(?![.,\d/]| ?(?:uhr|h|hours?|std|heures?|horas?|m|cm|mm|km|kg|g|l|ml|inch|zoll"
    r"|volts?|v|watts?|w|gb|mb|meters?|metres?|metern?|metros?|liters?|litres?|litros?)\b| ?%)"
)
_CITY = re.compile(
    r"(?:,? ?\d{4,5} [A-ZÀ-Þ][\w-]+(?: [A-ZÀ-Þ][\w-]+)?|, [A-ZÀ-Þ][\w-]+(?:,? [A-Z]{1,2}\d[\dA-Z]?"
    r" \d[A-Z]{2})?|,? [A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}\b)"
)
_NUMERIC_DATE = re.compile(
    r"(?:(?<=\bon )|(?<=\bam )|(?<=\ble )|(?<=\bel )|(?<=\bsince )|(?<=\bdated )|(?<=\bordered )"
    r"|(?<=\bbought )|(?<=\bpurchased )|(?<=\bdu )|(?<=\bau )|(?<=\bdel )|(?<=\bal )|(?<=\bdied )"
    r"|(?<=\bvom )|(?<=\bseit )|(?<=\buntil ))\d{1,2}/\d{1,2}\b(?![./-]?\d)"
    r"|(?<![\d.,/-])\d{1,2}[./-]\d{1,2}(?:[./-](?:\d{4}|\d\d)\b|\.)|\b20\d\d-\d\d-\d\d\b"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_WHOLE_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:20)?\d\d")
_NAME_WORDS = re.compile(
    r"(?:Dr\.? |Prof\.? |[A-ZÀ-Þ]\. ){0,3}[A-ZÀ-Þ][\w'’-]+"
    r"(?: (?:[A-ZÀ-Þ](?:[\w'’-]+|\.)|de|del|la|von|van|der|le)){0,6}"
)
_SAYS_WHAT = re.compile(r"(?:this is|i'm|i am|ich bin|je suis|c'est|soy) $")
"""Before a name, or before anything else."""
_OF_ADJECTIVES = ("ous", "able", "ible", "ful", "ing")
SHORTEST_SHOUTED = 2
"""Letters: `This is AJ`."""
_NAME_BEFORE = re.compile(
    r"(?:^|[.,!?:\n] ?|\b(?:[Hh]ello|[Hh]allo|[Bb]onjour|[Hh]ola) )"
    r"([A-ZÀ-Þ][\w'’-]{1,20}(?: [A-ZÀ-Þ][\w'’-]{1,20}){1,2}) $"
)
LONGEST_NAME = 60
"""Characters before the words that show a name: `Eva Adler here`."""
_DAY_OF_MONTH = re.compile(r"(?:(?:the|den|dem|le|el) )?\d")
LONGEST_JOIN = 24
"""Characters before a date that may make it one with another: `between the 3rd and the 5th`."""
_LINKS = frozenset(
    "is was no nr ist war est le es el la num ref id and und et y or oder ou".split()  # noqa: SIM905
)
"""Words between `number` and the number, or between two numbers."""
_STREET = re.compile(
    r"(?: (?:de |du |des |la |le |l'|del )*[A-ZÀ-Þ][\w'-]+){1,3}(?: \d{1,4}[a-z]?\b)?"
)
SHORTEST_NUMBER = 4
"""Digits of an order's number without letters."""
FEWEST_BEFORE = 4
"""Words of a message before `Thanks, Ben` for Ben to be who wrote it, not who is thanked."""
MOST_VALUES = 40
"""Values of each fact that are read in a message: more stand in pasted logs and lists."""
LONGEST_TEXT = 4_000
"""Characters that are read: longer messages are pasted logs and quoted mails."""


class StatedFact(Value, frozen=True, kw_only=True):
    """A fact (see `FactName`) that a message states: ``text[start:end]`` is ``value``, as the
    customer wrote it."""

    name: str
    value: str
    start: int
    end: int


@lru_cache(1024)
def facts_told(text: str, language: str) -> tuple[StatedFact, ...]:
    """The facts that a customer's ``text`` states, in the order of the text; by rules, so that each
    can be shown in the words that state it.

    Known bias: articles that no rule knows are missed, and so are names without a word such as "my
    name is" or a closing before them. ``language`` is the conversation's; the text may be in
    another one (see `likely_languages`).
    """
    read = read_text(text)
    likely = likely_languages(read, language)
    found = (_facts_told(read, one, likely) for one in likely)
    if language in STATEMENT_LANGUAGES and language not in PHRASE_LANGUAGES:
        return max(found, key=len)  # read with English phrases it finds numbers and names at most
    return next(filter(None, found), ())


def _facts_told(read: ReadText, language: str, likely: Sequence[str]) -> tuple[StatedFact, ...]:
    """In ``language``, without what is no fact in one of the ``likely`` languages."""
    known = phrases(language)
    words = statement_words(language)
    values = value_places(read, words)
    places = [place for place in values if place.fact in ("order", "phone", "email")]
    places = [_code_alone(read, place) for place in places]
    phones = [place for place in places if place.fact == "phone"]
    places = [p for p in places if p.fact != "order" or _is_code(read, p, phones)]
    places = [p for p in places if not _WHOLE_DATE.fullmatch(read.folded, p.start, p.end)]
    places += _amounts(read)
    places += _addresses(read, values)
    places += _dates(read, known, values, words)
    places += _names(read, known)
    places += _photos(read, known)
    places += [ValuePlace("size", m.start(m.lastindex or 0), m.end(m.lastindex or 0), "")
               for m in known.told_size.finditer(read.folded)]  # fmt: skip
    places += _colours(read, known)
    places += article_names(read, known)
    by_fact = {fact: [place for place in places if place.fact == fact] for fact in _STRENGTH}
    places = [place for found in by_fact.values() for place in found[:MOST_VALUES]]
    for one in likely:
        places = [place for place in places if is_told(read, place, phrases(one))]
    return tuple(_as_facts(read, places, words))


_STRENGTH = (
    "email",
    "address",
    "amount",
    "order",
    "phone",
    "date",
    "name",
    "size",
    "photo",
    "colour",
    "item",
)
"""Which reading of the same letters holds: the first."""


def _as_facts(read: ReadText, places: list[ValuePlace], words: StatementWords) -> list[StatedFact]:
    taken: list[tuple[int, int]] = []
    dates: list[frozenset[str]] = []
    found: dict[tuple[str, str], StatedFact] = {}
    for place in sorted(places, key=lambda p: (_STRENGTH.index(p.fact), p.start)):
        start, end = _trimmed(read.text, place.start, place.end)
        if start >= end or any(start < b and a < end for a, b in taken):
            continue
        if place.fact not in ("colour", "item", "photo"):
            taken.append((start, end))
        value = read.text[start:end]
        key = value.casefold()
        if place.fact in ("colour", "item"):
            key = form_key(read.folded[start:end])
        elif place.fact == "date":
            date = date_key(read.folded[start:end], words)
            if any(date <= other for other in dates):
                continue
            dates.append(date)
        fact = StatedFact(name=place.fact, value=value, start=start, end=end)
        found.setdefault((place.fact, key), fact)
    return sorted(found.values(), key=lambda fact: fact.start)


def _code_alone(read: ReadText, place: ValuePlace) -> ValuePlace:
    """Without a word before the number: `is 4711`."""
    letters, space, _ = read.text[place.start : place.end].partition(" ")
    if place.fact == "order" and space and letters.isalpha() and not letters.isupper():
        linked = letters.casefold() in _LINKS
        return place._replace(start=place.start + len(letters) + 1 if linked else place.end)
    return place


def _is_code(read: ReadText, place: ValuePlace, phones: Sequence[ValuePlace]) -> bool:
    """Not a small number after a word (`über 120`), nor the beginning of a phone's."""
    said = read.text[place.start : place.end]
    if any(phone.start <= place.start < phone.end for phone in phones):
        return False
    return not said.isdigit() or (len(said) >= SHORTEST_NUMBER and not _YEAR.fullmatch(said))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in " #,;:\n":
        start += 1
    while start < end and text[end - 1] in " ,;:\n":
        end -= 1
    return start, end


def _amounts(read: ReadText) -> Iterator[ValuePlace]:
    places = [(m.start(), m.end()) for m in _AMOUNT.finditer(read.folded)]
    yield from (ValuePlace("amount", start, end, "") for start, end in places)
    for match in _BARE_AMOUNT.finditer(read.folded):
        known = any(start <= match.start() < end for start, end in places)
        if not known and not is_time(read.folded, match.start(), match.end()):
            yield ValuePlace("amount", match.start(), match.end(), "")


def _addresses(read: ReadText, values: list[ValuePlace]) -> Iterator[ValuePlace]:
    for place in values:
        if place.fact == "address":
            end = place.end
            if street := _STREET.match(read.text, end):
                end = street.end()
            while more := _CITY.match(read.text, end):
                end = more.end()
            before = read.text.rfind(" ", 0, place.start)
            start = place.start
            if read.text[before + 1 : start].strip():
                start = before + 1
            yield ValuePlace("address", start, end, "")


def _colours(read: ReadText, known: StatementPhrases) -> Iterator[ValuePlace]:
    """The colours of an article, one for `blue and white`. Not what is refused for another (`not
    red`), and not the colour of a stain, a light or somebody's name."""
    colours = list(known.told_colour.finditer(read.folded))
    others = [m.span() for m in known.told_colour_not.finditer(read.folded)] if colours else []
    for match in colours:
        if not any(start <= match.start() < end for start, end in others):
            yield ValuePlace("colour", match.start(), match.end(), "")


def _dates(
    read: ReadText, known: StatementPhrases, values: list[ValuePlace], words: StatementWords
) -> Iterator[ValuePlace]:
    found = [
        ValuePlace("date", m.start(), m.end(), "") for m in known.told_dates.finditer(read.folded)
    ]
    found += [
        ValuePlace("date", m.start(), m.end(), "") for m in _NUMERIC_DATE.finditer(read.folded)
    ]
    found += [place for place in values if place.fact == "date"]
    found = [
        place for place in found if is_date(read.folded[place.start : place.end], words.language)
    ]
    if known.told_event.search(read.folded) is None:
        found = [p for p in found if not known.told_now.fullmatch(read.folded, p.start, p.end)]
    if found and "?" in read.text:
        others = [match.span() for match in known.told_date_not.finditer(read.folded)]
        found = [p for p in found if not any(start <= p.start < end for start, end in others)]
    whole: list[ValuePlace] = []
    for place in sorted(found, key=lambda p: (p.start, -p.end)):
        last = whole[-1] if whole else None
        if last and _one_date(read.folded, last, place, known, words):
            end = max(last.end, place.end)
            closed = "(" in read.text[last.end : end] and read.text[end : end + 1] == ")"
            whole[-1] = last._replace(end=end + closed)
        else:
            whole.append(_with_first_day(read.folded, place, known))
    yield from whole


def _with_first_day(folded: str, place: ValuePlace, known: StatementPhrases) -> ValuePlace:
    """With the day before it that has no month of its own: `3 to 9 March`."""
    begin = max(0, place.start - LONGEST_JOIN)
    first = known.told_first_day.search(folded[begin : place.start])
    if first is None or _DAY_OF_MONTH.match(folded, place.start) is None:
        return place
    return place._replace(start=begin + first.start(1))


def _one_date(
    folded: str,
    last: ValuePlace,
    place: ValuePlace,
    known: StatementPhrases,
    words: StatementWords,
) -> bool:
    """Whether two dates are one: two names of a day (`yesterday, 12 November`) or the ends of a
    time (`from Monday to Friday`). `Monday, Tuesday` are two."""
    between = folded[last.end : place.start]
    if known.joins_dates.fullmatch(between):
        days = [words.words["days"].intersection(words_of(folded[p.start : p.end]))
                for p in (last, place)]  # fmt: skip
        return "," not in between or not all(days) or days[0] == days[1]
    before = folded[max(0, last.start - LONGEST_JOIN) : last.start]
    return bool(known.before_dates.search(before) and known.between_dates.fullmatch(between))


def _names(read: ReadText, known: StatementPhrases) -> Iterator[ValuePlace]:
    for match in known.told_name.finditer(read.folded):
        name = _NAME_WORDS.match(read.text, match.end())
        if name is None or (_SAYS_WHAT.search(match[0]) and _is_feeling(name[0])):
            continue
        if read.folded[name.start() : name.end()].split()[0] not in known.item_stop:
            yield ValuePlace("name", name.start(), name.end(), "")
    for match in known.told_name_after.finditer(read.folded):
        begin = max(0, match.start() - LONGEST_NAME)
        before = _NAME_BEFORE.search(read.text[begin : match.start()])
        if before and read.folded[begin + before.start(1) :].split()[0] not in known.item_stop:
            yield ValuePlace("name", begin + before.start(1), begin + before.end(1), "")
    for match in known.told_signature.finditer(read.folded):
        name = _NAME_WORDS.match(read.text, match.end())
        line = read.text[name.end() :].partition("\n")[0] if name else "x"
        if name and not line.strip(" .!"):
            yield ValuePlace("name", name.start(), name.end(), "")
    for match in known.told_thanks.finditer(read.folded):
        name = _NAME_WORDS.match(read.text, match.end())
        signs = name and not read.text[name.end() :].strip(" .\n")
        if name and signs and len(words_of(read.folded[: match.start()])) >= FEWEST_BEFORE:
            yield ValuePlace("name", name.start(), name.end(), "")


def _is_feeling(words: str) -> bool:
    """Whether ``words`` behind `this is` are rather what the customer thinks: `UNACCEPTABLE`. Who
    is upset writes in capitals, and a single name in capitals is rare."""
    shouted = words.isupper() and " " not in words and len(words) > SHORTEST_SHOUTED
    return shouted or words.casefold().endswith(_OF_ADJECTIVES)


def _photos(read: ReadText, known: StatementPhrases) -> Iterator[ValuePlace]:
    if (match := known.told_photo.search(read.folded)) and not known.told_photo_not.search(
        read.folded
    ):
        yield ValuePlace("photo", match.start(), match.end(), "sent")
