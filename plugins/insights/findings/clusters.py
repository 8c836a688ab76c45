"""Groups texts that mean the same, and says which groups are new to the shop.

Embeddings are first made alike where the shop's own intents vary: what tells one message of an
intent from another does not count (the within-class covariance of linear discriminant analysis,
inverted). Agglomerative clustering with average linkage then finds the groups. On held-out intents
this found far more than density clustering, k-means or n-grams; see docs/findings.md.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from plugins.insights.tickets.small_words import SMALL_WORDS

Rows: TypeAlias = NDArray[np.float32]

SHRINKAGE = 0.6
"""How much the covariance is drawn to that of noise: few examples do not tell it better."""
FARTHEST = 0.8
"""The greatest mean cosine distance within which two groups are joined."""
PER_INTENT = 40
"""Examples of one intent that are compared: more change nothing and cost time."""
LEAST_INTENTS = 3
"""With fewer intents nothing tells what varies within one."""
STEM = 6
"""Letters of a word that are compared."""
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{2,}")
"""Japanese, Chinese and Thai."""
_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{3,}")

_QUALITIES = """
    old new big small large little good best
    alt alte alten alter altes neu neue neuen neuer neues groß große großen klein kleine kleinen
    gute guten
    vieux vieille vieilles ancien ancienne anciens anciennes nouveau nouvelle nouveaux nouvelles
    grand grande grands petit petite petits bon bonne bons
    viejo vieja viejos viejas antiguo antigua antiguos antiguas nuevo nueva nuevos nuevas pequeño
    pequeña buen bueno buena buenos
    vecchio vecchia vecchi antico antica nuovo nuova nuovi piccolo piccola buono buona
    oud oude nieuw nieuwe groot grote klein kleine goed goede
"""
_UNTELLING = SMALL_WORDS | frozenset(_QUALITIES.split())
"""Words that name nothing. What is old or new has nothing else in common."""
COMMON = 0.1
"""The share of the intents whose examples have a word that is one of the whole shop."""
SPECIFIC = 2.0
"""A word is of a group's own if it is so many times as frequent there as elsewhere."""
UNSHARED = 0.3
"""The score of a group is multiplied with this and the share of its texts that have a word of its
own: what people name alike is one thing, and what is only alike may be many."""
SAME_WORDS, SAME_ABROAD = 0.9, 0.7
"""From this cosine two texts of one language are one wording, and two of different languages
translations of one. Wordings are counted, not copies: one odd question in four languages is no
topic."""


class ClusterText(NamedTuple):
    """What is known of a text beside its meaning. ``author`` is the number of who wrote it, and
    ``words`` are the stems of its words that say something (see `own_words`)."""

    language: str
    author: int
    words: frozenset[str] = frozenset()


class TextCluster(NamedTuple):
    """Messages that mean the same, the most central first. ``score`` ranks: higher for more
    wordings, nearer to one another, farther from what the shop knows, and with words of their
    own in common."""

    members: NDArray[np.intp]
    wordings: int
    """Different ones, and no more than there are authors: who asks again in other words does not
    count twice."""
    score: float
    shared: float
    """The share of the wordings that have their language's most frequent word of this group."""
    cohesion: float
    """The mean cosine of two of them."""
    known: float
    """The mean cosine of each with the nearest example of the shop, as a share of the usual one
    of messages that the shop knows: 1 and more is nothing new."""


