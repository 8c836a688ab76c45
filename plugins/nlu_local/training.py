"""Training of the intent model. It runs in a process of its own beside the server, so that
nobody waits for it and scikit-learn's memory is given back afterwards:

    python -m plugins.nlu_local.training MODEL [gently] < told.json

``told`` has the ``rows`` (text, intent) and the name of the ``encoder``, or null.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .background import rarity
from .encoder import Encoder, Floats
from .features import GRAMS, PARTS, stems
from .intent import IntentModel, Meaning, build, weigh
from .knowledge import OUT_OF_SCOPE

Row = tuple[str, str]
Progress: TypeAlias = Callable[[int, int], None]

MEANING = 2.0
"""What the encoder's points count beside the n-grams, which have length 1."""

STRENGTH = 20.0
"""scikit-learn's C: examples are few and hand-picked, so they are believed."""

STRENGTH_WITH_MEANING = 6.0
"""The same beside an encoder. Of five the best on rows of BANKING77's training file that were held
back: accuracy 0.862, and with 20 it was 0.855."""

NAMES = -1
"""The fold of intents' names: never held back, as they are always known."""

_WORDS = re.compile(r"[^\W_]+")

FEW = 10
"""Fewer examples than this can be held back tell nothing of how sure to be."""

MANY = 2_000
"""More rows than this are trained in a reduced space, with fewer folds."""


class Seen(NamedTuple):
    """The examples as the model sees them."""

    points: NDArray[np.float64]
    labels: NDArray[np.intp]
    known: NDArray[np.float64]
    where: Floats | None
    """Where the encoder has each row, if there is one."""
    strength: float
    """How much they are believed: scikit-learn's C."""


def train(
    rows: Sequence[Row],
    progress: Progress = lambda _step, _of: None,
    encoder: Encoder | None = None,
) -> IntentModel:
    """Learn from (text, intent) rows; ``oos`` rows teach what to refuse. ``progress`` is told
    each step that is done, and of how many. With an ``encoder`` what it tells of the texts is
    learnt together with the n-grams.

    The model is a multinomial logistic regression on tf-idf n-grams. Its confidence is
    calibrated on cross-validated predictions (Platt, 1999). Raises ValueError when fewer than
    two intents are told.
    """
    # What is limited must be loaded: scikit-learn brings the libraries that use threads.
    import sklearn.linear_model  # noqa: F401, PLC0415  (slow to import)

    # A dependency of scikit-learn; it ships no type information.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    # One thread: the server has the other cores, and threads that wait for one another while
    # it is busy make this many times slower.
    with threadpool_limits(1):
        return _train(rows, progress, encoder)


def _train(rows: Sequence[Row], progress: Progress, encoder: Encoder | None) -> IntentModel:
    names, labels = np.unique([intent for _, intent in rows], return_inverse=True)
    if len(set(names) - {OUT_OF_SCOPE}) < 2:
        raise ValueError("at least two intents are needed to learn to tell them apart")
    hidden = OUT_OF_SCOPE if OUT_OF_SCOPE in names else None
    called = [place for place, name in enumerate(names) if name != hidden]
    texts = [*(text for text, _ in rows), *(_as_said(names[place]) for place in called)]
    labels = np.append(labels, called)
    grams, idf, matrix, known = _features(texts)
    where = encoder.encode(texts) if encoder else None
    points, back = _reduce(matrix if where is None else _beside(matrix, where))
    folds = np.append(_folds(labels[: len(rows)]), np.full(len(called), NAMES))
    steps = int(folds.max()) + 2
    strength = STRENGTH if where is None else STRENGTH_WITH_MEANING
    fitted = _fit(points, labels, strength)
    progress(1, steps)
    weights = np.asarray(back @ fitted[0])
    model = build(
        names=names.tolist(),
        grams=grams,
        idf=idf,
        weights=weights[: len(idf)],
        bias=fitted[1],
        hidden=hidden,
    )
    seen = Seen(points, labels, known, where, strength)
    scores, right = [], []
    for fold in range(steps - 1):
        told = _unseen(seen, folds == fold, names.tolist(), hidden)
        scores += told[0]
        right += told[1]
        progress(fold + 2, steps)
    slope, offset = _platt(scores, right)
    meaning = None
    if encoder is not None and where is not None:
        examples = where[np.isin(labels, called)]
        meaning = Meaning(encoder, (MEANING * weights[len(idf) :]).astype(np.float32), examples)
    return replace(model, slope=slope, offset=offset, meaning=meaning)


def _beside(matrix: Any, where: Floats) -> Any:
    """The encoder's points as further columns."""
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  (slow to import)

    return csr_matrix(hstack([matrix, csr_matrix(MEANING * where)]))


def _as_said(name: str) -> str:
    """What an intent is called, in words: it is an example, too (``lost_card``, ``faq/refund``)."""
    return " ".join(_WORDS.findall(name))


