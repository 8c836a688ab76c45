"""Reads the mood and the signals of messages, with the phrases and the learnt model together.

Where there is no sentence encoder the phrases decide alone. With it the model decides, and the
phrases are some of its signs; the words that a phrase shows, or else the words without which the
model would decide otherwise, are the cues.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from gateway import Cue, Emotion

from ..encoder import PieceEncoder
from ..features import Floats
from ..phrases import LanguagePhrases
from ..text import MAX_CHARACTERS, WordToken, blank_quotations, tokenize
from .cues import FoundSignal, SignalFinder, make_cue
from .emotion import (
    EVENT_KINDS,
    SHOW_EVENTS_FROM,
    EmotionEvidence,
    EmotionReader,
    weigh_evidence,
)
from .model import (
    HARM,
    HARM_DOUBT,
    STEP_BACK,
    UPSET,
    MoodInputs,
    MoodJudgements,
    MoodModel,
    PhraseVotes,
)
from .signs import MOODS, evidence_signs, form_signs, gram_buckets, mood_text
from .tone import ToneModel

HARM_SIGNAL = "harm"
SENTENCE_HARM = 0.97
"""From this score on one sentence tells of harm, whatever stands around it. Alone it says less than
a whole message, so it must be surer."""

TOGETHER = 1.1
"""From this sum of what the message and its most upset sentence say of stepping back, a person
takes it. Upset traps beside a calm request of the same language are found so in 0.60 and 0.52 of
cases (of the readable and the unread half of the traps; 0.44 and 0.41 without); two calm requests
are taken for upset in 2.1 % and 2.4 % (1.0 % and 1.7 % without)."""
LEAST_STEP_BACK = TOGETHER - 1.0
"""Below this no sentence can change it."""

MAX_SENTENCES = 48
"""Sentences of a message that are read alone: half from its beginning, half from its end."""

MAX_PARTS = 10
"""Parts of a message that are left out, one after another, to find the words that matter."""

WINDOW_WORDS = 3
"""Words of a part in a message of one clause."""

_SENTENCE = re.compile(r"[^.!?\n…。！？؟]+[.!?…。！？؟]*")
_CLAUSE = re.compile(r"[^.,;:!?\n…。、！？，؛؟]+[.,;:!?…。、！？，؛؟]*")


class MoodContext(NamedTuple):
    """A message, its tokens, the languages that it may be in, and the probability of English."""

    text: str
    words: Sequence[WordToken]
    languages: Sequence[str]
    english: float


@dataclass(frozen=True, slots=True)
class MoodReading:
    """The emotion of a message, and its signals in order."""

    emotion: Emotion
    signals: tuple[Cue, ...]


class _PhraseReading(NamedTuple):
    """What the phrases alone say of a message."""

    evidence: EmotionEvidence
    emotion: Emotion
    signals: tuple[FoundSignal, ...]

    def cues(self) -> tuple[Cue, ...]:
        return tuple(signal.cue for signal in self.signals)

    def names_harm(self) -> bool:
        """Whether a phrase or word of harm occurs."""
        return any(signal.cue.kind == HARM_SIGNAL for signal in self.signals)

    def shows_harm(self) -> bool:
        """Whether a phrase of several words, or one of the brand's guide, shows harm."""
        return any(
            cue.kind == HARM_SIGNAL and (custom or len(cue.text.split()) > 1)
            for cue, custom in self.signals
        )

    def cues_believed(self, text: str, harm: float) -> tuple[Cue, ...]:
        """The signals without single words of harm that the model doubts, as in questions about
        smoke alarms. ``harm`` is its score for the message, or for a worse sentence. Phrases of
        several words stay, those of the brand's guide, and those in quotations, which the model
        does not read."""
        if harm >= HARM_DOUBT:
            return self.cues()
        own = blank_quotations(text)
        return tuple(
            cue
            for cue, custom in self.signals
            if custom
            or cue.kind != HARM_SIGNAL
            or len(cue.text.split()) > 1
            or own[cue.start : cue.end] != cue.text
        )


class _SentenceReading(NamedTuple):
    """A sentence of a message, read alone. ``harm`` is 1 where its phrases show it."""

    start: int
    end: int
    harm: float
    step_back: float
    moods: Floats
    distress: float


