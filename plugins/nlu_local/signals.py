"""What routing knows by kind: asked for a person, harm, legal words, the answer missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway import Cue

from .cues import cue
from .phrases import Finder, Hit, Words
from .text import MOST, Token

ASKED = "asked_for_person"
KINDS = (ASKED, "harm", "legal", "not_helped")


class SignalReader:
    """Finds signals; a wish for a person is heard in every language we have words for."""

    def __init__(self, words: Mapping[str, Words]) -> None:
        every = [phrase for one in words.values() for phrase in one.signals]
        self._asked = Finder(phrase for phrase in every if phrase.kind == ASKED)
        self._alone = Finder(phrase for one in words.values() for phrase in one.alone)
        self._refusals = Finder(phrase for one in words.values() for phrase in one.refusals)
        self._others = {
            code: Finder(phrase for phrase in one.signals if phrase.kind != ASKED)
            for code, one in words.items()
        }
        self._courtesy = frozenset(
            word for one in words.values() for said in one.language for word in said.split()
        )
        self._substrings = tuple(
            (kind, piece)
            for one in words.values()
            for kind, piece in one.substrings
            if kind in KINDS and not piece.isascii()
        )

    def read(self, text: str, words: Sequence[Token], languages: Iterable[str]) -> tuple[Cue, ...]:
        """The signals of ``text`` in order; ``languages`` are those it may be in."""
        hits = [*self._wishes(words)]
        for code in languages:
            if finder := self._others.get(code):
                hits += finder.find(words)
        found = [cue(text, h.kind, words[h.first].start, words[h.last - 1].end) for h in hits]
        # In scripts without spaces, of which ASCII has none.
        for kind, piece in () if text.isascii() else self._substrings:
            at = text.find(piece, 0, MOST)
            if at >= 0:
                found.append(cue(text, kind, at, at + len(piece)))
        return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.start, one.end)))

    def _wishes(self, words: Sequence[Token]) -> list[Hit]:
        """Wishes for a person that are not refused (`I don't need to talk to a human`)."""
        hits = self._asked.find(words)
        if not hits and len(words) <= 4:
            hits = self._single(words)
        if not hits:
            return []
        refusals = self._refusals.find(words)
        return [hit for hit in hits if not any(r.first < hit.first <= r.last for r in refusals)]

    def _single(self, words: Sequence[Token]) -> list[Hit]:
        """A message that is nothing but `agent`, `a human, please` or the like."""
        hits = self._alone.find(words)
        within = {at for hit in hits for at in range(hit.first, hit.last)}
        rest = [word.key for at, word in enumerate(words) if at not in within]
        return hits if all(key in self._courtesy or len(key) <= 2 for key in rest) else []
