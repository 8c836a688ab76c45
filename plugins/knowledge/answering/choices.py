"""Titled passages to choose from, and which one the customer chose. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from textwrap import shorten

from gateway import Button, Message, Turn
from plugins.knowledge.answering.confidence import Candidate
from plugins.knowledge.answering.texts import pattern
from plugins.knowledge.answering.words import content_words, folded

MOST = 3
"""Titles that are offered."""
LONGEST_TITLE = 64
"""Characters of an offered title: what a button of most providers shows."""
SHORT_ANSWER = 6
"""Words of a message that may be a choice by number: `the second one please`."""

_NUMBER = re.compile(r"(?<![\w.,])([1-9])(?![\w,]|\.\d)")
_WORD = re.compile(r"\w+")
_LEADING = re.compile(r"^\s*[1-9]\s*[.)]\s*")


def titles_of(candidates: Iterable[Candidate]) -> tuple[tuple[str, Candidate], ...]:
    """The candidates to choose from, each with its title: at most `MOST`, one of each title."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        title = _title(candidate)
        if title and title not in found:
            found[title] = candidate
    return tuple(found.items())[:MOST]


def buttons(titles: Sequence[str]) -> tuple[Button, ...]:
    """The titles, numbered. Where a channel has no buttons, the voice writes them as lines."""
    return tuple(
        Button(title=f"{number}. {title}", payload=f"{number}. {title}")
        for number, title in enumerate(titles, 1)
    )


def last_offer(turn: Turn, handler: str) -> Message | None:
    """The last message, if it is an offer of ``handler``."""
    last = next((m for m in reversed(turn.history) if not m.internal), None)
    offers = last is not None and last.author == "bot" and last.purpose == "clarify"
    return last if last and offers and last.handler == handler and last.buttons else None


def asked_before(turn: Turn, offer: Message) -> str | None:
    """The customer's message that ``offer`` answered."""
    return next(
        (
            message.text
            for message in reversed(turn.history)
            if message.author == "customer" and message.turn == offer.turn
        ),
        None,
    )


def offered_titles(offer: Message) -> tuple[str, ...]:
    """The titles in ``offer``."""
    return tuple(_LEADING.sub("", button.title) for button in offer.buttons)


def chosen(said: str, titles: Sequence[str]) -> int | None:
    """Which of ``titles`` (0: the first) the customer chose by ``said``: by its number, its place,
    its words, or by a yes where there is one. None: none, or several."""
    plain = folded(_LEADING.sub("", said)).strip(" .!?\"'“”„«»")
    for at, title in enumerate(titles):
        if plain == folded(title).strip(" .!?\"'“”„«»…"):
            return at
    words = _WORD.findall(folded(said))
    if not words:
        return None
    if (
        len(words) <= SHORT_ANSWER
        and (by_number := _by_number(said, words, len(titles))) is not None
    ):
        return by_number
    return _by_words(said, titles)


def _by_number(said: str, words: Sequence[str], count: int) -> int | None:
    """``2``, `number 2`, `the second one please`, `two`; or a yes where there is one."""
    numbers = {int(found) for found in _NUMBER.findall(said)}
    places = _places("ordinals")
    numbers = numbers or {at for at, place in enumerate(places, 1) if any(map(place, words))}
    if not numbers and len(words) == 1:
        cardinals = enumerate(_places("cardinals"), 1)
        numbers = {at for at, place in cardinals if place(words[0])}
    if not numbers and count == 1 and _yes()(words[0]):
        numbers = {1}
    number = numbers.pop() if len(numbers) == 1 else 0
    return number - 1 if 1 <= number <= count else None


def _by_words(said: str, titles: Sequence[str]) -> int | None:
    """The title with all content words of what was said, if it is one alone; or the one title
    whose words were all said."""
    asked = set(content_words(said))
    if not asked:
        return None
    stems = [set(content_words(title)) for title in titles]
    having = [at for at, words in enumerate(stems) if words and asked <= words]
    if len(having) == 1:
        return having[0]
    named = [at for at, words in enumerate(stems) if words and words <= asked]
    return named[0] if len(named) == 1 and len(asked) <= len(stems[named[0]]) + 2 else None


@cache
def _places(kind: str) -> tuple[Callable[[str], object], ...]:
    return tuple(re.compile(place).fullmatch for place in pattern(kind))


@cache
def _yes() -> Callable[[str], object]:
    return re.compile(pattern("yes")).fullmatch


def _title(candidate: Candidate) -> str:
    passage = candidate.found.passage
    heading = passage.question or (passage.headings[-1] if passage.headings else passage.title)
    return shorten(heading.strip() or passage.title, LONGEST_TITLE, placeholder="…")
