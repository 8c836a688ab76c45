"""Customers reach us by pager: signed webhooks in, one HTTP call for each message out."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import Annotated

import aiohttp
import msgspec
from aiohttp import web
from pydantic import BaseModel, ConfigDict, SecretStr

from gateway import (
    Address,
    Channel,
    Inbound,
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

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PagerSettings(BaseModel):
    """The section ``channels.pager``."""

    model_config = ConfigDict(extra="forbid")

    api_base: str
    token: SecretStr
    secret: SecretStr


class PagerMessage(msgspec.Struct, frozen=True):
    """The body that the pager company posts to us."""

    id: ShortText
    number: ShortText
    text: str


class Pager:
    """One account at the pager company, which recognises a repeated message by our key."""

    name = "pager"
    traits = Traits(unsure="resend", rate=20.0)

    def __init__(self, settings: PagerSettings) -> None:
        self._settings = settings

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            body = await request.read()
            self._verify(body, request.headers.get("X-Pager-Signature", ""))
            page = msgspec.json.decode(body, type=PagerMessage)
            message = Inbound(
                address=Address(channel=self.name, value=page.number),
                text=page.text,
                at=services.clock.now(),
                remote_id=page.id,
            )
            await services.intake.accept(message)  # returns once it is committed to the inbox
            return web.Response()

        return [web.post("/channels/pager/webhook", receive)]

    def _verify(self, body: bytes, signature: str) -> None:
        secret = self._settings.secret.get_secret_value().encode()
        expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), expected.encode()):
            raise web.HTTPUnauthorized(text="the signature is not the pager company's")

    async def send(self, message: Outbound) -> Sent:
        """Send one message to one pager."""
        token = self._settings.token.get_secret_value()
        body = {"number": message.address.value, "text": message.text, "key": message.key}
        try:
            async with (
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
                session.post(f"{self._settings.api_base}/pages", json=body) as response,
            ):
                return await _result(response)
        except aiohttp.ClientConnectorError as error:
            raise TryLater("the pager company cannot be reached") from error
        except aiohttp.ClientError as error:
            raise Unsure("the call was cut off") from error


async def _result(response: aiohttp.ClientResponse) -> Sent:
    if response.ok:
        return Sent(remote_id=str((await response.json())["id"]))
    answer = f"the pager company answered {response.status}"
    if response.status == 429 or response.status >= 500:
        raise TryLater(answer, after=retry_after(response.headers.get("Retry-After")))
    raise Undeliverable(answer)


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.pager", PagerSettings, {"PAGER_TOKEN": "token", "PAGER_SECRET": "secret"})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if section := settings.section(PagerSettings):
        register(Pager(section))
