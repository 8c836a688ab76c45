"""Admission to the web chat: allowed origins, open connections, requests a minute, and shutdown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSCloseCode, web
from aiolimiter import AsyncLimiter
from cachetools import LRUCache

from gateway import LongPolls, WarmlineError

RouteHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_KEYS = 10_000
"""Sessions or addresses whose rate is remembered; the least recently used are forgotten."""


class TooMany(WarmlineError):
    """A limit is reached; the caller may try again in ``after`` seconds."""

    def __init__(self, message: str, *, after: float) -> None:
        super().__init__(message)
        self.after = after


class RateLimit:
    """Limits each key to ``per_minute`` events a minute, and to a burst of as many."""

    def __init__(self, per_minute: int, *, what: str) -> None:
        self._per_minute, self._what = per_minute, what
        self._limiters: MutableMapping[str, AsyncLimiter] = LRUCache(MAX_KEYS)

    async def take(self, key: str) -> None:
        """Count one event; raises TooMany at once instead of waiting."""
        if (limiter := self._limiters.get(key)) is None:
            limiter = self._limiters[key] = AsyncLimiter(self._per_minute, 60)
        if not limiter.has_capacity():
            raise TooMany(f"too many {self._what}; slow down a little", after=60 / self._per_minute)
        await limiter.acquire()


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
        self, origins: Iterable[str], *, per_ip: int, per_session: int, proxies: int
    ) -> None:
        self._origins = frozenset(origins)
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
                return error_response(403, "foreign_origin", "this site may not embed the chat")
            response = await handler(request)
            if not response.prepared:
                response.headers["Vary"] = "Origin"
                response.headers.setdefault("Cache-Control", "no-store")
                if origin is not None:
                    response.headers["Access-Control-Allow-Origin"] = origin
            return response

        return guarded

    def client_ip(self, request: web.Request) -> str:
        """The visitor's address, as seen by the outermost of our trusted proxies."""
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        if self._proxies and len(hops) >= self._proxies and hops[-self._proxies].strip():
            return hops[-self._proxies].strip()[:64]
        return request.remote or "unknown"

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


def origin_of(url: str) -> str:
    """The origin of ``url`` as browsers write it."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"


def error_response(status: int, code: str, message: str, **more: object) -> web.Response:
    """An error in the gateway's usual shape."""
    body = msgspec.json.encode({"error": {"code": code, "message": message, **more}})
    return web.Response(status=status, body=body, content_type="application/json")
