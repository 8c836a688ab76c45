"""Groups questions that mean the same without knowing any intent, and chooses examples of a group.

Unlike `findings.clusters`, which asks what is new beside the shop's intents, nothing need be known.
Embeddings are centred by language, which brings translations together, and whitened a little by the
covariance of all questions, so that what all of them share counts less (Su, Cao, Liu and Ou 2021,
"Whitening sentence representations"). Both numbers were tuned on half of the intents of BANKING77
and CLINC150; docs/learning.md has what the other half showed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from plugins.insights.findings.clusters import Rows, central_order

SHRINKAGE = 0.9
"""How much the covariance is drawn to that of noise."""
FARTHEST = 0.72
"""The greatest mean cosine distance within which two groups are joined."""
CENTRED = 30
"""So many texts tell the centre of a language; those of rarer ones move by the centre of all."""
FARTHEST_OF_FEW = 0.5
"""The same as `FARTHEST`, for texts that are too few to have a centre."""
NEAR_COPY = 0.85
"""From this cosine two texts are one wording: an understander learns nothing from the second."""
FEWEST_TO_WHITEN = 50
"""Fewer texts do not tell a covariance."""


def alike_space(embeddings: Rows, languages: Sequence[str]) -> Rows:
    """The embeddings (a row each, of norm 1) centred, whitened, and of norm 1 again."""
    codes = np.array(languages)
    moved = embeddings - embeddings.mean(axis=0)
    for code in sorted(set(languages)):
        rows = codes == code
        if rows.sum() >= CENTRED:
            moved[rows] = embeddings[rows] - embeddings[rows].mean(axis=0)
    if len(moved) >= FEWEST_TO_WHITEN:
        spread = moved.T @ moved / len(moved)
        noise = np.trace(spread) / len(spread)
        spread = (1 - SHRINKAGE) * spread + SHRINKAGE * noise * np.eye(len(spread))
        values, vectors = np.linalg.eigh(spread)
        moved = moved @ (vectors / np.sqrt(np.maximum(values, 1e-9)))
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(norms, 1e-9), np.float32)


def group_alike(embeddings: Rows, languages: Sequence[str], least: int) -> list[NDArray[np.intp]]:
    """The groups of at least ``least`` rows of ``embeddings`` that mean the same, the largest
    first; the most central row of each comes first."""
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415  (slow to import)

    if len(embeddings) < max(2, least):
        return []
    # Few texts have no centre of their own: taking it away would drive all of them apart.
    few = len(embeddings) < FEWEST_TO_WHITEN
    points = embeddings if few else alike_space(embeddings, languages)
    labels = AgglomerativeClustering(
        n_clusters=None,
        distance_threshold=FARTHEST_OF_FEW if few else FARTHEST,
        metric="cosine",
        linkage="average",
    ).fit_predict(points)
    groups = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    found = [rows[central_order(points[rows])] for rows in groups if len(rows) >= least]
    return sorted(found, key=lambda rows: (-len(rows), int(rows[0])))


def diverse(embeddings: Rows, most: int) -> list[int]:
    """At most ``most`` rows that differ from one another, beginning with the first: each next one
    is the farthest from those before it (Gonzalez 1985). Near-copies are left out."""
    if not len(embeddings):
        return []
    chosen = [0]
    nearest = embeddings @ embeddings[0]
    while len(chosen) < most:
        row = int(nearest.argmin())
        if nearest[row] >= NEAR_COPY:
            break
        chosen.append(row)
        nearest = np.maximum(nearest, embeddings @ embeddings[row])
    return chosen
