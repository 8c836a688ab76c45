"""Intake: a provider's message is committed to the inbox, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway.model import Accepted, Fact, File, Inbound, Receipt
from gateway.pipeline.handoffs import AutomaticHandoffs
from gateway.pipeline.reply_waiter import ReplyWaiter
from gateway.ports import Clock, Event, Events, Files, NotAccepted, TooLarge
from gateway.runtime.metrics import Metrics
from gateway.settings import Brands
from gateway.store import Store

log = structlog.get_logger()
EARLY_RECEIPT_WAITS = (0.1, 0.4, 1.5)
"""Seconds between lookups of a message whose receipt arrived before its id was committed."""


@dataclass(kw_only=True)
class InboxIntake:
    """Commits messages to the inbox and wakes a worker. ``max_text`` in characters."""

    store: Store
    wake: Callable[[str], None]
    replies: ReplyWaiter
    handoffs: AutomaticHandoffs
    events: Events
    clock: Clock
    metrics: Metrics
    max_text: int
    files: Files
    brands: Brands

    async def accept(self, message: Inbound) -> Accepted:
        """Returns after the commit. Raises NotAccepted when there was none, TooLarge for a text
        that is longer than an attachment may be."""
        channel = message.address.channel_key
        try:
            message = _storable(message)
            if brand := self.brands.of(message.address):
                message = message.replace(brand=brand)
            if len(message.text) > self.max_text:
                message = await self._shorten(message)
            accepted = await self.store.inbox.accept(message, self.clock.now())
        except TooLarge:
            raise
        except Exception as error:
            log.exception("inbox.not_committed", channel=channel)
            raise NotAccepted("the message could not be stored; please send it again") from error
        if accepted.duplicate:
            self.metrics.duplicates.labels(channel).inc()
        else:
            self.metrics.accepted.labels(channel).inc()
            self.replies.expect(accepted.turn)
        self.wake(message.address.lane)
        return accepted

    async def report(self, receipt: Receipt) -> None:
        """Record a provider's receipt for messages we sent, and announce the changed messages.

        A receipt may arrive before our commit of the provider's id, so an unknown id is looked up
        again, for about two seconds.
        """
        updated = await self.store.customers.report(receipt)
        for wait in EARLY_RECEIPT_WAITS:
            if updated is None and receipt.address is None:
                await self.clock.sleep(wait)
                updated = await self.store.customers.report(receipt)
        if updated is None:
            log.warning("receipt.unknown", channel=receipt.channel, status=receipt.status)
        for message in updated or ():
            conversation = message.conversation
            self.events.publish(Event(topic=message.lane, name="status"))
            self.events.publish(Event(topic="desk", name="status", conversation=conversation))
            if receipt.status == "failed":
                text = f"A message was not delivered: {receipt.detail or 'no reason was given'}"
                await self.handoffs.report_failure(conversation, "undeliverable", text)

    async def _shorten(self, message: Inbound) -> Inbound:
        """Cut the text to ``max_text``; the agent finds all of it in an attached file."""
        whole = File(name="message.txt", media_type="text/plain", data=message.text.encode())
        attachment = await self.files.keep(whole)
        return message.replace(
            text=message.text[: self.max_text - 1] + "…",
            attachments=(*message.attachments, attachment),
        )


def _storable(message: Inbound) -> Inbound:
    """``message`` without the characters that providers let through and no database stores."""
    text = _clean(message.text)
    if not (message.name or message.subject or message.facts):  # the usual case
        return message if text == message.text else message.replace(text=text)
    return message.replace(
        text=text,
        name=_clean(message.name) if message.name else message.name,
        subject=_clean(message.subject) if message.subject else message.subject,
        facts=tuple(Fact(name=_clean(f.name), value=_clean(f.value)) for f in message.facts),
    )


def _clean(text: str) -> str:
    """Replaces NUL and lone surrogates (which JSON can hold; RFC 8259, section 8.2)."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
