"""Signed POST requests to other systems, as Standard Webhooks has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the
headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, HMAC-SHA256 over
``id.timestamp.body``; any 2xx is a yes, 410 asks us to stop, Retry-After is heeded. The signature
is the specification's own library's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from errno import EACCES

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout
from aiohttp.client import ClientResponse
from standardwebhooks.webhooks import Webhook

from gateway.ports import PublicHttp, TryLater, Undeliverable
from gateway.settings import WebhookEndpoint
from gateway.store import WebhookDelivery


class HttpWebhookSender:
    """See `services.webhooks.Post`. Redirects are not followed: they would lead past the guard."""

    def __init__(
        self, endpoints: Mapping[str, WebhookEndpoint], *, public_http: PublicHttp, timeout: float
    ) -> None:
        self._endpoints = endpoints
        self._timeout = ClientTimeout(total=timeout)
        self._public_http = public_http
        self._session: ClientSession | None = None

    async def post(self, delivery: WebhookDelivery, at: datetime) -> None:
        endpoint = self._endpoints.get(delivery.endpoint)
        if endpoint is None:
            raise Undeliverable("no endpoint of this name is configured")
        body = delivery.payload.encode()
        url = str(endpoint.url)
        try:
            headers = _headers(endpoint, delivery, at)
            async with self._line().post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                _judge(answer, at)
        except TimeoutError:
            raise TryLater(f"no answer within {self._timeout.total:g} s") from None
        except ClientError as error:
            if isinstance(error, ClientConnectorError) and error.os_error.errno == EACCES:
                what = "its address lies in a network that is not public"
                raise Undeliverable(f"{what}; allow_private would permit it") from None
            raise TryLater(f"cannot be reached: {type(error).__name__}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _line(self) -> ClientSession:
        if self._session is None:
            inside = [str(one.url) for one in self._endpoints.values() if one.allow_private]
            self._session = self._public_http.session(own=inside, timeout=self._timeout)
        return self._session


def _headers(endpoint: WebhookEndpoint, delivery: WebhookDelivery, at: datetime) -> dict[str, str]:
    keys = endpoint.secret.get_secret_value().split()
    signed = [Webhook(key).sign(delivery.event, at, delivery.payload) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "warmline-webhooks",
        "webhook-id": delivery.event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def _judge(answer: ClientResponse, at: datetime) -> None:
    """By the status alone; what it says besides is not read."""
    if 200 <= answer.status < 300:
        return
    if answer.status == 410:
        raise Undeliverable("410 Gone: the endpoint wants to hear no more")
    after = _seconds(answer.headers.get("Retry-After"), at)
    raise TryLater(f"answered {answer.status}", after=after)


def _seconds(text: str | None, at: datetime) -> float | None:
    """A Retry-After, in seconds or as a date (RFC 9110, 10.2.3); None for anything else."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then - at).total_seconds()) if then.tzinfo else None
