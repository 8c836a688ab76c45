"""The mood of messages, whether a person should step in, and harm: a small learnt model.

It joins, by the mean of their probabilities, a few small networks over the sentence's embedding
and the other `signs`, a linear model over n-grams, and one over `concepts`. The networks know what
a sentence means, in words that nobody taught; the n-grams know what is usual in plain requests, and
so prevent false alarms; the concepts carry what a word says from one language to the others.

The coefficients are data of this package (``data/mood.npz``, see ``data/NOTICE``), numbers only.
`model_training` makes the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway import Emotion, MoodLabel

from ..features import Floats
from .concepts import concept_buckets, concepts_of
from .signs import MOODS, GramBuckets, gram_buckets

MOOD_FILE = "mood.npz"

EMBEDDING_SCALE = 8.0
"""Embeddings have length 1: each of their numbers is small beside the other signs."""

STEP_BACK = 0.5
"""From this probability on a person should take the message at once. From the same probability of
all upset labels together on, one of them is the label."""

HARM = 0.018
"""From this score on a message tells of harm or danger. Of 1,000 calm requests that the model had
not seen, 4 or 5 reach this, and 27 upset or misleading messages; at 0.5 it were 2 and 7, but a
sixth of the dangers would be missed more: to miss a danger is worse."""

HARM_POSSIBLE = -3.0
"""Log-odds, by its n-grams alone, below which a sentence is not read alone for harm. All sentences
that tell of harm, and are found so without a phrase, are above; of calm ones, three in four below.
"""

HARM_DOUBT = 0.003
"""Below this score a message does not, though a phrase says so."""

CALM_VOTE, FEELING_VOTE = 0.07, 0.5
"""The weight of what the phrases alone say beside the learnt parts: of no feeling, as most feelings
have no phrase; and of a feeling, times its intensity, as plain words mean what they say."""

STEP_BACK_INTENSITY: Mapping[MoodLabel, float] = {
    "frustrated": 0.6,
    "angry": 0.45,
    "anxious": 0.75,
    "urgent": 0.8,
}
"""The intensity that a probability of `STEP_BACK` gives to each label: the default thresholds of
the policy's `strong_emotion` and `urgent`."""

RANK_STEP_BACK = 0.15
"""What the log-odds of stepping back count beside the tone and the phrases in ``distress``. Order
and decision want different scores: with more it ranks public tweets worse."""

BOUNDED_DISTRESS = (0.7, 0.74)
"""Distress from the first number on lies between the two where nobody has to step back: the policy
calls a person from 0.75 on, and the order stays."""

UPSET: tuple[MoodLabel, ...] = ("anxious", "frustrated", "angry")
"""Who is in a hurry is not upset, so `urgent` is not among them."""

BALANCE = 0.3
"""Of the training sentences most are calm. Between labels that are not upset, the shares in them
count this much less, as an exponent: 0 keeps them, 1 makes all labels equally likely."""

_UPSET_AT = [MOODS.index(mood) for mood in UPSET]
_CALM_AT, _URGENT_AT = MOODS.index("calm"), MOODS.index("urgent")


class PhraseVotes(NamedTuple):
    """What the phrases alone say of a batch, a number for each message: the places in `MOODS` of
    ``labels``, ``intensities``, 0..1, ``calls``, 1.0 where the policy's defaults would call a
    person, and ``ranking``, the log-odds of their distress."""

    labels: NDArray[np.intp]
    intensities: Floats
    calls: Floats
    ranking: Floats

    @classmethod
    def of(cls, emotions: Sequence[Emotion]) -> PhraseVotes:
        return cls(
            np.array([MOODS.index(emotion.label) for emotion in emotions], np.intp),
            np.array([emotion.intensity for emotion in emotions], np.float32),
            np.array([_calls_for_person(emotion) for emotion in emotions], np.float32),
            np.array([_log_odds(emotion.distress) for emotion in emotions], np.float32),
        )

    def taken(self, rows: NDArray[Any]) -> PhraseVotes:
        return PhraseVotes(*(column[rows] for column in self))


def _calls_for_person(emotion: Emotion) -> bool:
    return emotion.intensity >= STEP_BACK_INTENSITY.get(emotion.label, 1.1)


