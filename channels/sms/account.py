"""The account at Twilio, through its SDK."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.sms.media import basic_auth
from channels.sms.refusals import refusal, words
from channels.sms.settings import SmsSettings
from gateway import TryLater, Unsure

T = TypeVar("T")
_QUIET = logging.Logger("twilio", logging.CRITICAL)
"""The SDK's own log would tell customers' numbers."""


class Http(AsyncTwilioHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's client. It reads Retry-After, which the SDK's errors do not carry, and tells the
    credentials in a header: the SDK's way to tell them is deprecated in aiohttp."""

    async def request(self, *args: Any, **kwargs: Any) -> Response:
        user, password = kwargs.pop("auth")
        kwargs["headers"] = {**kwargs["headers"], **basic_auth(user, password)}
        response = await super().request(*args, **kwargs)
        if response.status_code == 429 or response.status_code >= 500:
            after = (response.headers or {}).get("Retry-After", "")
            seconds = float(after) if after.isascii() and after.isdecimal() else None
            raise TryLater(f"Twilio answered {response.status_code}", after=seconds)
        return response


class Account:
    """Calls Twilio. Connections are kept while `run` runs; else for as long as calls overlap."""

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._http: Http | None = None
        self._using = 0
        self.refused = False
        """Twilio did not take the credentials when it was last called."""

    async def run(self) -> None:
        """Keep connections until cancelled. Calls that are under way then end as they would."""
        async with self._open():
            await asyncio.get_running_loop().create_future()

    async def call(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        """Give what ``ask`` gives. Raises TryLater, Undeliverable, or, when the line was cut after
        the request may have arrived, Unsure."""
        try:
            async with asyncio.timeout(self._settings.timeout), self._open() as client:
                answer = await ask(client)
        except TwilioException as error:
            status, code = getattr(error, "status", None), getattr(error, "code", None)
            if status is None:
                raise Unsure("Twilio's answer could not be read") from None
            if not code or code == status:  # the SDK says so of an error without a code
                code = None
            self.refused = status == 401 or code == 20003
            # Not `from error`: it tells the customer's number.
            raise refusal(status, code) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater(f"Twilio cannot be reached ({type(error).__name__})") from error
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise Unsure(f"the call to Twilio was cut off ({type(error).__name__})") from error
        self.refused = False
        return answer

    async def trouble(self) -> str | None:
        """What Twilio said of the credentials, if it did not take them."""
        return words(20003) if self.refused else None

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Client]:
        if self._http is None:
            self._http = Http(logger=_QUIET)
        self._using += 1
        try:
            yield self._client(self._http)
        finally:
            self._using -= 1
            if not self._using and self._http is not None:
                http, self._http = self._http, None
                await http.close()

    def _client(self, http: Http) -> Client:
        token = self._settings.auth_token.get_secret_value()
        # Not from the environment: TWILIO_EDGE and TWILIO_REGION would change the address.
        client = Client(self._settings.account_sid, token, http_client=http, environment={"": ""})
        client.api.base_url = self._settings.base
        return client
