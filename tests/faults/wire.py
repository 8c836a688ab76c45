"""A TCP proxy of ours: what stands between a process and what it depends on, and fails."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from contextlib import suppress
from typing import Literal

Mood = Literal["well", "slow", "drip", "held", "cut", "reset", "garbage"]
MOODS: tuple[Mood, ...] = ("slow", "drip", "held", "cut", "reset", "garbage")
"""``slow``: every piece is late. ``drip``: it comes in crumbs. ``held``: half-open, nothing comes
and nobody is told. ``cut``: closed, and no new line to be had. ``reset``: lines break after a few
pieces, again and again. ``garbage``: answers are noise."""
LATE = 0.3
"""Seconds."""
CRUMB = 7
"""Bytes of a drip."""


class Wire:
    """To ``target``: a port of this machine, or the path of a socket. Its mood may change at any
    time; lines that are open change with it."""

    def __init__(self, name: str, target: int | str, rng: random.Random) -> None:
        self.name, self._target, self._rng = name, target, rng
        self.port = 0
        self._mood: Mood = "well"
        self._well = asyncio.Event()
        self._well.set()
        self._lines: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._door: asyncio.Server | None = None

    @property
    def mood(self) -> Mood:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        was, self._mood = self._mood, mood
        if mood == "held":
            self._well.clear()
        else:
            self._well.set()
        if mood in ("cut", "reset", "garbage") or was in ("held", "garbage"):
            self.sever()

    def sever(self) -> None:
        """End every open line by a reset."""
        for writer in tuple(self._lines):
            _reset(writer)

    async def open(self) -> None:
        self._door = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._door.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._door is not None
        self._door.close()
        self.mood = "well"
        self.sever()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._lines.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one end is gone, or the harness ends: the other end hears it now
        finally:
            self._lines.discard(writer)
            self._tasks.discard(task)
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._well.wait()
        if self._mood == "cut":
            return
        if isinstance(self._target, int):
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        else:
            there, back = await asyncio.open_unix_connection(self._target)
        self._lines.add(back)
        ways = [
            asyncio.create_task(self._carry(reader, back)),
            asyncio.create_task(self._carry(there, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._lines.discard(back)
            _reset(back)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._well.wait()
                if self._mood == "cut" or (self._mood == "reset" and self._rng.random() < 0.3):
                    return
                if self._mood == "garbage" and answers:
                    data = self._rng.randbytes(len(data))
                await self._pass(data, writer)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._mood == "slow":
            await asyncio.sleep(self._rng.uniform(0, LATE))
        if self._mood != "drip":
            writer.write(data)
            return await writer.drain()
        for at in range(0, min(len(data), 50 * CRUMB), CRUMB):
            writer.write(data[at : at + CRUMB])
            await asyncio.sleep(0.002)
        writer.write(data[50 * CRUMB :])
        await writer.drain()
        return None


def _reset(writer: asyncio.StreamWriter) -> None:
    """Not a polite end: what was under way is lost."""
    end = writer.get_extra_info("socket")
    with suppress(OSError):
        if end is not None and end.family != socket.AF_UNIX:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
