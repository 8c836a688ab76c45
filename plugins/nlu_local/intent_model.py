"""Ranks the intents of a message with a trained linear model: numpy only, a few dot products."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway import Guess

from .encoder import SentenceEncoder
from .features import GRAM_KINDS, GRAM_UNITS, GRAM_WEIGHTS, Floats, GramVocabulary, weigh
from .protocol import UnusableModel

SIMILARITY_WEIGHT = 6.0
"""The weight in a score of the similarity to the nearest example."""

NEAREST_WEIGHT, LEAD_WEIGHT = 2.0, 2.0
"""The weights of the similarity and of the lead over what is out of scope, where there are enough
examples of that. They were chosen on shops of 3, 5 and 36 intents, with messages in four
languages."""

MIN_OUTSIDE = 50
"""With fewer examples of what is out of scope its density is not estimated."""

SHARPNESS = 12.0
"""How fast the weight of an example falls with its distance. A tenth in the cosine makes it 3.3
times less."""

MAX_GUESSES = 10
"""Guesses for each message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentEvidence:
    """What the confidence is made of: the best intent and how it stands out.

    For one message, or (with one more dimension) for many. ``shares`` are the softmax over the
    intents, ``margin`` is the lead of the best over the second, ``known_words`` and
    ``known_pieces`` are the shares 0..1 of the message that occur in the examples, and
    ``similarity`` is the cosine with the nearest example (None without an encoder), and ``lead`` is
    that of `Neighbours` (None, too, without examples of what is out of scope).
    """

    shares: Floats
    margin: Floats
    known_words: Floats
    known_pieces: Floats
    similarity: Floats | None = None
    lead: Floats | None = None

    @classmethod
    def from_scores(
        cls,
        scores: Floats,
        *,
        known_words: Any,
        known_pieces: Any,
        similarity: Any = None,
        lead: Any = None,
    ) -> IntentEvidence:
        """``scores`` are those of all intents, as natural logarithms."""
        raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
        best = np.partition(scores, -2, axis=-1)
        return cls(
            shares=(raised / raised.sum(axis=-1, keepdims=True)).astype(np.float32),
            margin=best[..., -1] - best[..., -2],
            known_words=known_words,
            known_pieces=known_pieces,
            similarity=similarity,
            lead=lead,
        )

    def score(self, hidden: int | None) -> Floats:
        """A number that grows with the chance that the best intent is right.

        The log-odds of the best intent say how it compares with the others. Its lead and the known
        shares show what is out of scope. The weights were chosen on two public data sets and suit
        any other: the result is calibrated on the data at hand.
        """
        named = self.shares if hidden is None else np.delete(self.shares, hidden, axis=-1)
        best = np.clip(named.max(axis=-1).astype(np.float64), 1e-6, 1 - 1e-6)
        odds = np.log(best / (1 - best))
        if self.similarity is None:
            return np.asarray(odds + 0.3 * self.margin + 2.0 * self.known_words + self.known_pieces)
        if self.lead is not None:
            return np.asarray(
                odds + self.known_words + NEAREST_WEIGHT * self.similarity + LEAD_WEIGHT * self.lead
            )
        # The similarity shows what is out of scope; beside it the lead adds little.
        return np.asarray(odds + self.known_words + SIMILARITY_WEIGHT * self.similarity)


class Neighbours(NamedTuple):
    """The embeddings of all examples: how near a message is to them.

    ``examples`` are those of the intents, one intent after another, ``counts`` their number for
    each intent, and ``outside`` those of what is out of scope. Both are kept column by column: a
    product with their transpose then takes two thirds of the time.
    """

    examples: Floats
    counts: NDArray[np.intp]
    outside: Floats

    @classmethod
    def of(
        cls, embeddings: Floats, labels: NDArray[np.intp], hidden: int, more: Floats
    ) -> Neighbours:
        order = np.argsort(labels, kind="stable")
        order = order[labels[order] != hidden]
        _, counts = np.unique(labels[order], return_counts=True)
        outside = np.vstack([embeddings[labels == hidden], *([more] if len(more) else [])])
        return cls(np.asfortranarray(embeddings[order]), counts, np.asfortranarray(outside))

    def similarity(self, embeddings: Floats) -> tuple[Floats, Floats | None]:
        """The cosine of each embedding with its nearest example, and its lead.

        The lead is how much denser (as a natural logarithm) the examples of the nearest intent are
        around it than those out of scope; None with fewer than `MIN_OUTSIDE` of these.
        """
        cosines = embeddings @ self.examples.T
        nearest = cosines.max(axis=1)
        if len(self.outside) < MIN_OUTSIDE:
            return nearest, None
        starts = np.append(0, np.cumsum(self.counts)[:-1])
        means = np.add.reduceat(np.exp(SHARPNESS * cosines), starts, axis=1) / self.counts
        outside = np.exp(SHARPNESS * (embeddings @ self.outside.T)).mean(axis=1)
        return nearest, np.log(means.max(axis=1) / outside)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"examples": self.examples, "counts": self.counts, "outside": self.outside}