class MoodReader:
    """Reads messages. ``phrases`` are by language.

    ``model`` needs ``encoder``; without them the phrases decide.
    """

    def __init__(
        self,
        phrases: Mapping[str, LanguagePhrases],
        *,
        encoder: PieceEncoder | None = None,
        model: MoodModel | None = None,
    ) -> None:
        tone = ToneModel.load()
        self._emotions = EmotionReader(phrases, tone)
        self._sign_weights = tone.sign_weights
        self._signals = SignalFinder(phrases)
        self._encoder, self._model = encoder, model

    def read_all(self, messages: Sequence[MoodContext]) -> list[MoodReading]:
        """The reading of each message."""
        found = [self._read_phrases(message) for message in messages]
        if self._encoder is None or self._model is None or not messages:
            return [MoodReading(phrases.emotion, phrases.cues()) for phrases in found]
        inputs = self._inputs(messages, found, self._encoder)
        judged = self._model.judge(inputs)
        sentences = self._read_sentences(self._model, self._encoder, messages, found, judged)
        judged = _with_upset_sentences(judged, sentences)
        readings = [
            self._join(self._model, message, phrases, judged, at, sentences.get(at, []))
            for at, (message, phrases) in enumerate(zip(messages, found, strict=True))
        ]
        return self._explain(messages, inputs, judged, readings)

    def _read_sentences(
        self,
        model: MoodModel,
        encoder: PieceEncoder,
        messages: Sequence[MoodContext],
        found: Sequence[_PhraseReading],
        judged: MoodJudgements,
    ) -> dict[int, list[_SentenceReading]]:
        """The sentences of each message that has several, each read alone: beside everyday
        sentences the model would not see a danger, or how upset the customer is. Sentences that
        can change nothing are left out."""
        parts = [
            (at, start, end, text)
            for at, (message, phrases) in enumerate(zip(messages, found, strict=True))
            for start, end in _sentences(message.text)
            # Most sentences that the model learnt from have no full stop.
            for text in [message.text[start:end].rstrip(".。")]
            # Phrases have not been looked for behind `MAX_CHARACTERS`.
            if phrases.names_harm()
            or start >= MAX_CHARACTERS
            or LEAST_STEP_BACK <= judged.step_back[at] < STEP_BACK
            or model.may_tell_harm(text)
        ]
        if not parts:
            return {}
        alone = [
            MoodContext(text, tokenize(text), messages[at].languages, messages[at].english)
            for at, _, _, text in parts
        ]
        readings = [self._read_phrases(sentence) for sentence in alone]
        scores = model.judge(self._inputs(alone, readings, encoder))
        sentences: dict[int, list[_SentenceReading]] = {}
        for row, ((at, start, end, _), phrases) in enumerate(zip(parts, readings, strict=True)):
            sentence = _SentenceReading(
                start,
                end,
                1.0 if phrases.shows_harm() else float(scores.harm[row]),
                float(scores.step_back[row]),
                scores.moods[row],
                float(scores.distress[row]),
            )
            sentences.setdefault(at, []).append(sentence)
        return sentences

    def inputs(self, messages: Sequence[MoodContext]) -> MoodInputs:
        """What the model reads of each message. Raises RuntimeError without an encoder."""
        if self._encoder is None:
            raise RuntimeError("MoodReader.inputs needs an encoder")
        return self._inputs(messages, [self._read_phrases(m) for m in messages], self._encoder)

    def _read_phrases(self, message: MoodContext) -> _PhraseReading:
        evidence = self._emotions.evidence(*message)
        emotion = weigh_evidence(evidence, self._sign_weights)
        signals = self._signals.find(message.text, message.words, message.languages)
        return _PhraseReading(evidence, emotion, signals)

    @staticmethod
    def _inputs(
        messages: Sequence[MoodContext],
        found: Sequence[_PhraseReading],
        encoder: PieceEncoder,
    ) -> MoodInputs:
        signs = [
            form_signs(message.text)
            + evidence_signs(evidence, emotion, (signal.cue.kind for signal in signals))
            for message, (evidence, emotion, signals) in zip(messages, found, strict=True)
        ]
        texts = [mood_text(message.text) for message in messages]
        return MoodInputs(
            embeddings=encoder.encode(texts),
            signs=np.array(signs, np.float32),
            grams=[gram_buckets(message.text) for message in messages],
            pieces=[encoder.pieces(text) for text in texts],
            votes=PhraseVotes.of([emotion for _, emotion, _ in found]),
        )

    @staticmethod
    def _join(  # noqa: PLR0917  (all that is known of one message)
        model: MoodModel,
        message: MoodContext,
        phrases: _PhraseReading,
        judged: MoodJudgements,
        at: int,
        sentences: Sequence[_SentenceReading],
    ) -> MoodReading:
        """The model's decision, with the cues that the phrases found. Without words, as in `...`,
        the phrases decide."""
        harm = float(judged.harm[at])
        worst = max(sentences, key=lambda sentence: sentence.harm, default=None)
        if worst and worst.harm >= HARM:
            harm = max(harm, worst.harm)
        signals = phrases.cues_believed(message.text, harm)
        known = any(cue.kind == HARM_SIGNAL for cue in signals)
        if worst and worst.harm >= SENTENCE_HARM and not known:
            cue = make_cue(message.text, HARM_SIGNAL, worst.start, worst.end)
            signals = tuple(sorted((*signals, cue), key=lambda found: (found.start, found.end)))
        step_back = float(judged.step_back[at])
        certain = step_back < STEP_BACK and phrases.emotion.label in phrases.evidence.certain
        if certain or not message.words:
            return MoodReading(phrases.emotion, signals)
        label, intensity = model.label(judged.moods[at], step_back)
        distress = round(float(judged.distress[at]), 4)
        cues = tuple(sorted(phrases.evidence.cues, key=lambda cue: (cue.start, cue.end)))
        if label == "pleased" or (label not in UPSET and distress < SHOW_EVENTS_FROM):
            cues = tuple(cue for cue in cues if cue.kind not in EVENT_KINDS)
        emotion = Emotion(label=label, intensity=round(intensity, 3), distress=distress, cues=cues)
        return MoodReading(emotion, signals)

    def _explain(
        self,
        messages: Sequence[MoodContext],
        inputs: MoodInputs,
        judged: MoodJudgements,
        readings: Sequence[MoodReading],
    ) -> list[MoodReading]:
        """``readings`` with a cue for each mood, and for harm, that no phrase shows."""
        wanted = [
            (at, kind)
            for at, reading in enumerate(readings)
            for kind in self._unexplained(reading, float(judged.harm[at]))
        ]
        explained = list(readings)
        for (at, _), cue in zip(wanted, self._find_cues(messages, inputs, wanted), strict=True):
            explained[at] = _with_cue(explained[at], cue)
        return explained

    @staticmethod
    def _unexplained(reading: MoodReading, harm: float) -> list[str]:
        """The kinds of cues that are missing."""
        emotion = reading.emotion
        shown = {cue.kind for cue in emotion.cues}
        if emotion.label in UPSET:
            shown_enough = not shown.isdisjoint(UPSET)
        else:
            shown_enough = emotion.label == "calm" or emotion.label in shown
        kinds: list[str] = [] if shown_enough else [emotion.label]
        if harm >= HARM and all(signal.kind != HARM_SIGNAL for signal in reading.signals):
            kinds.append(HARM_SIGNAL)
        return kinds

    def _find_cues(
        self,
        messages: Sequence[MoodContext],
        inputs: MoodInputs,
        wanted: Sequence[tuple[int, str]],
    ) -> list[Cue]:
        """The words of each wanted kind: the part of the message without which the model is least
        sure of it (occlusion; Zeiler and Fergus, 2014). All parts are judged together."""
        if self._encoder is None or self._model is None or not wanted:
            return []
        spans = [_parts(messages[at]) for at, _ in wanted]
        rest = [
            messages[at].text[:start] + " " + messages[at].text[end:]
            for (at, _), found in zip(wanted, spans, strict=True)
            for start, end in found
        ]
        owners = [at for (at, _), found in zip(wanted, spans, strict=True) for _ in found]
        texts = [mood_text(text) for text in rest]
        judged = self._model.judge(
            MoodInputs(
                embeddings=self._encoder.encode(texts),
                signs=inputs.signs[owners],
                grams=[gram_buckets(text) for text in rest],
                pieces=[self._encoder.pieces(text) for text in texts],
                votes=inputs.votes.taken(np.array(owners)),
            )
        )
        cues, first = [], 0
        for (at, kind), found in zip(wanted, spans, strict=True):
            sure = _surety(judged, kind)[first : first + len(found)]
            start, end = found[int(np.argmin(sure))]
            first += len(found)
            cues.append(make_cue(messages[at].text, kind, start, end))
        return cues


