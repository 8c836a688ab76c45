"""Embeddings for search: of questions, of passages and their sentences, and of words.

All questions have something in common in their embeddings, and so have all sentences of a help
centre: that they ask, or tell, and how. Their means are subtracted, so that what is left says what
they are about. It finds a seventh more first passages on the questions in tests/knowledge. The
means are those of typical texts, so that an embedding never depends on the other passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from struct import Struct

import numpy as np

from gateway import Embedding, Passage, TextEncoder, WarmlineError, packaged_yaml

from .rows import Bytes, Floats, to_bytes, unit
from .sentences import SentenceSpan, sentences_of
from .word_index import NEAR_SIZE
from .words import content_words

PACKAGED = "universal"
"""How the name of the encoder begins that the adapter is for."""
ADAPTER_FILE = "adapter.npz"
LAYOUT = 1
"""Grows when other texts are embedded, or they are stored in another way."""
_HEAD = Struct("<BHH")
"""The layout, the sentences, and the numbers of a vector."""
TEXTS_AT_ONCE = 4
"""Texts of a passage in one call: a customer's message waits for one call at most, some
milliseconds."""
LONGEST = 2_000
"""Characters of a passage that are embedded as a whole."""


class PassageVectors:
    """The vectors of a passage, then those of its sentences: alone, and after the title."""

    def __init__(self, rows: Bytes, factors: Floats) -> None:
        self.rows, self.factors = rows, factors

    @property
    def sentences(self) -> int:
        return (len(self.rows) - 1) // 2

    def stored(self) -> bytes:
        head = _HEAD.pack(LAYOUT, self.sentences, self.rows.shape[1])
        return head + self.factors.astype("<f4").tobytes() + self.rows.tobytes()

    @classmethod
    def from_stored(cls, data: bytes, size: int) -> PassageVectors | None:
        """None when it is not what `stored` makes now."""
        if len(data) < _HEAD.size:
            return None
        layout, sentences, width = _HEAD.unpack_from(data)
        count = 1 + 2 * sentences
        start = _HEAD.size + 4 * count
        if layout != LAYOUT or width != size or len(data) != start + count * size:
            return None
        factors = np.frombuffer(data, "<f4", count, _HEAD.size).astype(np.float32)
        return cls(np.frombuffer(data, np.int8, offset=start).reshape(count, size), factors)


class Adapter:
    """Moves the vector of a question towards those of passages that answer such questions: a linear
    map of low rank, learnt from questions and answers by ``make train-search``."""

    def __init__(self, down: Floats, up: Floats) -> None:
        """``down``: numbers of a vector x rank; ``up``: rank x numbers of a vector."""
        self._down, self._up = down, up

    def adapted(self, rows: Floats) -> Floats:
        """``rows`` moved, with norm 1."""
        return unit(np.asarray(rows + (rows @ self._down) @ self._up, np.float32))


@cache
def packaged_adapter() -> Adapter:
    """The one that ships, for the packaged encoder."""
    with files(__package__).joinpath(ADAPTER_FILE).open("rb") as file, np.load(file) as arrays:
        return Adapter(arrays["down"].astype(np.float32), arrays["up"].astype(np.float32))


class CentredEncoder:
    """What an encoder tells, with what all texts of a kind have in common taken away."""

    def __init__(
        self, encoder: TextEncoder, model: str, means: tuple[Floats, Floats, Floats], axes: Floats
    ) -> None:
        self._encoder, self.model = encoder, model
        self._of_questions, self._of_sentences, self._of_words = means
        self._axes = axes
        self.size = len(self._of_questions)

    @classmethod
    async def of(cls, encoder: TextEncoder) -> CentredEncoder:
        """Embed the typical texts. Raises WarmlineError when the encoder fails."""
        if encoder.embedding_model is None:
            raise WarmlineError("the sentence encoder is not there any more")
        typical = packaged_yaml("plugins.knowledge.search", "typical.yaml")
        questions, sentences = (
            [text for texts in typical[kind].values() for text in texts]
            for kind in ("questions", "sentences")
        )
        languages = [name for name, texts in typical["sentences"].items() for _ in texts]
        words = sorted(
            {
                word
                for text, language in zip(sentences, languages, strict=True)
                for word in content_words(text, language)
            }
        )
        found = _floats(await encoder.embed([*questions, *sentences, *words]))
        apart = np.split(found, [len(questions), len(questions) + len(sentences)])
        means = tuple(part.mean(axis=0) for part in apart)
        own = unit(apart[2] - means[2])
        axes = np.zeros((own.shape[1], NEAR_SIZE), np.float32)
        main = np.linalg.svd(own, full_matrices=False)[2][:NEAR_SIZE].T
        axes[:, : main.shape[1]] = main
        return cls(encoder, _name(encoder.embedding_model), (means[0], means[1], means[2]), axes)

    def is_of(self, embedding_model: str) -> bool:
        """Whether its vectors can be compared with those of this model."""
        return self.model == _name(embedding_model)

    async def of_question(
        self, parts: Sequence[str], words: Sequence[str]
    ) -> tuple[Floats, Floats]:
        """A row for each part of a question, and one for each of its words. Raises
        WarmlineError."""
        found = _floats(await self._encoder.embed([*parts, *words]))
        asked, named = found[: len(parts)], found[len(parts) :]
        return unit(asked - self._of_questions), self._near(named)

    def adapted(self, asked: Floats) -> Floats:
        """Rows of `of_question` moved towards what answers; none where no adapter is for this
        encoder."""
        if not self.model.startswith(PACKAGED):
            return np.zeros((0, 0), np.float32)
        return packaged_adapter().adapted(asked)

    async def of_words(self, words: Sequence[str]) -> Floats:
        """A row for each word. Raises WarmlineError."""
        return self._near(_floats(await self._encoder.embed(words)))

    async def of_sentences(self, sentences: Sequence[str]) -> Floats:
        """A row for each sentence of a passage. Raises WarmlineError."""
        return unit(_floats(await self._encoder.embed(sentences)) - self._of_sentences)

    async def of_passage(self, passage: Passage) -> PassageVectors:
        """Raises WarmlineError."""
        title = title_of(passage)
        text = passage.text
        spans = sentences_of(text, passage.kind)
        alone = [text[start:end] for start, end in spans]
        whole = f"{title}. {text[:LONGEST]}"
        texts = [whole, *alone, *(f"{title}: {sentence}" for sentence in alone)]
        found = np.concatenate(
            [
                _floats(await self._encoder.embed(texts[at : at + TEXTS_AT_ONCE]))
                for at in range(0, len(texts), TEXTS_AT_ONCE)
            ]
        )
        return PassageVectors(*to_bytes(unit(found - self._of_sentences)))

    def _near(self, rows: Floats) -> Floats:
        if not len(rows):
            return np.zeros((0, NEAR_SIZE), np.float32)
        return unit(unit(rows - self._of_words) @ self._axes)


def _name(embedding_model: str) -> str:
    """Under which vectors are stored."""
    return f"{embedding_model}, layout {LAYOUT}"


def title_of(passage: Passage) -> str:
    """What the passage is about: the title, the headings above it, the question it answers."""
    parts = (passage.title, *passage.headings, passage.question)
    return ". ".join(dict.fromkeys(part for part in parts if part))


def spans_of(passage: Passage) -> tuple[SentenceSpan, ...]:
    """The sentences in the order of their vectors."""
    return sentences_of(passage.text, passage.kind)


def _floats(embeddings: Sequence[Embedding]) -> Floats:
    return np.array([np.frombuffer(each, np.float32) for each in embeddings], np.float32)
