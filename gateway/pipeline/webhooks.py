"""Webhooks out: what happened here is told to other systems, in order and until they have heard it.

At least once: a receiver knows a repetition by its ``webhook-id``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from gateway.pipeline.delivery import backoff
from gateway.ports import Clock, TryLater, Undeliverable
from gateway.runtime.dispatch import LocalLanes, Next, OutgoingLanes
from gateway.runtime.metrics import Metrics
from gateway.settings import WebhookSettings as Bounds
from gateway.store import NotBefore, WebhookDelivery, WebhookQueue

log = structlog.get_logger()
SLACK = timedelta(seconds=30)
"""How much longer than an attempt may take nobody else takes it: for the commits around it."""


class WebhookSender(Protocol):
    """Sends to an endpoint. Raises TryLater, or Undeliverable when it is of no use to try again."""

    async def post(self, delivery: WebhookDelivery, at: datetime) -> None: ...


class OutgoingWebhooks:
    """Sends one event of a lane at a time; a lane is an endpoint and a conversation."""

    def __init__(
        self,
        *,
        hooks: WebhookQueue,
        post: WebhookSender,
        clock: Clock,
        metrics: Metrics,
        bounds: Bounds,
    ) -> None:
        self._hooks = hooks
        self._post = post
        self._clock = clock
        self._metrics = metrics
        self._bounds = bounds
        self._lease = timedelta(seconds=bounds.timeout) + SLACK
        # Lanes of this process alone: the lease keeps two processes from telling the same.
        lanes = partial(LocalLanes, self.step, clock=clock)
        self.lanes = OutgoingLanes(
            {name: lanes(at_once=bounds.at_once) for name in bounds.endpoints},
            gone=lanes(at_once=1),
        )

    async def rounds(self, tick: float = 1.0) -> None:
        """Until cancelled: look for what is to be told, every ``tick`` seconds. Any process may
        have written it, so the rows are asked and nobody need wake us."""
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("webhooks.sweep_failed")
            await self._clock.sleep(tick)

    async def sweep(self) -> None:
        for lane in await self._hooks.lanes():
            self.lanes.wake(lane)

    async def step(self, lane: str) -> Next | datetime:
        """Tell the oldest event of ``lane``."""
        delivery = await self._hooks.take(lane, self._clock.now(), self._lease)
        if delivery is None:
            return Next.DONE
        if isinstance(delivery, NotBefore):
            return delivery.at
        return await self._tell(delivery)

    async def _tell(self, delivery: WebhookDelivery) -> Next | datetime:
        try:
            with self._metrics.working("webhook", delivery.endpoint):
                await self._post.post(delivery, self._clock.now())
        except Undeliverable as error:
            return await self._dead(delivery, str(error))
        except TryLater as error:
            return await self._later(delivery, error)
        except Exception as error:
            log.exception("webhook.failed", delivery=delivery.id, endpoint=delivery.endpoint)
            return await self._later(delivery, TryLater(f"{type(error).__name__} while sending it"))
        await self._hooks.sent(delivery.id)
        self._metrics.webhooks.labels(delivery.endpoint, "sent").inc()
        return Next.MORE

    async def _later(self, delivery: WebhookDelivery, error: TryLater) -> Next | datetime:
        if delivery.attempts >= self._bounds.attempts:
            return await self._dead(
                delivery, f"given up after {delivery.attempts} attempts: {error}"
            )
        wait = max(error.after or 0.0, backoff(delivery.attempts, self._bounds))
        due = self._clock.now() + timedelta(seconds=min(wait, self._bounds.backoff_most))
        await self._hooks.later(delivery.id, str(error), due)
        self._metrics.webhooks.labels(delivery.endpoint, "later").inc()
        return due

    async def _dead(self, delivery: WebhookDelivery, why: str) -> Next:
        await self._hooks.dead(delivery.id, why)
        self._metrics.webhooks.labels(delivery.endpoint, "dead").inc()
        log.warning("webhook.dead", delivery=delivery.id, endpoint=delivery.endpoint, error=why)
        return Next.MORE