def _features(texts: list[str]) -> tuple[list[list[str]], Any, Any, NDArray[np.float64]]:
    """N-grams by kind, their idf, the weighted matrix, and the share of each row (per kind)
    that other rows have too: what would be known of it, had it not been trained on."""
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  (slow to import)
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (slow to import)
    from sklearn.preprocessing import normalize  # noqa: PLC0415  (slow to import)

    grams, idf, parts, known = [], [], [], []
    for analyse, share in zip(GRAMS, PARTS, strict=True):
        rare = 2 if len(texts) > MANY else 1
        vectoriser = TfidfVectorizer(analyzer=analyse, sublinear_tf=True, min_df=rare, norm=None)
        part = csr_matrix(vectoriser.fit_transform(texts))
        grams.append([str(gram) for gram in vectoriser.get_feature_names_out()])
        own = np.asarray(vectoriser.idf_, dtype=np.float32)
        idf.append(rarity(grams[-1], own) if analyse is stems else own)
        parts.append(normalize(part.multiply(idf[-1] / own).tocsr()) * share)
        seen = part.astype(bool).astype(np.float64)
        shared = np.asarray(seen.sum(axis=0)).ravel() >= 2
        whole = seen @ np.where(shared, idf[-1], idf[-1].max() + 0.7)
        known.append((seen @ np.where(shared, idf[-1], 0.0)) / np.maximum(whole, 1e-9))
    return grams, np.concatenate(idf), csr_matrix(hstack(parts)), np.stack(known, axis=1)


def _reduce(matrix: Any) -> tuple[NDArray[np.float64], Any]:
    """The rows in the space they span (for many rows: its first dimensions), and the way back.

    A regularised linear model has its solution there, and fits many times faster in it.
    """
    if matrix.shape[0] > MANY:
        from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415  (slow to import)

        size = min(500, matrix.shape[1] - 1)
        reducer = TruncatedSVD(n_components=size, random_state=0)
        return reducer.fit_transform(matrix), reducer.components_.T
    # Single precision is enough for a few examples, and twice as fast.
    values, vectors = np.linalg.eigh((matrix @ matrix.T).toarray().astype(np.float32))
    kept = values > 1e-3
    roots = np.sqrt(values[kept])
    return vectors[:, kept] * roots, matrix.T @ (vectors[:, kept] / roots)


def _fit(points: NDArray[np.float64], labels: NDArray[np.intp], strength: float) -> tuple[Any, Any]:
    """Weights (dimensions x classes) and bias; two classes are given one column each."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (slow to import)
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    with warnings.catch_warnings():
        # Later steps would change little but confidences, and those are calibrated anyway.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=strength, max_iter=60, tol=1e-3).fit(points, labels)
    weights, bias = fitted.coef_.T, fitted.intercept_
    if weights.shape[1] == 1:
        weights, bias = np.hstack([-weights, weights]) / 2, np.array([-bias[0], bias[0]]) / 2
    return weights, bias


def _unseen(
    seen: Seen, held: NDArray[np.bool_], names: list[str], hidden: str | None
) -> tuple[list[float], list[bool]]:
    """The scores of the rows ``held`` back, by a model of all others, and which are right."""
    points, labels, known, where, strength = seen
    out = names.index(hidden) if hidden is not None else None
    classes = np.unique(labels[~held])
    rows = [row for row in np.flatnonzero(held) if labels[row] != out]
    if len(classes) < 2 or not rows:
        return [], []
    weights, bias = _fit(points[~held], labels[~held], strength)
    meant = None if where is None else where[~held & (labels != (-1 if out is None else out))]
    scores, right = [], []
    for row in rows:
        full = np.full(len(names), -30.0)
        full[classes] = points[row] @ weights + bias
        near = None if where is None or meant is None else (meant @ where[row]).max()
        told = weigh(full, words=known[row, 0], pieces=known[row, 1], near=near)
        scores.append(float(told.score(out)))
        ranked = np.argsort(-full)
        right.append(bool(next(i for i in ranked if i != out) == labels[row]))
    return scores, right


def _platt(scores: list[float], right: list[bool]) -> tuple[float, float]:
    """Platt's slope and offset, from messages that the model had not seen."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    if len(scores) < FEW:
        return 0.5, -1.5
    # One doubt on either side, half a message each, keeps a small or spotless set modest.
    column = np.array([*scores, min(scores), max(scores)])[:, None]
    weight = np.array([1.0] * len(scores) + [0.5, 0.5])
    platt = LogisticRegression(C=100.0).fit(column, [*right, False, True], sample_weight=weight)
    return max(float(platt.coef_[0, 0]), 0.05), float(platt.intercept_[0])


def _folds(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """A fold for every row, each intent spread over them; the same at every run."""
    count = 5 if len(labels) <= MANY else 3
    dice = np.random.default_rng(0)
    folds = np.zeros(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        rows = dice.permutation(np.flatnonzero(labels == label))
        folds[rows] = (np.arange(len(rows)) + dice.integers(count)) % count
    return folds


def main() -> None:
    if sys.argv[2:] == ["gently"] and hasattr(os, "nice"):
        os.nice(10)
    told = json.load(sys.stdin)
    rows = [(text, intent) for text, intent in told["rows"]]
    encoder = Encoder(told["encoder"]) if told["encoder"] else None
    train(rows, _tell, encoder).save(Path(sys.argv[1]))


def _tell(step: int, steps: int) -> None:
    sys.stdout.write(f"{step} {steps}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
