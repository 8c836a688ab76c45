"""From a request for a socket to its end: places, hello, the line itself, a civil goodbye."""

from __future__ import annotations

from contextlib import ExitStack

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from channels.webchat import wire
from channels.webchat.gate import Gate, problem
from channels.webchat.hearing import Hearing, Refused, too_many
from channels.webchat.limits import TooMany
from channels.webchat.line import Hangup, Line, malformed, parse
from channels.webchat.polls import MOST_FRAME
from gateway import Services

log = structlog.get_logger(__name__)

HELLO_WITHIN = 10.0
"""Seconds after which a socket that has not said hello is closed."""

GOODBYE_WITHIN = 3.0
"""Seconds to wait for the other side's own close."""

BAD_TOKEN, CROWDED = 4401, 4429
"""Close codes of our own, from the range that RFC 6455, section 7.4.2, leaves to applications."""


class Sockets:
    """Serves ``GET socket``."""

    def __init__(
        self,
        *,
        services: Services,
        hearing: Hearing,
        gate: Gate,
        heartbeat: float,
        send_timeout: float,
    ) -> None:
        self._services, self._hearing, self._gate = services, hearing, gate
        self._heartbeat, self._send_timeout = heartbeat, send_timeout

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Hold the line until one side hangs up."""
        socket = web.WebSocketResponse(
            timeout=GOODBYE_WITHIN,
            heartbeat=self._heartbeat,
            max_msg_size=MOST_FRAME,
            compress=False,
        )
        if not socket.can_prepare(request):
            return problem(400, "not_a_socket", "this address speaks WebSocket")
        await socket.prepare(request)
        with self._gate.open(socket), ExitStack() as held:
            try:
                await self._converse(socket, self._gate.ip(request), held)
            except* Hangup as hangups:
                await _close(socket, hangups)
            except* Exception:  # the page comes back, and misses nothing
                log.exception("webchat.line_failed")
                await socket.close(code=WSCloseCode.INTERNAL_ERROR)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, ip: str, held: ExitStack) -> None:
        try:
            held.enter_context(self._gate.place_of_ip(ip))
            hello = await _hello(socket)
            if hello is None:
                return
            visitor, ready = await self._hearing.greet(hello, ip)
            held.enter_context(self._gate.place_of_session(visitor.session))
        except TooMany as error:
            raise Hangup(CROWDED, too_many(error)) from None
        except Refused as refused:
            code = CROWDED if refused.frame.code == "too_many" else BAD_TOKEN
            raise Hangup(code, refused.frame) from None
        line = Line(
            socket,
            visitor=visitor,
            hearing=self._hearing,
            services=self._services,
            after=0 if ready.fresh else hello.after,
            send_timeout=self._send_timeout,
        )
        await line.run(ready)


async def _hello(socket: web.WebSocketResponse) -> wire.Hello | None:
    """The first frame; None when they hung up instead. Raises Hangup."""
    try:
        message = await socket.receive(timeout=HELLO_WITHIN)
    except TimeoutError:
        late = wire.Error(code="too_slow", message=f"hello must come within {HELLO_WITHIN:g} s")
        raise Hangup(WSCloseCode.POLICY_VIOLATION, late) from None
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        return None
    try:
        frame = parse(message)
    except wire.Malformed as error:
        raise malformed(error) from None
    if not isinstance(frame, wire.Hello):
        raise malformed(wire.Malformed("hello comes first"))
    return frame


async def _close(socket: web.WebSocketResponse, hangups: ExceptionGroup[Hangup]) -> None:
    """Say why, and close."""
    hangup: Hangup | ExceptionGroup[Hangup] = hangups
    while isinstance(hangup, ExceptionGroup):
        hangup = hangup.exceptions[0]
    if socket.closed:
        return
    try:
        await socket.send_str(wire.encode(hangup.frame).decode())
    except ConnectionError:  # they hung up first
        log.debug("webchat.gone_before_goodbye", code=hangup.code)
    await socket.close(code=hangup.code, message=hangup.frame.code.encode())
