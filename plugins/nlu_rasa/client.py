"""Rasa's HTTP API, as the documentation of version 3 describes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from aiohttp import ClientSession, ClientTimeout
from pydantic import SecretStr

from gateway import TooLarge, TryLater, WarmlineError, read_bounded, retry_after

T = TypeVar("T")
LARGEST = 1_000_000
"""Bytes of an answer; Rasa's have a few thousand."""


class RasaError(WarmlineError):
    """The server gave no answer that can be used."""


class RasaIntent(msgspec.Struct, frozen=True):
    """An intent and how sure Rasa is of it, 0..1."""

    name: str | None = None
    confidence: float = 0.0


class RasaParse(msgspec.Struct, frozen=True):
    """The answer of ``POST /model/parse``."""

    intent: RasaIntent
    intent_ranking: tuple[RasaIntent, ...] = ()


class RasaButton(msgspec.Struct, frozen=True):
    """A button of a message, and what it sends."""

    title: str
    payload: str


class RasaMessage(msgspec.Struct, frozen=True):
    """One message in the answer of ``POST /webhooks/rest/webhook``."""

    text: str | None = None
    buttons: tuple[RasaButton, ...] = ()
    image: str | None = None
    custom: dict[str, Any] | None = None


class RasaClient:
    """One Rasa server. Every call raises TryLater, RasaError, or what aiohttp raises."""

    def __init__(self, url: str, *, token: SecretStr | None = None, timeout: float = 3.0) -> None:
        """``timeout``: seconds for one call."""
        self._url = url
        self._query = {"token": token.get_secret_value()} if token else {}
        self._timeout = ClientTimeout(total=timeout)
        self._session: ClientSession | None = None

    @asynccontextmanager
    async def kept_open(self) -> AsyncIterator[None]:
        """Keep connections between calls inside this context; outside, each call makes its own."""
        async with ClientSession(timeout=self._timeout) as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None

    async def parse(self, text: str) -> RasaParse:
        """The intents of ``text``."""
        return await self._post("/model/parse", {"text": text}, RasaParse)

    async def converse(
        self, sender: str, text: str, metadata: Mapping[str, str]
    ) -> tuple[RasaMessage, ...]:
        """Continue the dialogue of ``sender`` with ``text``; the messages that Rasa answers."""
        body = {"sender": sender, "message": text, "metadata": dict(metadata)}
        return await self._post("/webhooks/rest/webhook", body, tuple[RasaMessage, ...])

    async def set_slot(self, sender: str, slot: str, value: str) -> None:
        """Set a slot of the dialogue of ``sender``."""
        event = {"event": "slot", "name": slot, "value": value}
        await self._post(f"/conversations/{sender}/tracker/events", event, dict[str, Any])

    async def _post(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        if self._session is not None:
            return await self._post_by(self._session, path, body, kind)
        async with ClientSession(timeout=self._timeout) as session:
            return await self._post_by(session, path, body, kind)

    async def _post_by(
        self, session: ClientSession, path: str, body: Mapping[str, object], kind: type[T]
    ) -> T:
        async with session.post(
            self._url + path, params=self._query, json=body, allow_redirects=False
        ) as response:
            if response.status in (429, 503):
                after = retry_after(response.headers.get("Retry-After"))
                raise TryLater(f"answered {response.status}", after=after)
            if response.status != 200:
                raise RasaError(f"answered {response.status}")
            try:
                data = await read_bounded(response.content.iter_chunked(65_536), LARGEST)
                return msgspec.json.decode(data, type=kind)
            except (TooLarge, msgspec.MsgspecError) as error:
                raise RasaError(f"gave an answer that cannot be read: {error}") from None