class KnownSpace:
    """Embeddings as the shop's intents see them.

    ``examples`` are embeddings (a row each) and ``labels`` the number of each one's intent.
    """

    def __init__(self, examples: Rows, labels: NDArray[np.intp]) -> None:
        self._centre = np.zeros(examples.shape[1], np.float32)
        self._map: Rows | None = None
        self.usual = 1.0
        """The mean cosine of a message of a known intent with the nearest example."""
        if len(examples) and len(np.unique(labels)) >= LEAST_INTENTS:
            self.usual = self._usual(examples, labels)
            self._learn(examples, labels)
        self.examples = self.project(examples)

    def _usual(self, examples: Rows, labels: NDArray[np.intp]) -> float:
        """Measured on every other example, in the space of the rest."""
        self._learn(examples[::2], labels[::2])
        held_back, rest = self.project(examples[1::2]), self.project(examples[::2])
        return max(0.1, float((held_back @ rest.T).max(axis=1).mean()))

    def _learn(self, examples: Rows, labels: NDArray[np.intp]) -> None:
        intents = np.unique(labels, return_inverse=True)[1]
        means = np.array([examples[intents == at].mean(axis=0) for at in range(intents.max() + 1)])
        within = examples - means[intents]
        spread = within.T @ within / max(1, len(examples) - len(means))
        noise = np.trace(spread) / len(spread)
        spread = (1 - SHRINKAGE) * spread + SHRINKAGE * noise * np.eye(len(spread))
        values, vectors = np.linalg.eigh(spread)
        self._map = (vectors / np.sqrt(np.maximum(values, 1e-9))).astype(np.float32)
        self._centre = means.mean(axis=0).astype(np.float32)

    def project(self, embeddings: Rows) -> Rows:
        """The embeddings in this space, of length 1."""
        moved = embeddings - self._centre
        if self._map is not None:
            moved = moved @ self._map
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / np.maximum(norms, 1e-9), np.float32)


def find_clusters(
    space: KnownSpace, embeddings: Rows, texts: Sequence[ClusterText], least: int
) -> list[TextCluster]:
    """The groups of at least ``least`` wordings of ``texts``, each with its row of ``embeddings``;
    the best first."""
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415  (slow to import)

    wording = _wordings(embeddings, [text.language for text in texts])
    first = np.unique(wording, return_index=True)[1]
    if len(first) < max(2, least):
        return []
    points = space.project(embeddings[first])
    labels = AgglomerativeClustering(
        n_clusters=None, distance_threshold=FARTHEST, metric="cosine", linkage="average"
    ).fit_predict(points)
    if len(space.examples):
        known = (points @ space.examples.T).max(axis=1) / space.usual
    else:
        known = np.zeros(len(points), np.float32)
    worded = _Wordings(points, known, wording, texts, [texts[row] for row in first.tolist()])
    found = [
        _cluster(np.flatnonzero(labels == label), worded)
        for label in np.flatnonzero(np.bincount(labels) >= least).tolist()
    ]
    chosen = [cluster for cluster in found if cluster.wordings >= least]
    return sorted(chosen, key=lambda cluster: -cluster.score)


def own_words(text: str) -> frozenset[str]:
    """The stems of the words of ``text`` that name something. Of a script without spaces each
    pair of letters is a word."""
    spaced = (word for word in _WORD.findall(text.casefold()) if word not in _UNTELLING)
    pairs = (run[at : at + 2] for run in _UNSPACED.findall(text) for at in range(len(run) - 1))
    return frozenset((*(word[:STEM] for word in spaced), *pairs))