def _with_upset_sentences(
    judged: MoodJudgements, sentences: Mapping[int, Sequence[_SentenceReading]]
) -> MoodJudgements:
    """``judged`` with the mood of a sentence in place of the message's, where both together call
    for a person and the message alone does not."""
    step_back, moods = judged.step_back.copy(), judged.moods.copy()
    distress = judged.distress.copy()
    for at, found in sentences.items():
        worst = max(found, key=lambda sentence: sentence.step_back)
        together = (step_back[at] + worst.step_back) * STEP_BACK / TOGETHER
        if step_back[at] < STEP_BACK <= together:
            step_back[at], moods[at] = together, worst.moods
            distress[at] = max(distress[at], worst.distress)
    return judged._replace(step_back=step_back, moods=moods, distress=distress)


def _surety(judged: MoodJudgements, kind: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """How sure the model is of ``kind``, a label or harm, for each row."""
    if kind == HARM_SIGNAL:
        return np.asarray(judged.harm)
    if kind in UPSET:
        upset = judged.moods[:, [MOODS.index(mood) for mood in UPSET]].sum(axis=1)
        return np.asarray(upset + judged.step_back)
    return np.asarray(judged.moods[:, [str(mood) for mood in MOODS].index(kind)])


def _sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of ``text`` if it has several, at most `MAX_SENTENCES`."""
    found = [
        _stripped(text, *match.span())
        for start, end in _kept(text)
        for match in _SENTENCE.finditer(text, start, end)
        if any(map(str.isalpha, match.group()))
    ]
    if len(found) < 2:
        return []
    half = MAX_SENTENCES // 2
    return found if len(found) <= MAX_SENTENCES else [*found[:half], *found[-half:]]


def _parts(message: MoodContext) -> list[tuple[int, int]]:
    """The clauses of the message, or, where it has but one, its words in windows; at least one."""
    text = message.text
    clauses = [
        _stripped(text, *match.span())
        for start, end in _kept(text)
        for match in _CLAUSE.finditer(text, start, end)
        if any(map(str.isalpha, match.group()))
    ]
    if len(clauses) > 1:
        step = -(-len(clauses) // MAX_PARTS)
        joined = [clauses[at : at + step] for at in range(0, len(clauses), step)]
        return [(part[0][0], part[-1][1]) for part in joined]
    words = message.words
    if len(words) <= WINDOW_WORDS:
        return [_stripped(text, 0, len(text))]
    step = max(1, (len(words) - WINDOW_WORDS) // MAX_PARTS)
    starts = range(0, len(words) - WINDOW_WORDS + 1, step)
    return [(words[at].start, words[at + WINDOW_WORDS - 1].end) for at in starts]


def _kept(text: str) -> list[tuple[int, int]]:
    """What the models read of ``text`` (see `truncate`)."""
    if len(text) <= MAX_CHARACTERS:
        return [(0, len(text))]
    return [(0, MAX_CHARACTERS * 3 // 4), (len(text) - MAX_CHARACTERS // 4, len(text))]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blanks at both ends, unless nothing else is there."""
    part = text[start:end]
    if not part.strip():
        return start, end
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _with_cue(reading: MoodReading, cue: Cue) -> MoodReading:
    if cue.kind == HARM_SIGNAL:
        signals = sorted((*reading.signals, cue), key=lambda found: (found.start, found.end))
        return replace(reading, signals=tuple(signals))
    cues = sorted((*reading.emotion.cues, cue), key=lambda found: (found.start, found.end))
    return replace(reading, emotion=reading.emotion.replace(cues=tuple(cues)))
