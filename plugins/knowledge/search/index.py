"""The current passages in memory, and how well each answers a question.

The score is the cosine of the question with the passage, plus that with its best sentence, plus one
and a half times that with its best sentence after the title, plus one and a half times the part of
the question's words that it shares. One is measured on what the others do not see: cosines find
what is said in other words and languages, words find names and numbers. Ranks are not fused: the
many passages that share no word would all have ranks.

The cosine with the passage and the words choose some hundreds of passages; only of these the
sentences are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .meaning import PassageVectors
from .rows import Floats, Numbers, RowTable
from .word_index import WordIndex

SENTENCE_COUNTS, TITLED_COUNTS, WORDS_COUNT = 1.0, 1.5, 1.5
"""How much each part of the score counts beside the cosine of the passage. They are the round
numbers near the best ones on the development half of the questions in tests/knowledge."""
SAME_LANGUAGE = 0.1
"""Of two passages that say the same, the one in the customer's language is better."""
CANDIDATES = 300
"""Passages whose sentences are compared."""
BEST_PARTS = 3
"""The score of a message of several sentences is the mean over those that a passage answers best:
who tells a story asks in one or two sentences of it."""
BEST_SENTENCES = 3
"""Sentences of a passage that are shown as answering best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as the index compares it: ``parts`` has a row for each part, none without an
    encoder; ``words`` counts its words, and ``near`` has the vectors of some."""

    parts: Floats
    words: Mapping[str, int]
    near: Mapping[str, Floats]
    language: str = ""
    brand: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A passage, by its id. ``sentences``: their numbers within it and their cosines, best
    first."""

    id: int
    score: float
    cosine: float
    bm25: float
    sentences: Sequence[tuple[int, float]]


@dataclass(slots=True, kw_only=True)
class _Kept:
    """What is known of a passage: its document, and the rows of its sentences, alone and after the
    title."""

    id: int
    document: int
    alone: Numbers | None = None
    titled: Numbers | None = None


@dataclass(slots=True)
class PassageIndex:
    """Not safe for several threads at once."""

    words: WordIndex = field(default_factory=WordIndex)
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _slots: dict[int, int] = field(default_factory=dict)
    _free: list[int] = field(default_factory=list)
    _languages: list[str] = field(default_factory=list)
    _brands: list[str] = field(default_factory=list)
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
        return sum(tables) + self.words.memory + 300 * len(self._slots)

    def add(
        self, id: int, document: int, *, words: Sequence[str], language: str, brand: str
    ) -> None:
        """Add a passage, without vectors. One that is there stays as it is."""
        if id in self._slots:
            return
        slot = self._free.pop() if self._free else len(self._languages)
        if slot == len(self._languages):
            self._languages.append("")
            self._brands.append("")
        self._languages[slot], self._brands[slot] = language, brand
        self._slots[id], self._kept[slot] = slot, _Kept(id=id, document=document)
        self._of_document.setdefault(document, set()).add(id)
        self.words.add(slot, words)

    def set_vectors(self, id: int, vectors: PassageVectors) -> None:
        """The vectors of a passage, once; nothing when it is not there any more."""
        slot = self._slots.get(id)
        if slot is None or self._kept[slot].alone is not None:
            return
        if self._whole is None or self._sentences is None:
            size = vectors.rows.shape[1]
            self._whole, self._sentences = RowTable(size), RowTable(size)
        kept, count = self._kept[slot], vectors.sentences
        self._whole.put(slot, vectors.rows[0], float(vectors.factors[0]))
        rows = self._sentences.add(vectors.rows[1:], vectors.factors[1:])
        kept.alone, kept.titled = rows[:count], rows[count:]

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
        if self._whole is not None and self._sentences is not None and kept.alone is not None:
            self._whole.clear(slot)
            self._sentences.free(kept.alone)
            self._sentences.free(kept.titled if kept.titled is not None else ())
        self._free.append(slot)

    def of_document(self, document: int) -> frozenset[int]:
        """The passages of a document."""
        return frozenset(self._of_document.get(document, ()))

    def without_vectors(self) -> list[int]:
        """The passages that have none yet."""
        return [kept.id for kept in self._kept.values() if kept.alone is None]

    def find(self, question: Question, limit: int) -> list[Candidate]:
        """The best passages, best first."""
        allowed = self._allowed(question.brand)
        if not len(allowed):
            return []
        shared = self.words.shared(question.words, question.near)
        words = WORDS_COUNT * shared.coverage[allowed]
        if question.language:
            same = np.array([self._languages[slot] == question.language for slot in allowed])
            words = words + np.float32(SAME_LANGUAGE) * same
        cosines = self._cosines(question.parts, allowed)
        first = words + (1 + SENTENCE_COUNTS + TITLED_COUNTS) * _mean_of_best(cosines)
        most = min(CANDIDATES, len(allowed))
        chosen = np.argpartition(first, -most)[-most:]
        found = [
            self._candidate(question, int(allowed[at]), float(words[at]), cosines[at], shared.bm25)
            for at in chosen
        ]
        found.sort(key=lambda each: (-each.score, each.id))
        return found[:limit]

    def _allowed(self, brand: str) -> Numbers:
        """The slots of ``brand`` and of no brand."""
        slots = (slot for slot in self._kept if self._brands[slot] in ("", brand))
        return np.fromiter(slots, np.intp)

    def _cosines(self, parts: Floats, allowed: Numbers) -> Floats:
        """Of passages with the parts of the question; 0 where there is no vector."""
        found = np.zeros((len(allowed), len(parts)), np.float32)
        if self._whole is not None and len(parts):
            known = allowed < self._whole.used
            found[known] = self._whole.products(parts)[allowed[known]]
        return found

    def _candidate(
        self, question: Question, slot: int, words: float, cosines: Floats, bm25: Floats
    ) -> Candidate:
        kept = self._kept[slot]
        score, sentences = words, list[tuple[int, float]]()
        cosine = float(cosines.max()) if len(cosines) else 0.0
        if kept.alone is not None and self._sentences is not None and len(question.parts):
            alone = self._sentences.products_of(kept.alone, question.parts)
            titled = self._sentences.products_of(kept.titled, question.parts)  # type: ignore[arg-type]
            none = np.zeros((1, len(question.parts)), np.float32)
            whole = (
                cosines
                + SENTENCE_COUNTS * (alone if len(alone) else none).max(axis=0)
                + TITLED_COUNTS * (titled if len(titled) else none).max(axis=0)
            )
            score += float(_mean_of_best(whole[None, :])[0])
            best = titled.max(axis=1) if len(titled) else np.zeros(0, np.float32)
            order = np.argsort(-best, kind="stable")[:BEST_SENTENCES]
            sentences = [(int(number), float(best[number])) for number in order]
        return Candidate(
            id=kept.id, score=score, cosine=cosine, bm25=float(bm25[slot]), sentences=sentences
        )


def _mean_of_best(rows: Floats) -> Floats:
    """Of each row, the mean of its `BEST_PARTS` largest numbers; 0 of an empty one."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows), np.float32)
    most = min(BEST_PARTS, rows.shape[1])
    return np.asarray(np.sort(rows, axis=1)[:, -most:].mean(axis=1), np.float32)
