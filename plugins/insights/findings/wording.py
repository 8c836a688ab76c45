"""How findings read and show what customers wrote, and how they show figures."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache

from gateway import Json, fold, mask_text
from plugins.insights.facts.wording import LANGUAGES, wording
from plugins.insights.model import Figure, MaskedExample

SHORTEST = 2
"""Words of a question."""

LONGEST_EXAMPLE = 280
"""Characters of an example."""
AROUND = 80
"""Characters before and behind a phrase that are shown."""
_SENTENCE = re.compile(r"[^.!?？\n¿¡]+[.!?？]*")
_SIGNATURE = re.compile(r"\n[ \t]{0,9}\n[^\n?？]{1,80}(?:\n[^\n?？]{1,80}){0,3}\s{0,9}$")
"""A last paragraph of short lines that ask nothing."""
_OPENING = re.compile(
    r"\s{0,9}([^\W\d_][\w'’]{0,30}(?:[ \t]{1,3}[\w'’]{1,30}){0,3})[ \t]{0,3}[,:][ \t]{0,3}(?=\S)"
)
"""Up to four words before the first comma or colon."""
_SALUTATIONS = 2
"""As in `Madame, Monsieur,`."""
_HELLO = frozenset((
    "hello", "hi", "hey", "hiya", "hallo", "moin", "servus", "bonjour", "bonsoir", "salut",
    "coucou", "hola", "ciao", "salve", "buongiorno", "buonasera", "hoi", "liebes", "werte",
))  # fmt: skip
"""Words that greet without a comma behind them, too."""


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

    def whole(self, conversation: int, text: str, names: Iterable[str] = ()) -> MaskedExample:
        """The same, not cut: for a text that is to be adopted."""
        return MaskedExample(conversation=conversation, text=self.text(text, names))


def essence(text: str) -> str:
    """What ``text`` asks, without salutation, mood and signature: its questions, else its longest
    sentence. Else messages that share nothing but `Dear team` would be about one thing."""
    unsigned = _SIGNATURE.sub("", text)
    body = unsigned if len(unsigned.split()) > SHORTEST else text
    sentences = [_unsaluted(part) for part in _SENTENCE.findall(body)]
    sentences = [part for part in sentences if len(part.split()) > SHORTEST]
    questions = [part for part in sentences if part.endswith(("?", "？"))]
    return " ".join(questions) or max(sentences, key=len, default=text)


def _unsaluted(sentence: str) -> str:
    for _ in range(_SALUTATIONS):
        opening = _OPENING.match(sentence)
        if opening is None or fold(opening[1]).split()[0] not in _saluting():
            break
        sentence = sentence[opening.end() :]
    first, _, rest = sentence.strip().partition(" ")
    return rest.strip() if rest and fold(first) in _HELLO else sentence.strip()


@cache
def _saluting() -> frozenset[str]:
    """Words that a salutation begins with, in all languages."""
    lists = (wording(code).words[name] for code in LANGUAGES for name in ("greetings", "titles"))
    return _HELLO.union(*lists)


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
