"""A small house for the channel alone: an inbox, a mailbox, events and files, in memory."""

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
)

ANA = Agent(id="desk:ana", name="Ana")


class SmallHouse:
    """What the channel may call, and what a test may see of it."""

    def __init__(self) -> None:
        self.accepted: list[Inbound] = []
        self.receipts: list[Receipt] = []
        self.broken = False
        self.cut = 0
        """So many lines are cut after a message is stored, before the page hears of it."""
        self.desk_events: list[Event] = []
        self._said: dict[str, list[Message]] = {}
        self._ids = 0
        self._turns: dict[str, int] = {}
        self._ears: dict[str, list[asyncio.Queue[Event]]] = {}
        self._files: dict[str, bytes] = {}

    @property
    def services(self) -> Services:
        """Itself in every role that the channel uses; the others are not there to be called."""
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
            records=absent,
        )

    # -- what the channel calls

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

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
        if self.cut:
            self.cut -= 1
            raise ConnectionAbortedError("the line was cut")
        return Accepted(turn=self._turns[key])

    async def report(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        assert receipt.address
        for one in receipt.ids:
            self.mark(receipt.address, int(one), receipt.status)

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
        found = [m for m in self._said.get(address.lane, []) if m.id > after]
        return tuple(m for m in found if own or m.author != "customer")[:limit]

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        return None

    def publish(self, event: Event) -> None:
        if event.topic == "desk":
            self.desk_events.append(event)
        for ear in self._ears.get(event.topic, []):
            ear.put_nowait(event)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        ear: asyncio.Queue[Event] = asyncio.Queue()
        self._ears.setdefault(topic, []).append(ear)

        async def events() -> AsyncIterator[Event]:
            while True:
                yield await ear.get()

        try:
            yield events()
        finally:
            self._ears[topic].remove(ear)

    # -- what a test calls

    def put(self, address: Address, text: str, **more: Any) -> Message:
        """A new message of the conversation at ``address``; the bot's unless told otherwise."""
        self._ids += 1
        given = {"author": "bot", "status": "sent", "at": self.now(), **more}
        message = Message(id=self._ids, conversation=1, text=text, **given)
        self._said.setdefault(address.lane, []).append(message)
        self.publish(Event(topic=address.lane, name="message"))
        return message

    def mark(self, address: Address, id: int, status: Any) -> None:
        said = self._said.get(address.lane, [])
        self._said[address.lane] = [m.replace(status=status) if m.id == id else m for m in said]
        self.publish(Event(topic=address.lane, name="status"))

    def everything(self, address: Address) -> list[Message]:
        return self._said.get(address.lane, [])

    def listeners(self, address: Address) -> int:
        return len(self._ears.get(address.lane, []))
