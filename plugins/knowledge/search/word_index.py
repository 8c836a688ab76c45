"""How many of a question's words each passage has: BM25, where near words count in part.

A word of the question that a passage does not have is found there as the word that is nearest to
it: another form, a compound, a synonym, a translation. So BM25 works across languages, too. Words
are near by the cosine of their embeddings, in a few dimensions.

BM25: Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", with
the inverse document frequency of Lucene, which is never negative.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .rows import Floats, Numbers, RowTable, to_bytes

SATURATION, LENGTH = 1.2, 0.75
"""BM25's k1 and b, as most engines have them."""
NEAR, NEAR_COUNTS = 0.4, 0.8
"""The cosine from which a word is near another, and what one with a cosine of 1 would count."""
MOST_NEAR = 20
"""Words near one word of the question that are looked for."""
MOST_COUNTED = 12
"""Occurrences of words that a question is expected to share with its passage. A longer one shares
no larger part."""
MOST_WORDS = 300
"""Different words of a long message that are looked for."""
NEAR_SIZE = 64
"""Dimensions in which words are compared. 128 find no more, 32 find less."""
LEAST_RARITY = 1.0
"""What the matters of a question weigh together at least: that of most passages is no evidence."""
MOST_OCCURRENCES = 255
"""Of a word in one passage."""


class SharedWords(NamedTuple):
    """How much of the question each slot shares: ``coverage`` 0 to about 1 with near words, and the
    plain ``bm25`` of exact words."""

    coverage: Floats
    bm25: Floats


