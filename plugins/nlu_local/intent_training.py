"""Trains the intent model, in its own process: the server does not wait, and scikit-learn's memory
is freed afterwards.

    python -m plugins.nlu_local.intent_training MODEL [low-priority] < job.json

The job has ``rows`` (text, intent) and the name of the ``encoder``, or null.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .encoder import SentenceEncoder, load_encoder
from .features import GRAM_KINDS, GRAM_WEIGHTS, Floats, long_stems
from .intent_model import EmbeddingWeights, IntentEvidence, IntentModel, Neighbours, build_model
from .protocol import ANYTHING, OUT_OF_SCOPE, PACKAGED_INTENTS, PACKAGED_OUTSIDE, UNIVERSAL

if TYPE_CHECKING:
    from .examples import Example  # loads the settings

Progress: TypeAlias = Callable[[int, int], None]

EMBEDDING_WEIGHT = 2.0
"""The weight of the embeddings beside the n-grams, which have length 1."""

STRENGTH = 20.0
"""scikit-learn's C: examples are few and hand-picked, so the model trusts them."""

STRENGTH_WITH_ENCODER = 6.0
"""The same with an encoder. Of five values the best on rows held back from BANKING77's training
file: accuracy 0.862, against 0.855 with 20."""

NAME_FOLD = -1
"""The fold of the intents' names. It is never held back, as the names are always known."""

MIN_CALIBRATION = 10
"""With fewer predictions on held-back examples there is no calibration."""

MANY_EXAMPLES = 2_000
"""More rows than this are trained in a reduced space, with fewer folds."""

REDUCED, OVERSAMPLED = 500, 10
"""The dimensions of that space, and those that are searched beside it."""

LEARNT_OUTSIDE = 300
"""Packaged examples of what is out of scope that the linear model learns. More cost time and gain
nothing: all of them are neighbours (`Neighbours`)."""

NEAR_EXAMPLE = 0.6
"""A packaged example of what is out of scope is left out where its cosine with an example of the
shop is at least this. Between sentences of one meaning it is seldom less."""

NEAR_TOPIC = 0.62
"""A topic is left out where the mean of two cosines is at least this: that of its nearest example,
and the mean over all of its examples. One similar sentence alone (`can I change my seat`, `can I
change my address`) does not make the topics the same."""

OUTSIDE_WEIGHT, OUTSIDE_MOST = 1.0, 3.0
"""What is out of scope weighs as much in the calibration as what is in scope, but one example of it
at most so many times as much as another."""

BALANCE = 0.5
"""Rows of an intent with more examples than usual weigh less: by the square root of how many more.
Packaged small talk would crowd out an intent with five examples of its own."""

OUT_OF_SCOPE_NAMES = (OUT_OF_SCOPE, *PACKAGED_INTENTS[OUT_OF_SCOPE])

NOTHING: Floats = np.zeros((0, 0), np.float32)

BACKGROUND_FILE = "background.npz"

_WORDS = re.compile(r"[^\W_]+")


class PreparedExamples(NamedTuple):
    """The examples to learn from, the topic of each that is packaged and out of scope, and the
    other packaged ones, which are only neighbours (text and topic)."""

    rows: list[Example]
    topics: list[str | None]
    neighbours: list[Example]


