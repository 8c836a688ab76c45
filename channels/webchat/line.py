"""One open socket: hello, what was missed, then live until either side hangs up.

Nothing piles up for a slow reader. Events only set flags; one task reads the mailbox, which is the
truth, from the last message it sent, and waits for the socket to take each one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from channels.webchat import wire
from channels.webchat.hearing import Hearing, Refused, address
from channels.webchat.tokens import Visitor
from gateway import Event, Services, Status

SWEEP = 20.0
"""Seconds until the mailbox is read without an event: events may be lost."""

WATCHED = 100
"""How many of the last messages are watched for a new status."""

PAGE = 100


class Hangup(Exception):
    """Why we close: the last frame and the close code."""

    def __init__(self, code: int, frame: wire.Error) -> None:
        super().__init__(frame.message)
        self.code, self.frame = code, frame


class Line:
    """A visitor at the other end of a socket, after hello."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        visitor: Visitor,
        hearing: Hearing,
        services: Services,
        after: int,
        send_timeout: float,
    ) -> None:
        self._socket, self._visitor, self._hearing, self._services = (
            socket,
            visitor,
            hearing,
            services,
        )
        self._after = after
        self._send_timeout = send_timeout
        self._statuses: OrderedDict[int, Status] = OrderedDict()
        self._typing: wire.Typing | None = None
        self._look = False
        self._wake = asyncio.Event()

    async def run(self, ready: wire.Ready) -> None:
        """Say ``ready``, then serve until the socket closes. Raises Hangup when we must close."""
        lane = address(self._visitor).lane
        async with self._services.events.listen(lane) as events:
            await self._send(ready)
            async with asyncio.TaskGroup() as group:
                others = [
                    group.create_task(self._notice(events)),
                    group.create_task(self._tell()),
                ]
                await self._read()
                for task in others:
                    task.cancel()

    async def _read(self) -> None:
        async for message in self._socket:
            try:
                frame = parse(message)
            except wire.Malformed as error:
                raise malformed(error) from None
            if isinstance(frame, wire.Hello):
                raise malformed(wire.Malformed("hello was said before"))
            try:
                answer = await self._hearing.hear(self._visitor, frame)
            except Refused as refused:
                answer = refused.frame
            if answer is not None:
                await self._send(answer)

    async def _notice(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            if event.name == "typing":
                self._typing = typing(event) or self._typing
            self._look = self._look or event.name == "status"
            self._wake.set()

    async def _tell(self) -> None:
        first = True
        while True:
            self._wake.clear()
            await self._new_messages()
            if first:
                await self._send(wire.Live())
                first = False
            if self._look:
                self._look = False
                await self._new_statuses()
            if typing := self._typing:
                self._typing = None
                await self._send(typing)
            try:
                async with asyncio.timeout(SWEEP):
                    await self._wake.wait()
            except TimeoutError:
                self._look = True

    async def _new_messages(self) -> None:
        here = address(self._visitor)
        more = True
        while more:
            found = await self._services.mailbox.messages(
                here, after=self._after, limit=PAGE, own=True
            )
            for message in found:
                await self._send(self._hearing.show(self._visitor, message))
                self._after = message.id
                self._statuses[message.id] = message.status
            while len(self._statuses) > WATCHED:
                self._statuses.popitem(last=False)
            more = len(found) == PAGE

    async def _new_statuses(self) -> None:
        if not self._statuses:
            return
        first = next(iter(self._statuses))
        found = await self._services.mailbox.messages(
            address(self._visitor), after=first - 1, limit=WATCHED, own=True
        )
        for message in found:
            if self._statuses.get(message.id, message.status) != message.status:
                self._statuses[message.id] = message.status
                await self._send(wire.StatusNow(id=message.id, status=message.status))

    async def _send(self, frame: wire.Said) -> None:
        """Send, or drop the line when the other end has not read for too long."""
        if self._socket.closed:
            return
        try:
            async with asyncio.timeout(self._send_timeout):
                await self._socket.send_str(wire.encode(frame).decode())
        except TimeoutError:
            message = "you have not read for too long"
            raise Hangup(
                WSCloseCode.POLICY_VIOLATION, wire.Error(code="too_slow", message=message)
            ) from None
        except ConnectionError:  # they hung up: reading ends by itself, nothing was promised
            return


def parse(message: WSMessage) -> wire.Hello | wire.Heard:
    """The frame in a socket's message; raises Malformed."""
    if message.type is not WSMsgType.TEXT:
        raise wire.Malformed("frames are text, in JSON")
    return wire.decode(message.data)


def malformed(error: wire.Malformed) -> Hangup:
    """How a line ends on which something was said that we do not understand."""
    return Hangup(WSCloseCode.INVALID_TEXT, wire.Error(code="malformed", message=str(error)))


def typing(event: Event) -> wire.Typing | None:
    """The event as the customer sees it; None for their own typing."""
    author = event.data.get("author", "bot")
    if author not in ("bot", "agent"):
        return None
    return wire.Typing(author="agent" if author == "agent" else "bot", name=event.data.get("name"))