class MatterIndex:
    """Which matters (see `matters_of`) each slot is about."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._anywhere = np.zeros((0, 0), np.bool_)
        self._above = np.zeros((0, 0), np.bool_)
        self._used = 0

    @property
    def memory(self) -> int:
        """Bytes."""
        return self._anywhere.nbytes + self._above.nbytes

    def add(self, slot: int, anywhere: Collection[str], above: Collection[str]) -> None:
        """What a passage is about, with its title and headings; and what these are about."""
        for matter in (*anywhere, *above):
            self._columns.setdefault(matter, len(self._columns))
        rows, columns = self._anywhere.shape
        more = (max(0, slot + 1 - rows) and max(rows, 256), max(0, len(self._columns) - columns))
        if any(more):
            wider = ((0, more[0]), (0, more[1] and more[1] + 32))
            self._anywhere, self._above = np.pad(self._anywhere, wider), np.pad(self._above, wider)
        self._anywhere[slot, [self._columns[matter] for matter in {*anywhere, *above}]] = True
        self._above[slot, [self._columns[matter] for matter in above]] = True
        self._used += 1

    def remove(self, slot: int) -> None:
        self._anywhere[slot] = self._above[slot] = False
        self._used -= 1

    def shared(self, matters: Collection[str], slots: Numbers) -> tuple[Floats, Floats]:
        """The part of ``matters``, 0 to 1, weighted by how rare each is, that ``slots`` are about;
        and that their titles and headings are about."""
        known = sorted(self._columns[matter] for matter in matters if matter in self._columns)
        if not known:
            nothing = np.zeros(len(slots), np.float32)
            return nothing, nothing
        among = self._anywhere[:, known].sum(axis=0)
        rarity = np.log1p((self._used - among + 0.5) / (among + 0.5)).astype(np.float32)
        rarity /= max(float(rarity.sum()), LEAST_RARITY)
        own = np.ix_(slots, np.array(known))
        return self._anywhere[own] @ rarity, self._above[own] @ rarity


class WordIndex:
    """The words of passages, which are numbered slots."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._words: list[str] = []
        self._postings: list[array[int]] = []
        """By word: the slot times 256, and how often the word occurs there."""
        self._of_slot: dict[int, array[int]] = {}
        self._lengths: Floats = np.zeros(256, np.float32)
        self._total = 0.0
        self._near = RowTable(NEAR_SIZE)
        self._without: dict[int, None] = {}

    @property
    def memory(self) -> int:
        """Bytes, roughly: those of the arrays, and 200 for each word."""
        lists = sum(each.itemsize * len(each) + 64 for each in self._postings)
        slots = sum(each.itemsize * len(each) + 64 for each in self._of_slot.values())
        return lists + slots + self._near.memory + self._lengths.nbytes + 200 * len(self._words)

    def add(self, slot: int, words: Sequence[str]) -> None:
        counted = Counter(words)
        ids = array("I")
        for word, count in counted.items():
            id = self._ids.get(word)
            if id is None:
                id = self._ids[word] = len(self._words)
                self._words.append(word)
                self._postings.append(array("I"))
                self._without[id] = None
            self._postings[id].append(slot * 256 + min(count, MOST_OCCURRENCES))
            ids.append(id)
        self._of_slot[slot] = ids
        while slot >= len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        self._lengths[slot] = len(words)
        self._total += len(words)

    def remove(self, slot: int) -> None:
        """Words that no passage has any more stay known."""
        for id in self._of_slot.pop(slot, ()):
            kept = (entry for entry in self._postings[id] if entry >> 8 != slot)
            self._postings[id] = array("I", kept)
        self._total -= float(self._lengths[slot])
        self._lengths[slot] = 0

    def words_without_vector(self, most: int) -> list[str]:
        """Words of passages that are not compared yet."""
        return [self._words[id] for id, _ in zip(self._without, range(most), strict=False)]

    def set_vectors(self, words: Sequence[str], vectors: Floats) -> None:
        """The vectors of some words, in `NEAR_SIZE` dimensions, of norm 1."""
        rows, factors = to_bytes(vectors)
        for word, row, factor in zip(words, rows, factors, strict=True):
            id = self._ids.get(word)
            if id is not None:
                self._near.put(id, row, float(factor))
                self._without.pop(id, None)

    def vectors_of(self, words: Iterable[str]) -> dict[str, Floats]:
        """The vectors of those ``words`` that passages have."""
        ids = {word: self._ids[word] for word in words if word in self._ids}
        return {w: self._near.row(id) for w, id in ids.items() if id not in self._without}

    def chosen(self, words: Iterable[str]) -> Counter[str]:
        """The words of a question that are looked for, with how often each occurs: those that
        passages have first."""
        counted = Counter(words)
        if len(counted) <= MOST_WORDS:
            return counted
        ordered = sorted(counted, key=lambda word: word not in self._ids)
        return Counter({word: counted[word] for word in ordered[:MOST_WORDS]})

    def shared(self, words: Mapping[str, int], vectors: Mapping[str, Floats]) -> SharedWords:
        """What the slots share with ``words`` (see `chosen`); ``vectors`` are those of the words
        that have one."""
        slots = len(self._lengths)
        coverage, bm25 = np.zeros(slots, np.float32), np.zeros(slots, np.float32)
        weights: list[float] = []
        near = self._near_words(vectors)
        for word, count in words.items():
            share = np.zeros(slots, np.float32)
            ids = near.get(word, [])
            known = self._ids.get(word)
            if known is not None and self._postings[known]:
                rarity = self._rarity(word)
                at, exact = self._shares([(known, 1.0)])
                bm25[at] += np.float32(count * rarity * (SATURATION + 1)) * exact
                ids = [(known, 1.0), *ids]
            if ids:
                at, part = self._shares(ids)
                np.maximum.at(share, at, part)
            if known is None or not self._postings[known]:
                rarity = self._idf(float(share.sum()))
            coverage += np.float32(count * rarity) * share
            weights += [rarity] * count
        whole = sum(sorted(weights, reverse=True)[:MOST_COUNTED])
        return SharedWords(coverage / np.float32(whole or 1), bm25)

    def _near_words(self, vectors: Mapping[str, Floats]) -> dict[str, list[tuple[int, float]]]:
        """Other words near each one, and how much they count."""
        if not vectors or not self._near.used:
            return {}
        cosines = self._near.products(np.stack(list(vectors.values())))
        found: dict[str, list[tuple[int, float]]] = {}
        for column, word in enumerate(vectors):
            mine = cosines[:, column]
            most = min(MOST_NEAR + 1, len(mine))
            ids: Numbers = np.argpartition(mine, -most)[-most:]
            own = self._ids.get(word)
            found[word] = [
                (int(id), NEAR_COUNTS * (float(mine[id]) - NEAR) / (1 - NEAR))
                for id in ids
                if mine[id] > NEAR and id != own
            ]
        return found

    def _shares(self, ids: Sequence[tuple[int, float]]) -> tuple[Numbers, Floats]:
        """The slots with some words, and BM25's part for how often each occurs there, 0 to 1, times
        what the word counts."""
        lists = [np.frombuffer(self._postings[id], np.uint32) for id, _ in ids]
        counts = np.repeat(
            np.array([part for _, part in ids], np.float32), [len(each) for each in lists]
        )
        entries = np.concatenate(lists)
        at = (entries >> 8).astype(np.intp)
        often = (entries & 255).astype(np.float32)
        mean = self._total / max(len(self._of_slot), 1) or 1.0
        lengths = self._lengths[at] * np.float32(LENGTH / mean)
        often *= counts / (often + np.float32(SATURATION) * (np.float32(1 - LENGTH) + lengths))
        return at, often

    def _rarity(self, word: str) -> float:
        id = self._ids.get(word)
        return self._idf(len(self._postings[id]) if id is not None else 0)

    def _idf(self, slots: float) -> float:
        return float(np.log1p((len(self._of_slot) - slots + 0.5) / (slots + 0.5)))