def _log_odds(distress: float) -> float:
    return log(distress + 1e-3) - log(1 - distress + 1e-3)


class MoodInputs(NamedTuple):
    """What the model reads of a batch: ``embeddings`` of `signs.mood_text` and the other numbers
    (`signs.form_signs`, then `signs.evidence_signs`), a row each; the n-grams; the encoder's
    pieces of `signs.mood_text`; and the phrases' votes."""

    embeddings: Floats
    signs: Floats
    grams: Sequence[GramBuckets]
    pieces: Sequence[Sequence[int]]
    votes: PhraseVotes


class MoodJudgements(NamedTuple):
    """What the model says of a batch, a row or number for each message, all 0..1.

    ``moods`` has the probability of each of `MOODS`. ``step_back`` is that of a message that a
    person should take at once, ``harm`` a score for harm or danger. ``distress`` ranks messages.
    """

    moods: Floats
    step_back: Floats
    harm: Floats
    distress: Floats


class MoodModel:
    """Judges messages. ``arrays`` are those of `model_training.learn_moods`; `load` reads the ones
    of this package."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        others = ("gram_weights", "concept_weights", "concepts", "sources")
        parts = {n: np.asarray(v, np.float32) for n, v in arrays.items() if n not in others}
        self._networks = _Networks(parts, "mood")
        self._harm_networks = _Networks(parts, "harm")
        self._grams = _LinearScores(parts, "gram", arrays["gram_weights"])
        self._concepts = _LinearScores(parts, "concept", arrays["concept_weights"])
        self._groups = np.asarray(arrays["concepts"], np.uint16)
        self._tone_weights, self._tone_bias = parts["tone_weights"], parts["tone_bias"]
        self._class_moods, self._class_step_back = parts["class_moods"], parts["class_step_back"]
        self._balance = parts["balance"]
        self._harm_scale = parts["harm_scale"]
        self._rank_scale, self._distress = float(parts["rank_scale"]), parts["distress_scale"]

    @classmethod
    def load(cls) -> MoodModel:
        source = files("plugins.nlu_local").joinpath("data", MOOD_FILE)
        with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return cls({name: arrays[name] for name in arrays.files})

    def judge(self, inputs: MoodInputs) -> MoodJudgements:
        """The judgement of each message; more at once cost less each."""
        scaled = inputs.embeddings * np.float32(EMBEDDING_SCALE)
        tones = scaled @ self._tone_weights + self._tone_bias
        rows = np.hstack([scaled, inputs.signs, tones])
        grams = np.array([self._grams.score(found) for found in inputs.grams], np.float32)
        concepts = self._concept_scores(inputs.pieces)
        classes = len(self._class_step_back)
        joint = (
            self._networks.probabilities(rows)
            + softmax(grams[:, :classes])
            + softmax(concepts[:, :classes])
        ) / 3
        votes = inputs.votes
        felt = votes.labels != _CALM_AT
        weight = np.where(felt, FEELING_VOTE * votes.intensities, CALM_VOTE).astype(np.float32)
        moods = (1 - weight)[:, None] * (joint @ self._class_moods)
        moods[np.arange(len(moods)), votes.labels] += weight
        step_back = (1 - weight) * (joint @ self._class_step_back) + weight * votes.calls
        harm_logit = (
            self._harm_networks.scores(rows)[:, 0] + grams[:, classes] + concepts[:, classes]
        )
        sure = np.clip(step_back, 1e-3, 1 - 1e-3)
        order = (
            tones[:, 0]
            + votes.ranking / self._rank_scale
            + RANK_STEP_BACK * np.log(sure / (1 - sure))
        )
        return MoodJudgements(
            moods=np.asarray(moods, np.float32),
            step_back=step_back,
            harm=sigmoid(self._harm_scale[0] * harm_logit + self._harm_scale[1]),
            distress=_bounded(sigmoid(self._distress[0] * order + self._distress[1]), step_back),
        )

    def may_tell_harm(self, text: str) -> bool:
        """Whether the words of ``text`` leave it open that it tells of harm: for a fiftieth of the
        cost of `judge`, to spare that for most sentences."""
        scores = self._grams.score(gram_buckets(text))
        return bool(scores[len(self._class_step_back)] >= HARM_POSSIBLE)

    def _concept_scores(self, pieces: Sequence[Sequence[int]]) -> Floats:
        found = [concept_buckets(concepts_of(each, self._groups)) for each in pieces]
        return np.array([self._concepts.score(each) for each in found], np.float32)

    def label(self, moods: Floats, step_back: float) -> tuple[MoodLabel, float]:
        """The label and intensity, 0..1, of one message, from its judgement.

        The two decisions are bound to each other: who should be taken by a person at once has an
        upset label, or is in a hurry, with an intensity that the policy's defaults act on; a label
        that is upset and not that strong stays below them.
        """
        upset = moods[_UPSET_AT]
        if step_back >= STEP_BACK or upset.sum() >= STEP_BACK:
            label = UPSET[int(upset.argmax())]
            if moods[_URGENT_AT] > upset.max():
                label = "urgent"
            return label, _intensity(label, step_back)
        others = moods * self._balance
        others[_UPSET_AT] = 0.0
        label = MOODS[int(others.argmax())]
        if label == "calm":
            return label, 0.0
        if label == "urgent":
            return label, _intensity(label, step_back)
        return label, float(others.max() / others.sum())


def _intensity(label: MoodLabel, step_back: float) -> float:
    """`STEP_BACK` becomes the label's threshold; below and above it is linear."""
    threshold = STEP_BACK_INTENSITY[label]
    if step_back < STEP_BACK:
        # Just below, however it is rounded: the decision is the model's.
        return min(threshold - 0.01, threshold * step_back / STEP_BACK)
    return threshold + (1 - threshold) * (step_back - STEP_BACK) / (1 - STEP_BACK)


