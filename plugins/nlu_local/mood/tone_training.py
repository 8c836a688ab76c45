"""Makes the data files of this package from GoEmotions. Run by ``make train-mood``:

    python -m plugins.nlu_local.mood.tone_training GOEMOTIONS_TRAIN.csv

The file has the columns ``text`` and ``labels``. The result is the model of `tone`, and
the counts of English words that `intent_training` uses. It is the same in every run with the same
file, phrases and versions; nothing but this file of comments is used.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features import long_stems
from ..intent_training import BACKGROUND_FILE
from ..phrases import PHRASE_FILES, load_phrases
from ..text import tokenize
from .emotion import EmotionReader
from .tone import EMOTION_FILE, GRAM_KINDS, emotion_tokens

NEEDS_PERSON = frozenset({
    *("anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"),
    *("fear", "grief", "nervousness", "remorse", "sadness"),
})  # fmt: skip
"""Labels of GoEmotions that stand for someone who needs a person."""

IGNORED = frozenset({"confusion"})
"""Neither: rows with no other label are left out."""

LEARNT_SIGNS = (
    *("angry", "frustrated", "anxious", "pleased", "trouble", "against", "favour", "tone"),
)
"""The signs of distress whose weights are learnt."""

FIXED_SIGNS = {"complaint": 1.5}
"""Weights set by hand, between those of frustration and of fear: hardly any comment complains of a
delay or of an answer that never came, as customers do."""

MIN_COMMENTS = (5, 10)
"""Comments that must have an n-gram of each kind, to keep it."""

MIN_STEM_COMMENTS = 15
"""Comments that must have a stem, to keep it. Rarer ones are often of other languages, where they
may be common."""

STRENGTH = 0.5
"""scikit-learn's C. Of 0.5, 1 and 2 the best in three-fold cross-validation."""

FOLDS = 3
SEED = 0

Floats64 = NDArray[np.float64]
Flags = NDArray[np.bool_]


def read_comments(path: Path) -> tuple[list[str], Flags]:
    """The comments, and whether the writer of each needs a person."""
    texts, needs = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            labels = frozenset(row["labels"].split())
            if labels <= IGNORED:
                continue
            texts.append(row["text"].replace("[NAME]", "Sam").replace("[RELIGION]", "faith"))
            needs.append(bool(labels & NEEDS_PERSON))
    return texts, np.array(needs)


def learn_emotion(texts: Sequence[str], needs: Flags, source: Mapping[str, str]) -> dict[str, Any]:
    """The arrays of `EMOTION_FILE`. ``told`` among them is JSON: the weight of each sign, how well
    each step ranked comments that it had not seen (AUROC), and the ``source``."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  (slow to import)

    matrix, grams, idf, sizes = _gram_matrix(texts)
    unseen = np.zeros(len(needs))
    folds = np.random.default_rng(SEED).integers(FOLDS, size=len(needs))
    for fold in range(FOLDS):
        kept = folds != fold
        unseen[~kept] = _fit_tone(matrix[kept], needs[kept]).decision_function(matrix[~kept])
    whole = _fit_tone(matrix, needs)
    # Centre the scores: 0 then says nothing, and stands for text in other languages.
    mean = float(np.mean(unseen))
    unseen -= mean
    signs = np.column_stack([_signs(texts), unseen])
    joined = np.zeros(len(needs))
    for fold in range(FOLDS):
        kept = folds != fold
        joined[~kept] = _fit_signs(signs[kept], needs[kept]).decision_function(signs[~kept])
    fitted = _fit_signs(signs, needs)
    learnt = dict(zip(LEARNT_SIGNS, fitted.coef_[0].round(3).tolist(), strict=True))
    auroc = {
        "tone": round(float(roc_auc_score(needs, unseen)), 4),
        "vader": round(float(roc_auc_score(needs, signs[:, 5] - signs[:, 6])), 4),
        "joined": round(float(roc_auc_score(needs, joined)), 4),
    }
    weights = {"offset": round(float(fitted.intercept_[0]), 3), **learnt, **FIXED_SIGNS}
    metadata = {"join": weights, "auroc": auroc, "source": dict(source)}
    return {
        "grams": np.frombuffer("\n".join(grams).encode(), np.uint8),
        "words": np.array(sizes[0]),
        "idf": idf.astype(np.float16),
        "weights": whole.coef_[0].astype(np.float16),
        "bias": np.array(whole.intercept_[0] - mean, np.float32),
        "told": np.frombuffer(json.dumps(metadata).encode(), np.uint8),
    }


def _gram_matrix(texts: Sequence[str]) -> tuple[Any, list[str], Floats64, list[int]]:
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415  (slow to import)
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (slow to import)

    parts, grams, idf, sizes = [], [], [], []
    tokens = [emotion_tokens(text) for text in texts]
    for analyse, least in zip(GRAM_KINDS, MIN_COMMENTS, strict=True):
        vectoriser = TfidfVectorizer(analyzer=analyse, sublinear_tf=True, min_df=least)
        parts.append(vectoriser.fit_transform(tokens))
        grams += [str(gram) for gram in vectoriser.get_feature_names_out()]
        idf.append(vectoriser.idf_)
        sizes.append(len(vectoriser.idf_))
    return csr_matrix(hstack(parts)), grams, np.concatenate(idf), sizes


def _fit_tone(matrix: Any, needs: Flags) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    return LogisticRegression(C=STRENGTH, solver="liblinear", random_state=SEED).fit(matrix, needs)


def _fit_signs(signs: Floats64, needs: Flags) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import)

    return LogisticRegression(C=10.0).fit(signs, needs)


def _signs(texts: Sequence[str]) -> Floats64:
    """All signs but ``tone``, which is learnt here."""
    reader = EmotionReader({code: load_phrases(code) for code in PHRASE_FILES}, None)
    found = [reader.evidence(text, tokenize(text), ["en"], 1.0).signs() for text in texts]
    return np.array([[signs[name] for name in LEARNT_SIGNS[:-1]] for signs in found])


def count_background(texts: Sequence[str]) -> dict[str, Any]:
    """The arrays of `BACKGROUND_FILE`: how rare the stems of English words are in ``texts``."""
    counts = Counter(stem for text in texts for stem in set(long_stems(text)))
    kept = sorted(stem for stem, count in counts.items() if count >= MIN_STEM_COMMENTS)
    total = len(texts) + 1
    return {
        "stems": np.frombuffer("\n".join(kept).encode(), np.uint8),
        "idf": np.array([log(total / (counts[stem] + 1)) + 1 for stem in kept], np.float16),
        "rarest": np.array(log(total) + 1, np.float32),
    }


def main() -> None:
    source = Path(sys.argv[1])
    folder = Path(__file__).parents[1] / "data"
    texts, needs = read_comments(source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    origin = {"name": "GoEmotions", "licence": "Apache-2.0", "sha256": digest}
    arrays = learn_emotion(texts, needs, origin)
    np.savez_compressed(folder / EMOTION_FILE, **arrays)
    np.savez_compressed(folder / BACKGROUND_FILE, **count_background(texts))
    sys.stdout.write(arrays["told"].tobytes().decode() + "\n")


if __name__ == "__main__":
    main()
