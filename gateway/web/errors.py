"""The error format, the security headers and the time limits that all HTTP routes share.

aiohttp limits only how long a connection may be idle. A client that sends a byte a minute is not
idle ("slowloris", CWE-400): the headers, and after them the body, must arrive in time.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from gateway.ports import Conflict, Malformed, NotAccepted, NotFound, TooLarge
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import contained

log = structlog.get_logger()
CATCH_ALL = "/{any:(?s:.*)}"
"""The end of a path that stands for all paths below it. Such a route comes after all others."""
UNKNOWN = "unknown"
"""The path label in metrics of every request that matches no route."""

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
_ODD_BYTE = re.compile("[\udc80-\udcff]")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Responses other than pages may load and frame nothing. A page sets its own policy.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000"}
"""Sent only when the public URL is https (RFC 6797, 7.2)."""


def error(status: int, message: str, **headers: str) -> web.Response:
    """A response with the body ``{"error": {"code", "message"}}``."""
    code = CODES.get(status, "error")
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def wrap_routes(
    routes: Iterable[web.RouteDef], metrics: Metrics, *, https: bool = False
) -> Iterator[web.RouteDef]:
    """``routes`` and a route for all other paths, with shared error handling.

    Every error becomes a JSON error that shows no secrets, and is counted. Every answer gets the
    security headers. (Requests without a path, ``OPTIONS *`` and ``CONNECT``, get aiohttp's own
    404; requests that are not HTTP get its 400.)

    A middleware would do the same. But aiohttp's call through a middleware costs a twelfth of a
    whole answer, and a webhook that is stored should cost little more than storing it.
    """
    headers = CIMultiDict(HEADERS | HSTS if https else HEADERS)
    for route in routes:
        path = web.UrlDispatcher().add_resource(route.path).canonical
        own = _or_not_allowed(route.handler) if is_catch_all(route.path) else route.handler
        handler = _wrap(own, path, metrics, headers)
        yield web.route(route.method, route.path, handler, **route.kwargs)
    yield web.route("*", CATCH_ALL, _wrap(_not_found, UNKNOWN, metrics, headers))


def _wrap(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    path: str,
    metrics: Metrics,
    headers: CIMultiDict[str],
) -> Handler:
    async def wrapped(request: web.Request) -> web.StreamResponse:
        started = perf_counter()
        body_timer = limit_body(request)
        try:
            with contained():
                response = await handler(request)
        except Exception as error:  # noqa: BLE001  (logged there, or raised again)
            response = _error_response(request, error)
        finally:
            if body_timer is not None:
                body_timer.cancel()
        # The method of an unmatched request may be any text, so it is no metric label.
        method = request.method if path is not UNKNOWN else "any"
        metrics.request_seconds.labels(method, path).observe(perf_counter() - started)
        if response.status >= 400:
            metrics.refused.labels(path, str(response.status)).inc()
        if not response.prepared:
            response.headers.merge(headers)  # keeps the headers that a page sets itself
        return response

    return wrapped


def is_catch_all(path: str) -> bool:
    """Whether a route with the written ``path`` takes what others leave."""
    return path.endswith(CATCH_ALL)


def takes_the_rest(resource: web.AbstractResource) -> bool:
    """As `is_catch_all`, of a resource, whose canonical path does not show the pattern."""
    pattern = resource.get_info().get("pattern")
    return pattern is not None and pattern.pattern.endswith("/(?P<any>(?s:.*))")


def _or_not_allowed(handler: Handler) -> Handler:
    """``handler`` of a catch-all: what it does not find may exist with another method."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return await _not_found(request)

    return handle


async def _not_found(request: web.Request) -> web.StreamResponse:
    """405 with the allowed methods when the path exists with another method, else 404."""
    allowed = set[str]()
    for resource in request.app.router.resources():
        if not takes_the_rest(resource):
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def _error_response(  # noqa: C901, PLR0911  (a table)
    request: web.Request, failure: Exception
) -> web.StreamResponse:
    match failure:
        case web.HTTPRequestEntityTooLarge():
            return _json_error(failure, "the body is larger than limits.body allows")
        case web.HTTPError():
            return _json_error(failure, failure.text or failure.reason)
        case msgspec.DecodeError() | UnicodeDecodeError():
            return error(400, "the body does not have the format that this path expects")
        case Malformed():
            return error(400, str(failure))
        case TooLarge():
            return error(413, str(failure))
        case NotFound():
            return error(404, str(failure))
        case Conflict():
            return error(409, str(failure))
        case NotAccepted():
            return error(503, str(failure), **{"Retry-After": f"{math.ceil(failure.after)}"})
        case web.HTTPException() | ConnectionResetError():
            raise failure  # a redirect, or a client that disconnected
        case UnicodeEncodeError() if _has_odd_header(request):
            return error(400, "a header of the request holds bytes that are not UTF-8")
        case _ if _holds_nul(failure):
            return error(400, "the request holds a NUL character")
        case _:
            log.exception("request.failed", path=request.path)
            return error(500, "an unexpected error; see the server's log for details")


def _has_odd_header(request: web.Request) -> bool:
    """Whether a header holds bytes that are not UTF-8. aiohttp decodes them to lone surrogates
    (PEP 383), which no text that is written out may hold."""
    return any(_ODD_BYTE.search(value) for value in request.headers.values())


def _holds_nul(failure: BaseException | None) -> bool:
    """Whether PostgreSQL refused a text for its NUL (character_not_in_repertoire). SQLite finds
    nothing under such a text."""
    while failure is not None:
        if getattr(failure, "sqlstate", None) == "22021":
            return True
        failure = getattr(failure, "orig", None) or failure.__cause__
    return False


def _json_error(failure: web.HTTPError, message: str) -> web.Response:
    """The JSON form of an error that a route raised, with ``message`` unless its text is JSON; its
    other headers stay."""
    if failure.content_type == "application/json" and failure.text:
        response = web.Response(
            text=failure.text, status=failure.status, content_type="application/json"
        )
    else:
        response = error(failure.status, message.removeprefix(f"{failure.status}: "))
    for name, value in failure.headers.items():
        if name.lower() not in ("content-type", "content-length"):
            response.headers.add(name, value)
    return response


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
