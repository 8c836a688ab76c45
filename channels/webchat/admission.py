"""Admission to the web chat: allowed origins, open connections, and shutdown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from aiohttp import WSCloseCode, web

from channels.webchat.origins import AllowedOrigins
from gateway import LongPolls, TooMany, client_address, client_network

RouteHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimit:
    """Limits the connections that are open at once under one key."""

    most: int
    what: str
    _open: Counter[str] = field(default_factory=Counter, init=False)

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Count one connection while the block runs; raises TooMany when the limit is reached."""
        if self._open[key] >= self.most:
            raise TooMany(f"too many open connections of this {self.what}", after=10)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


class Admission:
    """Admits requests from allowed origins, limits the open connections (sockets and waiting
    polls) of each address and session, and ends all of them when the server stops."""

    def __init__(
        self, origins: AllowedOrigins, *, per_ip: int, per_session: int, proxies: int
    ) -> None:
        self._origins = origins
        self._proxies = proxies
        self.ip_connections = ConnectionLimit(most=per_ip, what="network")
        self.session_connections = ConnectionLimit(most=per_session, what="session")
        self._sockets: set[web.WebSocketResponse] = set()
        self.polls = LongPolls()

    def guard(self, handler: RouteHandler) -> RouteHandler:
        """``handler`` for allowed origins, with the CORS headers that their browsers need.

        A request without Origin comes from the same site or from no browser, and is admitted.
        """

        async def guarded(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            own = f"{request.scheme}://{request.host}"
            if origin is not None and origin not in self._origins and origin != own:
                await self._origins.refuse(origin, datetime.now(UTC))
                what = f"this site may not show the chat; {self._origins.fix(origin[:200])}"
                return error_response(403, "foreign_origin", what)
            response = await handler(request)
            if not response.prepared:
                response.headers["Vary"] = "Origin"
                response.headers.setdefault("Cache-Control", "no-store")
                if origin is not None:
                    response.headers["Access-Control-Allow-Origin"] = origin
            return response

        return guarded

    async def tell_embedding(self, request: web.Request) -> web.StreamResponse:
        """``GET embedding``: whether the page may show the chat, and what to do if it may not. A
        browser tells a page nothing about a refused socket, so the widget asks here."""
        origin = request.headers.get("Origin")
        own = f"{request.scheme}://{request.host}"
        allowed = origin is None or origin in self._origins or origin == own
        answer: dict[str, object] = {"allowed": allowed, "origin": (origin or own)[:200]}
        if origin is not None and not allowed:
            answer["fix"] = self._origins.fix(origin[:200])
        return web.Response(
            body=msgspec.json.encode(answer),
            content_type="application/json",
            headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"},
        )

    def client_ip(self, request: web.Request) -> str:
        """What counts as one visitor's network, as the outermost of our proxies saw it."""
        return client_network(client_address(request, self._proxies)) or "unknown"

    @contextmanager
    def socket_open(self, socket: web.WebSocketResponse) -> Iterator[None]:
        """While the block runs, `close` closes ``socket``."""
        self._sockets.add(socket)
        try:
            yield
        finally:
            self._sockets.discard(socket)

    async def close(self) -> None:
        """End all polls and sockets, so that pages reconnect; wait until all sockets are closed."""
        self.polls.close()
        closing = [socket.close(code=WSCloseCode.GOING_AWAY) for socket in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)


async def preflight(_: web.Request) -> web.StreamResponse:
    """Answer a CORS preflight request: the routes and headers that other origins may use."""
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "authorization, content-type",
            "Access-Control-Max-Age": "7200",
            "Cache-Control": "public, max-age=7200",
        },
    )


def error_response(status: int, code: str, message: str, **more: object) -> web.Response:
    """An error in the gateway's usual shape."""
    body = msgspec.json.encode({"error": {"code": code, "message": message, **more}})
    return web.Response(status=status, body=body, content_type="application/json")
