"""The rows of reviews in the plugin's storage.

``review/item/DAY/CONVERSATION-MESSAGE`` is a `ReviewItem`, ``review/judgement/ITEM/REVIEWER`` a
`Judgement`. Both have the conversation's id: erasing a customer removes them, export shows them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import TypeVar

import msgspec

from gateway import Outdated, PluginStorage, StoredValue, Value, WarmlineError
from plugins.insights.review.values import Judgement, ReviewItem

PLUGIN = "insights"
ITEMS, JUDGEMENTS = "review/item/", "review/judgement/"

T = TypeVar("T", bound=Value)


class AlreadyReviewed(WarmlineError):
    """The reviewer has judged this item before."""


class ReviewSheet(Value, frozen=True, kw_only=True):
    """The items of some days and what was said of each, oldest day first."""

    items: tuple[ReviewItem, ...] = ()
    judgements: tuple[Judgement, ...] = ()

    def of(self, item: ReviewItem) -> tuple[Judgement, ...]:
        """All judgements of ``item``, those that passed it on included."""
        return self.by_item().get(item.id, ())

    def by_item(self) -> dict[str, tuple[Judgement, ...]]:
        """The judgements by the id of their item."""
        found: dict[str, tuple[Judgement, ...]] = {}
        for judgement in self.judgements:
            found[judgement.item] = (*found.get(judgement.item, ()), judgement)
        return found


class ReviewStorage:
    """Reads and writes the rows of reviews."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def sheet(self, since: date | None = None, until: date | None = None) -> ReviewSheet:
        """Everything on answers that were given at ``since`` or later, and before ``until``."""
        items = [item async for item in self._values(ITEMS, ReviewItem, since, until)]
        judged = [row async for row in self._values(JUDGEMENTS, Judgement, since, until)]
        return ReviewSheet(items=tuple(items), judgements=tuple(judged))

    async def item(self, id: str) -> ReviewItem | None:
        """The item ``id``; None when there is none, or it was erased."""
        found = await self._storage.get(PLUGIN, ITEMS + id)
        return msgspec.json.decode(found.value, type=ReviewItem) if found else None

    async def judge(self, item: ReviewItem, judgement: Judgement) -> None:
        """Store a judgement. Raises AlreadyReviewed when this reviewer has judged the item, and
        NotFound when its conversation was erased."""
        try:
            await self._storage.put(
                PLUGIN,
                f"{JUDGEMENTS}{item.id}/{judgement.reviewer}",
                msgspec.json.encode(judgement).decode(),
                conversation=item.conversation,
            )
        except Outdated:
            raise AlreadyReviewed(
                "you have reviewed this answer already; undo that first"
            ) from None

    async def take_back(self, judgement: Judgement) -> None:
        """Delete a judgement. It is no error when it is gone."""
        key = f"{JUDGEMENTS}{judgement.item}/{judgement.reviewer}"
        if stored := await self._storage.get(PLUGIN, key):
            await self._storage.drop(PLUGIN, key, version=stored.version)

    async def _values(
        self, prefix: str, kind: type[T], since: date | None, until: date | None
    ) -> AsyncIterator[T]:
        end = prefix + until.isoformat() if until else None
        start = prefix + since.isoformat() if since else ""
        async for row in stored_rows(self._storage, prefix, after=start):
            if end is not None and row.key >= end:
                return
            yield msgspec.json.decode(row.value, type=kind)


async def stored_rows(
    storage: PluginStorage, prefix: str, *, after: str = ""
) -> AsyncIterator[StoredValue]:
    """All rows of this plugin whose keys begin with ``prefix`` and are greater than ``after``."""
    while page := await storage.scan(PLUGIN, prefix, after=after):
        for row in page:
            yield row
        after = page[-1].key