@dataclass(frozen=True, slots=True)
class EmbeddingWeights:
    """What an encoder adds to the n-grams.

    ``weights`` have a row for each dimension and a column for each intent; ``examples`` are the
    embeddings of the examples.
    """

    encoder: SentenceEncoder
    weights: Floats
    neighbours: Neighbours

    def arrays(self) -> dict[str, NDArray[Any]]:
        fingerprint = np.frombuffer(self.encoder.fingerprint().encode(), np.uint8)
        return {"meaning": self.weights, "encoder": fingerprint, **self.neighbours.arrays()}

    @classmethod
    def from_arrays(
        cls, encoder: SentenceEncoder, arrays: Mapping[str, NDArray[Any]]
    ) -> EmbeddingWeights:
        """The inverse of `arrays`. Raises ValueError for the arrays of another encoder."""
        if arrays["encoder"].tobytes().decode() != encoder.fingerprint():
            raise ValueError("it was trained with another sentence encoder")
        return cls(
            encoder,
            arrays["meaning"],
            Neighbours(
                np.asfortranarray(arrays["examples"]),
                arrays["counts"],
                np.asfortranarray(arrays["outside"]),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentModel:
    """A linear model over tf-idf n-grams, with calibrated confidences.

    ``grams`` are, per kind, the known n-grams in the order of the rows of ``weights``, and of
    ``idf``, their inverse document frequency, and ``gram_weights``, the weight of their kind.
    ``hidden`` is an intent that is learnt and never named (out of scope).
    """

    names: tuple[str, ...]
    grams: tuple[tuple[str, ...], ...]
    vocabularies: tuple[GramVocabulary, ...]
    idf: Floats
    gram_weights: Floats
    weights: Floats
    bias: Floats
    slope: float = 1.0
    offset: float = 0.0
    hidden: str | None = None
    embedding: EmbeddingWeights | None = None

    def evidence(self, texts: Sequence[str]) -> IntentEvidence:
        """The evidence for each text."""
        scores = np.tile(self.bias, (len(texts), 1))
        found = [
            [
                vocabulary.look_up(units(text), grams)
                for vocabulary, (units, grams) in zip(self.vocabularies, GRAM_UNITS, strict=True)
            ]
            for text in texts
        ]
        weighed = weigh(self.vocabularies, self.idf, found)
        weights = weighed.weights * self.gram_weights[weighed.rows]
        for message, (start, end) in enumerate(pairwise(weighed.starts.tolist())):
            scores[message] += weights[start:end] @ self.weights[weighed.rows[start:end]]
        similarity, lead = None, None
        if self.embedding is not None and texts:
            embeddings = self.embedding.encoder.encode(texts)
            scores += embeddings @ self.embedding.weights
            similarity, lead = self.embedding.neighbours.similarity(embeddings)
        return IntentEvidence.from_scores(
            scores,
            known_words=weighed.known[:, 0],
            known_pieces=weighed.known[:, 1],
            similarity=similarity,
            lead=lead,
        )

    def rank(self, text: str) -> tuple[Guess, ...]:
        """The most probable intents, best first. The first confidence is calibrated; the others
        share the rest, each at most as much as the first."""
        return self.rank_all([text])[0]

    def rank_all(self, texts: Sequence[str]) -> list[tuple[Guess, ...]]:
        """`rank` for each text, in a fraction of the time."""
        evidence = self.evidence(texts)
        hidden = self.names.index(self.hidden) if self.hidden in self.names else None
        top = self.confidence(evidence.score(hidden))
        shares = evidence.shares.astype(np.float64)
        if hidden is not None:
            shares[:, hidden] = -1.0
        named = len(self.names) - (hidden is not None)
        order = np.argsort(-shares, axis=1)[:, : min(MAX_GUESSES, named)]
        ranked = np.take_along_axis(shares, order, axis=1)
        ratios = ranked / np.maximum(ranked[:, :1], 1e-9)
        rest = np.maximum(top * ratios[:, 1:].sum(axis=1), 1e-12)
        part = np.minimum(1.0, (1.0 - top) / rest)
        confidences = (top * part)[:, None] * ratios
        confidences[:, 0] = top
        names = self.names
        return [
            tuple(
                Guess(name=names[i], confidence=confidence)
                for i, confidence in zip(intents, row, strict=True)
            )
            for intents, row in zip(order.tolist(), np.round(confidences, 6).tolist(), strict=True)
        ]

    def confidence(self, score: Floats) -> Floats:
        return np.asarray(1.0 / (1.0 + np.exp(-(self.slope * score + self.offset))))

    def save(self, path: Path) -> None:
        """Write the file completely or not at all."""
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
        metadata = {"names": self.names, "grams": self.grams, "hidden": self.hidden}
        return {
            "metadata": np.frombuffer(json.dumps(metadata).encode(), np.uint8),
            "idf": self.idf,
            "weights": self.weights,
            "bias": self.bias,
            "platt": np.array([self.slope, self.offset]),
            **(self.embedding.arrays() if self.embedding else {}),
        }

    @classmethod
    def load(cls, path: Path, encoder: SentenceEncoder | None = None) -> IntentModel:
        """Read a file that `save` wrote; it never runs code from the file. ``encoder`` is the one
        that the model was trained with, if any.

        Raises FileNotFoundError, or UnusableModel for a file that is not a complete model.
        """
        try:
            with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            metadata = json.loads(arrays["metadata"].tobytes())
            slope, offset = arrays["platt"].tolist()
            return build_model(
                names=metadata["names"],
                grams=metadata["grams"],
                idf=arrays["idf"],
                weights=arrays["weights"],
                bias=arrays["bias"],
                slope=slope,
                offset=offset,
                hidden=metadata["hidden"],
                embedding=EmbeddingWeights.from_arrays(encoder, arrays) if encoder else None,
            )
        except FileNotFoundError:
            raise
        except (EOFError, OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
            raise UnusableModel(f"{path.name} is not a complete model: {error}") from error


def build_model(
    *,
    names: list[str],
    grams: list[list[str]],
    idf: Floats,
    weights: Floats,
    bias: Floats,
    slope: float = 1.0,
    offset: float = 0.0,
    hidden: str | None = None,
    embedding: EmbeddingWeights | None = None,
) -> IntentModel:
    """Join the parts. Raises ValueError when their sizes do not match."""
    sizes = [len(kind) for kind in grams]
    rows, columns = sum(sizes), len(names)
    matching = len(grams) == len(GRAM_KINDS) and weights.shape == (rows, columns)
    if not matching or idf.shape != (rows,) or bias.shape != (columns,):
        raise ValueError("the sizes of its parts do not match")
    if embedding is not None and embedding.weights.shape != (embedding.encoder.size, columns):
        raise ValueError("the size of its encoder does not match")
    idf = idf.astype(np.float32)
    parts = np.split(idf, np.cumsum(sizes)[:-1])
    return IntentModel(
        names=tuple(names),
        grams=tuple(tuple(kind) for kind in grams),
        vocabularies=tuple(
            GramVocabulary({gram: i for i, gram in enumerate(kind)}, part)
            for kind, part in zip(grams, parts, strict=True)
        ),
        idf=idf,
        gram_weights=np.repeat(np.array(GRAM_WEIGHTS, np.float32), sizes),
        weights=np.ascontiguousarray(weights, dtype=np.float32),
        bias=bias.astype(np.float32),
        slope=slope,
        offset=offset,
        hidden=hidden,
        embedding=embedding,
    )
