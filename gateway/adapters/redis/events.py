"""Live events for the listeners of all processes: Redis pub/sub, at most once.

A process subscribes only to topics that something in it listens to. Its own events reach its own
listeners without Redis. After the connection was renewed, and regularly while there is none, each
listener gets the event ``look``: it may have missed an event, and reads the database.
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

from gateway.adapters.redis.connection import CommandQueue, RedisConnection
from gateway.adapters.standalone import LocalEvents
from gateway.ports import Event

log = structlog.get_logger()
BASE_TOPIC = "base"
"""A topic without events that every process subscribes to, so that there is a subscription."""
SILENCE = 4.0
"""Seconds between pings. Without an answer for twice as long the connection is renewed."""
LOOK = "look"


class EventEnvelope(msgspec.Struct, frozen=True):
    """An event, and the id of the process that published it."""

    by: str
    event: Event


_DECODER = msgspec.json.Decoder(EventEnvelope)


class SharedEvents:
    """As `LocalEvents`, with the events of the other processes. ``look_every``: seconds between
    two ``look`` events while Redis is unavailable."""

    def __init__(
        self,
        connection: RedisConnection,
        commands: CommandQueue,
        *,
        process_id: str,
        look_every: float,
    ) -> None:
        self._connection, self._commands = connection, commands
        self._process_id, self._look_every = process_id, look_every
        self._local = LocalEvents()
        self._topics: Counter[str] = Counter()
        self._topics_changed = asyncio.Event()

    def publish(self, event: Event) -> None:
        self._local.publish(event)
        envelope = msgspec.json.encode(EventEnvelope(by=self._process_id, event=event)).decode()
        self._commands.send("PUBLISH", self._channel(event.topic), envelope)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        """The events of ``topic`` from now on; those of other processes once Redis has the
        subscription."""
        self._topics[topic] += 1
        self._topics_changed.set()
        try:
            async with self._local.listen(topic) as events:
                yield events
        finally:
            self._topics[topic] -= 1
            if not self._topics[topic]:
                del self._topics[topic]
            self._topics_changed.set()

    async def run(self) -> None:
        """Keep a subscription, until cancelled."""
        while True:
            pubsub = self._connection.pubsub()
            try:
                await pubsub.subscribe(self._channel(BASE_TOPIC))
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive(pubsub))
                    group.create_task(self._update_subscriptions(pubsub))
            except* Exception as errors:  # noqa: BLE001  (whatever it is, Redis is unavailable)
                self._connection.mark_unavailable(_first(errors))
            finally:
                with suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py types most of itself
            await self._wait_until_available()

    async def _wait_until_available(self) -> None:
        """Publish ``look`` to all listeners regularly, until Redis is available."""
        this_task = asyncio.current_task()
        if this_task is not None and this_task.cancelling():  # cancelled as the connection failed
            raise asyncio.CancelledError
        while True:
            for topic in tuple(self._topics):
                self._publish_look(topic)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_every):
                    await self._connection.available.wait()
                    return

    async def _update_subscriptions(self, pubsub: PubSub) -> None:
        """Subscribe to exactly those topics that have listeners; ping in between."""
        subscribed = {BASE_TOPIC}
        while True:
            self._topics_changed.clear()
            wanted = {BASE_TOPIC, *self._topics}
            if new := wanted - subscribed:
                await pubsub.subscribe(*map(self._channel, new))
            if old := subscribed - wanted:
                await pubsub.unsubscribe(*map(self._channel, old))
            subscribed = wanted
            try:
                async with asyncio.timeout(SILENCE):
                    await self._topics_changed.wait()
            except TimeoutError:
                await pubsub.ping()

    async def _receive(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=SILENCE * 2)
            if message is None:
                raise TimeoutError
            if message["type"] == "subscribe":
                # Events between the listener's first read and this subscription were missed.
                self._publish_look(message["channel"].removeprefix(self._channel("")))
            elif message["type"] == "message":
                self._forward(message["data"])

    def _forward(self, data: str) -> None:
        """Publish another process's event to the listeners in this one."""
        try:
            envelope = _DECODER.decode(data)
        except msgspec.DecodeError:
            log.warning("redis.event_unreadable")
            return
        if envelope.by != self._process_id:
            self._local.publish(envelope.event)

    def _publish_look(self, topic: str) -> None:
        self._local.publish(Event(topic=topic, name=LOOK))

    def _channel(self, topic: str) -> str:
        return self._connection.key("events", topic)


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else OSError("the connection failed")
