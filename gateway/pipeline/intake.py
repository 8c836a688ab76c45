"""The door: what a provider brings is committed, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.model import Accepted, Fact, File, Inbound, Receipt
from gateway.ports import Clock, Event, Events, Files, NotAccepted, TooLarge
from gateway.runtime.metrics import Metrics
from gateway.store import Store

log = structlog.get_logger()
EARLY = (0.1, 0.4, 1.5)
"""Seconds between looks for a message whose receipt came before its id was committed."""


class ReplyExpectation(Protocol):
    """Wants to know which turns this process has accepted."""

    def expect(self, turn: int) -> None: ...


class FailureReporter(Protocol):
    """Tells people what went wrong, and hands them the conversation."""

    async def tell(self, conversation: int, code: str, what: str) -> None: ...


class InboxIntake:
    """Commits to the inbox and wakes a worker. ``text`` bounds a message, in characters."""

    def __init__(
        self,
        *,
        store: Store,
        wake: Callable[[str], None],
        replies: ReplyExpectation,
        failures: FailureReporter,
        events: Events,
        clock: Clock,
        metrics: Metrics,
        text: int,
        files: Files,
    ) -> None:
        self._store = store
        self._wake = wake
        self._replies = replies
        self._failures = failures
        self._events = events
        self._clock = clock
        self._metrics = metrics
        self._text = text
        self._files = files

    async def accept(self, message: Inbound) -> Accepted:
        """Give back only after the commit. Raises NotAccepted when there was none, TooLarge for
        a text that is longer than an attachment may be."""
        channel = message.address.channel
        try:
            message = _storable(message)
            if len(message.text) > self._text:
                message = await self._cut(message)
            accepted = await self._store.inbox.accept(message, self._clock.now())
        except TooLarge:
            raise
        except Exception as error:
            log.exception("inbox.not_committed", channel=channel)
            raise NotAccepted("the message could not be stored; please send it again") from error
        if accepted.duplicate:
            self._metrics.duplicates.labels(channel).inc()
        else:
            self._metrics.accepted.labels(channel).inc()
            self._replies.expect(accepted.turn)
        self._wake(message.address.lane)
        return accepted

    async def report(self, receipt: Receipt) -> None:
        """Record what the provider says of messages we sent; whoever watches hears of it.

        A provider may be faster than our commit of its id, so an unknown one is looked for
        again, for about two seconds.
        """
        told = await self._store.customers.report(receipt)
        for wait in EARLY:
            if told is None and receipt.address is None:
                await self._clock.sleep(wait)
                told = await self._store.customers.report(receipt)
        if told is None:
            log.warning("receipt.unknown", channel=receipt.channel, status=receipt.status)
        for one in told or ():
            self._events.publish(Event(topic=one.lane, name="status"))
            self._events.publish(Event(topic="desk", name="status", conversation=one.conversation))
            if receipt.status == "failed":
                what = f"A message was not delivered: {receipt.detail or 'no reason was given'}"
                await self._failures.tell(one.conversation, "undeliverable", what)

    async def _cut(self, message: Inbound) -> Inbound:
        """What is too long to be read; it is kept whole as a file for the agent."""
        whole = File(name="message.txt", media_type="text/plain", data=message.text.encode())
        kept = await self._files.keep(whole)
        return message.replace(
            text=message.text[: self._text - 1] + "…", attachments=(*message.attachments, kept)
        )


def _storable(message: Inbound) -> Inbound:
    """Texts without what no database takes, and providers let through."""
    text = _clean(message.text)
    if not (message.name or message.subject or message.facts):  # most have words alone
        return message if text == message.text else message.replace(text=text)
    return message.replace(
        text=text,
        name=_clean(message.name) if message.name else message.name,
        subject=_clean(message.subject) if message.subject else message.subject,
        facts=tuple(Fact(name=_clean(f.name), value=_clean(f.value)) for f in message.facts),
    )


def _clean(text: str) -> str:
    """Without NUL and halves of characters (lone surrogates, which JSON can hold)."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
