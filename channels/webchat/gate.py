"""Who may come in, and how many at once; and how all are seen out when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSCloseCode, web

from channels.webchat import wire
from channels.webchat.limits import Places

Page: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS = {
    "bad_session": 401,
    "bad_identity": 401,
    "bad_file": 403,
    "too_long": 413,
    "too_many": 429,
    "try_later": 503,
}


class Gate:
    """Lets in allowed origins alone, and so many lines (sockets, waiting polls) of each."""

    def __init__(
        self, origins: Iterable[str], *, per_ip: int, per_session: int, proxies: int
    ) -> None:
        self._origins = frozenset(origins)
        self._proxies = proxies
        self._ips = Places(per_ip, what="network")
        self._sessions = Places(per_session, what="session")
        self._sockets: set[web.WebSocketResponse] = set()
        self._waits: set[asyncio.Timeout] = set()
        self._closed = False

    def guarded(self, page: Page) -> Page:
        """``page`` for allowed origins, with the CORS headers that their browsers need.

        A request without Origin comes from the same site or from no browser, and is let in.
        """

        async def guarded(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            if origin is not None and not self._allows(origin, request):
                return problem(403, "foreign_origin", "this site may not embed the chat")
            response = await page(request)
            if not response.prepared:
                response.headers["Vary"] = "Origin"
                response.headers.setdefault("Cache-Control", "no-store")
                if origin is not None:
                    response.headers["Access-Control-Allow-Origin"] = origin
            return response

        return guarded

    def ip(self, request: web.Request) -> str:
        """Whence the visitor comes: as many hops before us as there are trusted proxies."""
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        if self._proxies and len(hops) >= self._proxies and hops[-self._proxies].strip():
            return hops[-self._proxies].strip()[:64]
        return request.remote or "unknown"

    def place_of_ip(self, ip: str) -> AbstractContextManager[None]:
        """A line's place among those of ``ip``; raises TooMany on entering."""
        return self._ips.take(ip)

    def place_of_session(self, session: str) -> AbstractContextManager[None]:
        """A line's place among those of ``session``; raises TooMany on entering."""
        return self._sessions.take(session)

    @contextmanager
    def open(self, socket: web.WebSocketResponse) -> Iterator[None]:
        """``socket`` is closed by `close` if that comes first."""
        self._sockets.add(socket)
        try:
            yield
        finally:
            self._sockets.discard(socket)

    @contextmanager
    def waiting(self, limit: asyncio.Timeout) -> Iterator[None]:
        """``limit`` is brought to its end by `close`, if that comes first or has come."""
        self._waits.add(limit)
        if self._closed:
            limit.reschedule(asyncio.get_running_loop().time())
        try:
            yield
        finally:
            self._waits.discard(limit)

    async def close(self) -> None:
        """Tell every page to come back soon, and wait until all have been told."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for limit in self._waits:
            limit.reschedule(now)
        closing = [one.close(code=WSCloseCode.GOING_AWAY) for one in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)

    def _allows(self, origin: str, request: web.Request) -> bool:
        return origin in self._origins or origin == f"{request.scheme}://{request.host}"


async def preflight(_: web.Request) -> web.StreamResponse:
    """Answers a browser's question whether a page of another origin may ask us this."""
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


def problem(status: int, code: str, message: str, **more: object) -> web.Response:
    """An error in the shape that all of the gateway's errors have."""
    body = msgspec.json.encode({"error": {"code": code, "message": message, **more}})
    return web.Response(status=status, body=body, content_type="application/json")


def refusal(error: wire.Error) -> web.Response:
    """A refused frame, over HTTP."""
    more = {"id": error.id, "retry_after": error.retry_after}
    shown = {key: value for key, value in more.items() if value is not None}
    response = problem(STATUS.get(error.code, 400), error.code, error.message, **shown)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response