class IntentTrainingData(NamedTuple):
    """The examples as the model sees them, a row for each.

    ``known`` is the share of each kind of n-gram that other rows have too, ``embeddings`` are those
    of the encoder, if any, and ``strength`` is scikit-learn's C.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.intp]
    known: NDArray[np.float64]
    embeddings: Floats | None
    strength: float


def train(
    examples: Sequence[Example],
    progress: Progress = lambda _step, _of: None,
    encoder: SentenceEncoder | None = None,
) -> IntentModel:
    """Train on (text, intent) examples; ``oos`` examples teach what to refuse. ``progress`` is
    called after each step with its number and the number of steps. With an ``encoder`` the model
    learns from its embeddings together with the n-grams.

    The model is a multinomial logistic regression on tf-idf n-grams. Its confidence is calibrated
    on cross-validated predictions (Platt, 1999). Raises ValueError for fewer than two intents.
    """
    # threadpool_limits works on loaded libraries: scikit-learn brings those that use threads.
    import sklearn.linear_model  # noqa: F401, PLC0415  (slow to import)

    # A dependency of scikit-learn without type information.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    # One thread: the server has the other processors, and threads that wait for one another on a
    # busy machine make training many times slower.
    with threadpool_limits(1):
        return _train(examples, progress, encoder)


def _train(
    examples: Sequence[Example], progress: Progress, encoder: SentenceEncoder | None
) -> IntentModel:
    examples, topics, more = _prepare(examples, encoder)
    names, labels = np.unique([intent for _, intent in examples], return_inverse=True)
    if len(set(names) - {OUT_OF_SCOPE}) < 2:
        raise ValueError("training needs at least two intents")
    hidden = OUT_OF_SCOPE if OUT_OF_SCOPE in names else None
    out = names.tolist().index(hidden) if hidden is not None else -1
    named = [number for number, name in enumerate(names) if name != hidden]
    # The words of an intent's name are an example, too (``lost_card``, ``faq/refund``).
    name_texts = [" ".join(_WORDS.findall(names[number])) for number in named]
    texts = [*(text for text, _ in examples), *name_texts]
    labels = np.append(labels, named)
    grams, idf, matrix, known = _features(texts)
    embeddings = encoder.encode(texts) if encoder else None
    blocks = [matrix] if embeddings is None else [matrix, EMBEDDING_WEIGHT * embeddings]
    points, back = _reduce(blocks)
    folds, more_folds = _folds(labels[: len(examples)], topics, [topic for _, topic in more])
    folds = np.append(folds, np.full(len(named), NAME_FOLD))
    outside = encoder.encode([text for text, _ in more]) if encoder and more else NOTHING
    steps = int(folds.max()) + 2
    strength = STRENGTH if embeddings is None else STRENGTH_WITH_ENCODER
    weights, bias = _fit(points, labels, strength)
    progress(1, steps)
    weights = np.asarray(back @ weights)
    model = build_model(
        names=names.tolist(),
        grams=grams,
        idf=idf,
        weights=weights[: len(idf)],
        bias=bias,
        hidden=hidden,
    )
    data = IntentTrainingData(points, labels, known, embeddings, strength)
    scores, correct, wrong = [], [], []
    for fold in range(steps - 1):
        fold_scores, fold_correct, fold_outside = _predict_fold(
            data,
            folds == fold,
            names.tolist(),
            hidden,
            outside[more_folds != fold] if len(outside) else outside,
        )
        scores += fold_scores
        correct += fold_correct
        wrong += fold_outside
        progress(fold + 2, steps)
    slope, offset = _calibrate(scores, correct, wrong)
    embedding = None
    if encoder is not None and embeddings is not None:
        extra = (EMBEDDING_WEIGHT * weights[len(idf) :]).astype(np.float32)
        embedding = EmbeddingWeights(
            encoder, extra, Neighbours.of(embeddings, labels, out, outside)
        )
    return replace(model, slope=slope, offset=offset, embedding=embedding)


def _features(texts: list[str]) -> tuple[list[list[str]], Any, Any, NDArray[np.float64]]:
    """N-grams by kind, their idf, the weighted matrix, and the share of each row (per kind) that
    other rows have too: the known share if the row were not trained on."""
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  (slow to import)
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (slow to import)
    from sklearn.preprocessing import normalize  # noqa: PLC0415  (slow to import)

    grams, idf, parts, known = [], [], [], []
    for analyse, weight in zip(GRAM_KINDS, GRAM_WEIGHTS, strict=True):
        least = 2 if len(texts) > MANY_EXAMPLES else 1
        vectoriser = TfidfVectorizer(analyzer=analyse, sublinear_tf=True, min_df=least, norm=None)
        part = csr_matrix(vectoriser.fit_transform(texts))
        grams.append([str(gram) for gram in vectoriser.get_feature_names_out()])
        own = np.asarray(vectoriser.idf_, dtype=np.float32)
        idf.append(background_idf(grams[-1], own) if analyse is long_stems else own)
        parts.append(normalize(part.multiply(idf[-1] / own).tocsr()) * weight)
        seen = part.astype(bool).astype(np.float64)
        shared = np.asarray(seen.sum(axis=0)).ravel() >= 2
        whole = seen @ np.where(shared, idf[-1], idf[-1].max() + 0.7)
        known.append((seen @ np.where(shared, idf[-1], 0.0)) / np.maximum(whole, 1e-9))
    return grams, np.concatenate(idf), csr_matrix(hstack(parts)), np.stack(known, axis=1)


def background_idf(stems: Sequence[str], own: Floats) -> Floats:
    """The inverse document frequency of ``stems`` in everyday English.

    A few examples cannot show how common a word is, so this counts the comments of GoEmotions
    (``data/background.npz``, see ``data/NOTICE``). For stems that these lack (product names, other
    languages) it is ``own``, that of the examples, scaled to the same range.
    """
    source = files(__package__).joinpath("data", BACKGROUND_FILE)
    with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        names = arrays["stems"].tobytes().decode().split("\n")
        known = dict(zip(names, arrays["idf"].astype(float).tolist(), strict=True))
        scale = float(arrays["rarest"]) / max(float(own.max(initial=1.0)), 1.0)
    found = [known.get(stem, scale * idf) for stem, idf in zip(stems, own, strict=True)]
    return np.array(found, dtype=np.float32)


def _reduce(blocks: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rows in the space that they span (with many rows: its first dimensions), and the matrix
    that maps back. The solution of a regularised linear model lies in this space, and fitting in it
    is many times faster.

    ``blocks`` are the rows' columns: the n-grams sparse, the embeddings dense. As one sparse matrix
    they would be multiplied in five times the time.
    """
    if blocks[0].shape[0] > MANY_EXAMPLES:
        points, weights = _first_directions(blocks)
    else:
        # Single precision is enough for a few examples, and twice as fast.
        products = [block @ block.T for block in blocks]
        dense = [part if isinstance(part, np.ndarray) else part.toarray() for part in products]
        values, vectors = np.linalg.eigh(np.asarray(sum(dense), np.float32))
        kept = values > 1e-3
        roots = np.sqrt(values[kept])
        points, weights = vectors[:, kept] * roots, vectors[:, kept] / roots
    return points, np.vstack([block.T @ weights for block in blocks])


