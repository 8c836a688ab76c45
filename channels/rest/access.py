"""Who may use the REST channel: the token, signed senders, pages of other sites, rate limits."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import jwt
from aiohttp import hdrs, web

from channels.rest import RestSettings
from gateway import (
    Malformed,
    NotAccepted,
    RateLimit,
    TooMany,
    client_address,
    client_network,
    site_origin,
)

RouteHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

READABLE = "Warmline-Turn, Retry-After"
"""Headers that pages of other origins may read, besides the few that they always may."""
LONGEST_SENDER = 256


class RestAccess:
    """Admits requests. ``proxies`` is how many trusted proxies are in front of us."""

    def __init__(self, settings: RestSettings, *, proxies: int, public_url: str) -> None:
        token, secret = settings.token, settings.identity_secret
        self._token = token.get_secret_value().encode() if token else None
        self._secret = secret.get_secret_value() if secret else None
        self._origins = {*settings.origins, site_origin(public_url)}
        self._proxies = proxies
        self._per_client = _limit(settings.requests_per_minute, "requests with this token")
        self._per_address = _limit(settings.requests_per_address, "requests from your network")

    async def admit(self, request: web.Request) -> str | None:
        """The one sender that ``request`` may speak for; None: any sender.

        Requests with valid credentials count for these alone, so that nobody else at their address
        can slow them down. Raises HTTPUnauthorized without them, and HTTPTooManyRequests.
        """
        given = _bearer(request)
        if self._token is not None and hmac.compare_digest(given, self._token):
            await _take(self._per_client, "token")
            return None
        sender = self._signed_sender(given)
        if sender is not None:
            await _take(self._per_client, hashlib.sha256(sender.encode()).hexdigest())
            return sender
        await _take(self._per_address, client_network(client_address(request, self._proxies)))
        if self._token is None and self._secret is None:
            return None
        what = "the channel's token" if self._secret is None else "the sender's identity token"
        raise web.HTTPUnauthorized(
            text=f"send {what} as a bearer token; it is missing, wrong or has expired",
            headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
        )

    def _signed_sender(self, token: bytes) -> str | None:
        """The ``sub`` of an identity token (RFC 7519, section 4.1.2); None when it is not valid."""
        if self._secret is None:
            return None
        try:
            # A site may put an audience of its own into its tokens; `iat` is no start of validity
            # (RFC 7519, section 4.1.6), and the site's clock may be ahead.
            options = {"require": ["sub", "exp"], "verify_aud": False, "verify_iat": False}
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], options=options)  # type: ignore[arg-type]  # its options are a total TypedDict
            sender = str(claims["sub"])
        except (jwt.InvalidTokenError, ValueError):
            return None
        return sender if 0 < len(sender) <= LONGEST_SENDER else None

    def guard(self, handler: RouteHandler) -> RouteHandler:
        """``handler`` for pages of listed origins, with the headers that their browsers need (the
        Fetch standard, section 3.2: https://fetch.spec.whatwg.org/#http-cors-protocol).

        A request without Origin comes from a program or from a page of our own.
        """

        async def guarded(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get(hdrs.ORIGIN)
            if origin is None:
                return await handler(request)
            if not self._may_use(origin, request):
                raise web.HTTPForbidden(
                    text="this site is not in `channels.rest.origins`",
                    headers={hdrs.VARY: hdrs.ORIGIN},
                )
            headers = {
                hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
                hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: READABLE,
                hdrs.VARY: hdrs.ORIGIN,
            }
            try:
                response = await handler(request)
            except web.HTTPException as error:
                error.headers.update(headers)
                raise
            except Malformed as error:
                raise web.HTTPBadRequest(text=str(error), headers=headers) from error
            except NotAccepted as error:
                again = {hdrs.RETRY_AFTER: str(math.ceil(error.after))}
                raise web.HTTPServiceUnavailable(
                    text=str(error), headers=headers | again
                ) from error
            response.headers.update(headers)
            return response

        return guarded

    def _may_use(self, origin: str, request: web.Request) -> bool:
        own = f"{request.scheme}://{request.host}"
        return origin == own or origin in self._origins or "*" in self._origins


async def preflight(_: web.Request) -> web.StreamResponse:
    """Answer a CORS preflight request: the methods and headers that listed sites may use."""
    return web.Response(
        status=204,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "authorization, content-type",
            hdrs.ACCESS_CONTROL_MAX_AGE: "7200",
        },
    )


def check_sender(allowed: str | None, sender: str) -> None:
    """Raises HTTPForbidden when a signed sender speaks for another."""
    if allowed not in (None, sender):
        raise web.HTTPForbidden(text="the identity token is another sender's")


def _bearer(request: web.Request) -> bytes:
    """The bearer token of ``request`` (RFC 6750, section 2.1); empty when there is none."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""


def _limit(per_minute: int | None, what: str) -> RateLimit | None:
    return RateLimit(per_minute, what=what) if per_minute is not None else None


async def _take(limit: RateLimit | None, key: str) -> None:
    if limit is None:
        return
    try:
        await limit.take(key)
    except TooMany as error:
        again = {hdrs.RETRY_AFTER: str(math.ceil(error.after))}
        raise web.HTTPTooManyRequests(text=str(error), headers=again) from None
