"""The chat's WebSocket: from the request, through hello and missed messages, to the close.

Nothing piles up for a slow reader. Events only set flags. One task reads the mailbox, the
authoritative source, from the last message it sent, and waits until the socket takes each message.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass

import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from channels.webchat import wire
from channels.webchat.admission import Admission, error_response
from channels.webchat.frame_handler import FrameHandler, FrameRefused, typing_frame
from channels.webchat.tokens import BadSession, Visitor
from gateway import Event, Services, Status, TooMany

log = structlog.get_logger(__name__)

MAX_FRAME = 64 * 1024
"""Bytes of one frame from a page: room for the longest message and its file references."""

HELLO_TIMEOUT = 10.0
"""Seconds after which a socket that has not said hello is closed."""

CLOSE_TIMEOUT = 3.0
"""Seconds to wait for the other side's close frame."""

BAD_TOKEN, TOO_MANY = 4401, 4429
"""Close codes of our own, from the range that RFC 6455, section 7.4.2, leaves to applications."""

SWEEP = 20.0
"""Seconds between two reads of the mailbox without an event: events may be lost."""

WATCHED = 100
"""The number of latest messages that are watched for a new status."""

PAGE = 100


class SocketClosed(Exception):
    """Ends a session: the last frame to send, and the close code."""

    def __init__(self, code: int, frame: wire.ErrorFrame) -> None:
        super().__init__(frame.message)
        self.code, self.frame = code, frame

    @classmethod
    def malformed(cls, message: str) -> SocketClosed:
        """The close after a frame that we do not understand."""
        frame = wire.ErrorFrame(code="malformed", message=message)
        return cls(WSCloseCode.INVALID_TEXT, frame)

    @classmethod
    def too_slow(cls, message: str) -> SocketClosed:
        """The close of a socket whose page keeps us waiting."""
        frame = wire.ErrorFrame(code="too_slow", message=message)
        return cls(WSCloseCode.POLICY_VIOLATION, frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketEndpoint:
    """Serves ``GET socket``. ``heartbeat`` and ``send_timeout`` are in seconds."""

    services: Services
    handler: FrameHandler
    admission: Admission
    heartbeat: float
    send_timeout: float

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Open the socket and keep it until one side closes it."""
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT,
            heartbeat=self.heartbeat,
            max_msg_size=MAX_FRAME,
            compress=False,
        )
        if not socket.can_prepare(request):
            return error_response(400, "not_a_socket", "this address takes WebSockets only")
        await socket.prepare(request)
        with self.admission.socket_open(socket), ExitStack() as stack:
            try:
                await self._run_session(socket, self.admission.client_ip(request), stack)
            except* SocketClosed as errors:
                await _close(socket, errors)
            except* Exception:  # the page reconnects and misses nothing
                log.exception("webchat.socket_failed")
                await socket.close(code=WSCloseCode.INTERNAL_ERROR)
        return socket

    async def _run_session(self, socket: web.WebSocketResponse, ip: str, stack: ExitStack) -> None:
        try:
            stack.enter_context(self.admission.ip_connections.hold(ip))
            hello = await _receive_hello(socket)
            if hello is None:
                return
            visitor, ready = await self.handler.greet(hello, ip)
            stack.enter_context(self.admission.session_connections.hold(visitor.session))
        except TooMany as error:
            raise SocketClosed(TOO_MANY, FrameRefused.too_many(error).frame) from None
        except FrameRefused as error:
            code = TOO_MANY if error.frame.code == "too_many" else BAD_TOKEN
            raise SocketClosed(code, error.frame) from None
        session = SocketSession(
            socket,
            visitor=visitor,
            handler=self.handler,
            services=self.services,
            after=0 if ready.fresh else hello.after,
            send_timeout=self.send_timeout,
        )
        await session.run(ready)


class SocketSession:
    """One visitor's socket after hello."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        visitor: Visitor,
        handler: FrameHandler,
        services: Services,
        after: int,
        send_timeout: float,
    ) -> None:
        self._socket, self._visitor, self._handler, self._services = (
            socket,
            visitor,
            handler,
            services,
        )
        self._after, self._send_timeout = after, send_timeout
        self._statuses: OrderedDict[int, Status] = OrderedDict()
        self._typing: wire.TypingFrame | None = None
        self._check_statuses = False
        self._person: str | None = None
        self._check_person = False
        self._wake = asyncio.Event()

    async def run(self, ready: wire.ReadyFrame) -> None:
        """Send ``ready``, then serve until the socket closes. Raises SocketClosed when we must
        close it."""
        async with self._services.events.listen(self._visitor.address.lane) as events:
            self._person = ready.person
            await self._send(ready)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._note_events(events)),
                    group.create_task(self._send_updates()),
                ]
                await self._read_frames()
                for task in tasks:
                    task.cancel()

    async def _read_frames(self) -> None:
        async for message in self._socket:
            frame = _decode(message)
            if isinstance(frame, wire.HelloFrame):
                raise SocketClosed.malformed("hello was sent before")
            try:
                answer = await self._handler.handle(self._visitor, frame)
            except FrameRefused as error:
                answer = error.frame
            if answer is not None:
                await self._send(answer)

    async def _note_events(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            if event.name == "typing":
                self._typing = typing_frame(event) or self._typing
            self._check_statuses = self._check_statuses or event.name == "status"
            self._check_person = self._check_person or event.name == "person"
            self._wake.set()

    async def _send_updates(self) -> None:
        self._wake.clear()
        await self._send_new_messages()
        await self._send(wire.LiveFrame())
        while True:
            if self._check_statuses:
                self._check_statuses = False
                await self._send_new_statuses()
            if self._check_person:
                self._check_person = False
                await self._send_person()
            if typing := self._typing:
                self._typing = None
                await self._send(typing)
            try:
                async with asyncio.timeout(SWEEP):
                    await self._wake.wait()
            except TimeoutError:
                self._check_statuses = self._check_person = True
            self._wake.clear()
            await self._send_new_messages()

    async def _send_new_messages(self) -> None:
        more = True
        while more:
            messages = await self._services.mailbox.messages(
                self._visitor.address, after=self._after, limit=PAGE, own=True
            )
            if messages:
                await self._check_session()
            for message in messages:
                await self._send(self._handler.message_frame(self._visitor, message))
                self._after = message.id
                self._statuses[message.id] = message.status
            while len(self._statuses) > WATCHED:
                self._statuses.popitem(last=False)
            more = len(messages) == PAGE

    async def _send_person(self) -> None:
        frame = await self._handler.person(self._visitor)
        if frame.name != self._person:
            self._person = frame.name
            await self._send(frame)

    async def _check_session(self) -> None:
        try:
            await self._handler.check(self._visitor)
        except BadSession as error:
            frame = wire.ErrorFrame(code="bad_session", message=str(error))
            raise SocketClosed(BAD_TOKEN, frame) from None

    async def _send_new_statuses(self) -> None:
        if not self._statuses:
            return
        first = next(iter(self._statuses))
        messages = await self._services.mailbox.messages(
            self._visitor.address, after=first - 1, limit=WATCHED, own=True
        )
        for message in messages:
            if self._statuses.get(message.id, message.status) != message.status:
                self._statuses[message.id] = message.status
                await self._send(wire.StatusFrame(id=message.id, status=message.status))

    async def _send(self, frame: wire.GatewayFrame) -> None:
        """Send, or raise SocketClosed when the page has not read for too long."""
        if self._socket.closed:
            return
        try:
            async with asyncio.timeout(self._send_timeout):
                await self._socket.send_str(wire.encode(frame).decode())
        except TimeoutError:
            raise SocketClosed.too_slow("the page has not read for too long") from None
        except ConnectionError:  # the page closed the socket: `_read_frames` ends by itself
            return


async def _receive_hello(socket: web.WebSocketResponse) -> wire.HelloFrame | None:
    """The first frame; None when the page closed the socket instead. Raises SocketClosed."""
    try:
        message = await socket.receive(timeout=HELLO_TIMEOUT)
    except TimeoutError:
        raise SocketClosed.too_slow(f"hello must come within {HELLO_TIMEOUT:g} s") from None
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        return None
    frame = _decode(message)
    if not isinstance(frame, wire.HelloFrame):
        raise SocketClosed.malformed("hello comes first")
    return frame


def _decode(message: WSMessage) -> wire.HelloFrame | wire.PageFrame:
    """The frame in a socket's message; raises SocketClosed."""
    if message.type is not WSMsgType.TEXT:
        raise SocketClosed.malformed("a frame must be JSON in a text message")
    try:
        return wire.decode(message.data)
    except wire.BadFrame as error:
        raise SocketClosed.malformed(str(error)) from None


async def _close(socket: web.WebSocketResponse, errors: ExceptionGroup[SocketClosed]) -> None:
    """Send the last frame, and close."""
    error: SocketClosed | ExceptionGroup[SocketClosed] = errors
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if socket.closed:
        return
    try:
        await socket.send_str(wire.encode(error.frame).decode())
    except ConnectionError:  # the page closed the socket first
        log.debug("webchat.closed_by_page", code=error.code)
    await socket.close(code=error.code, message=error.frame.code.encode())
