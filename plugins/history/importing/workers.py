"""Reads mails and tickets in worker processes: that takes most of the time, and is all Python."""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import msgspec
import structlog

from gateway import Json, MailHead, MailReader, WarmlineError
from plugins.history.importing.mailboxes.converting import RawMail, convert_mails
from plugins.history.importing.tickets.converting import TicketFormat, convert_tickets
from plugins.history.importing.values import Converted, Scope

log = structlog.get_logger()
T = TypeVar("T")

MOST_WORKERS = 4
WORTH_WORKERS = 2_000
"""Mails or tickets from which starting processes saves time: they need a second."""


class Workers:
    """Runs the conversions: in a thread, and in processes once there is much to do."""

    def __init__(self, scope: Scope, reader: MailReader, *, processes: bool = True) -> None:
        self._scope, self._reader = scope, reader
        self.number = max(1, min(MOST_WORKERS, os.cpu_count() or 1))
        self._may_spawn = processes
        self._done = 0
        self._pool: ProcessPoolExecutor | None = None

    async def heads(self, raws: Sequence[bytes]) -> list[MailHead]:
        return await self._run(len(raws), read_heads, list[MailHead], list(raws))

    async def mails(self, threads: Sequence[Sequence[RawMail]]) -> Converted:
        count = sum(map(len, threads))
        return await self._run(count, read_threads, Converted, [list(t) for t in threads])

    async def tickets(self, kind: TicketFormat, records: Sequence[Json]) -> Converted:
        return await self._run(len(records), read_tickets, Converted, (kind, list(records)))

    async def _run(
        self, count: int, work: Callable[[bytes], bytes], kind: type[T], what: object
    ) -> T:
        self._done += count
        packed = await asyncio.to_thread(msgspec.msgpack.encode, what)
        pool = self._processes()
        if pool is None:
            packed = await asyncio.to_thread(self._here, work, packed)
        else:
            try:
                packed = await asyncio.get_running_loop().run_in_executor(pool, work, packed)
            except BrokenProcessPool:
                raise WarmlineError(
                    "a worker process died, most likely for lack of memory; run the same command "
                    "again: what is stored is kept"
                ) from None
        return msgspec.msgpack.decode(packed, type=kind)

    def _here(self, work: Callable[[bytes], bytes], packed: bytes) -> bytes:
        prepare(self._scope, self._reader, watch=False)
        return work(packed)

    def _processes(self) -> ProcessPoolExecutor | None:
        if self._pool is None and self._may_spawn and self._done > WORTH_WORKERS:
            # Spawned, not forked: this process has threads, which a fork would cut off.
            self._pool = ProcessPoolExecutor(
                self.number,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=prepare,
                initargs=(self._scope, self._reader),
            )
        return self._pool

    async def stop(self) -> None:
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


class _Prepared:
    """What a worker process was given at its start."""

    scope: Scope
    reader: Any


def prepare(scope: Scope, reader: MailReader, *, watch: bool = True) -> None:
    """The start of a worker process. It ends when the process that started it does, however."""
    _Prepared.scope, _Prepared.reader = scope, reader
    parent = multiprocessing.parent_process()
    if watch and parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def read_heads(packed: bytes) -> bytes:
    own = _Prepared.scope.own
    raws = msgspec.msgpack.decode(packed, type=list[bytes])
    return msgspec.msgpack.encode([_Prepared.reader.read_head(raw, own) for raw in raws])


def read_threads(packed: bytes) -> bytes:
    threads = msgspec.msgpack.decode(packed, type=list[list[RawMail]])
    return msgspec.msgpack.encode(convert_mails(threads, _Prepared.scope, _Prepared.reader))


def read_tickets(packed: bytes) -> bytes:
    kind, records = msgspec.msgpack.decode(packed, type=tuple[TicketFormat, list[Any]])
    found = convert_tickets(kind, records, _Prepared.scope, _Prepared.reader)
    return msgspec.msgpack.encode(found)
