"""The current passages in memory, and how well each answers a question.

The score is the cosine of the question with the passage, plus half of that with its best sentence,
plus one and a half times that with its best sentence after the title, plus twice the part of the
question's words that it shares. One is measured on what the others do not see: cosines find
what is said in other words and languages, words find names and numbers. Ranks are not fused: the
many passages that share no word would all have ranks. Matters of customer service, which the words
of question and passage name differently, count beside these.

The cosine with the passage and the words choose some hundreds of passages; only of these the
sentences are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .meaning import PassageVectors
from .rows import Floats, Numbers, RowTable
from .word_index import MatterIndex, WordIndex

SENTENCE_COUNTS, TITLED_COUNTS, WORDS_COUNT = 0.5, 1.5, 2.0
"""How much each part of the score counts beside the cosine of the passage. They are the round
numbers near the best ones on the development half of the questions in tests/knowledge."""
MATTERS_COUNT, TOPICS_COUNT = 0.8, 0.3
"""How much the matters of the question count that a passage is about, and those that its title and
headings are about."""
SAME_LANGUAGE = 0.1
"""Of two passages that say the same, the one in the customer's language is better."""
CANDIDATES = 150
"""Passages whose sentences are compared. Of the 20 best of 1,323 passages one in 2,000 is not among
them, and of the five best none is missing."""
FEW = 4
"""Of so many rows one is picked in the time in which all are read in order."""
BEST_PARTS = 3
"""The score of a message of several sentences is the mean over those that a passage answers best:
who tells a story asks in one or two sentences of it."""
NOBODYS = -1
"""The brand of a slot that is free, so that no question finds it."""
BEST_SENTENCES = 3
"""Sentences of a passage that are shown as answering best."""


