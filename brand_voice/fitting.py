"""Cuts a text into parts that a channel can carry: at sentences, else at words, else anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from brand_voice.guide import ChannelGuide
from brand_voice.masking import Mask
from brand_voice.segments import count, utf16_length
from brand_voice.sentences import sentences

Fits = Callable[[str], bool]
Units = Iterable[tuple[str, str]]
"""Pieces of text, each with the blanks after it."""

_WORDS = re.compile(r"(\S+)(\s*)")


def lowered(channel: ChannelGuide, max_length: int | None) -> ChannelGuide:
    """``channel`` with a limit of at most ``max_length``. A guide may lower the channel's own
    limit; above it, the channel's applies."""
    if max_length is None or max_length >= channel.max_length:
        return channel
    return channel.model_copy(update={"max_length": max_length})


def limit(channel: ChannelGuide) -> Fits:
    """Whether a text goes into one part of ``channel``."""

    def fits(text: str) -> bool:
        if utf16_length(text) > channel.max_length:
            return False
        return channel.max_segments is None or count(text) <= channel.max_segments

    return fits


def split(text: str, mask: Mask, fits: Fits, abbreviations: Collection[str]) -> list[str]:
    """Masked ``text`` as readable parts, each of which fits; what is hidden stays whole unless
    it alone is too long for any part."""
    whole = mask.show(text)
    if fits(whole):
        return [whole] if whole.strip() else []

    def readable(piece: str) -> bool:
        return fits(mask.show(piece))

    def characters(word: str) -> Iterator[str]:
        return _packed(((char, "") for char in word), readable, lambda char: iter((char,)))

    def words(sentence: str) -> Iterator[str]:
        return _packed(_WORDS.findall(sentence), readable, characters)

    found = _packed(sentences(mask.cut(text, fits), abbreviations), readable, words)
    return [part for part in map(mask.show, found) if part.strip()]


def _packed(units: Units, fits: Fits, finer: Callable[[str], Iterator[str]]) -> Iterator[str]:
    """As many units to a part as fit; a unit that alone does not fit is packed finer."""
    current = gap = ""
    for unit, after in units:
        joined = current + gap + unit if current else unit.lstrip()
        if fits(joined):
            current = joined
        else:
            if current:
                yield current
            *full, current = [unit.strip()] if fits(unit.strip()) else [*finer(unit)]
            yield from full
        gap = after
    if current:
        yield current
