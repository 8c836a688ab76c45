"""An in-memory gateway for the channel alone: inbox, mailbox, events and files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from gateway import (
    Accepted,
    Address,
    Agent,
    Attachment,
    Event,
    File,
    Inbound,
    Message,
    NotAccepted,
    NotFound,
    Receipt,
    Services,
    channel_key,
)

ANA = Agent(id="desk:ana", name="Ana")


class FakeGateway:
    """The services that the channel calls, and what a test may see of them."""

    def __init__(self) -> None:
        self.accepted: list[Inbound] = []
        self.receipts: list[Receipt] = []
        self.broken = False
        self.cuts = 0
        """The number of connections to cut after a message is stored, before `accepted`."""
        self.desk_events: list[Event] = []
        self.who_has_it: str | None = None
        self.waits_for_a_person = False
        self.proven: Address | None = None
        self._messages: dict[str, list[Message]] = {}
        self._ids = 0
        self._turns: dict[str, int] = {}
        self._listeners: dict[str, list[asyncio.Queue[Event]]] = {}
        self._files: dict[str, bytes] = {}

    @property
    def services(self) -> Services:
        """Itself as every service that the channel uses; the others are absent."""
        absent: Any = None
        return Services(
            intake=self,
            files=self,
            mailbox=self,
            events=self,
            clock=self,
            desk=absent,
            voice=absent,
            storage=absent,
            audit=absent,
            public_http=absent,
            records=self,
            versions=absent,
            trials=absent,
            visits=self,
        )

    # -- called by the channel

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def newest_address(
        self, ref: str, *, channel: str, support_address: str = ""
    ) -> Address | None:
        key = channel_key(channel, support_address)
        theirs = (m.address for m in reversed(self.accepted) if m.ref == ref)
        return next((address for address in theirs if address.channel_key == key), None)

    async def is_proven(self, address: Address) -> bool:
        return any(m.ref is not None for m in self.accepted if m.address == address)

    async def accept(self, message: Inbound) -> Accepted:
        if self.broken:
            raise NotAccepted("the disk is full")
        key = message.remote_id or f"none-{len(self.accepted)}"
        if key in self._turns:
            return Accepted(turn=self._turns[key], duplicate=True)
        self.accepted.append(message)
        self._turns[key] = len(self.accepted)
        self.put(
            message.address,
            message.text,
            author="customer",
            remote_id=message.remote_id,
            attachments=message.attachments,
        )
        if self.cuts:
            self.cuts -= 1
            raise ConnectionAbortedError("the connection was cut")
        return Accepted(turn=self._turns[key])

    async def report(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        assert receipt.address
        for id in receipt.ids:
            self.mark(receipt.address, int(id), receipt.status)

    async def keep(self, file: File) -> Attachment:
        digest = hashlib.sha256(file.data).hexdigest()
        self._files[digest] = file.data
        return Attachment(
            name=file.name, media_type=file.media_type, size=len(file.data), digest=digest
        )

    async def open(self, digest: str) -> bytes:
        if digest not in self._files:
            raise NotFound(digest)
        return self._files[digest]

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        found = [m for m in self._messages.get(address.lane, []) if m.id > after]
        return tuple(m for m in found if own or m.author != "customer")[:limit]

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        return None

    async def person(self, address: Address) -> str | None:
        return self.who_has_it

    async def begin_anew(self, address: Address) -> bool:
        return self.who_has_it is not None or self.waits_for_a_person

    async def mail_transcript(self, address: Address) -> Address:
        if self.proven is None:
            raise NotFound("no address is proven")
        return self.proven

    def publish(self, event: Event) -> None:
        if event.topic == "desk":
            self.desk_events.append(event)
        for queue in self._listeners.get(event.topic, []):
            queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.setdefault(topic, []).append(queue)

        async def events() -> AsyncIterator[Event]:
            while True:
                yield await queue.get()

        try:
            yield events()
        finally:
            self._listeners[topic].remove(queue)

    # -- called by tests

    def put(self, address: Address, text: str, **more: Any) -> Message:
        """Add a message to the conversation at ``address``; by default it is the bot's."""
        self._ids += 1
        fields = {"author": "bot", "status": "sent", "at": self.now(), **more}
        message = Message(id=self._ids, conversation=1, text=text, **fields)
        self._messages.setdefault(address.lane, []).append(message)
        self.publish(Event(topic=address.lane, name="message"))
        return message

    def claim(self, address: Address, name: str | None) -> None:
        """An agent takes the conversation at ``address``, or gives it back."""
        self.who_has_it = name
        self.publish(Event(topic=address.lane, name="person"))

    def mark(self, address: Address, id: int, status: Any) -> None:
        self._messages[address.lane] = [
            m.replace(status=status) if m.id == id else m for m in self.everything(address)
        ]
        self.publish(Event(topic=address.lane, name="status"))

    def everything(self, address: Address) -> list[Message]:
        return self._messages.get(address.lane, [])

    def listeners(self, address: Address) -> int:
        return len(self._listeners.get(address.lane, []))
