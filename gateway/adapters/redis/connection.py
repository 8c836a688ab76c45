"""The way to Redis: every call bounded, and one place that knows whether Redis is there.

Whoever calls gets an answer within the time-out or `RedisUnavailable`. While Redis is away calls fail at once,
so that nobody waits for it again and again; a probe finds out when it is back. Both are told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlsplit

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
"""Seconds between looks whether Redis is back."""
BLOCK = 1.0
"""Seconds for which a read may wait for news."""
QUIET = 30.0
"""Seconds between two lines in the log on Redis coming and going."""


class RedisUnavailable(WarmlineError):
    """Redis cannot be used at the moment."""


class NoConsumerGroup(WarmlineError):
    """What Redis held is gone: it was flushed, or began anew."""


class RedisConnection:
    """Connections to the Redis at ``url``; ``timeout``: seconds for one call."""

    def __init__(self, url: str, *, prefix: str, timeout: float) -> None:
        self._prefix, self._timeout = prefix, timeout
        self.client = _client(url, timeout)
        self._waiting = _client(url, timeout + BLOCK)
        self._where = urlsplit(url).hostname or "this machine"
        self._trouble: str | None = None
        self._since = 0.0
        self._told = -QUIET
        self._changed: list[Callable[[], None]] = []
        self.back = asyncio.Event()
        """Set while Redis is there."""
        self.back.set()

    def key(self, *parts: str) -> str:
        """The name of something in Redis."""
        return ":".join((self._prefix, *parts))

    @property
    def trouble(self) -> str | None:
        """What is wrong with Redis, in words; None when all is well."""
        return self._trouble

    @property
    def away_for(self) -> float:
        """Seconds since Redis was last there; 0 while it is."""
        return asyncio.get_running_loop().time() - self._since if self._trouble else 0.0

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` whenever Redis went away or came back: what was on its way may be lost."""
        self._changed.append(tell)

    async def call(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Give what ``work`` gives within the time-out. Raises Away, NoGroup, and a LockError."""
        return await self._bounded(self.client, work, self._timeout)

    async def wait(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """As `call`, for what waits up to `BLOCK` seconds for news."""
        return await self._bounded(self._waiting, work, self._timeout + BLOCK)

    def lost(self, error: Exception) -> None:
        """A call failed: Redis is away until the probe says otherwise."""
        if self._trouble is not None or _is_gone(error):
            return
        what = str(error) if isinstance(error, ResponseError) else type(error).__name__
        self._trouble = f"Redis at {self._where} cannot be used ({what[:200]})"
        self._since = asyncio.get_running_loop().time()
        self.back.clear()
        self._say("redis.away", error=what[:200])
        self._tell()

    async def probe(self) -> None:
        """While Redis is away, look for it; until cancelled. It must take a write: a full one
        answers a PING."""
        while True:
            await asyncio.sleep(PROBE)
            if self._trouble is None:
                continue
            with suppress(RedisError, OSError, TimeoutError, ValueError):
                async with asyncio.timeout(self._timeout):
                    await self.client.set(self.key("probe"), "1", px=10_000)
                self._trouble = None
                self.back.set()
                self._say("redis.back")
                self._tell()

    def subscriber(self) -> PubSub:
        """A subscription of its own connection, which tells its failures to who uses it."""
        return self._waiting.pubsub()

    async def close(self) -> None:
        for client in (self.client, self._waiting):
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
            raise  # an answer, and no trouble
        except (RedisError, OSError, TimeoutError, ValueError) as error:  # ValueError: no Redis
            if _is_gone(error):
                raise NoConsumerGroup(str(error)) from None
            self.lost(error)
            raise RedisUnavailable(str(self._trouble)) from error

    def _say(self, event: str, **more: str) -> None:
        """A Redis that comes and goes must not fill the log."""
        now = asyncio.get_running_loop().time()
        if event == "redis.away" and now - self._told < QUIET:
            return
        if event == "redis.away":
            self._told = now
            log.warning(event, **more)
        elif self._since >= self._told:
            log.info(event, away=round(now - self._since, 1))

    def _tell(self) -> None:
        for tell in self._changed:
            tell()


def _client(url: str, timeout: float) -> Redis:
    """One try a call: whoever calls knows better what to do than to try again."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        protocol=2,
    )
    return client


def _is_gone(error: Exception) -> bool:
    return isinstance(error, ResponseError) and str(error).startswith(("NOGROUP", "UNBLOCKED"))
