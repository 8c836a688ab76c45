"""The shape of errors, bounds and headers that every HTTP surface shares."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import perf_counter

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from gateway.ports import Conflict, NotAccepted, NotFound, TooLarge
from gateway.runtime.metrics import Metrics

log = structlog.get_logger()
UNKNOWN = "unknown"
"""The path, in figures, of every address that no door has."""

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
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
    # For what is no page, nothing may be loaded or framed; a page says itself what it needs.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000"}
"""Only where we are reached by https (RFC 6797, 7.2)."""


def error(status: int, message: str, **headers: str) -> web.Response:
    """``{"error": {"code", "message"}}``, with the right status."""
    code = CODES.get(status, "error")
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def shape(
    routes: Iterable[web.RouteDef], metrics: Metrics, *, https: bool = False
) -> Iterator[web.RouteDef]:
    """``routes``, and one for the addresses that have none: whatever goes wrong has our shape, is
    counted, and tells no secrets; every answer has the headers that a browser should not do
    without. (What names no path, ``OPTIONS *`` and ``CONNECT``, gets aiohttp's own 404, as what is
    no HTTP gets its 400.)

    A middleware would do the same. aiohttp's way through one costs a twelfth of what it needs to
    answer at all, and a webhook that is safely stored should cost little more than that.
    """
    always = CIMultiDict(HEADERS | HSTS if https else HEADERS)
    for route in routes:
        path = web.UrlDispatcher().add_resource(route.path).canonical
        handler = _shaped(route.handler, path, metrics, always)
        yield web.route(route.method, route.path, handler, **route.kwargs)
    yield web.route("*", "/{any:(?s:.*)}", _shaped(_nowhere, UNKNOWN, metrics, always))


def _shaped(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    path: str,
    metrics: Metrics,
    always: CIMultiDict[str],
) -> Handler:
    async def shaped(request: web.Request) -> web.StreamResponse:
        begun = perf_counter()
        try:
            response = await handler(request)
        except Exception as wrong:  # noqa: BLE001  (told there, or raised again)
            response = _told(request, wrong)
        method = request.method if path is not UNKNOWN else "any"  # a stranger's may be anything
        metrics.request_seconds.labels(method, path).observe(perf_counter() - begun)
        if response.status >= 400:
            metrics.refused.labels(path, str(response.status)).inc()
        if not response.prepared:
            response.headers.merge(always)  # what a page says of itself stands
        return response

    return shaped


async def _nowhere(request: web.Request) -> web.StreamResponse:
    mine, allowed = request.match_info.route.resource, set[str]()
    for resource in request.app.router.resources():
        if resource is not mine:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def _told(request: web.Request, wrong: Exception) -> web.StreamResponse:  # noqa: PLR0911  (a table)
    match wrong:
        case web.HTTPRequestEntityTooLarge():
            return error(413, "the body is larger than limits.body allows")
        case web.HTTPError():
            return _refused(wrong)
        case msgspec.DecodeError() | UnicodeDecodeError():
            return error(400, "the body is not what this address takes")
        case TooLarge():
            return error(413, str(wrong))
        case NotFound():
            return error(404, str(wrong))
        case Conflict():
            return error(409, str(wrong))
        case NotAccepted():
            return error(503, str(wrong), **{"Retry-After": f"{math.ceil(wrong.after)}"})
        case web.HTTPException() | ConnectionResetError():
            raise wrong  # a redirect, or a client that went away
        case _:
            log.exception("request.failed", path=request.path)
            return error(500, "something went wrong here; the log has the details")


def _refused(refused: web.HTTPError) -> web.Response:
    if refused.content_type == "application/json" and refused.text:
        response = web.Response(
            text=refused.text, status=refused.status, content_type="application/json"
        )
    else:
        message = refused.text or refused.reason
        response = error(refused.status, message.removeprefix(f"{refused.status}: "))
    for name, value in refused.headers.items():
        if name.lower() not in ("content-type", "content-length"):
            response.headers.add(name, value)
    return response
