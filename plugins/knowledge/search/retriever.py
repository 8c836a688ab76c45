"""Finds the passages that answer a question, in an index that follows the store."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
import structlog
from cachetools import LRUCache
from msgspec.structs import replace

from gateway import (
    Clock,
    EmbeddingModel,
    KnowledgeStore,
    Passage,
    Services,
    TextEncoder,
    WarmlineError,
)
from plugins.knowledge.answering.features import read_ahead
from plugins.knowledge.answering.words import matters_of
from plugins.knowledge.retrieval import FoundPassage

from .index import Candidate, LoadedPassages, SearchQuestion
from .meaning import CentredEncoder, PassageVectors, spans_of, title_of
from .ranking import RANKED, packaged_ranking, rank
from .rows import Floats
from .sentences import question_parts
from .words import content_words

log = structlog.get_logger()
T = TypeVar("T")
INTERVAL = 2.0
"""Seconds between two looks for changes that other processes stored."""
READ_AT_ONCE = 200
"""Passages read from the store together."""
ADDED_AT_ONCE = 20
"""Passages added to the index together: a question waits some milliseconds for them."""
EMBEDDED_AT_ONCE = 8
"""Passages embedded before their vectors are stored."""
WORDS_AT_ONCE = 16
"""Words embedded in one call, as `meaning.TEXTS_AT_ONCE`; a word takes a quarter of the time."""
SEVERAL = 3
"""A message of more sentences is compared sentence by sentence; a shorter one as a whole."""
SMALL = 2_000
"""Passages of which the best are found in a millisecond or two."""
KEPT_PASSAGES = 2_048
"""Passages that are kept as they were read: some MB. Those found come again and again."""
LONGEST_QUESTION = 10_000
"""Characters of a message that are read."""
MOST_NEW_WORDS = 24
"""Words of a question that no passage has and that are embedded: each costs a part of a
millisecond."""


class PassageSearch:
    """A `Retriever`, a `Poller` and an `ExclusiveTask`.

    The index is loaded at the first question, so that only processes that answer have it, and
    follows the store from then on. One process embeds new passages; all read their vectors from
    the store. Without an encoder, words alone find passages.
    """

    def __init__(self) -> None:
        self._store: KnowledgeStore | None = None
        self._encoder: TextEncoder | None = None
        self._clock: Clock | None = None
        self._meaning: CentredEncoder | None = None
        """That of the vectors in the index."""
        self._writes: CentredEncoder | None = None
        """That of the vectors that are stored from here."""
        self._index = LoadedPassages()
        self._passages: LRUCache[int, Passage] = LRUCache(KEPT_PASSAGES)
        """Of those in the index, some, as they were when the index last followed the store."""
        self._reloads = 0
        self._lock = threading.Lock()
        self._loading = asyncio.Lock()
        self._seen: int | None = None
        self._started = asyncio.Event()
        self._wanted = asyncio.Event()

    @property
    def words_only(self) -> bool:
        """Whether there is no encoder, so that words alone are compared."""
        return self._encoder is None or self._encoder.embedding_model is None

    @property
    def memory(self) -> int:
        """Bytes of the index, roughly."""
        return self._index.memory

    def __len__(self) -> int:
        """Passages in the index."""
        return len(self._index)

    def use(self, services: Services) -> None:
        """The services that everything needs; `run` does this as well. Raises WarmlineError
        without a store."""
        if services.knowledge is None:
            raise WarmlineError("there is no store of sources in these services")
        self._store, self._clock = services.knowledge, services.clock
        self._encoder = services.encoder
        self._started.set()

    async def run(self, services: Services) -> None:
        """Follow the store, from the first question on."""
        self.use(services)
        await self._wanted.wait()
        if self.words_only:
            log.warning(
                "knowledge.words_only", hint="no sentence encoder; words alone are compared"
            )
        while True:
            await self.follow()
            await self.learn_words()
            await services.clock.sleep(INTERVAL)

    async def watch(self, services: Services) -> None:
        """Embed the passages that have no vectors. One process does this."""
        self.use(services)
        store, encoder = self._ready()
        seen, model = 0, ""
        while True:
            current = encoder.embedding_model if encoder is not None else None
            if current is not None:
                if current != model:
                    seen = await store.last_change()
                    await self.embed_all()
                    model = current
                while changes := await store.changes(seen):
                    for document in dict.fromkeys(change.document for change in changes):
                        passages = await store.passages_of(document)
                        await self._embed([each for each in passages if each.current])
                    seen = changes[-1].id
            await services.clock.sleep(INTERVAL)

    def stand_by(self) -> None:
        """Another process embeds."""

    async def find(
        self, question: str, *, language: str = "", brand: str = "", limit: int = 10
    ) -> Sequence[FoundPassage]:
        text = question[:LONGEST_QUESTION]
        candidates, found = await self.candidates(text, language=language, brand=brand, limit=limit)
        if not found:
            return ()
        ordered = rank(text, candidates, found, language=language, model=packaged_ranking())
        return ordered[:limit]

    async def candidates(
        self, question: str, *, language: str = "", brand: str = "", limit: int = RANKED
    ) -> tuple[Sequence[Candidate], list[FoundPassage]]:
        """The best passages as the index finds them, before `rank`: at least as many as it puts
        into order, or all. Raises WarmlineError when the encoder fails."""
        await self._started.wait()
        self._wanted.set()
        if self._seen is None:
            await self.follow()
        if not len(self._index):
            return (), []
        asked = await self._read(question, language, brand)
        # Some may have been removed meanwhile.
        most = max(limit, RANKED) + 5
        run = self._quick if len(self._index) <= SMALL else self._locked
        candidates = await run(lambda: self._index.find(asked, most))
        passages = await self._current([each.id for each in candidates])
        current = [each for each in candidates if each.id in passages]
        return current, [_found(each, passages[each.id]) for each in current]

    async def _current(self, ids: Sequence[int]) -> dict[int, Passage]:
        """The passages ``ids`` that are current. Those that are kept stand only while nothing was
        stored that the index has not followed yet."""
        store, _ = self._ready()
        followed = await store.last_change() == self._seen
        found = {id: self._passages[id] for id in ids if followed and id in self._passages}
        if missing := [id for id in ids if id not in found]:
            reloads = self._reloads
            read = {each.id: each for each in await store.passages(missing) if each.current}
            if followed and reloads == self._reloads:  # else they may be as they were before
                self._passages.update(read)
            found |= read
        return found

    async def prepare(self) -> None:
        """Embed and load all there is, for a command that asks once. Raises WarmlineError."""
        await self.embed_all()
        await self.follow()
        await self.learn_words()

    async def follow(self) -> None:
        """Bring the index up to what is stored now. Raises WarmlineError."""
        store, _ = self._ready()
        async with self._loading:
            _use_one_thread()
            await self._use_model()
            if self._seen is None:
                seen = await store.last_change()
                after = 0
                while passages := await store.current_passages(after, READ_AT_ONCE):
                    await self._add(passages)
                    after = passages[-1].id
                self._seen = seen
            while changes := await store.changes(self._seen):
                for document in dict.fromkeys(change.document for change in changes):
                    await self._reload(document)
                self._seen = changes[-1].id
            await self._load_vectors(await self._locked(self._index.without_vectors))

    async def embed_all(self) -> int:
        """Embed all current passages without vectors, and store them; return how many there were.
        Raises WarmlineError when the encoder fails."""
        store, _ = self._ready()
        embedded, after = 0, 0
        while passages := await store.current_passages(after, READ_AT_ONCE):
            embedded += await self._embed(passages)
            after = passages[-1].id
        return embedded

    async def _embed(self, passages: Sequence[Passage]) -> int:
        store, encoder = self._ready()
        if encoder is None or encoder.embedding_model is None:
            return 0
        meaning = self._writes
        if meaning is None or not meaning.is_of(encoder.embedding_model):
            meaning = self._writes = await CentredEncoder.of(encoder)
        known = await store.vectors([each.id for each in passages], meaning.model)
        missing = [each for each in passages if each.id not in known]
        for start in range(0, len(missing), EMBEDDED_AT_ONCE):
            part = missing[start : start + EMBEDDED_AT_ONCE]
            vectors = {each.id: (await meaning.of_passage(each)).stored() for each in part}
            await store.put_vectors(meaning.model, vectors)
        return len(missing)

    async def _read(self, text: str, language: str, brand: str) -> SearchQuestion:
        words = content_words(text, language)

        def known() -> tuple[Counter[str], dict[str, Floats]]:
            counted = self._index.words.chosen(words)
            return counted, self._index.words.vectors_of(counted)

        counted, near = await self._quick(known)
        meaning = self._meaning
        parts = adapted = np.zeros((0, 0), np.float32)
        if meaning is not None:
            sentences = question_parts(text)
            asked = sentences if len(sentences) > SEVERAL else [text]
            new = [word for word in counted if word not in near][:MOST_NEW_WORDS]
            parts, vectors = await meaning.of_question(asked, new)
            near |= dict(zip(new, vectors, strict=True))
            if len(parts) == 1:  # the ranking knows no long messages
                adapted = meaning.adapted(parts)
        return SearchQuestion(
            parts=parts,
            adapted=adapted,
            words=counted,
            near=near,
            matters=matters_of(text, language),
            language=language,
            brand=brand,
        )

    async def _use_model(self) -> None:
        """Begin anew when the encoder has become another one."""
        encoder = self._encoder
        model = encoder.embedding_model if encoder is not None else None
        if encoder is None or model is None:
            return
        if self._meaning is None or not self._meaning.is_of(model):
            self._meaning = await CentredEncoder.of(encoder)
            self._index, self._seen = LoadedPassages(), None
            self._passages.clear()  # what changes between is not followed

    async def _reload(self, document: int) -> None:
        store, _ = self._ready()
        self._reloads += 1
        passages = [each for each in await store.passages_of(document) if each.current]
        current = {each.id for each in passages}

        def drop() -> frozenset[int]:
            known = self._index.of_document(document)
            for id in known - current:
                self._index.remove(id)
            return known

        for id in await self._locked(drop):
            self._passages.pop(id, None)  # its title, brand or date may be others now
        await self._add(passages)

    async def _add(self, passages: Sequence[Passage]) -> None:
        for start in range(0, len(passages), ADDED_AT_ONCE):
            await self._add_some(passages[start : start + ADDED_AT_ONCE])

    async def _add_some(self, passages: Sequence[Passage]) -> None:
        def add() -> None:
            for each in passages:
                title = title_of(each)
                text = f"{title}\n{each.text}"
                topics = matters_of(title, each.language)
                self._index.add(
                    each.id,
                    each.document,
                    words=content_words(text, each.language),
                    language=each.language,
                    brand=each.brand,
                    matters=matters_of(each.text, each.language),
                    topics=topics,
                )
                if each.id in kept:
                    read_ahead(each)

        room = max(0, KEPT_PASSAGES - len(self._passages))
        kept = {each.id: each for each in passages[:room]}
        await self._locked(add)
        self._passages.update(kept)
        await self._load_vectors([each.id for each in passages])

    async def _load_vectors(self, ids: Sequence[int]) -> None:
        """Those that are stored. The others come when they have been embedded."""
        store, _ = self._ready()
        meaning = self._meaning
        if meaning is None:
            return
        for start in range(0, len(ids), READ_AT_ONCE):
            part = ids[start : start + READ_AT_ONCE]
            stored = await store.vectors(part, meaning.model)

            def put(stored: dict[int, bytes] = dict(stored)) -> None:  # noqa: B006
                for id, data in stored.items():
                    vectors = PassageVectors.from_stored(data, meaning.size)
                    if vectors is not None:
                        self._index.set_vectors(id, vectors)

            await self._locked(put)

    async def learn_words(self) -> None:
        """Embed the words of passages that have no vector yet."""
        meaning = self._meaning
        while meaning is not None:
            words = await self._locked(
                lambda: self._index.words.words_without_vector(WORDS_AT_ONCE)
            )
            if not words:
                return
            vectors = await meaning.of_words(words)

            def put(words: list[str] = words, vectors: Floats = vectors) -> None:
                self._index.words.set_vectors(words, vectors)

            await self._locked(put)

    async def _locked(self, work: Callable[[], T]) -> T:
        """``work`` on the index, off the event loop, one at a time."""

        def locked() -> T:
            with self._lock:
                return work()

        return await asyncio.to_thread(locked)

    async def _quick(self, work: Callable[[], T]) -> T:
        """``work`` on the index that takes little more time than a change to another thread."""
        if not self._lock.acquire(blocking=False):
            return await self._locked(work)
        try:
            return work()
        finally:
            self._lock.release()

    def _ready(self) -> tuple[KnowledgeStore, TextEncoder | None]:
        if self._store is None:
            raise WarmlineError("the search for passages has not been started")
        return self._store, self._encoder


@cache
class ServerSearch(PassageSearch):
    """`PassageSearch` with the embeddings of ``encoder`` instead of the gateway's own. While its
    server fails, a question raises WarmlineError, and a person gets it."""

    def __init__(self, encoder: EmbeddingModel) -> None:
        super().__init__()
        self.encoder = encoder

    def use(self, services: Services) -> None:
        super().use(replace(services, encoder=self.encoder))

    async def teardown(self) -> None:
        """Close the connections. See `NeedsTeardown`."""
        await self.encoder.close()


def _use_one_thread() -> None:
    """Let products of matrices use one thread, in the whole process. Ours are small: threads cost
    more than they save, many times more when the processors are busy."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    threadpool_limits(1, user_api="blas")


def _found(candidate: Candidate, passage: Passage) -> FoundPassage:
    spans = spans_of(passage)
    return FoundPassage(
        passage=passage,
        score=candidate.score,
        cosine=candidate.cosine,
        bm25=candidate.bm25,
        matters=candidate.matters,
        topics=candidate.topics,
        sentences=tuple(
            (spans[number].start, spans[number].end, cosine)
            for number, cosine in candidate.sentences
            if number < len(spans)
        ),
    )
