"""Outgoing webhooks: sends events to other systems, in order, until they are acknowledged.

At least once: a receiver recognises a repetition by its ``webhook-id``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from gateway.ports import Clock, TryLater, Undeliverable
from gateway.runtime.dispatch import LocalLanes, Next, OutgoingLanes
from gateway.runtime.metrics import Metrics
from gateway.settings import WebhookSettings
from gateway.store import NotBefore, WebhookDelivery, WebhookQueue
from gateway.support.backoff import backoff
from gateway.support.labels import counted

log = structlog.get_logger()
COMMIT_TIME = timedelta(seconds=30)
"""How much longer than an attempt its lease is: time for the commits before and after it."""


class WebhookSender(Protocol):
    """Sends to an endpoint. Raises TryLater, or Undeliverable when a retry cannot help."""

    async def post(self, delivery: WebhookDelivery, at: datetime) -> None: ...


@dataclass(kw_only=True)
class OutgoingWebhooks:
    """Sends one event of a lane at a time; a lane is an endpoint and a conversation."""

    queue: WebhookQueue
    sender: WebhookSender
    clock: Clock
    metrics: Metrics
    settings: WebhookSettings

    def __post_init__(self) -> None:
        # Lanes of this process alone: the lease keeps other processes from sending the same event.
        lanes = partial(LocalLanes, self.step, clock=self.clock)
        self.lanes = OutgoingLanes(
            {name: lanes(at_once=self.settings.at_once) for name in self.settings.endpoints},
            removed=lanes(at_once=1),
        )

    async def run(self, tick: float = 1.0) -> None:
        """Look for events every ``tick`` seconds, until cancelled. Any process may write them, so
        the rows are queried and no wake is needed."""
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("webhooks.sweep_failed")
            await self.clock.sleep(tick)

    async def sweep(self) -> None:
        for lane in await self.queue.lanes():
            self.lanes.wake(lane)

    async def step(self, lane: str) -> Next | datetime:
        """Send the oldest event of ``lane``."""
        lease = timedelta(seconds=self.settings.timeout) + COMMIT_TIME
        delivery = await self.queue.take(lane, self.clock.now(), lease)
        if delivery is None:
            return Next.DONE
        if isinstance(delivery, NotBefore):
            return delivery.at
        return await self._send(delivery)

    async def _send(self, delivery: WebhookDelivery) -> Next | datetime:
        try:
            with self.metrics.measure("webhook", delivery.endpoint):
                await self.sender.post(delivery, self.clock.now())
        except Undeliverable as error:
            return await self._dead_letter(delivery, str(error))
        except TryLater as error:
            return await self._retry_later(delivery, error)
        except Exception as error:
            log.exception("webhook.failed", delivery=delivery.id, endpoint=delivery.endpoint)
            later = TryLater(f"{type(error).__name__} while sending it")
            return await self._retry_later(delivery, later)
        await self.queue.mark_sent(delivery.id)
        self.metrics.webhooks.labels(delivery.endpoint, "sent").inc()
        return Next.MORE

    async def _retry_later(self, delivery: WebhookDelivery, error: TryLater) -> Next | datetime:
        settings = self.settings
        if delivery.attempts >= settings.attempts:
            gave_up = f"given up after {counted(delivery.attempts, 'attempt')}: {error}"
            return await self._dead_letter(delivery, gave_up)
        wait = backoff(delivery.attempts, settings.backoff_first, settings.backoff_most, jitter=1.0)
        wait = min(max(error.after or 0.0, wait), settings.backoff_most)
        due = self.clock.now() + timedelta(seconds=wait)
        await self.queue.retry_later(delivery.id, str(error), due)
        self.metrics.webhooks.labels(delivery.endpoint, "later").inc()
        return due

    async def _dead_letter(self, delivery: WebhookDelivery, error: str) -> Next:
        await self.queue.mark_dead(delivery.id, error)
        self.metrics.webhooks.labels(delivery.endpoint, "dead").inc()
        log.warning("webhook.dead", delivery=delivery.id, endpoint=delivery.endpoint, error=error)
        return Next.MORE
