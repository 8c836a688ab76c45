"""The error format and the security headers that all HTTP routes share."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from gateway.ports import Conflict, Malformed, NotAccepted, NotFound, TooLarge
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import contained
from gateway.web.timeouts import limit_body

log = structlog.get_logger()
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
        handler = _wrap(route.handler, path, metrics, headers)
        yield web.route(route.method, route.path, handler, **route.kwargs)
    yield web.route("*", "/{any:(?s:.*)}", _wrap(_not_found, UNKNOWN, metrics, headers))


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


async def _not_found(request: web.Request) -> web.StreamResponse:
    """405 with the allowed methods when the path exists with another method, else 404."""
    this_resource, allowed = request.match_info.route.resource, set[str]()
    for resource in request.app.router.resources():
        if resource is not this_resource:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def _error_response(  # noqa: C901, PLR0911  (a table)
    request: web.Request, failure: Exception
) -> web.StreamResponse:
    match failure:
        case web.HTTPRequestEntityTooLarge():
            return error(413, "the body is larger than limits.body allows")
        case web.HTTPError():
            return _json_error(failure)
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
        case _ if _holds_nul(failure):
            return error(400, "the request holds a NUL character")
        case _:
            log.exception("request.failed", path=request.path)
            return error(500, "an unexpected error; see the server's log for details")


def _holds_nul(failure: BaseException | None) -> bool:
    """Whether PostgreSQL refused a text for its NUL (character_not_in_repertoire). SQLite finds
    nothing under such a text."""
    while failure is not None:
        if getattr(failure, "sqlstate", None) == "22021":
            return True
        failure = getattr(failure, "orig", None) or failure.__cause__
    return False


def _json_error(failure: web.HTTPError) -> web.Response:
    """The JSON form of an error that a route raised; its other headers stay."""
    if failure.content_type == "application/json" and failure.text:
        response = web.Response(
            text=failure.text, status=failure.status, content_type="application/json"
        )
    else:
        message = failure.text or failure.reason
        response = error(failure.status, message.removeprefix(f"{failure.status}: "))
    for name, value in failure.headers.items():
        if name.lower() not in ("content-type", "content-length"):
            response.headers.add(name, value)
    return response
