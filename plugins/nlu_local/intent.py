"""Which intent a message has, from a trained linear model: numpy alone, a few dot products."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway import Guess

from .encoder import Encoder
from .failures import BadModel
from .features import GRAMS, PARTS, UNITS, Floats, Vocabulary

NEARNESS = 6.0
"""What the nearness of the nearest example counts in a score."""

KEPT = 10
"""Guesses told for each message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the confidence is made of: the best intent and how it stands out.

    For one message, or (with one dimension more) for each of many.
    """

    shares: Floats
    """Softmax over the intents."""
    margin: Floats
    words: Floats
    pieces: Floats
    near: Floats | None = None
    """How near the nearest example is, as `Meaning.near` has it; None without an encoder."""

    def score(self, hidden: int | None) -> Floats:
        """A number that grows with the chance that the best intent is right.

        The log-odds of the best intent say how it compares with the others; the lead over the
        second and how much of the message was ever seen in training tell what is out of scope.
        The weights were chosen on two public data sets and serve any: what they give is
        calibrated on the data at hand.
        """
        named = self.shares if hidden is None else np.delete(self.shares, hidden, axis=-1)
        best = np.clip(named.max(axis=-1).astype(np.float64), 1e-6, 1 - 1e-6)
        odds = np.log(best / (1 - best))
        if self.near is None:
            return np.asarray(odds + 0.3 * self.margin + 2.0 * self.words + self.pieces)
        # An encoder tells the unknown by where it lies; then the lead says little more.
        return np.asarray(odds + self.words + NEARNESS * self.near)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an encoder adds to the n-grams."""

    encoder: Encoder
    weights: Floats
    """A row for each dimension, a column for each intent."""
    examples: Floats
    """Where the examples lie."""

    def near(self, points: Floats) -> Floats:
        """The cosine of each of ``points`` with the example that is nearest to it."""
        return np.asarray((points @ self.examples.T).max(axis=1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        made_with = np.frombuffer(self.encoder.fingerprint().encode(), np.uint8)
        return {"meaning": self.weights, "examples": self.examples, "encoder": made_with}

    @classmethod
    def of(cls, encoder: Encoder, arrays: Mapping[str, NDArray[Any]]) -> Meaning:
        """What `arrays` gave. Raises ValueError when that was with another encoder."""
        if arrays["encoder"].tobytes().decode() != encoder.fingerprint():
            raise ValueError("it was trained with another sentence-transformers model")
        return cls(encoder, arrays["meaning"], arrays["examples"])


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentModel:
    """A linear model over tf-idf n-grams, and how its scores become honest confidences."""

    names: tuple[str, ...]
    grams: tuple[tuple[str, ...], ...]
    """Per kind of n-gram, the known ones in the order of the rows of ``weights``."""
    vocabularies: tuple[Vocabulary, ...]
    weights: Floats
    bias: Floats
    slope: float = 1.0
    offset: float = 0.0
    hidden: str | None = None
    """An intent that is learnt to be told apart and is never named (out of scope)."""
    meaning: Meaning | None = None

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """The evidence for each of ``texts``."""
        scores = np.tile(self.bias, (len(texts), 1))
        base, shares = 0, []
        for vocabulary, (units, grams), part in zip(self.vocabularies, UNITS, PARTS, strict=True):
            found = [vocabulary.look_up(units(text), grams) for text in texts]
            at, weights, starts, known = vocabulary.weigh_all(found)
            at, weights = at + base, weights * np.float32(part)
            for row, (start, end) in enumerate(pairwise(starts.tolist())):
                scores[row] += weights[start:end] @ self.weights[at[start:end]]
            base += len(vocabulary)
            shares.append(known)
        near = None
        if self.meaning is not None and texts:
            points = self.meaning.encoder.encode(texts)
            scores += points @ self.meaning.weights
            near = self.meaning.near(points)
        return weigh(scores, words=shares[0], pieces=shares[1], near=near)

    def rank(self, text: str) -> tuple[Guess, ...]:
        """The likeliest intents, best first. The first one's confidence is calibrated; the
        others share what it leaves, each at most as much."""
        return self.rank_all([text])[0]

    def rank_all(self, texts: Sequence[str]) -> list[tuple[Guess, ...]]:
        """`rank` of each, together in a fraction of the time."""
        seen = self.evidence(texts)
        hidden = self.names.index(self.hidden) if self.hidden in self.names else None
        top = self.confidence(seen.score(hidden))
        shares = seen.shares.astype(np.float64)
        if hidden is not None:
            shares[:, hidden] = -1.0
        named = len(self.names) - (hidden is not None)
        order = np.argsort(-shares, axis=1)[:, : min(KEPT, named)]
        ranked = np.take_along_axis(shares, order, axis=1)
        ratios = ranked / np.maximum(ranked[:, :1], 1e-9)
        rest = np.maximum(top * ratios[:, 1:].sum(axis=1), 1e-12)
        part = np.minimum(1.0, (1.0 - top) / rest)
        told = (top * part)[:, None] * ratios
        told[:, 0] = top
        names = self.names
        return [
            tuple(
                Guess(name=names[i], confidence=sure) for i, sure in zip(places, sures, strict=True)
            )
            for places, sures in zip(order.tolist(), np.round(told, 6).tolist(), strict=True)
        ]

    def confidence(self, score: Floats) -> Floats:
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * score + self.offset))))

    def save(self, path: Path) -> None:
        """Write to ``path`` at once or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **self._arrays())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _arrays(self) -> dict[str, NDArray[Any]]:
        told = {"names": self.names, "grams": self.grams, "hidden": self.hidden}
        return {
            "told": np.frombuffer(json.dumps(told).encode(), np.uint8),
            "idf": np.concatenate([v.idf for v in self.vocabularies]),
            "weights": self.weights,
            "bias": self.bias,
            "platt": np.array([self.slope, self.offset]),
            **(self.meaning.arrays() if self.meaning else {}),
        }

    @classmethod
    def load(cls, path: Path, encoder: Encoder | None = None) -> IntentModel:
        """Read what `save` wrote; no code in the file is ever run. ``encoder`` is the one that
        the model was trained with, if there was one.

        Raises FileNotFoundError, or BadModel when it is not a whole model.
        """
        try:
            with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            told = json.loads(arrays["told"].tobytes())
            meaning = None if encoder is None else Meaning.of(encoder, arrays)
            return build(
                meaning=meaning,
                names=told["names"],
                grams=told["grams"],
                idf=arrays["idf"],
                weights=arrays["weights"],
                bias=arrays["bias"],
                platt=(float(arrays["platt"][0]), float(arrays["platt"][1])),
                hidden=told["hidden"],
            )
        except FileNotFoundError:
            raise
        except (EOFError, OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
            raise BadModel(f"{path.name} is not a whole model: {error}") from error


def build(
    *,
    names: list[str],
    grams: list[list[str]],
    idf: Floats,
    weights: Floats,
    bias: Floats,
    platt: tuple[float, float] = (1.0, 0.0),
    hidden: str | None = None,
    meaning: Meaning | None = None,
) -> IntentModel:
    """Join the parts; raises ValueError when they do not fit."""
    sizes = [len(kind) for kind in grams]
    if len(grams) != len(GRAMS) or weights.shape != (sum(sizes), len(names)):
        raise ValueError("its parts do not fit together")
    if idf.shape != (sum(sizes),) or bias.shape != (len(names),):
        raise ValueError("its parts do not fit together")
    if meaning is not None and meaning.weights.shape != (meaning.encoder.size, len(names)):
        raise ValueError("its parts do not fit together")
    parts = np.split(idf.astype(np.float32), np.cumsum(sizes)[:-1])
    return IntentModel(
        names=tuple(names),
        grams=tuple(tuple(kind) for kind in grams),
        vocabularies=tuple(
            Vocabulary({gram: i for i, gram in enumerate(kind)}, part)
            for kind, part in zip(grams, parts, strict=True)
        ),
        weights=np.ascontiguousarray(weights, dtype=np.float32),
        bias=bias.astype(np.float32),
        slope=platt[0],
        offset=platt[1],
        hidden=hidden,
        meaning=meaning,
    )


def weigh(scores: Floats, *, words: Any, pieces: Any, near: Any = None) -> Evidence:
    """The evidence that the ``scores`` of all intents give (natural-log scale)."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    best = np.partition(scores, -2, axis=-1)
    return Evidence(
        shares=(raised / raised.sum(axis=-1, keepdims=True)).astype(np.float32),
        margin=best[..., -1] - best[..., -2],
        words=words,
        pieces=pieces,
        near=near,
    )
