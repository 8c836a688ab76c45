"""Time limits on requests that arrive slowly, which would hold connections for ever.

aiohttp limits only how long a connection may be idle. A client that sends a byte a minute is not
idle ("slowloris", CWE-400): the headers, and after them the body, must arrive in time.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

HEADER_TIMEOUT = 30.0
"""Seconds from the first byte of a request, or from the start of a connection, to the end of its
headers. (nginx's client_header_timeout is 60 s, Apache's RequestReadTimeout 20 to 40 s.)"""
BODY_TIMEOUT = 60.0
"""Seconds from there to the end of its body."""


class TimedRequestHandler(web.RequestHandler):
    """A connection whose requests must have sent their headers within `HEADER_TIMEOUT`."""

    __slots__ = ("_header_timer",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._header_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        complete = self._request_count
        super().data_received(data)
        if self._request_count > complete:
            self._stop_timer()
        elif self._is_idle() and self._header_timer is None:
            self._start_timer()  # the first bytes of the next request

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Whether no request is being handled on this connection."""
        return self._waiter is not None and not self._waiter.done()

    def _start_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._header_timer = loop.call_later(HEADER_TIMEOUT, self._give_up)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._header_timer = None
        if self._is_idle():
            self.force_close()


class TimedSite(web.SockSite):
    """As `aiohttp.web.SockSite`, with `TimedRequestHandler` for its connections."""

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server: Any = self._runner.server
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: TimedRequestHandler(server, loop=loop, **server._kwargs),  # noqa: SLF001  (no other way)
            sock=self._sock,
            backlog=self._backlog,
        )


def limit_body(request: web.Request) -> asyncio.TimerHandle | None:
    """Give the rest of the body of ``request`` `BODY_TIMEOUT` seconds; then whoever reads it gets
    HTTPRequestTimeout. Cancel what this returns when the request is answered."""
    content = request.content
    if content.is_eof():
        return None

    def give_up() -> None:
        if not content.is_eof():
            content.set_exception(web.HTTPRequestTimeout(text="the body arrived too slowly"))

    return asyncio.get_running_loop().call_later(BODY_TIMEOUT, give_up)
