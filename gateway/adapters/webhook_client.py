"""Signed webhook requests to other systems, in the format of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the
headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, HMAC-SHA256 over
``id.timestamp.body``; any 2xx accepts the event, 410 asks us to stop, Retry-After is obeyed. The
specification's own library makes the signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from errno import EACCES

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout
from aiohttp.client import ClientResponse
from standardwebhooks.webhooks import Webhook

from gateway.ports import PublicHttp, TryLater, Undeliverable
from gateway.settings import WebhookEndpoint
from gateway.store import WebhookDelivery
from gateway.support.http import retry_after


class HttpWebhookSender:
    """Sends deliveries to the configured endpoints. Follows no redirects."""

    def __init__(
        self, endpoints: Mapping[str, WebhookEndpoint], *, public_http: PublicHttp, timeout: float
    ) -> None:
        self._endpoints = endpoints
        self._timeout = ClientTimeout(total=timeout)
        self._public_http = public_http
        self._session: ClientSession | None = None

    async def post(self, delivery: WebhookDelivery, at: datetime) -> None:
        """Send ``delivery``. Raises TryLater, or Undeliverable when it can never succeed."""
        endpoint = self._endpoints.get(delivery.endpoint)
        if endpoint is None:
            raise Undeliverable("no endpoint of this name is configured")
        body = delivery.payload.encode()
        url = str(endpoint.url)
        try:
            headers = _headers(endpoint, delivery, at)
            async with self._client().post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                _check(response, at)
        except TimeoutError:
            raise TryLater(f"no answer within {self._timeout.total:g} s") from None
        except ClientError as error:
            if isinstance(error, ClientConnectorError) and error.os_error.errno == EACCES:
                what = "the endpoint's address is not in the public network"
                raise Undeliverable(f"{what}; allow it with `allow_private: true`") from None
            raise TryLater(f"cannot be reached: {type(error).__name__}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> ClientSession:
        if self._session is None:
            private = [str(e.url) for e in self._endpoints.values() if e.allow_private]
            self._session = self._public_http.session(own=private, timeout=self._timeout)
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


def _check(response: ClientResponse, at: datetime) -> None:
    """Decide by the status alone. The body is not read."""
    if 200 <= response.status < 300:
        return
    if response.status == 410:
        raise Undeliverable("410 Gone: the endpoint accepts no more events")
    after = retry_after(response.headers.get("Retry-After"), at)
    raise TryLater(f"answered {response.status}", after=after)
