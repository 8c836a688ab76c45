"""Commands whose answer nobody waits for, sent many at a time by one task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.adapters.redis.connection import NoConsumerGroup, RedisConnection, RedisUnavailable

AT_ONCE = 256
WAITING = 20_000
"""Commands that may wait; what comes beyond is lost, as if Redis were away."""


class QueuedCommand(msgspec.Struct, frozen=True):
    """A command, and what to do when it did not come through."""

    command: tuple[str | int, ...]
    lost: Callable[[], None] | None = None


class CommandQueue:
    """Sends in the order of `put`. It never raises and never makes anybody wait."""

    def __init__(self, link: RedisConnection) -> None:
        self._link = link
        self._waiting: deque[QueuedCommand] = deque()
        self._sending: asyncio.Task[None] | None = None

    def put(self, *command: str | int, lost: Callable[[], None] | None = None) -> None:
        """Send ``command`` soon; ``lost`` is called when it did not come through."""
        letter = QueuedCommand(command, lost)
        if self._link.trouble is not None or len(self._waiting) >= WAITING:
            _lose(letter)
            return
        self._waiting.append(letter)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())

    async def empty(self) -> None:
        """Wait until all is sent or lost."""
        if self._sending is not None:
            await asyncio.wait((self._sending,))

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                size = min(AT_ONCE, len(self._waiting))
                await self._send([self._waiting.popleft() for _ in range(size)])
        finally:
            self._sending = None

    async def _send(self, letters: list[QueuedCommand]) -> None:
        async def together(client: Redis) -> list[object]:
            pipe = client.pipeline(transaction=False)
            for letter in letters:
                pipe.execute_command(*letter.command)
            answers: list[object] = await pipe.execute(raise_on_error=False)
            return answers

        try:
            answers = await self._link.call(together)
        except (RedisUnavailable, NoConsumerGroup):
            answers = [None] * len(letters)
            failed = letters
        else:
            failed = [
                letter
                for letter, answer in zip(letters, answers, strict=True)
                if isinstance(answer, Exception)
            ]
        for answer in answers:
            if isinstance(answer, RedisError):
                self._link.lost(answer)  # it is full, or cannot be written to
        for letter in failed:
            _lose(letter)


def _lose(letter: QueuedCommand) -> None:
    if letter.lost is not None:
        letter.lost()
