"""The connection to Redis: bounded calls, one availability state, and a queue of commands.

Each call returns within the timeout or raises `RedisUnavailable`. While Redis is unavailable all
calls fail at once, so that no caller waits for it again; a probe finds out when it is back. The log
has one line for each change.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError, ResponseError

from gateway.ports import WarmlineError

log = structlog.get_logger()
T = TypeVar("T")
PROBE = 0.5
"""Seconds between probes while Redis is unavailable."""
BLOCK = 1.0
"""Seconds for which a blocking read may wait for data."""
LOG_INTERVAL = 30.0
"""Seconds between two log lines that Redis is unavailable."""
BATCH = 256
"""Queued commands that are sent at once."""
QUEUE_SIZE = 20_000
"""Commands that may wait in the queue. More commands fail, as if Redis were unavailable."""


class RedisUnavailable(WarmlineError):
    """Redis cannot be used at the moment."""


class NoConsumerGroup(WarmlineError):
    """The stream or its consumer group is gone: Redis was flushed, or started anew."""


class RedisConnection:
    """Connections to the Redis at ``url``. ``timeout``: seconds for one call; ``prefix``: what
    every key begins with."""

    def __init__(self, url: str, *, prefix: str, timeout: float) -> None:
        self._prefix, self._timeout = prefix, timeout
        self.client = _client(url, timeout)
        self._blocking_client = _client(url, timeout + BLOCK)
        self._host = urlsplit(url).hostname or "this machine"
        self._trouble: str | None = None
        self._lost_at = 0.0
        self._logged_at = -LOG_INTERVAL
        self._listeners: list[Callable[[], None]] = []
        self.available = asyncio.Event()
        self.available.set()

    def key(self, *parts: str) -> str:
        """A key in Redis, with this gateway's prefix."""
        return ":".join((self._prefix, *parts))

    @property
    def trouble(self) -> str | None:
        """Why Redis cannot be used, for people; None while it is available."""
        return self._trouble

    @property
    def unavailable_for(self) -> float:
        """Seconds since Redis became unavailable; 0 while it is available."""
        return asyncio.get_running_loop().time() - self._lost_at if self._trouble else 0.0

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever Redis becomes unavailable or available: commands on their way
        may be lost."""
        self._listeners.append(listener)

    async def call(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """The result of ``work``, within the timeout. Raises RedisUnavailable, NoConsumerGroup,
        and redis-py's LockError."""
        return await self._bounded(self.client, work, self._timeout)

    async def call_blocking(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """As `call`, for a command that waits up to `BLOCK` seconds for data."""
        return await self._bounded(self._blocking_client, work, self._timeout + BLOCK)

    def mark_unavailable(self, error: Exception) -> None:
        """Make all calls fail after ``error``, until the probe succeeds."""
        if self._trouble is not None or _is_no_group(error):
            return
        reason = (str(error) if isinstance(error, ResponseError) else type(error).__name__)[:200]
        self._trouble = f"Redis at {self._host} cannot be used ({reason})"
        self._lost_at = asyncio.get_running_loop().time()
        self.available.clear()
        if self._lost_at - self._logged_at >= LOG_INTERVAL:
            self._logged_at = self._lost_at
            log.warning("redis.away", error=reason)
        self._notify()

    async def probe(self) -> None:
        """While Redis is unavailable, find out when it is back; until cancelled. The probe writes,
        because a full Redis still answers PING."""
        while True:
            await asyncio.sleep(PROBE)
            if self._trouble is None:
                continue
            with suppress(RedisError, OSError, TimeoutError, ValueError):
                async with asyncio.timeout(self._timeout):
                    await self.client.set(self.key("probe"), "1", px=10_000)
                self._trouble = None
                self.available.set()
                if self._lost_at >= self._logged_at:
                    now = asyncio.get_running_loop().time()
                    log.info("redis.back", away=round(now - self._lost_at, 1))
                self._notify()

    def pubsub(self) -> PubSub:
        """A pub/sub client with a connection of its own. It raises its errors to its user."""
        return self._blocking_client.pubsub()

    async def close(self) -> None:
        for client in (self.client, self._blocking_client):
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(self._timeout):
                    await client.aclose()

    async def _bounded(
        self, client: Redis, work: Callable[[Redis], Awaitable[T]], timeout: float
    ) -> T:
        if self._trouble is not None:
            raise RedisUnavailable(self._trouble)
        try:
            async with asyncio.timeout(timeout):
                return await work(client)
        except LockError:
            raise  # an answer of Redis, and no failure
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            # redis-py raises ValueError for an answer that is not Redis's protocol.
            if _is_no_group(error):
                raise NoConsumerGroup(str(error)) from None
            self.mark_unavailable(error)
            raise RedisUnavailable(str(self._trouble)) from error

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


def _client(url: str, timeout: float) -> Redis:
    """A client that tries each command once: its callers know what to do when one fails."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        protocol=2,
    )
    return client


def _is_no_group(error: Exception) -> bool:
    return isinstance(error, ResponseError) and str(error).startswith(("NOGROUP", "UNBLOCKED"))


class QueuedCommand(msgspec.Struct, frozen=True):
    """A command, and what to call when it fails."""

    command: tuple[str | int, ...]
    on_failure: Callable[[], None] | None

    def fail(self) -> None:
        if self.on_failure is not None:
            self.on_failure()


class CommandQueue:
    """Sends commands in order, many at once, whose result no caller waits for.

    `send` never raises and never blocks.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._waiting: deque[QueuedCommand] = deque()
        self._sending: asyncio.Task[None] | None = None

    def send(self, *command: str | int, on_failure: Callable[[], None] | None = None) -> None:
        """Send ``command`` soon. ``on_failure`` is called when Redis did not take it."""
        queued = QueuedCommand(command, on_failure)
        if self._connection.trouble is not None or len(self._waiting) >= QUEUE_SIZE:
            queued.fail()
            return
        self._waiting.append(queued)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())

    async def drain(self) -> None:
        """Wait until all queued commands are sent or have failed."""
        if self._sending is not None:
            await asyncio.wait((self._sending,))

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                size = min(BATCH, len(self._waiting))
                await self._send_batch([self._waiting.popleft() for _ in range(size)])
        finally:
            self._sending = None

    async def _send_batch(self, batch: list[QueuedCommand]) -> None:
        async def execute(client: Redis) -> list[object]:
            pipe = client.pipeline(transaction=False)
            for queued in batch:
                pipe.execute_command(*queued.command)
            results: list[object] = await pipe.execute(raise_on_error=False)
            return results

        try:
            results = await self._connection.call(execute)
        except (RedisUnavailable, NoConsumerGroup) as error:
            results = [error] * len(batch)
        for result in results:
            if isinstance(result, RedisError):
                self._connection.mark_unavailable(result)  # it is full, or cannot be written to
        for queued, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                queued.fail()