def shop_words(examples: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The stems that ``examples`` (text and intent) of many intents have, such as what the shop
    sells. A group of questions has more in common than these."""
    intents: defaultdict[str, set[str]] = defaultdict(set)
    for text, intent in examples:
        for word in own_words(text):
            intents[word].add(intent)
    number = len(set().union(*intents.values()))
    least = max(LEAST_INTENTS, COMMON * number)
    return frozenset(word for word, own in intents.items() if len(own) >= least)


class _Wordings(NamedTuple):
    """Different wordings: ``points`` and ``known`` (the nearest example) have a row for each.
    ``wording`` is that of each of ``texts``, and ``first`` the text that stands for each."""

    points: Rows
    known: Rows
    wording: NDArray[np.intp]
    texts: Sequence[ClusterText]
    first: Sequence[ClusterText]


def _wordings(embeddings: Rows, languages: Sequence[str]) -> NDArray[np.intp]:
    """The number of each text's wording. The first text of a wording stands for it."""
    codes = np.unique(list(languages), return_inverse=True)[1] if len(languages) else np.zeros(0)
    numbers = np.zeros(len(embeddings), np.intp)
    first: list[int] = []
    for row, vector in enumerate(embeddings):
        numbers[row] = len(first)
        if first:
            bounds = np.where(codes[first] == codes[row], SAME_WORDS, SAME_ABROAD)
            above = embeddings[first] @ vector - bounds
            if above.max() >= 0:
                numbers[row] = int(above.argmax())
                continue
        first.append(row)
    return numbers


def central_order(embeddings: Rows) -> NDArray[np.intp]:
    """The rows of ``embeddings``, the one nearest to all others first."""
    return np.argsort(-(embeddings @ embeddings.mean(axis=0)), kind="stable")


def _cluster(rows: NDArray[np.intp], worded: _Wordings) -> TextCluster:
    chosen = worded.points[rows]
    size = len(rows)
    mean = chosen.mean(axis=0)
    cohesion = float((size * size * (mean @ mean) - size) / max(1, size * (size - 1)))
    near = float(worded.known[rows].mean())
    copies = [np.flatnonzero(worded.wording == row) for row in rows[central_order(chosen)]]
    # One text of each wording comes first, then the copies.
    order = [*(texts[0] for texts in copies), *(row for texts in copies for row in texts[1:])]
    wordings = min(size, len({worded.texts[row].author for row in order}))
    shared = _shared(set(rows.tolist()), worded.first)
    return TextCluster(
        members=np.array(order, np.intp),
        wordings=wordings,
        score=cohesion * max(0.0, 1 - near) * wordings * (UNSHARED + shared),
        shared=shared,
        cohesion=cohesion,
        known=near,
    )


def _shared(rows: Container[int], texts: Sequence[ClusterText]) -> float:
    """The share of the texts at ``rows`` that have a word which others of them in the same
    language have, too, and which is rare elsewhere: each language's most frequent such word."""
    inside = [text for at, text in enumerate(texts) if at in rows]
    elsewhere = [text for at, text in enumerate(texts) if at not in rows]
    outside = Counter(word for text in elsewhere for word in text.words)
    uses = Counter((text.language, word) for text in inside for word in text.words)
    best: Counter[str] = Counter()
    for (language, word), count in uses.items():
        specific = count * len(elsewhere) > SPECIFIC * outside[word] * len(inside)
        if count > 1 and (specific or not outside[word]):
            best[language] = max(best[language], count)
    return best.total() / max(1, len(inside))


def telling_words(
    groups: Sequence[Sequence[frozenset[str]]], everything: Sequence[frozenset[str]], most: int
) -> list[list[str]]:
    """For each group of messages (given by their words) the words that tell it from ``everything``,
    the most telling first: by the z value of their log-odds with a Dirichlet prior."""
    total: dict[str, int] = {}
    for words in everything:
        for word in words:
            total[word] = total.get(word, 0) + 1
    count = max(1, len(everything))
    found = []
    for group in groups:
        inside: dict[str, int] = {}
        for words in group:
            for word in words:
                inside[word] = inside.get(word, 0) + 1

        def surprise(word: str, inside: dict[str, int] = inside, size: int = len(group)) -> float:
            prior = 10.0 * (total.get(word, 0) + 1) / (count + 2)
            here, there = inside[word], max(0, total.get(word, 0) - inside[word])
            ratio = np.log((here + prior) / (size - here + 10)) - np.log(
                (there + prior) / (max(0, count - size - there) + 10)
            )
            return float(ratio / np.sqrt(1 / (here + prior) + 1 / (there + prior)))

        shared = [word for word, uses in inside.items() if uses >= max(2, 0.2 * len(group))]
        found.append(sorted(shared, key=lambda word: (-surprise(word), word))[:most])
    return found
