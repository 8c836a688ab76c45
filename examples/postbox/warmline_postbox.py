"""Customers reach us by postbox: we ask the box for letters, and post our answers into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import aiohttp
import msgspec
from pydantic import BaseModel, ConfigDict, SecretStr

from gateway import (
    Address,
    Backoff,
    Channel,
    Inbound,
    Malformed,
    NotAccepted,
    Outbound,
    Section,
    Sent,
    Services,
    Settings,
    Traits,
    TryLater,
    Undeliverable,
    Unsure,
    hookimpl,
    retry_after,
)

PAUSE = 1.0
"""Seconds between two questions to a box that was empty."""
LARGEST = 1_000_000
"""Bytes of a letter that we read."""


class PostboxSettings(BaseModel):
    """The section ``channels.postbox``."""

    model_config = ConfigDict(extra="forbid")

    api_base: str
    token: SecretStr


class Letter(msgspec.Struct, frozen=True):
    """A letter in the box."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    text: str


class Slip(msgspec.Struct, frozen=True):
    """What the box lists: a letter's number in the box, and the letter as it was thrown in."""

    number: int
    letter: msgspec.Raw


class Postbox:
    """One box. It keeps each letter until we ask for those after it."""

    name = "postbox"
    traits = Traits(unsure="resend")

    def __init__(self, settings: PostboxSettings) -> None:
        self._base = settings.api_base
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
        self._done = 0
        self._problem: str | None = "the box was not reached yet"

    async def setup(self, services: Services) -> None:
        self._session = aiohttp.ClientSession(headers=self._headers)

    async def teardown(self) -> None:
        await self._session.close()

    async def run(self, services: Services) -> None:
        """Ask for letters until cancelled."""
        backoff = Backoff()
        while True:
            try:
                found = await self._take(services)
            except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, NotAccepted) as error:
                self._problem = f"letters do not come in: {type(error).__name__}"
                await services.clock.sleep(backoff.next())
                continue
            backoff.reset()
            self._problem = None
            if not found:
                await services.clock.sleep(PAUSE)

    async def _take(self, services: Services) -> int:
        url = f"{self._base}/letters?after={self._done}"
        async with self._session.get(url, raise_for_status=True) as answer:
            slips = msgspec.json.decode(await answer.read(), type=list[Slip])
        for slip in slips:
            try:
                await services.intake.accept(self._read(slip, services))
            except (ValueError, Malformed):
                services.ignored(self.name, "unreadable")
            self._done = slip.number  # only now: it is committed, or can never be read
        return len(slips)

    def _read(self, slip: Slip, services: Services) -> Inbound:
        """Raises ValueError for what is no letter."""
        if len(bytes(slip.letter)) > LARGEST:
            raise ValueError("the letter is too large")
        letter = msgspec.json.decode(slip.letter, type=Letter)
        address = Address(channel=self.name, value=letter.sender)
        now = services.clock.now()
        return Inbound(address=address, text=letter.text, at=now, remote_id=letter.id)

    async def trouble(self) -> str | None:
        """Why letters do not come in."""
        return self._problem

    async def send(self, message: Outbound) -> Sent:
        """Post one letter; the box knows a repeated one by its key."""
        body = {"to": message.address.value, "text": message.text, "key": message.key}
        try:
            async with self._session.post(f"{self._base}/answers", json=body) as response:
                if response.ok:
                    return Sent(remote_id=message.key)
                said = f"the box answered {response.status}"
                if response.status == 429 or response.status >= 500:
                    raise TryLater(said, after=retry_after(response.headers.get("Retry-After")))
                raise Undeliverable(said)
        except aiohttp.ClientConnectorError as error:
            raise TryLater("the box cannot be reached") from error
        except aiohttp.ClientError as error:
            raise Unsure("the call was cut off") from error


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.postbox", PostboxSettings, {"POSTBOX_TOKEN": "token"})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if section := settings.section(PostboxSettings):
        register(Postbox(section))
