"""A TCP proxy between a process and a system that it depends on, with several ways to fail."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from contextlib import suppress
from typing import Literal

ProxyMode = Literal["ok", "slow", "drip", "stalled", "cut", "reset", "garbage"]
FAULTS: tuple[ProxyMode, ...] = ("slow", "drip", "stalled", "cut", "reset", "garbage")
"""``slow``: each piece is late. ``drip``: data comes a few bytes at a time. ``stalled``: half-open,
nothing comes and nothing is closed. ``cut``: connections are closed and refused. ``reset``:
connections break after a few pieces, again and again. ``garbage``: answers are random bytes."""
LATE = 0.3
"""The longest delay in the mode ``slow``, in seconds."""
DRIP = 7
"""Bytes that are sent at once in the mode ``drip``."""


class FaultyProxy:
    """A proxy to ``target``: a port of this machine, or the path of a socket. The mode may change
    at any time, and open connections change with it."""

    def __init__(self, name: str, target: int | str, rng: random.Random) -> None:
        self.name, self._target, self._rng = name, target, rng
        self.port = 0
        self._mode: ProxyMode = "ok"
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def mode(self) -> ProxyMode:
        return self._mode

    @mode.setter
    def mode(self, mode: ProxyMode) -> None:
        was, self._mode = self._mode, mode
        if mode == "stalled":
            self._flowing.clear()
        else:
            self._flowing.set()
        if mode in ("cut", "reset", "garbage") or was in ("stalled", "garbage"):
            self.reset_connections()

    def reset_connections(self) -> None:
        """Reset every open connection."""
        for writer in tuple(self._writers):
            _reset(writer)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.mode = "ok"
        self.reset_connections()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one end is gone, or the harness ends; the reset below tells the other end
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        if self._mode == "cut":
            return
        if isinstance(self._target, int):
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target)
        else:
            target_reader, target_writer = await asyncio.open_unix_connection(self._target)
        self._writers.add(target_writer)
        directions = [
            asyncio.create_task(self._forward(reader, target_writer)),
            asyncio.create_task(self._forward(target_reader, writer, answers=True)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            self._writers.discard(target_writer)
            _reset(target_writer)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                if self._mode == "cut" or (self._mode == "reset" and self._rng.random() < 0.3):
                    return
                if self._mode == "garbage" and answers:
                    data = self._rng.randbytes(len(data))
                await self._write(data, writer)

    async def _write(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._mode == "slow":
            await asyncio.sleep(self._rng.uniform(0, LATE))
        if self._mode != "drip":
            writer.write(data)
            return await writer.drain()
        for at in range(0, min(len(data), 50 * DRIP), DRIP):
            writer.write(data[at : at + DRIP])
            await asyncio.sleep(0.002)
        writer.write(data[50 * DRIP :])
        await writer.drain()
        return None


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset: data on its way is lost."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
