"""Documents are read in a process of their own: with bounded time and memory, and apart from
customers' turns."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from plugins.knowledge.readers.blocks import UnreadableDocument
from plugins.knowledge.readers.reading import ReadRequest, ReadResult

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

Answer: TypeAlias = tuple[ReadResult, ...] | str

MEMORY = 1_500_000_000
"""Bytes of address space: the parsers and the model of languages take 400 MB of it."""
NICENESS = 10
"""Turns of customers come first."""
START_TIMEOUT = 300.0
"""Seconds. It takes less than one; on a machine that has too much to do, far more."""
log = structlog.get_logger()


class ReadingProcess:
    """Reads documents, one after the other. ``timeout``: seconds for one of them.

    A process that takes longer, ends or does not start is replaced, and its document is
    unreadable.
    """

    def __init__(self, *, timeout: float = 60.0, memory: int = MEMORY) -> None:
        self._timeout, self._memory = timeout, memory
        self._lock = asyncio.Lock()
        self._process: SpawnProcess | None = None
        self._connection: Connection[Any, Any] | None = None

    async def __aenter__(self) -> ReadingProcess:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._end)

    async def read(self, request: ReadRequest) -> tuple[ReadResult, ...]:
        """Read one document. Raises UnreadableDocument."""
        async with self._lock:
            work = asyncio.ensure_future(asyncio.to_thread(self._read, request))
            try:
                answer = await asyncio.shield(work)
            except asyncio.CancelledError:
                self._kill()  # the thread sees the end of the process
                with suppress(UnreadableDocument):
                    await work
                raise
        if isinstance(answer, str):
            raise UnreadableDocument(answer)
        return answer

    def _read(self, request: ReadRequest) -> Answer:
        connection = self._running()
        try:
            connection.send(request)
            if not connection.poll(self._timeout):
                self._end()
                raise UnreadableDocument(
                    f"it takes more than {self._timeout:.0f} seconds to read; split it, or add "
                    "what it was made of"
                )
            answer: Answer = connection.recv()
        except (EOFError, OSError) as error:
            code = self._process.exitcode if self._process is not None else None
            log.warning("knowledge.reader_lost", exit=code, location=request.location)
            self._end()
            raise UnreadableDocument(
                "it takes more memory to read than a document may; split it, or add what it was "
                "made of"
            ) from error
        return answer

    def _running(self) -> Connection[Any, Any]:
        if self._connection is not None and self._process is not None and self._process.is_alive():
            return self._connection
        self._end()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._memory), name="knowledge-reader", daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            if not self._connection.poll(START_TIMEOUT):
                raise TimeoutError
            self._connection.recv()
        except (EOFError, OSError) as error:
            log.warning("knowledge.reader_not_started", exit=self._process.exitcode)
            self._end()
            raise UnreadableDocument(
                "the process that reads documents did not start; it is tried again with "
                "`warmline knowledge refresh`"
            ) from error
        return self._connection

    def _kill(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._kill()
            self._process.join()
            self._process.close()
        self._connection = self._process = None


def _serve(connection: Connection[Any, Any], memory: int) -> None:
    """The process: answers each request until the other side closes."""
    import logging  # noqa: PLC0415  (all of this is the other process)
    import resource  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the command's
    os.nice(NICENESS)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    logging.disable(logging.CRITICAL)  # parsers log what is odd in documents
    connection.send("ready")
    with suppress(EOFError, OSError):
        while True:
            connection.send(_answer(connection.recv()))


def _answer(request: ReadRequest) -> Answer:
    import warnings  # noqa: PLC0415

    from plugins.knowledge.readers.reading import read  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(request)
    except UnreadableDocument as error:
        return str(error)
    except MemoryError:
        return "it takes more memory to read than a document may; split it"
    except RecursionError:
        return "its parts are nested too deeply; save it anew"
    except Exception as error:  # noqa: BLE001  (a reader's bug must cost one document alone)
        return f"it cannot be read ({type(error).__name__}: {error}); save it anew"
