"""Learns what `tone` knows, from GoEmotions. Run by ``make train-emotion``:

    python -m plugins.nlu_local.learning GOEMOTIONS_TRAIN.csv

The file has the columns ``text`` and ``labels``. What comes out is the same at every run with
the same file, phrases and versions; nothing but this file of comments is ever looked at.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .background import learn as learn_background
from .emotion import EmotionReader
from .phrases import WORDS, read_words
from .text import tokens
from .tone import FILE, KINDS, sounds

NEEDS = frozenset({
    *("anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"),
    *("fear", "grief", "nervousness", "remorse", "sadness"),
})  # fmt: skip
"""Labels of GoEmotions that we take for someone who needs a person."""

APART = frozenset({"confusion"})
"""Neither: rows with nothing but these are left out."""

SIGNS = ("angry", "frustrated", "anxious", "pleased", "trouble", "against", "favour", "tone")
"""What counts for distress as it was learnt."""

GIVEN = {"complaint": 1.5}
"""What counts by hand, between words of frustration and of fear: hardly a comment complains of a
delay or of an answer that never came, as who writes to a company does."""

LEAST = (5, 10)
"""Comments in which an n-gram of each kind must be found, to be kept."""

STRENGTH = 0.5
"""scikit-learn's C. Of 0.5, 1 and 2 the best by three-fold cross-validation."""

FOLDS = 3
SEED = 0

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def read(path: Path) -> tuple[list[str], Flags]:
    """Comments, and whether each is by someone who needs a person."""
    texts, needs = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            labels = frozenset(row["labels"].split())
            if labels <= APART:
                continue
            texts.append(row["text"].replace("[NAME]", "Sam").replace("[RELIGION]", "faith"))
            needs.append(bool(labels & NEEDS))
    return texts, np.array(needs)


def learn(texts: Sequence[str], needs: Flags, source: Mapping[str, str]) -> dict[str, Any]:
    """The arrays of the file. ``told`` among them is JSON: what each sign counts, how well
    each step ranked comments that it had not seen, and the ``source``."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  (slow to import)

    matrix, grams, idf, sizes = _matrix(texts)
    unseen = np.zeros(len(needs))
    folds = np.random.default_rng(SEED).integers(FOLDS, size=len(needs))
    for fold in range(FOLDS):
        kept = folds != fold
        fitted = _linear(matrix[kept], needs[kept])
        unseen[~kept] = fitted.decision_function(matrix[~kept])
    whole = _linear(matrix, needs)
    # Counted from the middle, so that 0 says nothing: so it is where no English is spoken.
    middle = float(np.mean(unseen))
    unseen -= middle
    signs = np.column_stack([_signs(texts), unseen])
    joined = np.zeros(len(needs))
    for fold in range(FOLDS):
        kept = folds != fold
        joined[~kept] = _join(signs[kept], needs[kept]).decision_function(signs[~kept])
    join = _join(signs, needs)
    weights = dict(zip(SIGNS, join.coef_[0].round(3).tolist(), strict=True))
    auroc = {
        "tone": round(float(roc_auc_score(needs, unseen)), 4),
        "vader": round(float(roc_auc_score(needs, signs[:, 5] - signs[:, 6])), 4),
        "joined": round(float(roc_auc_score(needs, joined)), 4),
    }
    counts = {"offset": round(float(join.intercept_[0]), 3), **weights, **GIVEN}
    told = {"join": counts, "auroc": auroc, "source": dict(source)}
    return {
        "grams": np.frombuffer("\n".join(grams).encode(), np.uint8),
        "words": np.array(sizes[0]),
        "idf": idf.astype(np.float16),
        "weights": whole.coef_[0].astype(np.float16),
        "bias": np.array(whole.intercept_[0] - middle, np.float32),
        "told": np.frombuffer(json.dumps(told).encode(), np.uint8),
    }


def _matrix(texts: Sequence[str]) -> tuple[Any, list[str], Floats, list[int]]:
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  (slow to import)
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (slow to import)

    parts, grams, idf, sizes = [], [], [], []
    said = [sounds(text) for text in texts]
    for cut, least in zip(KINDS, LEAST, strict=True):
        counter = TfidfVectorizer(analyzer=cut, sublinear_tf=True, min_df=least)
        parts.append(counter.fit_transform(said))
        grams += [str(gram) for gram in counter.get_feature_names_out()]
        idf.append(counter.idf_)
        sizes.append(len(counter.idf_))
    return csr_matrix(hstack(parts)), grams, np.concatenate(idf), sizes


def _linear(matrix: Any, needs: Flags) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    return LogisticRegression(C=STRENGTH, solver="liblinear", random_state=SEED).fit(matrix, needs)


def _join(signs: Floats, needs: Flags) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    return LogisticRegression(C=10.0).fit(signs, needs)


def _signs(texts: Sequence[str]) -> Floats:
    """Everything but the tone, which is learnt here."""
    reader = EmotionReader({code: read_words(code) for code in WORDS}, None)
    found = [reader.evidence(text, tokens(text), ["en"], 1.0).signs() for text in texts]
    return np.array([[signs[name] for name in SIGNS[:-1]] for signs in found])


def main() -> None:
    source = Path(sys.argv[1])
    folder = Path(__file__).parent / "data"
    texts, needs = read(source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    origin = {"name": "GoEmotions", "licence": "Apache-2.0", "sha256": digest}
    arrays = learn(texts, needs, origin)
    np.savez_compressed(folder / FILE, **arrays)
    learn_background(texts, folder)
    sys.stdout.write(arrays["told"].tobytes().decode() + "\n")


if __name__ == "__main__":
    main()
