"""Search over the conversations, and the task that keeps its index current."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

import structlog

from gateway.model import Address, Json, Searchable, SearchHit, SearchPage
from gateway.ports import Clock, Outdated, PluginStorage
from gateway.store.search import IndexMatch, SearchIndex, SearchQuery, SearchSource
from gateway.support.backoff import Pace

log = structlog.get_logger()
STORED_AS = "warmline.search"
"""The name under which the kind of the index is stored."""
BATCH = 500
INTERVAL = 2.0
"""Seconds between two looks for new messages."""
ADDED_AT_ONCE = 100
"""Messages that join the index together: a turn waits for them."""
REST = 3.0
"""How many times as long as it worked an index that is being built rests: a large past, after an
upgrade or an import, takes a quarter of a processor from customers until it is there."""
CLEAN_UP_INTERVAL = 3600.0
"""Seconds between two looks for messages that retention has deleted."""
MOST_LOOKED_AT = 2_000
"""Matches that one page looks through for different conversations."""
PLAIN: frozenset[Searchable] = frozenset({"words", "names", "addresses"})
WORDS_VERSION = 2
"""Grows when words are divided or folded in another way: the index is then built anew."""
ENCRYPTED: frozenset[Searchable] = frozenset({"addresses"})


def index_mode(*, encrypted: bool) -> str:
    """What is stored as ``mode``: an index of another mode is built anew."""
    return f"{'addresses' if encrypted else 'plain'} {WORDS_VERSION}"


@dataclass(kw_only=True)
class IndexedSearch:
    """See `ConversationSearch`. ``parse`` and ``excerpt`` know the words of the index."""

    source: SearchSource
    index: SearchIndex
    parse: Callable[[str, tuple[str, ...]], SearchQuery]
    excerpt: Callable[[str, SearchQuery], tuple[str, tuple[tuple[int, int], ...]]]
    encrypted: bool

    async def find(
        self, query: str, *, brands: tuple[str, ...] = (), before: int = 0, limit: int = 50
    ) -> SearchPage:
        searchable = ENCRYPTED if self.encrypted else PLAIN
        behind = await self.source.waiting(await self.index.position())
        parsed = self.parse(query, brands)
        if not parsed.groups:
            return SearchPage(searchable=searchable, behind=behind)
        newest: dict[int, int] = {}
        looked, last, more = 0, before, False
        while not more:
            found = await self.index.matches(parsed, last, BATCH)
            shown = await self._shown_before(parsed, before, found)
            for match in found:
                if match.conversation in shown:
                    last = match.message
                    continue
                if match.conversation not in newest and len(newest) == limit:
                    more = True
                    break
                newest.setdefault(match.conversation, match.message)
                last = match.message
            looked += len(found)
            if len(found) < BATCH:
                break
            more = more or looked >= MOST_LOOKED_AT
        chosen = tuple(newest.values())
        hits = tuple(self._shown(hit, parsed) for hit in await self.source.hits(chosen))
        return SearchPage(
            hits=hits,
            before=last if more else 0,
            searchable=searchable,
            behind=behind,
        )

    async def _shown_before(
        self, query: SearchQuery, before: int, found: Sequence[IndexMatch]
    ) -> frozenset[int]:
        """The conversations that the pages before have shown, with a newer match."""
        if not before or not found:
            return frozenset()
        conversations = tuple(dict.fromkeys(match.conversation for match in found))
        return await self.index.shown(query, before, conversations)

    def _shown(self, hit: SearchHit, query: SearchQuery) -> SearchHit:
        text, matches = self.excerpt(hit.excerpt, query)
        return hit.replace(excerpt=text, matches=matches)


@dataclass(kw_only=True)
class SearchIndexer:
    """Adds new messages to the index, and removes what was deleted or erased. A
    `CustomerDataHolder`."""

    source: SearchSource
    index: SearchIndex
    storage: PluginStorage
    clock: Clock
    encrypted: bool
    _erased: list[str] = field(default_factory=list, init=False)
    adding: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    """Held while messages are added."""

    async def run(self) -> None:
        """Keep the index current, until cancelled."""
        await self._try(self._check_mode)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(INTERVAL, self.catch_up))
            # at the start as well: a crash may have cut off an erasure
            tasks.create_task(self._every(CLEAN_UP_INTERVAL, lambda: self.clean_up(Pace())))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._try(work)
            await self.clock.sleep(seconds)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("search.not_indexed")

    async def catch_up(self) -> None:
        """Index all messages that are not in the index yet."""
        while True:
            async with self.adding:
                begun = perf_counter()
                after = await self.index.position()
                documents, looked_at = await self.source.documents(after, ADDED_AT_ONCE)
                if documents:
                    await self.index.add(documents, looked_at)
                took = perf_counter() - begun
            if len(documents) < ADDED_AT_ONCE:
                return
            await self.clock.sleep(REST * took)

    async def clean_up(self, pace: Pace) -> None:
        """Remove the messages that do not exist any more."""
        after = 0
        while ids := await self.index.ids(after, BATCH):
            existing = await self.source.existing(ids)
            if gone := [id for id in ids if id not in existing]:
                await self.index.remove(gone)  # now: the whole index takes minutes
            after = ids[-1]
            await pace.rest()
        await self.index.purge()

    async def _check_mode(self) -> None:
        """Build the index anew where the database was encrypted, or is no more, since it was
        built: no plain words may stay in it. So too after a change of the words themselves."""
        mode = index_mode(encrypted=self.encrypted)
        known = await self.storage.get(STORED_AS, "mode")
        if known is not None and known.value == mode:
            return
        await self.index.clear()
        with suppress(Outdated):  # another process was faster
            version = known.version if known else 0
            await self.storage.put(STORED_AS, "mode", mode, version=version)

    async def export_customer(self, addresses: Sequence[Address]) -> Json:  # noqa: ARG002  (a CustomerDataHolder)
        """Nothing: the index holds only words of messages, which are exported themselves."""
        return {}

    async def erase_customer(self, addresses: Sequence[Address]) -> int:
        """Done by `finish_erasure`: until the database has erased them, messages could come back
        into the index."""
        self._erased += [address.lane for address in addresses]
        return 0

    async def finish_erasure(self) -> None:
        """Remove what came from the erased addresses, and add again what others wrote there: at a
        shared computer, from a number that has a new owner."""
        lanes, self._erased = self._erased, []
        if not lanes:
            return
        async with self.adding:
            await self.index.remove_lanes(lanes)
            await self._add_again(lanes)
        await self.clean_up(Pace(0.0))  # what they wrote from an address that is somebody else's

    async def _add_again(self, lanes: Sequence[str]) -> None:
        after, position = 0, await self.index.position()
        while True:
            documents, looked_at = await self.source.documents(after, BATCH, lanes=lanes)
            await self.index.add(documents, position)
            if len(documents) < BATCH:
                return
            after = looked_at