def _none() -> Numbers:
    return np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuestion:
    """A question as the index compares it: ``parts`` has a row for each part, none without an
    encoder; ``adapted`` has the same rows after `Adapter`, which are compared where there are any.
    ``words`` counts its words, and ``near`` has the vectors of some; ``matters`` it is about."""

    parts: Floats
    adapted: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    words: Mapping[str, int]
    near: Mapping[str, Floats]
    matters: Collection[str] = ()
    language: str = ""
    brand: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A passage, by its id. ``sentences``: their numbers within it and their cosines, best
    first. ``coverage``: the share of the question's words that it has, 0 to about 1. ``matters``
    and ``topics``: that of its matters which the passage, and its title and headings, are about, 0
    to 1. ``alone``: the cosine of its best sentence without the title. All cosines are those of the
    adapted question, where there is one. ``plain``: the cosines of the passage and of its best
    sentence after the title with the question as it stands; None where nothing was adapted."""

    id: int
    score: float
    cosine: float
    bm25: float
    sentences: Sequence[tuple[int, float]]
    coverage: float = 0.0
    matters: float = 0.0
    topics: float = 0.0
    alone: float = 0.0
    plain: tuple[float, float] | None = None


@dataclass(slots=True, kw_only=True)
class _Kept:
    """What is known of a passage: its document, and the rows of its sentences, alone and after the
    title."""

    id: int
    document: int
    has_vectors: bool = False
    alone: Numbers = field(default_factory=_none)
    titled: Numbers = field(default_factory=_none)


@dataclass(slots=True)
class LoadedPassages:
    """Not safe for several threads at once."""

    words: WordIndex = field(default_factory=WordIndex)
    matters: MatterIndex = field(default_factory=MatterIndex)
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _slots: dict[int, int] = field(default_factory=dict)
    _free: list[int] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=lambda: {"": 0})
    _languages: Numbers = field(default_factory=_none)
    _brands: Numbers = field(default_factory=_none)
    _of_document: dict[int, set[int]] = field(default_factory=dict)
    _whole: RowTable | None = None
    _sentences: RowTable | None = None

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, id: int) -> bool:
        return id in self._slots

    @property
    def memory(self) -> int:
        """Bytes, roughly: of vectors, of words, and 300 for each passage."""
        tables = (table.memory for table in (self._whole, self._sentences) if table is not None)
        return sum(tables) + self.words.memory + self.matters.memory + 300 * len(self._slots)

    def add(
        self,
        id: int,
        document: int,
        *,
        words: Sequence[str],
        language: str,
        brand: str,
        matters: Collection[str] = (),
        topics: Collection[str] = (),
    ) -> None:
        """Add a passage, without vectors. ``matters`` are what it is about, and ``topics`` what its
        title and headings are about. One that is there stays as it is."""
        if id in self._slots:
            return
        slot = self._free.pop() if self._free else len(self._kept)
        if slot >= len(self._languages):
            more = np.full(max(slot, 256), NOBODYS, np.intp)
            self._languages = np.concatenate([self._languages, more])
            self._brands = np.concatenate([self._brands, more])
        self._languages[slot], self._brands[slot] = self._number(language), self._number(brand)
        self._slots[id], self._kept[slot] = slot, _Kept(id=id, document=document)
        self._of_document.setdefault(document, set()).add(id)
        self.words.add(slot, words)
        self.matters.add(slot, matters, topics)

    def set_vectors(self, id: int, vectors: PassageVectors) -> None:
        """The vectors of a passage, once; nothing when it is not there any more."""
        slot = self._slots.get(id)
        if slot is None or self._kept[slot].has_vectors:
            return
        if self._whole is None or self._sentences is None:
            size = vectors.rows.shape[1]
            self._whole, self._sentences = RowTable(size), RowTable(size)
        kept, count = self._kept[slot], vectors.sentences
        self._whole.put(slot, vectors.rows[0], float(vectors.factors[0]))
        rows = self._sentences.add(vectors.rows[1:], vectors.factors[1:])
        kept.alone, kept.titled, kept.has_vectors = rows[:count], rows[count:], True

    def remove(self, id: int) -> None:
        """Nothing when it is not there."""
        slot = self._slots.pop(id, None)
        if slot is None:
            return
        kept = self._kept.pop(slot)
        self._of_document[kept.document].discard(id)
        if not self._of_document[kept.document]:
            del self._of_document[kept.document]
        self.words.remove(slot)
        self.matters.remove(slot)
        if self._whole is not None and self._sentences is not None and kept.has_vectors:
            self._whole.clear(slot)
            self._sentences.free(kept.alone)
            self._sentences.free(kept.titled)
        self._brands[slot] = NOBODYS
        self._free.append(slot)

    def _number(self, name: str) -> int:
        """Of a language or a brand."""
        return self._names.setdefault(name, len(self._names))

    def of_document(self, document: int) -> frozenset[int]:
        """The passages of a document."""
        return frozenset(self._of_document.get(document, ()))

    def without_vectors(self) -> list[int]:
        """The passages that have none yet."""
        return [kept.id for kept in self._kept.values() if not kept.has_vectors]

    def find(self, question: SearchQuestion, limit: int) -> list[Candidate]:
        """The best passages, best first."""
        adapted = len(question.adapted) > 0
        parts = question.adapted if adapted else question.parts
        own, queries = len(parts), parts
        if adapted:  # the others beside them: rows of sentences are made floats once for both
            queries = np.concatenate([parts, question.parts])
        allowed = self._allowed(question.brand)
        if not len(allowed):
            return []
        shared = self.words.shared(question.words, question.near)
        matters, topics = self.matters.shared(question.matters, allowed)
        words = WORDS_COUNT * shared.coverage[allowed]
        words += MATTERS_COUNT * matters + TOPICS_COUNT * topics
        if question.language:
            same = self._languages[allowed] == self._names.get(question.language, NOBODYS)
            words = words + np.float32(SAME_LANGUAGE) * same
        cosines = self._cosines(parts, allowed)
        first = words + (1 + SENTENCE_COUNTS + TITLED_COUNTS) * _mean_of_best(cosines)
        most = min(CANDIDATES, len(allowed))
        chosen = np.argpartition(first, -most)[-most:]
        slots = [int(slot) for slot in allowed[chosen]]
        whole = cosines[chosen]
        alone, titled, by_sentence = self._sentence_cosines(queries, slots, own)
        by_part = whole + SENTENCE_COUNTS * alone[:, :own] + TITLED_COUNTS * titled[:, :own]
        scores = words[chosen] + _mean_of_best(by_part)
        best = np.argsort(-scores, kind="stable")[:limit]
        at = chosen[best]
        score, bm25 = scores[best].tolist(), shared.bm25[allowed][at].tolist()
        coverage = shared.coverage[allowed][at].tolist()
        about, topical = matters[at].tolist(), topics[at].tolist()
        cosine, sentence = _best(whole[best]), _best(alone[best, :own])
        as_it_stands = self._cosines(question.parts if adapted else parts[:0], allowed[at])
        plain = list(zip(_best(as_it_stands), _best(titled[best, own:]), strict=True))
        kept = [self._kept[slots[place]] for place in best]
        return [
            Candidate(
                id=each.id,
                score=score[number],
                cosine=cosine[number],
                bm25=bm25[number],
                sentences=by_sentence(int(best[number])),
                coverage=coverage[number],
                matters=about[number],
                topics=topical[number],
                alone=sentence[number],
                plain=plain[number] if adapted and len(each.titled) else None,
            )
            for number, each in enumerate(kept)
        ]

    def _allowed(self, brand: str) -> Numbers:
        """The slots of ``brand`` and of no brand."""
        own = self._names.get(brand, 0)
        return np.flatnonzero((self._brands == 0) | (self._brands == own))

    def _cosines(self, parts: Floats, slots: Numbers) -> Floats:
        """Of passages with the parts of the question; 0 where there is no vector."""
        found = np.zeros((len(slots), len(parts)), np.float32)
        if self._whole is not None and len(parts):
            known = slots < self._whole.used
            few = len(slots) * FEW < self._whole.used
            found[known] = (
                self._whole.products_of(slots[known], parts)
                if few
                else self._whole.products(parts)[slots[known]]
            )
        return found

    def _sentence_cosines(
        self, queries: Floats, slots: Sequence[int], own: int
    ) -> tuple[Floats, Floats, Callable[[int], list[tuple[int, float]]]]:
        """For each of ``slots`` the best cosine of a sentence, and of one after the title, with
        each of ``queries``; and what returns the best sentences of one of them, by the first
        ``own``."""
        alone = np.zeros((len(slots), len(queries)), np.float32)
        titled = np.zeros((len(slots), len(queries)), np.float32)
        has = [at for at, slot in enumerate(slots) if len(self._kept[slot].titled)]
        if self._sentences is None or not has or not own:
            return alone, titled, lambda _: []
        kept = [self._kept[slots[at]] for at in has]
        starts = np.cumsum([0, *(len(each.titled) for each in kept)])
        for found, rows in ((alone, [k.alone for k in kept]), (titled, [k.titled for k in kept])):
            cosines = self._sentences.products_of(np.concatenate(rows), queries)
            found[has] = np.maximum.reduceat(cosines, starts[:-1], axis=0)
        place = {at: number for number, at in enumerate(has)}

        def best_sentences(at: int) -> list[tuple[int, float]]:
            if at not in place:
                return []
            begin, end = starts[place[at]], starts[place[at] + 1]
            mine = _best(cosines[begin:end, :own])
            order = sorted(range(len(mine)), key=lambda number: -mine[number])
            return [(number, mine[number]) for number in order[:BEST_SENTENCES]]

        return alone, titled, best_sentences


def _best(rows: Floats) -> list[float]:
    """The largest number of each row; 0 of an empty one."""
    found: list[float] = rows.max(axis=1).tolist() if rows.shape[1] else [0.0] * len(rows)
    return found


def _mean_of_best(rows: Floats) -> Floats:
    """Of each row, the mean of its `BEST_PARTS` largest numbers; 0 of an empty one."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows), np.float32)
    if rows.shape[1] == 1:
        return rows[:, 0]
    most = min(BEST_PARTS, rows.shape[1])
    return np.asarray(np.sort(rows, axis=1)[:, -most:].mean(axis=1), np.float32)
