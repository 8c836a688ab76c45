"""Intake: a provider's message is committed to the inbox, and only then acknowledged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import structlog

from gateway.model import Accepted, Fact, File, Inbound, Receipt
from gateway.pipeline.handoffs import AutomaticHandoffs
from gateway.pipeline.reply_waiter import ReplyWaiter
from gateway.pipeline.validation import Received, check_received, storable, storable_id
from gateway.ports import Clock, Event, Events, Files, Malformed, NotAccepted, NotFound, TooLarge
from gateway.runtime.metrics import Metrics
from gateway.settings import Brands
from gateway.store import Store
from gateway.support.content import VCARD_TYPES, Contact, contact_text, read_vcard

log = structlog.get_logger()
MAX_CARDS = 3
"""Files of contacts in one message that are read."""
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
        that is longer than an attachment may be, Malformed for a field of another type, and for an
        address or id that no database stores."""
        message = _checked(message, Inbound)
        channel = message.address.channel_key
        try:
            message = _storable(await self._described(message))
            if brand := self.brands.of(message.address):
                message = message.replace(brand=brand)
            if len(message.text) > self.max_text:
                message = await self._shorten(message)
            accepted = await self.store.inbox.accept(message, self.clock.now())
        except (TooLarge, Malformed):
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

    async def report(self, receipt: Receipt) -> bool:
        """Record a provider's receipt for messages we sent, and announce the changed messages.

        A receipt may arrive before our commit of the provider's id, so an unknown id is looked up
        again, for about two seconds. Raises Malformed for a field of another type.
        """
        receipt = _checked(receipt, Receipt)
        receipt = receipt.replace(
            ids=tuple(id for id in receipt.ids if storable_id(id) is not None),
            detail=storable(receipt.detail) if receipt.detail else receipt.detail,
        )
        updated = await self.store.customers.report(receipt)
        for wait in EARLY_RECEIPT_WAITS:
            if updated is None and receipt.address is None and receipt.ids:
                await self.clock.sleep(wait)
                updated = await self.store.customers.report(receipt)
        if updated is None:
            log.warning("receipt.unknown", channel=receipt.channel, status=receipt.status)
            return False
        for message in updated:
            conversation = message.conversation
            self.events.publish(Event(topic=message.lane, name="status"))
            self.events.publish(Event(topic="desk", name="status", conversation=conversation))
            if receipt.status == "failed" and not message.survey:
                text = f"A message was not delivered: {receipt.detail or 'no reason was given'}"
                if receipt.unreachable:
                    text += ". The address is suspended until the customer writes from it"
                if receipt.temporary:
                    await self.handoffs.note(conversation, text)
                else:
                    await self.handoffs.report_failure(conversation, "undeliverable", text)
        return True

    async def _described(self, message: Inbound) -> Inbound:
        """A contact card that came alone, with the names on it as its text."""
        if message.text.strip() or not message.attachments or message.kind != "message":
            return message
        cards = [file for file in message.attachments if file.media_type in VCARD_TYPES]
        found: list[tuple[Contact, ...]] = []
        for file in cards[:MAX_CARDS]:
            with suppress(NotFound):  # damaged: the message is taken all the same
                found.append(read_vcard(await self.files.open(file.digest)))
        text = "\n".join(contact_text(*contact) for contact in chain(*found))
        # The subject of a mail may be what is asked; a signature often brings a card along.
        return message.replace(text=text, wordless=not message.subject) if text else message

    async def _shorten(self, message: Inbound) -> Inbound:
        """Cut the text to ``max_text``; the agent finds all of it in an attached file."""
        whole = File(name="message.txt", media_type="text/plain", data=message.text.encode())
        attachment = await self.files.keep(whole)
        return message.replace(
            text=message.text[: self.max_text - 1] + "…",
            attachments=(*message.attachments, attachment),
        )


def _checked(value: Received, expected: type[Received]) -> Received:
    """As `check_received`, and logged: it is the channel's mistake, and the provider's log is not
    where its author looks."""
    try:
        return check_received(value, expected)
    except Malformed as error:
        log.error("received.malformed", why=str(error))  # noqa: TRY400  (a trace shows nothing more)
        raise


def _storable(message: Inbound) -> Inbound:
    """``message`` without the characters that providers let through and no database stores. Raises
    Malformed when the address or the id has them: another text would be another customer. An id
    that is too long is replaced by its hash, so that a repetition is still recognised."""
    text, id = storable(message.text), message.remote_id
    if not (_is_clean(message.address.value) and _is_clean(id or "")):
        raise Malformed("the sender's address or the message's id holds NUL or broken Unicode")
    if id is not None and storable_id(id) is None:
        digest = hashlib.sha256(id.encode()).hexdigest()
        message = message.replace(remote_id=f"sha256:{digest}" if id else None)
    if message.thread or message.attachments or message.language or message.ref or message.forwards:
        message = _with_clean_ids(message)
    if not (message.name or message.subject or message.facts):  # the usual case
        return message if text == message.text else message.replace(text=text)
    return message.replace(
        text=text,
        name=storable(message.name) if message.name else message.name,
        subject=storable(message.subject) if message.subject else message.subject,
        facts=tuple(Fact(name=storable(f.name), value=storable(f.value)) for f in message.facts),
    )


def _with_clean_ids(message: Inbound) -> Inbound:
    if not _is_clean(message.ref or ""):
        raise Malformed("the customer's id holds NUL or broken Unicode")
    files = (
        file if _is_clean(file.name) else file.replace(name=storable(file.name))
        for file in message.attachments
    )
    return message.replace(
        thread=tuple(filter(_is_clean, message.thread)),
        forwards=message.forwards and tuple(filter(_is_clean, message.forwards)),
        attachments=tuple(files),
        language=message.language if _is_clean(message.language or "") else None,
    )


def _is_clean(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or storable(text) == text)