def _first_directions(blocks: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rows in `REDUCED` dimensions, and those as sums of the rows, with these weights.

    The directions are those of scikit-learn's ``TruncatedSVD(n_iter=2, random_state=0)`` where
    there are more columns than rows: Halko, Martinsson and Tropp, 2011, "Finding structure with
    randomness", algorithm 4.3. Only matrices with a row for each example are made orthogonal, and
    none with a row for each n-gram, so it needs a fifth of the time.
    """

    def multiply(vectors: NDArray[np.float64]) -> Any:
        """The rows' products with one another, times ``vectors``."""
        return sum(block @ (block.T @ vectors) for block in blocks)

    size = min(REDUCED, sum(block.shape[1] for block in blocks) - 1)
    random = np.random.RandomState(0)
    sketch = random.normal(size=(blocks[0].shape[0], size + OVERSAMPLED))
    sketch, _ = np.linalg.qr(multiply(multiply(sketch)))
    products = multiply(sketch)
    # An orthonormal basis of the sketched directions, turned to their principal ones.
    values, vectors = np.linalg.eigh(sketch.T @ products)
    kept = values > 1e-9 * values[-1]
    basis = vectors[:, kept] / np.sqrt(values[kept])
    inside = products @ basis
    _, turned = np.linalg.eigh(inside.T @ inside)
    basis = basis @ turned[:, -size:]
    return products @ basis, sketch @ basis


def _fit(points: NDArray[np.float64], labels: NDArray[np.intp], strength: float) -> tuple[Any, Any]:
    """Weights (dimensions x classes) and bias. Two classes get one column each."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (slow to import)
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    with warnings.catch_warnings():
        # Later steps would change little but the confidences, and those are calibrated anyway.
        warnings.simplefilter("ignore", ConvergenceWarning)
        counts = np.bincount(labels)
        usual = np.median(counts[counts > 0])
        crowded = counts.max() > usual
        weight = (usual / np.maximum(counts, usual))[labels] ** BALANCE if crowded else None
        fitted = LogisticRegression(C=strength, max_iter=60, tol=1e-3).fit(points, labels, weight)
    weights, bias = fitted.coef_.T, fitted.intercept_
    if weights.shape[1] == 1:
        weights, bias = np.hstack([-weights, weights]) / 2, np.array([-bias[0], bias[0]]) / 2
    return weights, bias


def _predict_fold(
    data: IntentTrainingData,
    held: NDArray[np.bool_],
    names: list[str],
    hidden: str | None,
    outside: Floats,
) -> tuple[list[float], list[bool], list[bool]]:
    """The scores of the rows ``held`` back, by a model of the others, which are correct, and which
    are out of scope."""
    points, labels, known, embeddings, strength = data
    out = names.index(hidden) if hidden is not None else -1
    classes = np.unique(labels[~held])
    rows = np.flatnonzero(held)
    if len(classes) < 2 or not len(rows):
        return [], [], []
    weights, bias = _fit(points[~held], labels[~held], strength)
    similarity, lead = None, None
    if embeddings is not None:
        neighbours = Neighbours.of(embeddings[~held], labels[~held], out, outside)
        similarity, lead = neighbours.similarity(embeddings[rows])
    if lead is None:  # too little is known of what is out of scope
        inside = labels[rows] != out
        rows, similarity = rows[inside], None if similarity is None else similarity[inside]
    scores, correct = [], []
    for number, row in enumerate(rows):
        full = np.full(len(names), -30.0)
        full[classes] = points[row] @ weights + bias
        evidence = IntentEvidence.from_scores(
            full,
            known_words=known[row, 0],
            known_pieces=known[row, 1],
            similarity=None if similarity is None else similarity[number],
            lead=None if lead is None else lead[number],
        )
        scores.append(float(evidence.score(None if hidden is None else out)))
        ranked = np.argsort(-full)
        correct.append(bool(next(i for i in ranked if i != out) == labels[row]))
    return scores, correct, (labels[rows] == out).tolist()


def _calibrate(
    scores: list[float], correct: list[bool], outside: list[bool]
) -> tuple[float, float]:
    """Platt's slope and offset, from predictions on examples that the model had not seen."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    if len(scores) < MIN_CALIBRATION:
        return 0.5, -1.5
    # One extra prediction on either side, of weight one half, keeps a small or perfect set modest.
    column = np.array([*scores, min(scores), max(scores)])[:, None]
    inside = len(outside) - sum(outside)
    share = min(OUTSIDE_MOST, OUTSIDE_WEIGHT * inside / max(sum(outside), 1))
    weight = np.array([share if out else 1.0 for out in outside] + [0.5, 0.5])
    platt = LogisticRegression(C=100.0).fit(column, [*correct, False, True], sample_weight=weight)
    return max(float(platt.coef_[0, 0]), 0.05), float(platt.intercept_[0])


def _folds(
    labels: NDArray[np.intp], topics: Sequence[str | None], more: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """A fold for each row, with each intent spread over the folds; the same in every run. The rows
    of a topic share a fold, as what is out of scope is seldom of a topic that was seen; so do the
    neighbours with the topics ``more``, whose folds come second."""
    count = 5 if len(labels) <= MANY_EXAMPLES else 3
    random = np.random.default_rng(0)
    folds = np.zeros(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        folds[rows] = (np.arange(len(rows)) + random.integers(count)) % count
    of_topic = {topic: number for number, topic in enumerate(dict.fromkeys(topics)) if topic}
    for row, topic in enumerate(topics):
        if topic:
            folds[row] = of_topic[topic] % count
    return folds, np.array([of_topic.get(t, i) % count for i, t in enumerate(more)], np.intp)


def _prepare(examples: Sequence[Example], encoder: SentenceEncoder | None) -> PreparedExamples:
    """Leave out the packaged examples of what is out of scope that are near to the shop's, and
    name the others `OUT_OF_SCOPE`, or as the shop names that."""
    names = {intent for _, intent in examples}
    out = next((n for n in OUT_OF_SCOPE_NAMES if n in names), OUT_OF_SCOPE)
    own = [row for row in examples if not row[1].startswith(PACKAGED_OUTSIDE)]
    packaged = [row for row in examples if row[1].startswith(PACKAGED_OUTSIDE)]
    if packaged and encoder:
        scope = [text for text, intent in own if intent not in (out, *PACKAGED_INTENTS)]
        packaged = _far_from(scope, packaged, encoder)
    # Evenly among all, as they are sorted by language and topic.
    count = min(LEARNT_OUTSIDE, len(packaged))
    chosen = {packaged[number * len(packaged) // count] for number in range(count)}
    learnt = [row for row in packaged if row in chosen]
    topics: list[str | None] = [None] * len(own)
    topics += [None if topic == ANYTHING else topic for _, topic in learnt]
    return PreparedExamples(
        rows=[*own, *((text, out) for text, _ in learnt)],
        topics=topics,
        neighbours=[row for row in packaged if row not in chosen],
    )


def _far_from(
    scope: Sequence[str], packaged: Sequence[Example], encoder: SentenceEncoder
) -> list[Example]:
    """Those of ``packaged`` that are not near to any text of ``scope``, nor their topic."""
    if not scope:
        return list(packaged)
    embeddings = encoder.encode([text for text, _ in packaged])
    cosines = (embeddings @ encoder.encode(scope).T).max(axis=1).tolist()
    by_topic: dict[str, list[float]] = {}
    for (_, topic), cosine in zip(packaged, cosines, strict=True):
        by_topic.setdefault(topic, []).append(cosine)
    near = {
        topic
        for topic, found in by_topic.items()
        if topic != ANYTHING and (max(found) + sum(found) / len(found)) / 2 >= NEAR_TOPIC
    }
    return [
        row
        for row, cosine in zip(packaged, cosines, strict=True)
        if cosine < NEAR_EXAMPLE and row[1] not in near
    ]


def main() -> None:
    if sys.argv[2:] == ["low-priority"] and hasattr(os, "nice"):
        os.nice(10)
    job = json.load(sys.stdin)
    examples = [(text, intent) for text, intent in job["rows"]]
    folder = Path(sys.argv[1]).parent
    # scikit-learn takes a second to load. The packaged encoder's arithmetic runs beside it; another
    # one imports scikit-learn itself, and two threads that import the same may block one another.
    loading = Thread(target=_load_libraries)
    if job["encoder"] in (None, UNIVERSAL):
        loading.start()
    encoder = None
    if job["encoder"]:
        # Each text is encoded once, although several steps need it.
        encoder = load_encoder(job["encoder"], folder, cached=2 * len(examples))
        encoder.encode([text for text, _ in examples])
    if loading.ident is not None:
        loading.join()
    train(examples, _print_progress, encoder).save(Path(sys.argv[1]))


def _load_libraries() -> None:
    import sklearn.feature_extraction.text  # noqa: PLC0415
    import sklearn.linear_model  # noqa: F401, PLC0415


def _print_progress(step: int, steps: int) -> None:
    sys.stdout.write(f"{step} {steps}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
