"""How the customer feels, and the words that show it: phrases, style, VADER and a learnt model.

VADER (Hutto and Gilbert, 2014) and the learnt model know English; the phrases in ``words/`` know
the languages they are written for. The strengths here were set by hand on messages of our own. The
weights of ``distress`` were learnt (see `tone`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, prod
from string import punctuation

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from gateway import Cue, Emotion, MoodLabel

from ..phrases import CUSTOM_WEIGHT, FoundPhrase, LanguagePhrases, PhraseFinder
from ..text import (
    MAX_CHARACTERS,
    WordToken,
    blank_codes,
    blank_quotations,
    shorten_elongated,
    tokenize,
)
from .cues import PleaFinder, make_cue, style_cues, style_force
from .tone import ToneModel

LABELS: tuple[MoodLabel, ...] = ("angry", "frustrated", "anxious", "urgent", "confused", "pleased")
"""In the order of precedence between labels with equal evidence."""

FEELING_KINDS = (*LABELS, "trouble")
NEGATIVE_KINDS = ("angry", "frustrated", "anxious", "trouble")
EVENT_KINDS = ("trouble", "complaint")
"""What went wrong, and complaints about it: not feelings, but they call for a person."""

LOUD_STYLES = ("shouting", "questioning", "repetition")
STRENGTHS = {1: 0.2, 2: 0.5, 3: 0.75, CUSTOM_WEIGHT: 0.75}
"""The strength of evidence for each weight of a phrase."""

MIN_STRENGTH = 0.25
"""Weaker evidence is no feeling."""

SHOW_EVENTS_FROM = 0.6
"""The distress from which a calm message shows its events among the cues."""


@dataclass(slots=True, kw_only=True)
class EmotionEvidence:
    """The evidence for each feeling in one message.

    ``strengths`` are by kind, each 0..1, and join as the chances of independent signs. ``tone`` is
    the score of the learnt model, 0 where it knows nothing. ``force`` is the strength of the style,
    ``negative`` and ``positive`` are VADER's verdict; each 0..1. ``certain`` are the kinds that a
    custom phrase or a plea shows: nobody begs calmly.
    """

    strengths: dict[str, list[float]] = field(default_factory=dict)
    cues: list[Cue] = field(default_factory=list)
    tone: float = 0.0
    force: float = 0.0
    negative: float = 0.0
    positive: float = 0.0
    has_question: bool = False
    is_loud: bool = False
    certain: set[str] = field(default_factory=set)

    def add(self, kind: str, weight: int, cue: Cue) -> None:
        """Count a cue once, though the phrases of several languages may find it."""
        if weight == CUSTOM_WEIGHT:
            self.certain.add(kind)
        if cue not in self.cues:
            self.cues.append(cue)
            self.strengths.setdefault(kind, []).append(STRENGTHS[weight])

    def strength(self, kind: str, *more: float) -> float:
        if kind not in self.strengths and not any(more):
            return 0.0
        return 1.0 - float(prod(1.0 - s for s in (*self.strengths.get(kind, ()), *more)))

    def signs(self) -> dict[str, float]:
        """The signs that `ToneModel.sign_weights` weighs, by name."""
        kinds = ("angry", "frustrated", "anxious", "pleased", "trouble", "complaint")
        return {
            **{kind: self.strength(kind) for kind in kinds},
            "against": self.negative,
            "favour": self.positive,
            "tone": self.tone,
        }


class EmotionReader:
    """Reads the emotion of messages.

    ``phrases`` are by language. ``model`` is what was learnt of English; its training needs the
    `evidence` before there is one, and `read` needs the model.
    """

    def __init__(self, phrases: Mapping[str, LanguagePhrases], model: ToneModel | None) -> None:
        self._vader = SentimentIntensityAnalyzer()
        self._model = model
        self._finders = {
            code: PhraseFinder(language.feelings) for code, language in phrases.items()
        }
        self._pleas = PleaFinder(phrases)
        self._names = PhraseFinder(name for language in phrases.values() for name in language.names)
        self._phrases = phrases
        self._common = {
            code: language.emphasis | {word for text in language.greetings for word in text.split()}
            for code, language in phrases.items()
        }
        self._emoji = phrases["emoji"].substrings
        self._vader_words = frozenset(filter(str.isalpha, self._vader.lexicon))

    def read(
        self, text: str, words: Sequence[WordToken], languages: Iterable[str], english: float
    ) -> Emotion:
        """The emotion of ``text``; ``words`` are its tokens, ``languages`` those it may be in,
        and ``english`` is the probability (0..1) of English."""
        if self._model is None:
            raise RuntimeError("EmotionReader.read needs a model to weigh the evidence")
        evidence = self.evidence(text, words, languages, english)
        return weigh_evidence(evidence, self._model.sign_weights)

    def evidence(
        self, text: str, words: Sequence[WordToken], languages: Iterable[str], english: float
    ) -> EmotionEvidence:
        """All evidence for a feeling; the arguments are those of `read`."""
        words_only = blank_codes(text)
        unquoted = blank_quotations(words_only)
        if unquoted != words_only:
            words = tokenize(unquoted)
        evidence = EmotionEvidence()
        common: list[frozenset[str]] = [self._vader_words]
        for code in languages:
            self._add_phrases(evidence, code, unquoted, words)
            common.append(self._common.get(code, frozenset()))
        if not unquoted.isascii():
            _add_substrings(evidence, unquoted, self._emoji)
        for cue in self._pleas.find(unquoted, words):
            # Somebody full of praise begs for more of it.
            if cue.kind != "anxious" or evidence.strength("pleased") < STRENGTHS[2]:
                evidence.add(cue.kind, 2, cue)
                evidence.certain.add(cue.kind)
        common.append(frozenset(cue.text.casefold() for cue in evidence.cues))
        keys = {word.key for word in words}
        known = frozenset().union(*[keys & vocabulary for vocabulary in common])
        style = style_cues(unquoted, self._without_names(words), known)
        evidence.cues += style
        evidence.force = style_force(style)
        evidence.has_question = "?" in unquoted or "؟" in unquoted or "？" in unquoted
        evidence.is_loud = any(cue.kind in LOUD_STYLES for cue in style)
        if english > 0.2 and words:
            self._add_english(evidence, unquoted, words, english)
        return evidence

    def _without_names(self, words: Sequence[WordToken]) -> Sequence[WordToken]:
        """``words`` without the names of products, whose capitals say nothing."""
        named = {at for match in self._names.find(words) for at in range(match.first, match.last)}
        return [word for at, word in enumerate(words) if at not in named] if named else words

    def _add_english(
        self, evidence: EmotionEvidence, text: str, words: Sequence[WordToken], english: float
    ) -> None:
        """Add the verdicts of VADER and the learnt model, and the words behind them."""
        polarity = self._polarity(text[:MAX_CHARACTERS]) * english
        evidence.negative, evidence.positive = max(0.0, -polarity), max(0.0, polarity)
        if self._model is not None:
            evidence.tone = self._model.score(text[:MAX_CHARACTERS]) * english
        if evidence.strengths.keys() & set(LABELS):
            return
        # No phrase shows a feeling: show the word that counts most for VADER.
        kind, sign = ("frustrated", -1.0) if polarity < 0 else ("pleased", 1.0)
        strongest = max(words, key=lambda word: sign * self._vader.lexicon.get(word.key, 0.0))
        if sign * self._vader.lexicon.get(strongest.key, 0.0) > 0:
            evidence.cues.append(make_cue(text, kind, strongest.start, strongest.end))

    def _polarity(self, text: str) -> float:
        """VADER's polarity, -1 to 1. It is 0 without a word of the lexicon, as in most questions:
        then this does not call VADER. (VADER turns signs outside ASCII into words first.)"""
        if text.isascii():
            known, words = self._vader.lexicon.keys(), text.lower().split()
            # VADER strips the marks around a word, but not those of a sign such as `:)`.
            if known.isdisjoint(words) and known.isdisjoint([w.strip(punctuation) for w in words]):
                return 0.0
        compound: float = self._vader.polarity_scores(text)["compound"]
        return compound

    def _add_phrases(
        self, evidence: EmotionEvidence, code: str, text: str, words: Sequence[WordToken]
    ) -> None:
        finder = self._finders.get(code)
        if finder is None:
            return
        spelt = shorten_elongated(words, finder.knows)
        phrases = self._phrases[code]
        matches = finder.find(spelt)
        if joy := _joyful_oath(matches, spelt, phrases):
            matches = [m for m in matches if m.kind != "angry" or not _is_rude(m, spelt, phrases)]
            matches.append(joy)
        ironic = _is_ironic(matches, spelt, phrases)
        for match in matches:
            kind, weight = match.kind, match.weight
            if _is_denied(match, spelt, phrases.negations):
                if kind != "pleased" or weight < 2:
                    continue
                kind, weight = "frustrated", 2
            elif kind == "pleased" and ironic:
                kind, weight = "frustrated", 2
            start, end = words[match.first].start, words[match.last - 1].end
            evidence.add(kind, weight, make_cue(text, kind, start, end))
        _add_substrings(evidence, text, phrases.substrings)


def _add_substrings(
    evidence: EmotionEvidence, text: str, substrings: Sequence[tuple[str, str]]
) -> None:
    for kind, substring in substrings:
        at = text.find(substring, 0, MAX_CHARACTERS)
        if at >= 0 and kind in FEELING_KINDS:
            evidence.add(kind, 2, make_cue(text, kind, at, at + len(substring)))


def _joyful_oath(
    matches: Sequence[FoundPhrase], words: Sequence[WordToken], phrases: LanguagePhrases
) -> FoundPhrase | None:
    """A rude word beside praise, with no bad news: praise, and the stronger for it.

    A word that is praise only beside an oath (`damn good`) must stand near it, without any
    negation in the message.
    """
    if not matches and phrases.praise.isdisjoint([word.key for word in words]):
        return None  # as nearly always, and cheaper than to look for oaths
    oaths = [at for at, word in enumerate(words) if word.key.startswith(phrases.profanity)]
    if not oaths or any(
        match.kind in NEGATIVE_KINDS and match.weight >= 2 and not _is_rude(match, words, phrases)
        for match in matches
    ):
        return None
    for match in matches:
        praises = match.kind == "pleased" and match.weight >= 2
        if praises and not _is_denied(match, words, phrases.negations):
            return FoundPhrase("pleased", 2, match.first, match.last)
    if any(word.key in phrases.negations for word in words):
        return None
    for oath in oaths:
        for at in range(max(0, oath - 2), min(len(words), oath + 5)):
            if at != oath and words[at].key in phrases.praise:
                return FoundPhrase("pleased", 2, min(oath, at), max(oath, at) + 1)
    return None


def _is_rude(match: FoundPhrase, words: Sequence[WordToken], phrases: LanguagePhrases) -> bool:
    single = match.last - match.first == 1
    return single and words[match.first].key.startswith(phrases.profanity)


def _is_ironic(
    matches: Sequence[FoundPhrase], words: Sequence[WordToken], phrases: LanguagePhrases
) -> bool:
    """Whether praise means the opposite: it is all that the first clause says, and only bad news
    follows (`Great, it broke again`)."""
    first_clause = words[0].clause if words else 0
    first = [
        word.key
        for word in words
        if word.clause == first_clause and not word.key.startswith(phrases.profanity)
    ]
    if not first or len(first) > 4 or not phrases.ironic_praise.issuperset(first):
        return False
    praise = [match for match in matches if match.kind == "pleased"]
    if not praise or any(words[match.first].clause != first_clause for match in praise):
        return False
    if any(word.key in phrases.resolved for word in words):
        return False
    return any(
        match.kind in NEGATIVE_KINDS
        and (match.weight >= 2 or words[match.first].key in phrases.recurrence)
        for match in matches
        if words[match.first].clause != first_clause
    )


def _is_denied(match: FoundPhrase, words: Sequence[WordToken], negations: frozenset[str]) -> bool:
    """Whether one of the three words before it, in the same clause, is a negation."""
    clause = words[match.first].clause
    before = words[max(0, match.first - 3) : match.first]
    return any(word.key in negations and word.clause == clause for word in before)


def weigh_evidence(evidence: EmotionEvidence, sign_weights: Mapping[str, float]) -> Emotion:
    """The emotion that the evidence shows; ``sign_weights`` weigh the signs of distress."""
    found: dict[str, float] = {label: evidence.strength(label) for label in LABELS}
    found["frustrated"] = evidence.strength("frustrated", 0.42 * evidence.negative)
    # VADER finds every polite request pleasant: without words of praise its verdict must be strong.
    praised = "pleased" in evidence.strengths
    praise = 0.45 * evidence.positive if praised else 0.75 * evidence.positive - 0.375
    found["pleased"] = evidence.strength("pleased", max(0.0, praise))
    if evidence.has_question:
        found["pleased"] *= 0.4  # thanks beside a question are good manners
    against = max(found["angry"], found["frustrated"], found["anxious"])
    found["pleased"] *= 1 - against
    if evidence.is_loud and max(found.values()) < MIN_STRENGTH:
        found["frustrated"] = max(found["frustrated"], 0.8 * evidence.force)
    label = max(LABELS, key=lambda name: found[name])
    strength = found[label]
    distress = _distress(evidence, found, sign_weights)
    cues = tuple(sorted(evidence.cues, key=lambda cue: (cue.start, cue.end)))
    feelings = tuple(cue for cue in cues if cue.kind not in EVENT_KINDS)
    if strength < MIN_STRENGTH:
        # A calm message with bad news: the events are the reason for a person.
        return Emotion(distress=distress, cues=cues if distress >= SHOW_EVENTS_FROM else feelings)
    intensity = min(1.0, strength + (1 - strength) * 0.6 * evidence.force)
    return Emotion(label=label, intensity=round(intensity, 3), distress=distress, cues=feelings)


def _distress(
    evidence: EmotionEvidence, found: Mapping[str, float], sign_weights: Mapping[str, float]
) -> float:
    """How much the message calls for a person, 0..1.

    The weights were learnt from people who did not write to a company. Marks, capitals, and words
    of anger in languages without a lexicon count as well.
    """
    score = sign_weights["offset"]
    score += sum(sign_weights[name] * value for name, value in evidence.signs().items())
    upset = max(found["angry"], found["frustrated"], found["anxious"])
    # Shouting makes a feeling stronger; it is not one by itself.
    score += 1.5 * evidence.force * upset
    return round(max(1 / (1 + exp(-score)), 0.8 * upset**2), 4)
