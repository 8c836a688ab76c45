"""The conversations of an export, in batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import islice

from gateway import ImportedConversation, Json
from plugins.history.importing.mailboxes.origin import Known
from plugins.history.importing.tickets.converting import TicketFormat
from plugins.history.importing.values import Converted, Progress, SkipCount
from plugins.history.importing.workers import Workers

TICKETS_AT_ONCE = 100


class TicketOrigin:
    """See `importer.Batches`. ``records`` yields each ticket with the bytes read so far."""

    channel = "email"

    def __init__(
        self,
        kind: TicketFormat,
        records: Callable[[], Iterator[tuple[Json, int]]],
        size: int,
        workers: Workers,
        close: Callable[[], None],
    ) -> None:
        self._kind: TicketFormat = kind
        self._records, self._size, self._workers = records, size, workers
        self._close = close

    async def batches(
        self,
        known: Known,  # noqa: ARG002  (what is stored is found when it is added)
        count: SkipCount,
        progress: Progress,
    ) -> AsyncGenerator[Sequence[ImportedConversation], None]:
        progress.stage, progress.unit, progress.total = "importing", "bytes", self._size
        records = self._records()
        running: deque[asyncio.Task[tuple[Converted, int]]] = deque()
        try:
            while batch := await asyncio.to_thread(lambda: list(islice(records, TICKETS_AT_ONCE))):
                running.append(asyncio.create_task(self._convert(batch)))
                if len(running) > self._workers.number:
                    yield await self._finish(running.popleft(), count, progress)
            while running:
                yield await self._finish(running.popleft(), count, progress)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def close(self) -> None:
        self._close()

    async def _convert(self, batch: Sequence[tuple[Json, int]]) -> tuple[Converted, int]:
        records = [record for record, _ in batch]
        return await self._workers.tickets(self._kind, records), batch[-1][1]

    async def _finish(
        self, task: asyncio.Task[tuple[Converted, int]], count: SkipCount, progress: Progress
    ) -> Sequence[ImportedConversation]:
        converted, progress.done = await task
        for skipped in converted.skipped:
            count.add(skipped.reason, skipped.place)
        return converted.conversations
