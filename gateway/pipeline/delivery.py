"""Delivery: sends outbox rows to the providers, with retries and without duplicates."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.model import Outbound, Sent, Status
from gateway.pipeline.handoffs import AutomaticHandoffs
from gateway.pipeline.validation import storable, storable_sent
from gateway.ports import (
    Channel,
    Clock,
    Event,
    Events,
    NotFound,
    Reconciler,
    Sender,
    Traits,
    TryLater,
    Undeliverable,
    Unsure,
)
from gateway.runtime.cluster import RateLimits
from gateway.runtime.dispatch import Next
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import with_timeout
from gateway.settings import DeliverySettings
from gateway.store import NotBefore, OutboxItem, Store
from gateway.support.backoff import Backoff, backoff
from gateway.support.labels import counted

log = structlog.get_logger()


@dataclass(kw_only=True)
class OutboxDelivery:
    """Sends one outbox row of a lane at a time."""

    channels: Mapping[str, Channel]
    limits: RateLimits
    store: Store
    handoffs: AutomaticHandoffs
    events: Events
    clock: Clock
    metrics: Metrics
    settings: DeliverySettings

    async def step(self, lane: str) -> Next | datetime:
        """Send the oldest row of ``lane``."""
        # The rate limit comes first: a person who claims the conversation while we wait for it
        # still stops a reply of the bot.
        await self.limits.wait(lane.partition(":")[0])
        item = await self.store.outbox.take(lane, self.clock.now())
        if item is None:
            return Next.DONE
        if isinstance(item, NotBefore):
            return item.at
        if item.damaged:
            damaged = Undeliverable("its stored text is damaged and cannot be read")
            return await self._dead_letter(item, damaged)
        channel = self.channels.get(item.outbound.address.channel_key)
        if not isinstance(channel, Sender):
            error = Undeliverable("no channel of this name can send; see `warmline channels`")
            return await self._dead_letter(item, error)
        if not self.store.processes.holds_lease():
            return await self._put_back(item)
        return await self._send(channel, item)

    async def recover(self) -> int:
        """Settle the rows that dead processes were sending, so that their lanes continue. Returns
        the number of rows.

        The provider is asked where its API allows it. Otherwise the channel's `Traits.unsure`
        decides between sending again and asking a person.
        """
        items = await self.store.outbox.take_over()
        error = "the gateway stopped while sending it"
        await asyncio.gather(*(self._settle_unsure(item, error) for item in items))
        return len(items)

    async def _put_back(self, item: OutboxItem) -> Next | datetime:
        """The lease ran out while this process stood still: another one may send the row."""
        log.warning("delivery.stalled", outbox=item.outbound.id)
        now = self.clock.now()
        error = "the process stood still before it sent this"
        await self._until_recorded(
            lambda: self.store.outbox.retry_later(item.outbound.id, error, now)
        )
        return now + timedelta(seconds=1)

    async def _send(self, channel: Sender, item: OutboxItem) -> Next | datetime:
        try:
            with self.metrics.measure("channel", item.outbound.address.channel_key):
                message = await self._with_question(item.outbound)
                sent = await with_timeout(self.settings.timeout, channel.send(message))
        except TryLater as error:
            return await self._retry_later(item, str(error), error.after)
        except Undeliverable as error:
            return await self._dead_letter(item, error)
        except Unsure as error:
            return await self._settle_unsure(item, str(error))
        except TimeoutError:
            return await self._settle_unsure(item, f"no answer within {self.settings.timeout:g} s")
        except Exception as error:
            log.exception("delivery.failed", outbox=item.outbound.id)
            return await self._settle_unsure(item, f"{type(error).__name__} in the channel")
        return await self._record_sent(item, sent, "sent")

    async def _with_question(self, outbound: Outbound) -> Outbound:
        """For a channel that quotes; without the question where it cannot be read."""
        if not self.channels[outbound.address.channel_key].traits.quotes:
            return outbound
        try:
            question = await self.store.outbox.question(outbound.message)
        except Exception:
            log.exception("delivery.no_question", outbox=outbound.id)
            return outbound
        return outbound.replace(question=question)

    async def _record_sent(self, item: OutboxItem, sent: Sent, outcome: str) -> Next:
        kept = storable_sent(sent)
        if kept != sent:
            log.warning("delivery.not_stored_as_given", outbox=item.outbound.id)
        await self._until_recorded(lambda: self.store.outbox.mark_sent(item.outbound.id, kept))
        self._announce(item, outcome)
        return Next.MORE

    async def _retry_later(
        self, item: OutboxItem, error: str, after: float | None, *, may_have_arrived: bool = False
    ) -> Next | datetime:
        settings, error = self.settings, storable(error)
        if item.attempts >= settings.attempts:
            gave_up = Undeliverable(f"given up after {counted(item.attempts, 'attempt')}: {error}")
            return await self._dead_letter(item, gave_up)
        wait = backoff(item.attempts, settings.backoff_first, settings.backoff_most, jitter=1.0)
        due = self.clock.now() + timedelta(seconds=max(after or 0.0, wait))
        await self._until_recorded(
            lambda: self.store.outbox.retry_later(
                item.outbound.id, error, due, may_have_arrived=may_have_arrived
            )
        )
        self._announce(item, "later")
        return due

    async def _settle_unsure(self, item: OutboxItem, error: str) -> Next | datetime:
        """Nobody knows whether the message arrived."""
        error = storable(error)
        if item.damaged:
            return await self._dead_letter(item, Undeliverable(f"{error}; its text is damaged"))
        channel = self.channels.get(item.outbound.address.channel_key)
        sent = await self._find_sent(channel, item)
        if sent is not None:
            return await self._record_sent(item, sent, "reconciled")
        if channel is not None and _may_repeat(channel.traits, item.attempts):
            self._announce(item, "unsure")
            return await self._retry_later(item, error, None, may_have_arrived=True)
        text = f"Nobody can tell whether this arrived: {error}"
        await self._report_failure(item, "unsure", text)
        return await self._close(item, "unsure", error)

    async def _dead_letter(self, item: OutboxItem, error: Undeliverable) -> Next:
        why = storable(str(error))
        await self._report_failure(
            item, "undeliverable", f"A message could not be delivered: {why}"
        )
        return await self._close(
            item, "failed", why, unreachable=error.unreachable, opted_out=error.opted_out
        )

    async def _report_failure(self, item: OutboxItem, code: str, text: str) -> None:
        if item.outbound.purpose == "survey":
            return  # a survey that did not arrive changes nothing: nobody waits for it

        async def report() -> None:
            if item.outbound.purpose == "opt_out":  # nobody could tell the customer in its place
                await self.handoffs.note(item.conversation, text)
            else:
                await self.handoffs.report_failure(item.conversation, code, text)

        # Before the row is closed: a crash in between informs a person twice instead of never.
        await self._until_recorded(report)

    async def _close(self, item: OutboxItem, status: Status, error: str, **address: bool) -> Next:
        await self._until_recorded(
            lambda: self.store.outbox.close(item.outbound.id, status, error, **address)
        )
        self._announce(item, status)
        log.warning("delivery.over", outbox=item.outbound.id, status=status, error=error)
        return Next.MORE

    async def _until_recorded(self, write: Callable[[], Awaitable[None]]) -> None:
        """Repeat ``write`` until it succeeds: a row that stays ``sending`` blocks its lane, and
        what the provider accepted must not be forgotten."""
        retries = Backoff(0.5)
        while True:
            try:
                return await write()
            except NotFound:
                return None  # the customer was erased meanwhile
            except Exception:
                log.exception("delivery.not_recorded")
            await self.clock.sleep(retries.next())

    async def _find_sent(self, channel: Channel | None, item: OutboxItem) -> Sent | None:
        """What the provider knows of the message; None when it does not know it or
        cannot be asked."""
        if not isinstance(channel, Reconciler):
            return None
        try:
            return await with_timeout(self.settings.timeout, channel.find(item.outbound))
        except Exception:
            log.exception("delivery.not_reconciled", outbox=item.outbound.id)
            return None

    def _announce(self, item: OutboxItem, outcome: str) -> None:
        """Count the attempt and inform those who watch the conversation."""
        self.metrics.sends.labels(item.outbound.address.channel_key, outcome).inc()
        self.events.publish(Event(topic=item.lane, name="status"))
        self.events.publish(Event(topic="desk", name="status", conversation=item.conversation))


def _may_repeat(traits: Traits, attempts: int) -> bool:
    """Whether a message whose send was cut off may be sent again after ``attempts``."""
    within = traits.repeats is None or attempts <= traits.repeats
    return traits.unsure == "resend" and within
