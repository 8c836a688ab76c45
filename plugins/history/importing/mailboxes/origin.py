"""The conversations of mailboxes: first all heads are read, then conversation by conversation.

Nothing but a few numbers of each mail is kept between the two, and nothing is written to disk: an
import that was cut off begins anew, and leaves out what is stored.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from gateway import ImportedConversation, MailHead
from plugins.history.importing.mailboxes.converting import CHANNEL, RawMail, outsider
from plugins.history.importing.mailboxes.threads import MailThreads, plausible
from plugins.history.importing.values import (
    DUPLICATE,
    KNOWN,
    SPAM,
    TOO_LARGE,
    Converted,
    Progress,
    Scope,
    SkipCount,
    masked_key,
)
from plugins.history.importing.workers import Workers

HEAD = 16_000
"""Bytes in which nearly every mail has all its headers."""
LONGEST_HEAD = 64_000
WORDS = 256_000
"""Bytes in which nearly every mail has all its words: the rest is files. A mail without words in
them is read whole."""
LARGEST = 25_000_000
"""Bytes of one mail, as the e-mail channel takes by default."""
HEADS_AT_ONCE = 400
MAILS_AT_ONCE = 200
BYTES_AT_ONCE = 8_000_000

Known = Callable[[Sequence[str]], Awaitable[frozenset[str]]]
"""Returns those of some keys that are stored."""


class ScannedHead(NamedTuple):
    """The beginning of a mail. ``spam``: it lies in a folder for spam."""

    mail: int
    raw: bytes
    at: datetime | None
    size: int
    spam: bool = False


class MailBoxes(Protocol):
    """Mails that are numbered. Reading is done in the order asked."""

    def heads(self, progress: Progress) -> AsyncIterator[Sequence[ScannedHead]]: ...
    async def read(
        self, mails: Sequence[int], most: int
    ) -> Sequence[tuple[bytes, datetime | None]]: ...
    def size(self, mail: int) -> int: ...
    def place(self, mail: int) -> str: ...
    def close(self) -> None: ...


class MailOrigin:
    """See `importer.Batches`."""

    channel = CHANNEL

    def __init__(self, boxes: MailBoxes, workers: Workers, scope: Scope) -> None:
        self._boxes, self._workers, self._scope = boxes, workers, scope
        self._threads = MailThreads()
        self._times: dict[int, datetime] = {}

    async def batches(
        self, known: Known, count: SkipCount, progress: Progress
    ) -> AsyncGenerator[Sequence[ImportedConversation], None]:
        progress.stage = "finding conversations"
        await self._scan(count, progress)
        progress.stage, progress.done, progress.total = "importing", 0, len(self._threads)
        running: deque[asyncio.Task[tuple[Converted, int]]] = deque()
        try:
            async for batch in self._unknown(known, count, progress):
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
        await asyncio.to_thread(self._boxes.close)

    async def _scan(self, count: SkipCount, progress: Progress) -> None:
        running: deque[tuple[Sequence[ScannedHead], asyncio.Task[list[MailHead]]]] = deque()
        async for found in self._boxes.heads(progress):
            fit = [head for head in found if self._fits(head, count)]
            heads = self._workers.heads([head.raw for head in fit])
            running.append((fit, asyncio.create_task(heads)))
            if len(running) > self._workers.number:
                await self._add(*running.popleft(), count, progress)
        while running:
            await self._add(*running.popleft(), count, progress)

    def _fits(self, head: ScannedHead, count: SkipCount) -> bool:
        if head.size > LARGEST:
            count.add(TOO_LARGE, self._boxes.place(head.mail))
        elif head.spam:
            count.add(SPAM, self._boxes.place(head.mail))
        return head.size <= LARGEST and not head.spam

    async def _add(
        self,
        found: Sequence[ScannedHead],
        reading: asyncio.Task[list[MailHead]],
        count: SkipCount,
        progress: Progress,
    ) -> None:
        heads: list[MailHead] = await reading
        for scanned, head in zip(found, heads, strict=True):
            at = plausible(head.at, scanned.at, self._scope.newest)
            person, _ = outsider(head, self._scope.own)
            if not self._threads.add(scanned.mail, head, at, person):
                count.add(DUPLICATE, self._boxes.place(scanned.mail))
        progress.done += len(found)

    async def _unknown(
        self, known: Known, count: SkipCount, progress: Progress
    ) -> AsyncIterator[list[list[int]]]:
        """Conversations with something new, in batches."""
        for groups in _batched(self._threads.conversations(), self._size):
            keys = {self._key(at) for group in groups for at in group}
            stored = await known(list(keys))
            new = [g for g in groups if any(self._key(at) not in stored for at in g)]
            old = [at for g in groups for at in g if self._key(at) in stored]
            if old:
                whole = sum(len(g) for g in groups) - sum(len(g) for g in new)
                progress.done += whole
                count.add(KNOWN, "", whole)
            if new:
                yield new

    def _key(self, at: int) -> str:
        key = self._threads.keys[at]
        return masked_key(key) if self._scope.secret else key

    def _size(self, at: int) -> int:
        return min(self._boxes.size(self._threads.mail(at)), WORDS)

    async def _convert(self, groups: Sequence[Sequence[int]]) -> tuple[Converted, int]:
        converted = await self._workers.mails(await self._raw(groups, WORDS))
        for number in converted.again:
            whole = await self._workers.mails(await self._raw([groups[number]], LARGEST))
            converted = converted.replace(
                conversations=(*converted.conversations, *whole.conversations),
                skipped=(*converted.skipped, *whole.skipped),
            )
        return converted, sum(map(len, groups))

    async def _raw(self, groups: Sequence[Sequence[int]], most: int) -> list[list[RawMail]]:
        mails = [self._threads.mail(at) for group in groups for at in group]
        read = iter(await self._boxes.read(mails, most))
        return [[self._raw_mail(at, *next(read), most) for at in group] for group in groups]

    def _raw_mail(self, at: int, raw: bytes, _: datetime | None, most: int) -> RawMail:
        mail = self._threads.mail(at)
        return RawMail(
            number=mail,
            key=self._threads.keys[at],
            place=self._boxes.place(mail),
            raw=raw,
            at=self._threads.time(at),
            cut=len(raw) >= most and most < LARGEST,
        )

    async def _finish(
        self, task: asyncio.Task[tuple[Converted, int]], count: SkipCount, progress: Progress
    ) -> Sequence[ImportedConversation]:
        converted, mails = await task
        for skipped in converted.skipped:
            count.add(skipped.reason, skipped.place)
        progress.done += mails
        return converted.conversations


def _batched(groups: Iterator[list[int]], size: Callable[[int], int]) -> Iterator[list[list[int]]]:
    batch: list[list[int]] = []
    mails = bytes_ = 0
    for group in groups:
        batch.append(group)
        mails += len(group)
        bytes_ += sum(map(size, group))
        if mails >= MAILS_AT_ONCE or bytes_ >= BYTES_AT_ONCE:
            yield batch
            batch, mails, bytes_ = [], 0, 0
    if batch:
        yield batch
