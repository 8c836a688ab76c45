"""Live events for the listeners of all processes: pub/sub, at most once.

A process subscribes to the topics that somebody listens to in it. Its own events reach its own
listeners without Redis. Events that may have been missed are made up for: whenever the connection
was renewed, and every so often while there is none, each listener is told to look.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from gateway.adapters.redis.commands import CommandQueue
from gateway.adapters.redis.connection import RedisConnection
from gateway.adapters.standalone import LocalEvents
from gateway.ports import Event

log = structlog.get_logger()
HOUSE = "house"
"""A topic that everybody has, so that there is always a subscription."""
SILENCE = 4.0
"""Seconds between signs of life; without one for twice as long the connection is renewed."""
LOOK = "look"


class EventEnvelope(msgspec.Struct, frozen=True):
    """An event on its way, and the process that it happened in."""

    by: str
    event: Event


_DECODER = msgspec.json.Decoder(EventEnvelope)


class SharedEvents:
    """As `LocalEvents`, with those of the other processes. ``look_every``: seconds between looks
    of every listener while Redis is away."""

    def __init__(
        self, link: RedisConnection, post: CommandQueue, *, me: str, look_every: float
    ) -> None:
        self._link, self._post, self._me, self._look_every = link, post, me, look_every
        self._local = LocalEvents()
        self._topics: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def publish(self, event: Event) -> None:
        self._local.publish(event)
        told = msgspec.json.encode(EventEnvelope(by=self._me, event=event)).decode()
        self._post.put("PUBLISH", self._channel(event.topic), told)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Events of ``topic`` from now on; those of other processes as soon as Redis knows."""
        self._topics[topic] += 1
        self._changed.set()
        try:
            async with self._local.listen(topic) as events:
                yield events
        finally:
            self._topics[topic] -= 1
            if not self._topics[topic]:
                del self._topics[topic]
            self._changed.set()

    def look(self) -> None:
        """Tell every listener that it may have missed something."""
        for topic in tuple(self._topics):
            self._local.publish(Event(topic=topic, name=LOOK))

    async def run(self) -> None:
        """Keep a subscription, until cancelled."""
        while True:
            pubsub = self._link.subscriber()
            try:
                await pubsub.subscribe(self._channel(HOUSE))
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._hear(pubsub))
                    group.create_task(self._follow(pubsub))
            except* Exception as failed:  # noqa: BLE001  (of any kind: Redis is away)
                self._link.lost(_first(failed))
            finally:
                with suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py types most of itself
            await self._without()

    async def _without(self) -> None:
        """Until Redis is back, everybody looks by themselves."""
        me = asyncio.current_task()
        if me is not None and me.cancelling():  # at the moment at which the connection failed
            raise asyncio.CancelledError
        while True:
            self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_every):
                    await self._link.back.wait()
                    return

    async def _follow(self, pubsub: PubSub) -> None:
        """Subscribe to what is listened to, and to nothing else."""
        known = {HOUSE}
        while True:
            self._changed.clear()
            wanted = {HOUSE, *self._topics}
            if new := wanted - known:
                await pubsub.subscribe(*map(self._channel, new))
            if old := known - wanted:
                await pubsub.unsubscribe(*map(self._channel, old))
            known = wanted
            try:
                async with asyncio.timeout(SILENCE):
                    await self._changed.wait()
            except TimeoutError:
                await pubsub.ping()

    async def _hear(self, pubsub: PubSub) -> None:
        while True:
            heard = await pubsub.get_message(timeout=SILENCE * 2)
            if heard is None:
                raise TimeoutError
            if heard["type"] == "subscribe":
                topic = heard["channel"].removeprefix(self._channel(""))
                # What happened between the listener's first look and now was not heard.
                self._local.publish(Event(topic=topic, name=LOOK))
            elif heard["type"] == "message":
                self._pass_on(heard["data"])

    def _pass_on(self, data: str) -> None:
        try:
            told = _DECODER.decode(data)
        except msgspec.DecodeError:
            log.warning("redis.event_unreadable")
            return
        if told.by != self._me:
            self._local.publish(told.event)

    def _channel(self, topic: str) -> str:
        return self._link.key("events", topic)


def _first(failed: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else OSError("cut off")
