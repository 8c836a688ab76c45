"""The words of one house: phrases from its guide, beside those of this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway import Phrases

from .evidence import LABELS
from .phrases import Phrase, Words, parse
from .signals import KINDS

NAMES = "names"
FEELINGS = (*LABELS, "trouble")
STRONG = 3
"""The strength of a house's own phrase: somebody chose it with care."""


def with_house(words: Mapping[str, Words], phrases: Phrases) -> dict[str, Words]:
    """``words`` and, by language, the house's ``phrases``. Raises ValueError for a phrase that
    cannot be looked for."""
    joined = dict(words)
    for code, by_kind in phrases.items():
        own = joined.get(code, Words())
        joined[code] = replace(
            own,
            names=(*own.names, *_parsed(by_kind, (NAMES,))),
            feelings=(*own.feelings, *_parsed(by_kind, FEELINGS)),
            signals=(*own.signals, *_parsed(by_kind, KINDS)),
        )
    return joined


def _parsed(by_kind: Mapping[str, tuple[str, ...]], kinds: tuple[str, ...]) -> list[Phrase]:
    return [parse(text, kind, STRONG) for kind in kinds for text in by_kind.get(kind, ())]