def _bounded(distress: Floats, step_back: Floats) -> Floats:
    low, high = BOUNDED_DISTRESS
    squeezed = low + (distress - low) * ((high - low) / (1 - low))
    return np.asarray(np.where((step_back < STEP_BACK) & (distress > low), squeezed, distress))


class _LinearScores:
    """A linear model over rows that a message has or has not. ``name`` prefixes its arrays."""

    def __init__(self, parts: Mapping[str, Floats], name: str, weights: Any) -> None:
        # Kept in bytes: a float for each would be four times the memory.
        self._weights = np.ascontiguousarray(weights, np.int8)
        self._scale, self._bias = parts[f"{name}_scale"], parts[f"{name}_bias"]

    def score(self, rows: Sequence[Sequence[int] | NDArray[np.intp]]) -> Floats:
        """The scores of one message; its rows of each kind have length 1 together."""
        score = self._bias.copy()
        for kind in rows:
            if len(kind):
                total = self._weights[np.asarray(kind, np.intp)].sum(axis=0, dtype=np.float32)
                score += total * self._scale / np.float32(np.sqrt(len(kind)))
        return score


class _Networks:
    """A few networks with one hidden layer, learnt from different seeds. ``name`` prefixes their
    arrays: the weights of the first layer have the shape (networks, inputs, hidden), and stand side
    by side here, so that one product serves all networks."""

    def __init__(self, parts: Mapping[str, Floats], name: str) -> None:
        self._first = np.concatenate(list(parts[f"{name}_first"]), axis=1)
        self._first_bias = parts[f"{name}_first_bias"].reshape(-1)
        self._second = parts[f"{name}_second"]
        self._second_bias = parts[f"{name}_second_bias"][:, None]

    def scores(self, rows: Floats) -> Floats:
        """The mean of the networks' scores."""
        return np.asarray(self._scores(rows).mean(axis=0))

    def probabilities(self, rows: Floats) -> Floats:
        """The mean of the networks' probabilities."""
        return np.asarray(softmax(self._scores(rows)).mean(axis=0))

    def _scores(self, rows: Floats) -> Floats:
        """Of each network and row."""
        hidden = np.maximum(rows @ self._first + self._first_bias, 0)
        apart = hidden.reshape(len(rows), len(self._second), -1).swapaxes(0, 1)
        return np.asarray(apart @ self._second + self._second_bias)


def softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def sigmoid(scores: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-scores)), np.float32)
