"""Delivery: from the outbox to the providers, with patience and without doubling."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from gateway.model import Sent, Status
from gateway.pipeline.handoffs import DeliveryFailureHandler
from gateway.ports import (
    Channel,
    Clock,
    Event,
    Events,
    NotFound,
    Reconciler,
    Sender,
    TryLater,
    Undeliverable,
    Unsure,
)
from gateway.runtime.cluster import RateLimits
from gateway.runtime.dispatch import Next
from gateway.runtime.metrics import Metrics
from gateway.settings import DeliverySettings as Bounds
from gateway.store import NotBefore, OutboxItem, Store

log = structlog.get_logger()


class OutboxDelivery:
    """Sends one outbox row of a lane at a time."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        *,
        limits: RateLimits,
        store: Store,
        failures: DeliveryFailureHandler,
        events: Events,
        clock: Clock,
        metrics: Metrics,
        bounds: Bounds,
    ) -> None:
        self._channels = channels
        self._limits = limits
        self._store = store
        self._failures = failures
        self._events = events
        self._clock = clock
        self._metrics = metrics
        self._bounds = bounds

    async def step(self, lane: str) -> Next | datetime:
        """Send the oldest row of ``lane``. The pace is waited for before the row is taken, so that
        a person who claims the conversation meanwhile still stops a reply of the bot."""
        await self._limits.wait(lane.partition(":")[0])
        return await self._take_and_send(lane)

    async def recover(self) -> int:
        """Settle rows whose sending was cut off when its process died; their lanes may then go on.

        The provider is asked where it can be; else the channel's policy says whether to send
        again or to ask a person. Gives their number.
        """
        cut = await self._store.outbox.cut_off()
        stopped = "the gateway stopped while it was being sent"
        await asyncio.gather(*(self._unsure(item, stopped) for item in cut))
        return len(cut)

    async def _take_and_send(self, lane: str) -> Next | datetime:
        item = await self._store.outbox.take(lane, self._clock.now())
        if item is None:
            return Next.DONE
        if isinstance(item, NotBefore):
            return item.at
        channel = self._channels.get(item.outbound.address.channel)
        if not isinstance(channel, Sender):
            nobody = "no channel of this name can send; see `warmline channels`"
            await self._dead(item, Undeliverable(nobody))
            return Next.MORE
        if not self._store.processes.holds():
            # This process stood still: others may have this row by now, and send it themselves.
            return await self._put_back(item)
        return await self._send(channel, item)

    async def _put_back(self, item: OutboxItem) -> Next | datetime:
        log.warning("delivery.stalled", outbox=item.outbound.id)
        now = self._clock.now()
        why = "the process stood still before it was sent"
        await self._surely(lambda: self._store.outbox.later(item.outbound.id, why, now))
        return now + timedelta(seconds=1)

    async def _send(self, channel: Sender, item: OutboxItem) -> Next | datetime:
        try:
            with self._metrics.working("channel", item.outbound.address.channel):
                async with asyncio.timeout(self._bounds.timeout):
                    sent = await channel.send(item.outbound)
        except TryLater as error:
            return await self._later(item, str(error), error.after)
        except Undeliverable as error:
            await self._dead(item, error)
            return Next.MORE
        except Unsure as error:
            return await self._unsure(item, str(error))
        except TimeoutError:
            return await self._unsure(item, f"no answer within {self._bounds.timeout:g} s")
        except Exception as error:
            log.exception("delivery.failed", outbox=item.outbound.id)
            return await self._unsure(item, f"{type(error).__name__} in the channel")
        await self._sent(item, sent, "sent")
        return Next.MORE

    async def _sent(self, item: OutboxItem, sent: Sent, outcome: str) -> None:
        await self._surely(lambda: self._store.outbox.sent(item.outbound.id, sent))
        self._count(item, outcome)

    async def _later(
        self, item: OutboxItem, error: str, after: float | None, *, may_have_arrived: bool = False
    ) -> Next | datetime:
        if item.attempts >= self._bounds.attempts:
            over = f"given up after {item.attempts} attempts: {error}"
            await self._dead(item, Undeliverable(over))
            return Next.MORE
        wait = max(after or 0.0, backoff(item.attempts, self._bounds))
        due = self._clock.now() + timedelta(seconds=wait)
        await self._surely(
            lambda: self._store.outbox.later(
                item.outbound.id, error, due, may_have_arrived=may_have_arrived
            )
        )
        self._count(item, "later")
        return due

    async def _unsure(self, item: OutboxItem, error: str) -> Next | datetime:
        channel = self._channels.get(item.outbound.address.channel)
        found = await self._find(item)
        if found is not None:
            await self._sent(item, found, "reconciled")
            return Next.MORE
        if channel is not None and channel.traits.unsure == "resend":
            self._count(item, "unsure")
            return await self._later(item, error, None, may_have_arrived=True)
        await self._tell(item, "unsure", "Nobody can tell whether this arrived: " + error)
        await self._over(item, "unsure", error)
        return Next.MORE

    async def _dead(self, item: OutboxItem, why: Undeliverable) -> None:
        await self._tell(item, "undeliverable", f"A message could not be delivered: {why}")
        await self._over(
            item, "failed", str(why), unreachable=why.unreachable, opted_out=why.opted_out
        )

    async def _tell(self, item: OutboxItem, code: str, what: str) -> None:
        """Before the row is closed: a crash in between tells a person twice, never not at all."""
        await self._surely(lambda: self._failures.tell(item.conversation, code, what))

    async def _surely(self, write: Callable[[], Awaitable[None]]) -> None:
        """Try until it is written: a row that stays ``sending`` stops its lane, and what the
        provider took must not be forgotten."""
        wait = 0.5
        while True:
            try:
                return await write()
            except NotFound:
                return None  # the customer was erased meanwhile
            except Exception:
                log.exception("delivery.not_recorded")
            await self._clock.sleep(wait)
            wait = min(60.0, wait * 2)

    async def _over(self, item: OutboxItem, status: Status, error: str, **address: bool) -> None:
        await self._surely(
            lambda: self._store.outbox.over(item.outbound.id, status, error, **address)
        )
        self._count(item, status)
        log.warning("delivery.over", outbox=item.outbound.id, status=status, error=error)

    async def _find(self, item: OutboxItem) -> Sent | None:
        channel = self._channels.get(item.outbound.address.channel)
        if not isinstance(channel, Reconciler):
            return None
        try:
            async with asyncio.timeout(self._bounds.timeout):
                return await channel.find(item.outbound)
        except Exception:
            log.exception("delivery.not_reconciled", outbox=item.outbound.id)
            return None

    def _count(self, item: OutboxItem, outcome: str) -> None:
        self._metrics.sends.labels(item.outbound.address.channel, outcome).inc()
        self._events.publish(Event(topic=item.lane, name="status"))
        self._events.publish(Event(topic="desk", name="status", conversation=item.conversation))


class BackoffBounds(Protocol):
    """The two bounds of a back-off, in seconds."""

    @property
    def backoff_first(self) -> float: ...
    @property
    def backoff_most(self) -> float: ...


def backoff(attempt: int, bounds: BackoffBounds) -> float:
    """Seconds to wait after ``attempt`` failed ones: exponential with full jitter, at least half
    a second (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015)."""
    most = min(bounds.backoff_most, bounds.backoff_first * 2.0 ** (attempt - 1))
    return max(min(0.5, most), random.uniform(0, most))  # noqa: S311  (no secret hangs on it)
