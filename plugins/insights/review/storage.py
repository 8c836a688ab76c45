"""The rows of reviews in the plugin's storage.

=============================================  ==================  ================================
key                                            value               with the conversation's id
=============================================  ==================  ================================
``review/item/DAY/CONVERSATION-MESSAGE``       `ReviewItem`        yes
``review/judgement/ITEM/REVIEWER``             `Judgement`         yes
``review/voice/MONTH/KIND/CHANNEL``            `VoiceSample`       yes
``review/voice-verdict/MONTH/KIND/REVIEWER``   `VoiceVerdict`      if one answer differs: its own
``review/day/DAY``                             `DayDraw`           no, it holds counts
``review/known``                               `KnownCodes`        no, it holds codes and digests
=============================================  ==================  ================================

Erasing a customer removes the rows of their conversations, and the export shows them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import date
from typing import TypeVar

import msgspec

from gateway import NotFound, Outdated, PluginStorage, StoredValue, Value, WarmlineError
from plugins.insights.review.values import (
    DayDraw,
    Judgement,
    KnownCodes,
    ReviewItem,
    VoiceSample,
    VoiceVerdict,
)

PLUGIN = "insights"
ITEMS, JUDGEMENTS, DAYS = "review/item/", "review/judgement/", "review/day/"
VOICE, VERDICTS, KNOWN = "review/voice/", "review/voice-verdict/", "review/known"

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
        """Everything on answers that were given at ``since`` or later, and before ``until``, of
        days whose draw is complete."""
        complete = {draw.day for draw in await self.draws(since, until)}
        found = [item async for item in self._values(ITEMS, ReviewItem, since, until)]
        items = [item for item in found if item.day in complete]
        judged = [row async for row in self._values(JUDGEMENTS, Judgement, since, until)]
        return ReviewSheet(items=tuple(items), judgements=tuple(judged))

    async def item(self, id: str) -> ReviewItem | None:
        """The item ``id``; None when there is none, or it was erased."""
        found = await self._storage.get(PLUGIN, ITEMS + id)
        return msgspec.json.decode(found.value, type=ReviewItem) if found else None

    async def judge(self, item: ReviewItem, judgement: Judgement, *, again: bool = False) -> None:
        """Store a judgement; with ``again`` in place of this reviewer's earlier one. Raises
        AlreadyReviewed when there is one, and NotFound when the conversation was erased."""
        key = f"{JUDGEMENTS}{item.id}/{judgement.reviewer}"
        stored = await self._storage.get(PLUGIN, key) if again else None
        try:
            await self._put(key, judgement, stored, item.conversation)
        except Outdated:
            raise AlreadyReviewed(
                "you have reviewed this answer already; undo that first"
            ) from None

    async def judgement(self, item: str, reviewer: str) -> Judgement | None:
        """What this reviewer said of the item; None when nothing is stored."""
        stored = await self._storage.get(PLUGIN, f"{JUDGEMENTS}{item}/{reviewer}")
        return None if stored is None else msgspec.json.decode(stored.value, type=Judgement)

    async def take_back(self, item: str, reviewer: str) -> Judgement | None:
        """Delete a judgement and return it; None when there is none."""
        key = f"{JUDGEMENTS}{item}/{reviewer}"
        stored = await self._storage.get(PLUGIN, key)
        if stored is None:
            return None
        await self._storage.drop(PLUGIN, key, version=stored.version)
        return msgspec.json.decode(stored.value, type=Judgement)

    async def draws(
        self, since: date | None = None, until: date | None = None
    ) -> tuple[DayDraw, ...]:
        """The draws that are complete, oldest first."""
        return tuple([draw async for draw in self._values(DAYS, DayDraw, since, until)])

    async def keep_draw(self, draw: DayDraw, items: Sequence[ReviewItem]) -> None:
        """Store the items of a day, and last that it is complete. What an interrupted draw of the
        same day left is deleted first. A complete draw stays as it is, unless it was made before
        anybody wrote."""
        made = await self._storage.get(PLUGIN, DAYS + draw.day.isoformat())
        if made and msgspec.json.decode(made.value, type=DayDraw).message:
            return
        async for row in stored_rows(self._storage, f"{ITEMS}{draw.day.isoformat()}/"):
            await self._storage.drop(PLUGIN, row.key, version=row.version)
        for item in items:
            with suppress(NotFound):  # erased meanwhile
                await self._put(ITEMS + item.id, item, None, item.conversation)
        await self._put(DAYS + draw.day.isoformat(), draw, made)

    async def known(self) -> KnownCodes:
        """The codes that were seen so far."""
        stored = await self._storage.get(PLUGIN, KNOWN)
        return msgspec.json.decode(stored.value, type=KnownCodes) if stored else KnownCodes()

    async def keep_known(self, known: KnownCodes) -> None:
        await self._put(KNOWN, known, await self._storage.get(PLUGIN, KNOWN))

    async def voice_samples(self, month: str) -> tuple[VoiceSample, ...]:
        """The samples of a month (``2026-03``) for one voice."""
        rows = self._values(f"{VOICE}{month}/", VoiceSample)
        return tuple([sample async for sample in rows])

    async def keep_voice_sample(self, sample: VoiceSample) -> None:
        """Store it in place of the one of the same month, kind of case and channel."""
        key = f"{VOICE}{sample.id}/{sample.channel}"
        stored = await self._storage.get(PLUGIN, key)
        with suppress(NotFound):  # erased meanwhile
            await self._put(key, sample, stored, sample.conversation)

    async def verdicts(self, month: str) -> tuple[VoiceVerdict, ...]:
        """What reviewers said of the samples of a month."""
        rows = self._values(f"{VERDICTS}{month}/", VoiceVerdict)
        return tuple([verdict async for verdict in rows])

    async def keep_verdict(self, verdict: VoiceVerdict) -> None:
        """Store it in place of this reviewer's earlier one. Raises NotFound when the conversation
        of the answer that differs was erased."""
        key = f"{VERDICTS}{verdict.sample}/{verdict.reviewer}"
        stored = await self._storage.get(PLUGIN, key)
        await self._put(key, verdict, stored, verdict.conversation)

    async def _put(
        self, key: str, value: Value, stored: StoredValue | None = None, conversation: int = 0
    ) -> None:
        await self._storage.put(
            PLUGIN,
            key,
            msgspec.json.encode(value).decode(),
            version=stored.version if stored else 0,
            conversation=conversation,
        )

    async def _values(
        self, prefix: str, kind: type[T], since: date | None = None, until: date | None = None
    ) -> AsyncIterator[T]:
        end = prefix + until.isoformat() if until else None
        start = prefix + since.isoformat()[:-1] if since else ""
        async for row in stored_rows(self._storage, prefix, after=start):
            if end is not None and row.key >= end:
                return
            if since is None or row.key >= prefix + since.isoformat():
                yield msgspec.json.decode(row.value, type=kind)


async def stored_rows(
    storage: PluginStorage, prefix: str, *, after: str = ""
) -> AsyncIterator[StoredValue]:
    """All rows of this plugin whose keys begin with ``prefix`` and are greater than ``after``."""
    while page := await storage.scan(PLUGIN, prefix, after=after):
        for row in page:
            yield row
        after = page[-1].key
