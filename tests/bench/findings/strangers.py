"""How well an unanswered question is found among strangers' sentences.

A shop knows some intents of a public data set, a few examples of each. Of 500 messages nearly all
are about these intents; 12 or 20 are about one that the shop does not know. Half of the intents
were used to choose the method; the others give the figures.
"""

from __future__ import annotations

import csv
import os
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plugins.insights.findings.clusters import (
    ClusterText,
    KnownSpace,
    Rows,
    find_clusters,
    own_words,
)
from plugins.insights.findings.questions import LEAST, LEAST_SCORE
from plugins.nlu_local.encoder import load_encoder
from plugins.nlu_local.protocol import UNIVERSAL
from tests.bench.findings.months import encoder_folder

DATA = Path(os.environ.get("STRANGERS", "../shared/data"))
MESSAGES = 500


class Shop(NamedTuple):
    """A data set, how many of its intents the shop knows, and examples of each."""

    data: str
    intents: int
    examples: int


SHOPS = (Shop("clinc150", 20, 15), Shop("clinc150", 50, 10), Shop("banking77", 20, 15))


class Draw(NamedTuple):
    """What came of one draw: whether a group with at least four of the planted messages, and with
    a majority of them, is among the first three; and whether it is above the bound that the report
    shows groups from."""

    found: bool
    shown: bool
    first_wrong: float
    """The score of the best group of messages that the shop knows."""


def draw(shop: Shop, planted: int, seed: int) -> Draw:
    """Plant ``planted`` messages of an unknown intent, and look for them."""
    by_intent = evaluation_rows(shop.data)
    rng = random.Random(f"{shop} {planted} {seed}")  # noqa: S311  (not a secret)
    chosen = rng.sample(sorted(by_intent), min(shop.intents + 1, len(by_intent)))
    known, unknown = chosen[:-1], chosen[-1]
    examples: list[int] = []
    labels: list[int] = []
    rest: list[int] = []
    for number, intent in enumerate(known):
        rows = rng.sample(by_intent[intent], len(by_intent[intent]))
        examples += rows[: shop.examples]
        labels += [number] * shop.examples
        rest += rows[shop.examples :]
    messages = rng.sample(rest, MESSAGES - planted) + rng.sample(by_intent[unknown], planted)
    embeddings = embedded(shop.data)
    space = KnownSpace(embeddings[examples], np.array(labels, np.intp))
    rows = _rows(shop.data)
    texts = [
        ClusterText("en", author, own_words(rows[row]["text"]))
        for author, row in enumerate(messages)
    ]
    clusters = find_clusters(space, embeddings[messages], texts, LEAST)
    hits = [cluster.members >= MESSAGES - planted for cluster in clusters]
    right = [bool(hit.sum() >= 4 and hit.mean() >= 0.5) for hit in hits]
    first = [cluster.score for cluster, yes in zip(clusters[:3], right[:3], strict=True) if yes]
    wrong = [cluster.score for cluster, yes in zip(clusters, right, strict=True) if not yes]
    return Draw(bool(first), max(first, default=0.0) >= LEAST_SCORE, max(wrong, default=0.0))


def evaluation_rows(data: str) -> Mapping[str, Sequence[int]]:
    """The rows of the intents that the method was not chosen on."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(_rows(data)):
        rows[row["intent"]].append(number)
    names = sorted(rows)
    rng = random.Random(0)  # noqa: S311  (not a secret)
    held = set(rng.sample(names, len(names) // 2))
    return {name: rows[name] for name in names if name in held}


@lru_cache(2)
def embedded(data: str) -> Rows:
    """The embeddings of all rows."""
    encoder = load_encoder(UNIVERSAL, encoder_folder())
    texts = [row["text"] for row in _rows(data)]
    parts = [encoder.encode(texts[at : at + 256]) for at in range(0, len(texts), 256)]
    return np.concatenate(parts)


@lru_cache(2)
def _rows(data: str) -> list[dict[str, str]]:
    with (DATA / f"{data}_train.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
