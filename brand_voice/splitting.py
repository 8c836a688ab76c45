"""Splits a text into sentences, and into parts that a channel can carry.

Parts end at sentences where possible, else at words, else anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from brand_voice.guide import ChannelGuide
from brand_voice.masking import FactMask
from brand_voice.segments import count, utf16_length

Fits = Callable[[str], bool]
"""Whether a text goes into one part."""

_SENTENCE_END = re.compile(r"""[.!?…؟。！？]["')\]”’»]{0,2}(\s+)|(\n\s*)""")
_WORDS = re.compile(r"(\S+)(\s*)")


def sentences(text: str, abbreviations: Collection[str]) -> list[tuple[str, str]]:
    """The sentences of ``text``, each with the whitespace after it. Joined they are ``text``.

    Works on masked and on plain texts.
    """
    found: list[tuple[str, str]] = []
    start = 0
    for gap in _SENTENCE_END.finditer(text):
        begin, end = gap.span(gap.lastindex or 0)
        if begin <= start or (
            "\n" not in gap[0] and _runs_on(text, start, begin, end, abbreviations)
        ):
            continue
        found.append((text[start:begin], text[begin:end]))
        start = end
    if start < len(text):
        found.append((text[start:], ""))
    return found


def _runs_on(text: str, start: int, begin: int, end: int, abbreviations: Collection[str]) -> bool:
    """Whether the sentence that began at ``start`` continues after the mark before ``begin``."""
    if text[end : end + 1].islower():
        return True
    if text[begin - 1] != ".":
        return False
    word = text[max(start, begin - 24) : begin].rsplit(None, 1)[-1].lower().lstrip("([\"'„“«")
    return word in abbreviations or (len(word) == 2 and word[0].isalpha())


def part_limit(channel: ChannelGuide) -> Fits:
    """The test whether a text goes into one part on ``channel``."""

    def fits(text: str) -> bool:
        if utf16_length(text) > channel.max_length:
            return False
        return channel.max_segments is None or count(text) <= channel.max_segments

    return fits


def split(text: str, mask: FactMask, fits: Fits, abbreviations: Collection[str]) -> list[str]:
    """The masked ``text`` as readable parts, each of which fits.

    A masked value stays whole unless it alone is too long for a part.
    """
    whole = mask.show(text)
    if fits(whole):
        return [whole] if whole.strip() else []

    def readable_fits(piece: str) -> bool:
        return fits(mask.show(piece))

    def by_character(word: str) -> Iterator[str]:
        return _pack(((char, "") for char in word), readable_fits, lambda char: iter((char,)))

    def by_word(sentence: str) -> Iterator[str]:
        return _pack(_WORDS.findall(sentence), readable_fits, by_character)

    packed = _pack(sentences(mask.cut(text, fits), abbreviations), readable_fits, by_word)
    return [part for part in map(mask.show, packed) if part.strip()]


def _pack(
    units: Iterable[tuple[str, str]], fits: Fits, split_unit: Callable[[str], Iterator[str]]
) -> Iterator[str]:
    """Packs as many units into a part as fit; ``split_unit`` splits one that alone does not.

    A unit is a text and the whitespace after it.
    """
    current = gap = ""
    for unit, after in units:
        joined = current + gap + unit if current else unit.lstrip()
        if fits(joined):
            current = joined
        else:
            if current:
                yield current
            *full, current = [unit.strip()] if fits(unit.strip()) else [*split_unit(unit)]
            yield from full
        gap = after
    if current:
        yield current
