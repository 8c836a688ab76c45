"""Rasa's HTTP API, as its documentation of version 3 describes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from pydantic import SecretStr

from gateway import TryLater, WarmlineError

T = TypeVar("T")
MOST = 1_000_000
"""Bytes of an answer; Rasa's are a few thousand."""


class RasaError(WarmlineError):
    """The server gave no answer that can be used."""


class Intent(msgspec.Struct, frozen=True):
    name: str | None = None
    confidence: float = 0.0


class Parsed(msgspec.Struct, frozen=True):
    """The answer of ``POST /model/parse``."""

    intent: Intent
    intent_ranking: tuple[Intent, ...] = ()


class Choice(msgspec.Struct, frozen=True):
    title: str
    payload: str


class Said(msgspec.Struct, frozen=True):
    """One message of the answer of ``POST /webhooks/rest/webhook``."""

    text: str | None = None
    buttons: tuple[Choice, ...] = ()
    image: str | None = None
    custom: dict[str, Any] | None = None


class Client:
    """One Rasa server. Every call raises TryLater, RasaError, or what aiohttp raises."""

    def __init__(self, url: str, *, token: SecretStr | None = None, timeout: float = 3.0) -> None:
        """``timeout``: seconds for one call."""
        self._url, self._token = url, token
        self._timeout = ClientTimeout(total=timeout)
        self._kept: ClientSession | None = None

    @asynccontextmanager
    async def kept_open(self) -> AsyncIterator[None]:
        """Within it connections are kept between calls; outside each call makes its own."""
        async with ClientSession(timeout=self._timeout) as session:
            self._kept = session
            try:
                yield
            finally:
                self._kept = None

    async def parse(self, text: str) -> Parsed:
        return await self._post("/model/parse", {"text": text}, Parsed)

    async def say(self, sender: str, text: str, metadata: Mapping[str, str]) -> tuple[Said, ...]:
        """Rasa's dialogue goes on with ``text`` of ``sender``; gives what it answers."""
        body = {"sender": sender, "message": text, "metadata": dict(metadata)}
        return await self._post("/webhooks/rest/webhook", body, tuple[Said, ...])

    async def remember(self, sender: str, slot: str, value: str) -> None:
        """Set a slot of the dialogue with ``sender``."""
        event = {"event": "slot", "name": slot, "value": value}
        await self._post(f"/conversations/{sender}/tracker/events", event, dict[str, Any])

    async def _post(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        if self._kept is not None:
            return await self._with(self._kept, path, body, kind)
        async with ClientSession(timeout=self._timeout) as session:
            return await self._with(session, path, body, kind)

    async def _with(
        self, session: ClientSession, path: str, body: Mapping[str, object], kind: type[T]
    ) -> T:
        asked = {"token": self._token.get_secret_value()} if self._token else {}
        async with session.post(
            self._url + path, params=asked, json=body, allow_redirects=False
        ) as response:
            return _read(response.status, response, await _bounded(response), kind)


async def _bounded(response: ClientResponse) -> bytes:
    found = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        found += chunk
        if len(found) > MOST:
            raise RasaError(f"answered more than {MOST} bytes")
    return bytes(found)


def _read(status: int, response: ClientResponse, body: bytes, kind: type[T]) -> T:
    if status in (429, 503):
        after = response.headers.get("Retry-After", "")
        raise TryLater(f"answered {status}", after=float(after) if after.isdigit() else None)
    if status != 200:
        raise RasaError(f"answered {status}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise RasaError(f"answered what is none of its shapes: {error}") from None
