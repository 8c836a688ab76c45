"""A question's time and the index's memory, over many passages of random words and vectors."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from plugins.knowledge.search.index import LoadedPassages, SearchQuestion
from plugins.knowledge.search.meaning import PassageVectors
from plugins.knowledge.search.ranking import RANKED
from plugins.knowledge.search.rows import Floats, to_bytes, unit
from plugins.knowledge.search.word_index import NEAR_SIZE
from tests.bench.report import Report

PASSAGES = 20_000
VOCABULARY = 50_000
WORDS, SENTENCES, SIZE = 60, 3, 512
"""Of a passage: its words and its sentences, on average; and the numbers of a vector."""
MATTERS, OWN_MATTERS = 130, 8
"""Of all passages, and of one."""
QUESTIONS = 300
QUERY, MEMORY, PER_PASSAGE = "knowledge.query", "knowledge.memory", "knowledge.vectors"
RATIO = "knowledge.turn_p99_ratio"
TARGETS = (QUERY, RATIO)


def measure_queries(report: Report, passages: int) -> None:
    """The median time of a question of eight words, beside its embedding. It is the processor's:
    other programs do not lengthen it."""
    rng = np.random.default_rng(1)
    # Words are as frequent as in texts (Zipf), so that lists of passages are as long as there.
    chances = 1 / np.arange(10, VOCABULARY + 10)
    chances /= chances.sum()
    tracemalloc.start()
    index = LoadedPassages()
    for id in range(passages):
        words = [f"w{number}" for number in rng.choice(VOCABULARY, WORDS, p=chances)]
        about = [f"m{number}" for number in rng.integers(MATTERS, size=OWN_MATTERS)]
        index.add(
            id, id // 5, words=words, language="en", brand="", matters=about, topics=about[:2]
        )
        index.set_vectors(id, _vectors(rng))
    while missing := index.words.words_without_vector(1_000):
        index.words.set_vectors(missing, unit(_normal(rng, len(missing), NEAR_SIZE)))
    memory = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    times = []
    for _ in range(QUESTIONS):
        words = [f"w{number}" for number in rng.choice(VOCABULARY, 8, p=chances)]
        parts = unit(_normal(rng, 1, SIZE))
        question = SearchQuestion(
            parts=parts,
            adapted=parts,
            words=dict.fromkeys(words, 1),
            near={word: unit(_normal(rng, 1, NEAR_SIZE))[0] for word in words},
            matters={f"m{number}" for number in rng.integers(MATTERS, size=3)},
            language="en",
        )
        begun = time.thread_time()
        index.find(question, RANKED)
        times.append(time.thread_time() - begun)
    median, slow = np.percentile(times, [50, 99]) * 1000
    report.cap(QUERY, float(median), "ms", 20, p99=round(float(slow), 1), passages=passages)
    report.figure(MEMORY, memory, "MB", estimate=round(index.memory / 1e6, 1), passages=passages)
    report.figure(PER_PASSAGE, (1 + 2 * SENTENCES) * SIZE * passages / 1e6, "MB")


def _vectors(rng: np.random.Generator) -> PassageVectors:
    return PassageVectors(*to_bytes(_normal(rng, 1 + 2 * SENTENCES, SIZE)))


def _normal(rng: np.random.Generator, rows: int, size: int) -> Floats:
    return rng.standard_normal((rows, size), np.float32)
