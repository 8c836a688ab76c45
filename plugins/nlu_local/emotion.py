"""How the customer feels, and by which words it shows: VADER, a learnt tone, phrases, and how
it is written.

VADER (Hutto and Gilbert, 2014) and the learnt tone know English; the phrases in ``words/`` know
the languages they are written for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import punctuation

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from gateway import Emotion

from .cues import cue, force, form_cues
from .evidence import LABELS, Evidence, conclude
from .heard import heard, undrawn
from .phrases import Finder, Hit, Words
from .text import MOST, Token, tokens
from .tone import Tone

NEGATIVE = ("angry", "frustrated", "anxious", "trouble")
LOUD = ("shouting", "questioning", "repetition")


class EmotionReader:
    """Reads the feeling of messages; ``words`` are the phrases by language, ``tone`` is what was
    learnt of English (None: nothing yet; then there is `evidence`, and no `read`)."""

    def __init__(self, words: Mapping[str, Words], tone: Tone | None) -> None:
        self._vader = SentimentIntensityAnalyzer()
        self._tone = tone
        self._finders = {code: Finder(one.feelings) for code, one in words.items()}
        self._names = Finder(name for one in words.values() for name in one.names)
        self._words = words
        self._plain = {
            code: one.emphasis | {word for said in one.language for word in said.split()}
            for code, one in words.items()
        }
        self._emoji = words["emoji"].substrings
        self._telling = frozenset(filter(str.isalpha, self._vader.lexicon))

    def read(
        self, text: str, words: Sequence[Token], languages: Iterable[str], english: float
    ) -> Emotion:
        """The feeling of ``text``; ``words`` are its tokens, ``languages`` those it may be in,
        and ``english`` how likely (0..1) it is that one."""
        if self._tone is None:
            raise RuntimeError("no tone was learnt that could weigh the evidence")
        return conclude(self.evidence(text, words, languages, english), self._tone.join)

    def evidence(
        self, text: str, words: Sequence[Token], languages: Iterable[str], english: float
    ) -> Evidence:
        """All that speaks for a feeling; as `read`."""
        own = heard(text)
        if own != text:
            words = tokens(own)
        seen = Evidence()
        plain: list[frozenset[str]] = [self._telling]
        for code in languages:
            self._phrases(seen, code, own, words)
            plain.append(self._plain.get(code, frozenset()))
        if not own.isascii():
            self._pieces(seen, own, self._emoji)
        plain.append(frozenset(c.text.casefold() for c in seen.cues))
        keys = {word.key for word in words}
        known = frozenset().union(*[keys & one for one in plain])
        form = form_cues(own, self._unnamed(words), known)
        seen.cues += form
        seen.force = force(form)
        seen.asking = "?" in own or "؟" in own or "？" in own
        seen.loud = any(c.kind in LOUD for c in form)
        if english > 0.2 and words:
            self._english(seen, own, words, english)
        return seen

    def _unnamed(self, words: Sequence[Token]) -> Sequence[Token]:
        """``words`` without the names of products, whose capitals tell nothing."""
        named = {at for hit in self._names.find(words) for at in range(hit.first, hit.last)}
        return [word for at, word in enumerate(words) if at not in named] if named else words

    def _english(self, seen: Evidence, text: str, words: Sequence[Token], english: float) -> None:
        """What VADER and the learnt tone make of it, and the words that told them."""
        polarity = self._polarity(text[:MOST]) * english
        seen.against, seen.favour = max(0.0, -polarity), max(0.0, polarity)
        if self._tone is not None:
            seen.tone = self._tone.of(text[:MOST]) * english
        if seen.strengths.keys() & set(LABELS):
            return
        # Nothing else shows the feeling there may be: then the word that told most does.
        kind, sign = ("frustrated", -1.0) if polarity < 0 else ("pleased", 1.0)
        told = max(words, key=lambda w: sign * self._vader.lexicon.get(w.key, 0.0))
        if sign * self._vader.lexicon.get(told.key, 0.0) > 0:
            seen.cues.append(cue(text, kind, told.start, told.end))

    def _polarity(self, text: str) -> float:
        """What VADER says, -1 to 1. It is 0 where no word stands in its lexicon, as in most
        questions: then it is not asked. (Of signs outside ASCII it makes words first.)"""
        if text.isascii():
            known, said = self._vader.lexicon.keys(), text.lower().split()
            # It takes the marks from around a word, but not from a sign such as `:)`.
            if known.isdisjoint(said) and known.isdisjoint([w.strip(punctuation) for w in said]):
                return 0.0
        told: float = self._vader.polarity_scores(text)["compound"]
        return told

    def _phrases(self, seen: Evidence, code: str, text: str, words: Sequence[Token]) -> None:
        finder = self._finders.get(code)
        if finder is None:
            return
        spoken = undrawn(words, finder)
        own = self._words[code]
        hits = finder.find(spoken)
        hits = [hit for hit in hits if not self._excused(hit, hits, spoken, own)]
        ironic = _ironic(hits, spoken, own)
        for hit in hits:
            kind, weight = hit.kind, hit.weight
            if denied(hit, spoken, own.negations):
                if kind != "pleased" or weight < 2:
                    continue
                kind, weight = "frustrated", 2
            elif kind == "pleased" and ironic:
                kind, weight = "frustrated", 2
            seen.add(kind, weight, cue(text, kind, words[hit.first].start, words[hit.last - 1].end))
        self._pieces(seen, text, own.substrings)

    def _pieces(self, seen: Evidence, text: str, known: Sequence[tuple[str, str]]) -> None:
        for kind, piece in known:
            at = text.find(piece, 0, MOST)
            if at >= 0 and kind in (*LABELS, "trouble"):
                seen.add(kind, 2, cue(text, kind, at, at + len(piece)))

    def _excused(self, hit: Hit, hits: Sequence[Hit], words: Sequence[Token], own: Words) -> bool:
        """Whether it is an oath of joy: rude words alone beside praise that is not denied."""
        if hit.kind != "angry" or not _rude(hit, words, own):
            return False
        others = [one for one in hits if one is not hit]
        praised = any(
            one.kind == "pleased" and one.weight >= 2 and not denied(one, words, own.negations)
            for one in others
        )
        return praised and not any(
            one.kind in NEGATIVE and one.weight >= 2 and not _rude(one, words, own)
            for one in others
        )


def _rude(hit: Hit, words: Sequence[Token], own: Words) -> bool:
    return hit.last - hit.first == 1 and words[hit.first].key.startswith(own.oaths)


def _ironic(hits: Sequence[Hit], words: Sequence[Token], own: Words) -> bool:
    """Whether praise is meant the other way: it is all the first clause says, and what follows
    is nothing but bad (`Great, it broke again`)."""
    begun = words[0].clause if words else 0
    first = [word.key for word in words if word.clause == begun]
    if len(first) > 4 or not own.scorn.issuperset(first):
        return False
    praised = [hit for hit in hits if hit.kind == "pleased"]
    if not praised or any(words[hit.first].clause != begun for hit in praised):
        return False
    if any(word.key in own.mended for word in words):
        return False
    return any(
        hit.kind in NEGATIVE and (hit.weight >= 2 or words[hit.first].key in own.again)
        for hit in hits
        if words[hit.first].clause != begun
    )


def denied(hit: Hit, words: Sequence[Token], negations: frozenset[str]) -> bool:
    """Whether one of the three words before, in the same clause, says no."""
    clause = words[hit.first].clause
    before = words[max(0, hit.first - 3) : hit.first]
    return any(word.key in negations and word.clause == clause for word in before)
