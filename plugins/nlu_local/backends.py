"""Where messages are read: in a thread of this process, or in a worker process.

A server uses a worker process. Reading is half the cost of a message and all of it is Python, which
runs on one processor at a time in a process: the worker leaves the server a processor of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec
import structlog

from gateway import Insight

from .protocol import (
    EncodeTexts,
    LoadIntents,
    MessageInContext,
    ReaderSetup,
    ReadingFailed,
    ReadMessages,
    UnusableModel,
    UsePhrases,
    WorkerReply,
    WorkerRequest,
    decode_reply,
    encode_frame,
    frame_size,
)

if TYPE_CHECKING:
    from .encoder import SentenceEncoder
    from .intent_model import IntentModel
    from .reader import MessageReader

CustomPhrases: TypeAlias = dict[str, dict[str, tuple[str, ...]]]
"""See `ReaderSetup.custom_phrases`."""

REPLY_TIMEOUT = 30.0
"""Seconds after which a worker process that does not reply is replaced."""

log = structlog.get_logger(__name__)


class ReaderBackend(Protocol):
    """Reads messages once it has started."""

    async def start(self) -> None: ...

    async def load_intents(self, model: Path | None) -> None:
        """From now on rank intents with the model in this file; None: without intents.

        Raises FileNotFoundError or UnusableModel, and then keeps the model it has.
        """
        ...

    async def use_phrases(self, custom: CustomPhrases) -> None:
        """From now on look for these phrases of the guide instead of those before."""
        ...

    async def read(self, messages: Sequence[MessageInContext]) -> Sequence[Insight]: ...

    async def encode(self, texts: Sequence[str]) -> Sequence[bytes]:
        """The embedding of each text, as 32-bit floats."""
        ...

    async def stop(self) -> None: ...


class InProcessReader:
    """Reads in a thread of this process. ``intents`` is a model that is loaded already, and
    ``encoder`` the one it was trained with."""

    def __init__(
        self,
        setup: ReaderSetup,
        intents: IntentModel | None = None,
        encoder: SentenceEncoder | None = None,
    ) -> None:
        self._setup, self._intents, self._encoder = setup, intents, encoder
        self._reader: MessageReader | None = None

    async def start(self) -> None:
        self._reader = await asyncio.to_thread(self._load)

    async def load_intents(self, model: Path | None) -> None:
        await asyncio.to_thread(self._started().load_intents, model)

    async def use_phrases(self, custom: CustomPhrases) -> None:
        await asyncio.to_thread(self._started().use_phrases, custom)

    async def read(self, messages: Sequence[MessageInContext]) -> Sequence[Insight]:
        return await asyncio.to_thread(self._started().read_all, messages)

    async def encode(self, texts: Sequence[str]) -> Sequence[bytes]:
        return await asyncio.to_thread(self._started().encode, texts)

    async def stop(self) -> None:
        """Does nothing: there is no process to end."""

    def _started(self) -> MessageReader:
        if self._reader is None:
            raise ReadingFailed("the reader has not been started")
        return self._reader

    def _load(self) -> MessageReader:
        from .reader import MessageReader  # noqa: PLC0415  (slow; a server uses a worker process)

        return MessageReader.load(self._setup, self._intents, self._encoder)


class WorkerReader:
    """Reads in a worker process. It replaces one that ends or hangs."""

    def __init__(self, setup: ReaderSetup) -> None:
        self._setup = setup
        self._model: Path | None = None
        self._worker: WorkerProcess | None = None
        self._starting = asyncio.Lock()
        self._preloading: asyncio.Task[WorkerReply] | None = None
        self._stopped = False

    @property
    def waiting(self) -> int:
        """Requests that wait for a reply."""
        return self._worker.waiting if self._worker is not None else 0

    async def preload(self) -> None:
        """Start the process and let it load, without waiting for either; `start` waits."""
        self._worker = worker = await WorkerProcess.spawn()
        self._preloading = asyncio.create_task(worker.request(self._setup))
        await asyncio.sleep(0)  # the task sends the request now

    async def start(self) -> None:
        if self._preloading is not None:
            preloading, self._preloading = self._preloading, None
            await preloading
        await self._running_worker()

    async def load_intents(self, model: Path | None) -> None:
        if model is not None and not await asyncio.to_thread(model.exists):
            raise FileNotFoundError(model)
        worker = await self._running_worker()
        await worker.request(LoadIntents(model=str(model) if model else None))
        self._model = model

    async def use_phrases(self, custom: CustomPhrases) -> None:
        worker = await self._running_worker()
        self._setup = msgspec.structs.replace(self._setup, custom_phrases=custom)
        await worker.request(UsePhrases(custom_phrases=custom))

    async def read(self, messages: Sequence[MessageInContext]) -> Sequence[Insight]:
        """Raises ReadingFailed when the worker fails, or ends and the next one ends too."""
        return (await self._request(ReadMessages(messages=tuple(messages)))).insights

    async def encode(self, texts: Sequence[str]) -> Sequence[bytes]:
        """Raises ReadingFailed, as `read` does."""
        return (await self._request(EncodeTexts(texts=tuple(texts)))).embeddings

    async def _request(self, request: WorkerRequest) -> WorkerReply:
        worker = await self._running_worker()
        try:
            return await worker.request(request)
        except ReadingFailed:
            if worker.alive:
                raise
            log.warning("nlu.reader_lost")
            return await (await self._running_worker()).request(request)

    async def stop(self) -> None:
        """Stop for good: later calls of the other methods raise ReadingFailed."""
        self._stopped = True
        async with self._starting:
            if self._worker is not None:
                await self._worker.stop()
        if self._preloading is not None:
            await asyncio.gather(self._preloading, return_exceptions=True)

    async def _running_worker(self) -> WorkerProcess:
        if self._worker is not None and self._worker.usable:
            return self._worker
        async with self._starting:
            if self._stopped:
                raise ReadingFailed("the reader has been stopped")
            if self._worker is None or not self._worker.usable:
                if self._worker is not None:
                    await self._worker.stop()
                self._worker = await self._start_worker()
            return self._worker

    async def _start_worker(self) -> WorkerProcess:
        worker = await WorkerProcess.spawn()
        try:
            await worker.request(self._setup)
            # An erasure deletes the models that were trained with a customer's words.
            if self._model is not None and await asyncio.to_thread(self._model.exists):
                await worker.request(LoadIntents(model=str(self._model)))
        except BaseException:
            await worker.stop()
            raise
        return worker


class ReaderPool:
    """Several worker processes: each batch goes to the one with the fewest requests.

    Texts that other plugins want encoded go to the last one, so that with several processes a
    customer's message seldom waits for them. Raises ValueError for fewer than one process.
    """

    def __init__(self, setup: ReaderSetup, processes: int) -> None:
        if processes < 1:
            raise ValueError("a pool needs at least one process")
        self._readers = [WorkerReader(setup) for _ in range(processes)]

    async def preload(self) -> None:
        """As `WorkerReader.preload`, for each."""
        await asyncio.gather(*(reader.preload() for reader in self._readers))

    async def start(self) -> None:
        await asyncio.gather(*(reader.start() for reader in self._readers))

    async def load_intents(self, model: Path | None) -> None:
        """In all processes, which may rank with different models until this returns."""
        await asyncio.gather(*(reader.load_intents(model) for reader in self._readers))

    async def use_phrases(self, custom: CustomPhrases) -> None:
        await asyncio.gather(*(reader.use_phrases(custom) for reader in self._readers))

    async def read(self, messages: Sequence[MessageInContext]) -> Sequence[Insight]:
        """Raises ReadingFailed, as `WorkerReader.read` does."""
        return await min(self._readers, key=lambda reader: reader.waiting).read(messages)

    async def encode(self, texts: Sequence[str]) -> Sequence[bytes]:
        """Raises ReadingFailed, as `WorkerReader.encode` does."""
        return await self._readers[-1].encode(texts)

    async def stop(self) -> None:
        await asyncio.gather(*(reader.stop() for reader in self._readers))


class WorkerProcess:
    """A worker process and the requests that wait for its replies."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = count(1)
        self._pending: dict[int, tuple[asyncio.Future[WorkerReply], float]] = {}
        self._receiving = asyncio.create_task(self._receive_replies())

    @classmethod
    async def spawn(cls) -> WorkerProcess:
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"{__package__}.worker"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # A batch is small: more threads for linear algebra would only use memory.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        )

    @property
    def alive(self) -> bool:
        return not self._receiving.done()

    @property
    def waiting(self) -> int:
        """Requests that wait for a reply."""
        return len(self._pending)

    @property
    def usable(self) -> bool:
        """Alive, and its oldest request has not waited for longer than `REPLY_TIMEOUT`."""
        oldest = next(iter(self._pending.values()), None)
        return self.alive and (oldest is None or monotonic() - oldest[1] <= REPLY_TIMEOUT)

    async def request(self, request: WorkerRequest) -> WorkerReply:
        """Raises ReadingFailed, and UnusableModel for a `LoadIntents`."""
        id = next(self._ids)
        future: asyncio.Future[WorkerReply] = asyncio.get_running_loop().create_future()
        self._pending[id] = future, monotonic()
        if not self.alive or self._process.stdin is None:
            self._fail_pending()
        else:
            self._process.stdin.write(encode_frame(msgspec.structs.replace(request, id=id)))
        reply = await future
        if reply.unusable_model:
            raise UnusableModel(reply.error)
        if reply.error is not None:
            raise ReadingFailed(reply.error)
        return reply

    async def stop(self) -> None:
        """Kill the process. It keeps no data; with a large model it would take seconds to end by
        itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._receiving.cancel()
        await asyncio.gather(self._receiving, return_exceptions=True)
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _receive_replies(self) -> None:
        source = self._process.stdout
        assert source is not None  # noqa: S101  (`spawn` asks for a pipe)
        try:
            while True:
                size = frame_size(await source.readexactly(4))
                reply = decode_reply(await source.readexactly(size))
                future, _ = self._pending.pop(reply.id, (None, 0.0))
                if future is not None and not future.done():
                    future.set_result(reply)
        except asyncio.IncompleteReadError:
            pass  # the process has ended
        finally:
            self._fail_pending()

    def _fail_pending(self) -> None:
        for future, _ in self._pending.values():
            if not future.done():
                future.set_exception(ReadingFailed("the worker process has ended"))
        self._pending.clear()
