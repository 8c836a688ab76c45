"""How the customer feels, and by which words it shows: VADER, phrases and how it is written.

VADER (Hutto and Gilbert, 2014) knows English; the phrases in ``words/`` know the languages they
are written for. The numbers here weigh evidence: they were set by hand on messages of our own
and checked on public customer messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, prod

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from gateway import Cue, Emotion, Label

from .cues import cue, force, form_cues
from .phrases import Finder, Hit, Words
from .text import MOST, Token

LABELS: tuple[Label, ...] = ("angry", "frustrated", "anxious", "urgent", "confused", "pleased")
"""In the order in which they win when the evidence is the same."""

STRENGTH = {1: 0.2, 2: 0.5, 3: 0.75}
FELT = 0.25
"""Evidence below this is no feeling."""


class EmotionReader:
    """Reads the feeling of messages; ``words`` are the phrases by language."""

    def __init__(self, words: Mapping[str, Words]) -> None:
        self._vader = SentimentIntensityAnalyzer()
        self._finders = {code: Finder(one.feelings) for code, one in words.items()}
        self._negations = {code: one.negations for code, one in words.items()}
        self._substrings = {code: one.substrings for code, one in words.items()}
        self._plain = {
            code: one.emphasis | {word for said in one.language for word in said.split()}
            for code, one in words.items()
        }
        self._telling = frozenset(filter(str.isalpha, self._vader.lexicon))

    def read(
        self, text: str, words: Sequence[Token], languages: Iterable[str], english: float
    ) -> Emotion:
        """The feeling of ``text``; ``words`` are its tokens, ``languages`` those it may be in,
        and ``english`` how likely (0..1) it is that one."""
        seen = Evidence()
        plain: list[frozenset[str]] = [self._telling]
        for code in languages:
            self._phrases(seen, code, text, words)
            plain.append(self._plain.get(code, frozenset()))
        felt = {c.text.casefold() for c in seen.cues}
        known = frozenset(
            w.key for w in words if w.key in felt or any(w.key in one for one in plain)
        )
        form = form_cues(text, words, known)
        seen.cues += form
        seen.force = force(form)
        seen.asking = "?" in text or "؟" in text or "？" in text
        seen.loud = any(c.kind in ("shouting", "questioning", "repetition") for c in form)
        if english > 0.2 and words:
            tone = self._vader.polarity_scores(text[:MOST])["compound"] * english
            seen.against, seen.favour = max(0.0, -tone), max(0.0, tone)
        return conclude(seen)

    def _phrases(self, seen: Evidence, code: str, text: str, words: Sequence[Token]) -> None:
        finder = self._finders.get(code)
        hits = finder.find(words) if finder else []
        for hit in hits:
            kind, weight = hit.kind, hit.weight
            if denied(hit, words, self._negations[code]):
                if kind != "pleased" or weight < 2:
                    continue
                kind, weight = "frustrated", 2
            shown = cue(text, kind, words[hit.first].start, words[hit.last - 1].end)
            seen.add(kind, weight, shown)
        for kind, piece in self._substrings.get(code, ()):
            at = text.find(piece, 0, MOST)
            if at >= 0 and kind in (*LABELS, "trouble"):
                seen.add(kind, 2, cue(text, kind, at, at + len(piece)))


class Evidence:
    """What speaks for each feeling: strengths 0..1, joined as chances of independent signs."""

    def __init__(self) -> None:
        self.strengths: dict[str, list[float]] = {}
        self.cues: list[Cue] = []
        self.force = self.against = self.favour = 0.0
        self.asking = self.loud = False

    def add(self, kind: str, weight: int, shown: Cue) -> None:
        """Count a cue, unless another language has shown the same."""
        if shown not in self.cues:
            self.cues.append(shown)
            self.strengths.setdefault(kind, []).append(STRENGTH[weight])

    def of(self, kind: str, *more: float) -> float:
        if kind not in self.strengths and not any(more):
            return 0.0
        return 1.0 - float(prod(1.0 - s for s in (*self.strengths.get(kind, ()), *more)))


def conclude(seen: Evidence) -> Emotion:
    """Weigh the evidence; pure."""
    found: dict[str, float] = {label: seen.of(label) for label in LABELS}
    found["frustrated"] = seen.of("frustrated", 0.42 * seen.against)
    # VADER finds every polite wish pleasant: without words of praise it has to be sure.
    praise = 0.45 * seen.favour if "pleased" in seen.strengths else 0.75 * seen.favour - 0.375
    found["pleased"] = seen.of("pleased", max(0.0, praise))
    if seen.asking:
        found["pleased"] *= 0.45  # thanks beside a question are manners
    against = max(found["angry"], found["frustrated"], found["anxious"])
    found["pleased"] *= 1 - against
    if seen.loud and max(found.values()) < FELT:
        found["frustrated"] = max(found["frustrated"], 0.8 * seen.force)
    label = max(LABELS, key=lambda one: found[one])
    strength = found[label]
    distress = _distress(seen, found)
    cues = tuple(sorted(seen.cues, key=lambda c: (c.start, c.end)))
    shown = tuple(c for c in cues if c.kind != "trouble")
    if strength < FELT:
        return Emotion(distress=distress, cues=shown)
    intensity = min(1.0, strength + (1 - strength) * 0.6 * seen.force)
    return Emotion(label=label, intensity=round(intensity, 3), distress=distress, cues=shown)


def _distress(seen: Evidence, found: Mapping[str, float]) -> float:
    """How much this calls for a person, 0..1.

    The weights follow a logistic regression on public messages to airlines, rounded; the offset
    is ours, so that a plain question has next to none and a furious one has nearly all.
    """
    upset = max(found["angry"], found["frustrated"], found["anxious"])
    x = (
        -2.4
        + 2.6 * found["angry"]
        + 2.6 * found["frustrated"]
        + 1.0 * found["anxious"]
        + 0.7 * found["urgent"]
        + 0.4 * found["confused"]
        - 2.6 * found["pleased"]
        + 3.4 * seen.of("trouble")
        + 1.1 * seen.against
        + 1.2 * seen.force * upset
    )
    # Where no lexicon helps (VADER is English), plain words of anger speak for themselves.
    return round(max(1 / (1 + exp(-x)), 0.8 * upset**2), 4)


def denied(hit: Hit, words: Sequence[Token], negations: frozenset[str]) -> bool:
    """Whether one of the three words before, in the same clause, says no."""
    clause = words[hit.first].clause
    before = words[max(0, hit.first - 3) : hit.first]
    return any(word.key in negations and word.clause == clause for word in before)
