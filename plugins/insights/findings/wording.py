"""How findings show figures and what customers wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway import Json, mask_text
from plugins.insights.model import Figure, MaskedExample

LONGEST_EXAMPLE = 280
"""Characters of an example."""
AROUND = 80
"""Characters before and behind a phrase that are shown."""


class Masking:
    """Masks what people wrote. ``common`` are words (case-folded) that are no names, ``names`` are
    masked everywhere."""

    def __init__(self, common: Collection[str] = (), names: Iterable[str] = ()) -> None:
        self._common, self._names = common, tuple(names)

    def text(self, text: str, names: Iterable[str] = ()) -> str:
        """``text`` with gaps for personal data and for ``names``."""
        return mask_text(text, (*self._names, *names), self._common)

    def example(self, conversation: int, text: str, names: Iterable[str] = ()) -> MaskedExample:
        """An example from a conversation, cut to `LONGEST_EXAMPLE`."""
        masked = self.text(text, names)
        if len(masked) > LONGEST_EXAMPLE:
            masked = masked[: LONGEST_EXAMPLE - 1].rsplit(" ", 1)[0] + "…"
        return MaskedExample(conversation=conversation, text=masked)


def snippet(text: str, phrase: str) -> str:
    """The part of ``text`` around ``phrase``."""
    flat = " ".join(text.split())
    at = max(0, flat.casefold().find(phrase))
    start, end = max(0, at - AROUND), at + len(phrase) + AROUND
    before = "" if start == 0 else "…" + flat[start:at].partition(" ")[2]
    before = flat[:at] if start == 0 else before
    behind = flat[at:end] if end >= len(flat) else flat[at:end].rpartition(" ")[0] + "…"
    return before + behind


def figures(figure: Figure) -> Json:
    """A figure as JSON."""
    return {"value": figure.value, "low": figure.low, "high": figure.high, "n": figure.n}
