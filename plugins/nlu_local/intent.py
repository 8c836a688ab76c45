"""Which intent a message has, from a trained linear model: numpy alone, a few dot products."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gateway import Guess

from .features import GRAMS, PARTS, Floats, Vocabulary

KEPT = 10
"""Guesses told for each message."""


class BadModel(ValueError):
    """A model file that cannot be used; its message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the confidence is made of, for one message: the best intent and how it stands out."""

    shares: Floats
    """Softmax over the intents."""
    margin: float
    words: float
    pieces: float

    def score(self, hidden: int | None) -> float:
        """A number that grows with the chance that the best intent is right.

        The log-odds of the best intent say how it compares with the others; the lead over the
        second and how much of the message was ever seen in training tell what is out of scope.
        The weights were chosen on two public data sets and serve any: what they give is
        calibrated on the data at hand.
        """
        named = self.shares if hidden is None else np.delete(self.shares, hidden)
        best = min(max(float(named.max()), 1e-6), 1 - 1e-6)
        odds = float(np.log(best / (1 - best)))
        return odds + 0.3 * self.margin + 2.0 * self.words + self.pieces


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

    def evidence(self, text: str) -> Evidence:
        scores = self.bias.copy()
        base, shares = 0, []
        for vocabulary, grams, part in zip(self.vocabularies, GRAMS, PARTS, strict=True):
            at, weights, known = vocabulary.weigh(grams(text))
            scores += (weights * part) @ self.weights[at + base]
            base += len(vocabulary)
            shares.append(known)
        return weigh(scores, words=shares[0], pieces=shares[1])

    def rank(self, text: str) -> tuple[Guess, ...]:
        """The likeliest intents, best first. The first one's confidence is calibrated; the
        others share what it leaves, each at most as much."""
        seen = self.evidence(text)
        hidden = self.names.index(self.hidden) if self.hidden in self.names else None
        top = self.confidence(seen.score(hidden))
        order = [i for i in np.argsort(-seen.shares) if i != hidden][:KEPT]
        ratios = seen.shares[order] / max(float(seen.shares[order[0]]), 1e-9)
        rest = float(ratios[1:].sum())
        part = min(1.0, (1.0 - top) / (top * rest)) if top * rest > 0 else 0.0
        return tuple(
            Guess(name=self.names[i], confidence=top if not n else float(top * part * ratios[n]))
            for n, i in enumerate(order)
        )

    def confidence(self, score: float) -> float:
        return float(1.0 / (1.0 + np.exp(-(self.slope * score + self.offset))))

    def save(self, path: Path) -> None:
        """Write to ``path`` at once or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"names": self.names, "grams": self.grams, "hidden": self.hidden}
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    told=np.frombuffer(json.dumps(told).encode(), np.uint8),
                    idf=np.concatenate([v.idf for v in self.vocabularies]),
                    weights=self.weights,
                    bias=self.bias,
                    platt=np.array([self.slope, self.offset]),
                )
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> IntentModel:
        """Read what `save` wrote; no code in the file is ever run.

        Raises FileNotFoundError, or BadModel when it is not a whole model.
        """
        try:
            with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            told = json.loads(arrays["told"].tobytes())
            return build(
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
) -> IntentModel:
    """Join the parts; raises ValueError when they do not fit."""
    sizes = [len(kind) for kind in grams]
    if len(grams) != len(GRAMS) or weights.shape != (sum(sizes), len(names)):
        raise ValueError("its parts do not fit together")
    if idf.shape != (sum(sizes),) or bias.shape != (len(names),):
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
    )


def weigh(scores: Floats, *, words: float, pieces: float) -> Evidence:
    """The evidence that the ``scores`` of all intents give (natural-log scale)."""
    raised = np.exp(scores - scores.max())
    second, first = np.partition(scores, -2)[-2:]
    return Evidence(
        shares=(raised / raised.sum()).astype(np.float32),
        margin=float(first - second),
        words=words,
        pieces=pieces,
    )
