"""Where messages are read: in a thread of this process, or in a process beside it.

A server reads beside. Reading is half of what a message costs and all of it is Python, which runs
on one processor at a time in a process: beside it, the server's own work has the other one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog

from gateway import Insight

from .asking import Said
from .failures import BadModel, ReadingFailed
from .wire import Asked, Learn, Read, Setup, Told, frame, size, told

if TYPE_CHECKING:
    from .encoder import Encoder
    from .intent import IntentModel
    from .readers import Readers

HUNG = 30.0
"""Seconds after which a process that has not answered is ended."""

log = structlog.get_logger(__name__)


class Reading(Protocol):
    """Reads messages once it has started."""

    async def start(self) -> None: ...

    async def learn(self, model: Path | None) -> None:
        """Tell intents by the model in this file from now on. Raises FileNotFoundError or
        BadModel, and then goes on with what it knew."""
        ...

    async def read(self, said: Sequence[Said]) -> Sequence[Insight]: ...
    async def stop(self) -> None: ...


class Here:
    """Reads in a thread of this process. ``intents`` is a model that is ready, and ``encoder``
    what it has learnt with."""

    def __init__(
        self,
        setup: Setup,
        intents: IntentModel | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self._setup, self._encoder = setup, encoder
        self._intents = intents
        self._readers: Readers | None = None

    async def start(self) -> None:
        self._readers = await asyncio.to_thread(self._load)

    async def learn(self, model: Path | None) -> None:
        encoder = self._readers.encoder if self._readers else self._encoder
        self._intents = await asyncio.to_thread(_model, model, encoder) if model else None

    async def read(self, said: Sequence[Said]) -> Sequence[Insight]:
        if self._readers is None:
            raise ReadingFailed("nothing is loaded")
        return await asyncio.to_thread(self._readers.read_all, said, self._intents)

    async def stop(self) -> None:
        """There is nothing to end."""

    def _load(self) -> Readers:
        from .encoder import Encoder  # noqa: PLC0415  (slow, and a server reads beside)
        from .readers import Readers  # noqa: PLC0415  (as above)

        setup, encoder = self._setup, self._encoder
        if encoder is None and setup.semantic is not None:
            encoder = Encoder(setup.semantic)
        return Readers(
            setup.languages,
            closed=setup.closed,
            encoder=encoder,
            services=setup.services,
            folder=setup.folder,
        )


def _model(path: Path, encoder: Encoder | None) -> IntentModel:
    from .intent import IntentModel  # noqa: PLC0415  (as above)

    return IntentModel.load(path, encoder)


class Beside:
    """Reads in a process of its own. One that ends, or hangs, is followed by another."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._model: Path | None = None
        self._child: Child | None = None
        self._starting = asyncio.Lock()
        self._beginning: asyncio.Task[Told] | None = None
        self._stopped = False

    async def begin(self) -> None:
        """Have it started and loading, and wait for neither; `start` waits."""
        self._child = child = await self._spawn()
        self._beginning = asyncio.create_task(child.ask(self._setup))
        await asyncio.sleep(0)  # by then it has been asked

    async def start(self) -> None:
        if self._beginning is not None:
            beginning, self._beginning = self._beginning, None
            await beginning
        await self._alive()

    async def learn(self, model: Path | None) -> None:
        if model is not None and not await asyncio.to_thread(model.exists):
            raise FileNotFoundError(model)
        child = await self._alive()
        await child.ask(Learn(model=str(model) if model else None))
        self._model = model

    async def read(self, said: Sequence[Said]) -> Sequence[Insight]:
        """Raises ReadingFailed when two processes, one after the other, could not."""
        what = Read(said=tuple(said))
        child = await self._alive()
        try:
            return (await child.ask(what)).insights
        except ReadingFailed:
            if child.alive:
                raise
            log.warning("nlu.reader_lost")
            return (await (await self._alive()).ask(what)).insights

    async def stop(self) -> None:
        """For good: whoever learns or reads from now on gets ReadingFailed."""
        self._stopped = True
        async with self._starting:
            if self._child is not None:
                await self._child.end()
        if self._beginning is not None:
            await asyncio.gather(self._beginning, return_exceptions=True)

    async def _alive(self) -> Child:
        if self._child is not None and self._child.alive and not self._child.hung:
            return self._child
        async with self._starting:
            if self._stopped:
                raise ReadingFailed("it has been stopped")
            if self._child is None or not self._child.alive or self._child.hung:
                if self._child is not None:
                    await self._child.end()
                self._child = await self._begin()
            return self._child

    async def _spawn(self) -> Child:
        return Child(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"{__package__}.child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # A batch is small; more threads of the linear algebra would only hold memory.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        )

    async def _begin(self) -> Child:
        child = await self._spawn()
        try:
            await child.ask(self._setup)
            if self._model is not None:
                await child.ask(Learn(model=str(self._model)))
        except BaseException:
            await child.end()
            raise
        return child


class Child:
    """A process that reads, and those who wait for its answers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Told], float]] = {}
        self._listening = asyncio.create_task(self._listen())

    @property
    def alive(self) -> bool:
        return not self._listening.done()

    @property
    def hung(self) -> bool:
        """It was asked something long ago, and has not answered."""
        oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and monotonic() - oldest[1] > HUNG

    async def ask(self, what: Asked) -> Told:
        """Raises ReadingFailed, or BadModel for a `Learn`."""
        id = next(self._ids)
        done: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting[id] = done, monotonic()
        if not self.alive or self._process.stdin is None:
            self._lost()
        else:
            self._process.stdin.write(frame(msgspec.structs.replace(what, id=id)))
        answer = await done
        if answer.unusable:
            raise BadModel(answer.error)
        if answer.error is not None:
            raise ReadingFailed(answer.error)
        return answer

    async def end(self) -> None:
        """Let it go. It keeps nothing, and is not waited for until it ends by itself: with a large
        model that takes seconds."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _listen(self) -> None:
        source = self._process.stdout
        assert source is not None  # noqa: S101  (a pipe was asked for)
        try:
            while True:
                answer = told(await source.readexactly(size(await source.readexactly(4))))
                waiting = self._waiting.pop(answer.id, None)
                if waiting is not None and not waiting[0].done():
                    waiting[0].set_result(answer)
        except asyncio.IncompleteReadError:
            pass  # it has ended
        finally:
            self._lost()

    def _lost(self) -> None:
        for done, _ in self._waiting.values():
            if not done.done():
                done.set_exception(ReadingFailed("the process that reads has ended"))
        self._waiting.clear()
