"""The REST channel: Rasa's REST-channel protocol, so that any web client made for it works.

``POST /webhooks/rest/webhook`` takes ``{"sender", "message", "metadata"?, "message_id"?}`` and
answers with what the bot said in that turn, once it is committed (Rasa, "Your own website:
RestInput", docs of version 3). What a person says later is fetched from
``GET /channels/rest/messages``, or pushed to ``callback_url`` in the form of Rasa's callback
channel.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import aiohttp
import msgspec
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway import (
    Address,
    Button,
    Channel,
    Fact,
    Inbound,
    Json,
    Message,
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
    packaged_yaml,
)

LONGEST_WAIT = 60.0
"""Seconds that a client may wait for news in one request."""
PAGE = 100


class RestSettings(BaseModel):
    """The section ``channels.rest``."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr | None = Field(None, description="clients must send it as a bearer token")
    answer_timeout: float = Field(10.0, gt=0, le=LONGEST_WAIT, description="seconds")
    callback_url: str | None = Field(None, pattern="^https?://")
    callback_timeout: float = Field(10.0, gt=0, description="seconds")


class Said(msgspec.Struct, frozen=True):
    """The body of the webhook. Unknown keys are ignored, as Rasa does."""

    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    message: str
    metadata: dict[str, Json] | None = None
    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


N = TypeVar("N", int, float)
_SAID = msgspec.json.Decoder(Said)


class Patience:
    """Of those who wait for news: when the server stops, nobody waits any longer."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()
        self._ended = False

    @contextmanager
    def of(self, limit: asyncio.Timeout) -> Iterator[None]:
        """``limit`` comes at once when `end` does, or has come."""
        self._limits.add(limit)
        if self._ended:
            limit.reschedule(0)
        try:
            yield
        finally:
            self._limits.discard(limit)

    def end(self) -> None:
        self._ended = True
        for limit in self._limits:
            limit.reschedule(0)


class Rest:
    """Customers reach us through a program that speaks HTTP."""

    name = "rest"

    def __init__(self, settings: RestSettings) -> None:
        self._settings = settings
        self._patience = Patience()

    @property
    def traits(self) -> Traits:
        return Traits(mailbox=True, buttons=True)

    async def run(self, services: Services) -> None:  # noqa: ARG002  (the shape of a Poller)
        """There is nothing to poll; when the server stops, nobody waits for news any longer."""
        try:
            await asyncio.Event().wait()
        finally:
            self._patience.end()

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def hear(request: web.Request) -> web.Response:
            self._check(request)
            said = _SAID.decode(await request.read())
            accepted = await services.intake.accept(parse(said, services))
            timeout = self._settings.answer_timeout
            answer = await services.mailbox.answer(accepted.turn, timeout=timeout)
            return _answered(said.sender, answer)

        async def tell(request: web.Request) -> web.Response:
            self._check(request)
            return await _tell(request, services, self._patience)

        return (
            web.post("/webhooks/rest/webhook", hear),
            web.get("/channels/rest/messages", tell),
        )

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Any] = packaged_yaml("channels", "rest.openapi.yaml")
        part["components"]["schemas"]["rest.Said"] = msgspec.json.schema_components([Said])[1][
            "Said"
        ]
        return part

    def _check(self, request: web.Request) -> None:
        if self._settings.token is None:
            return
        expected = f"Bearer {self._settings.token.get_secret_value()}"
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode()):
            raise web.HTTPUnauthorized(text="send the channel's token as a bearer token")


class RestCallback(Rest):
    """The same, where everything said is also pushed to ``callback_url``.

    The receiver can tell a repeated push by its ``id``, so what was cut off is sent again.
    """

    def __init__(self, settings: RestSettings, url: str) -> None:
        super().__init__(settings)
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=settings.callback_timeout)

    @property
    def traits(self) -> Traits:
        return Traits(buttons=True, unsure="resend")

    async def send(self, message: Outbound) -> Sent:
        """Push one message, in the form of Rasa's callback channel and with our id."""
        body = {
            "recipient_id": message.address.value,
            "text": message.text,
            "id": str(message.message),
            "author": message.author,
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(self._url, json=body, allow_redirects=False) as response,
            ):
                return _taken(response)
        except aiohttp.ClientConnectorError as error:
            raise TryLater(f"callback_url cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unsure(f"the call to callback_url was cut off: {error!r}") from error


def _taken(response: aiohttp.ClientResponse) -> Sent:
    if response.status < 300:
        return Sent()
    said = f"callback_url answered {response.status}"
    if response.status in (408, 425, 429) or response.status >= 500:
        after = response.headers.get("Retry-After", "")
        raise TryLater(said, after=float(after) if after.isdecimal() else None)
    raise Undeliverable(said)


def parse(said: Said, services: Services) -> Inbound:
    """The body of the webhook in our words."""
    return Inbound(
        address=Address(channel="rest", value=said.sender),
        text=said.message,
        at=services.clock.now(),
        remote_id=said.message_id,
        facts=facts(said.metadata) if said.metadata else (),
    )


def facts(metadata: Mapping[str, object]) -> tuple[Fact, ...]:
    """What the client tells besides, for the agent to see; at most 20 short ones."""
    told = list(metadata.items())[:20]
    return tuple(
        Fact(name=name[:64], value=str(value)[:512])
        for name, value in told
        if isinstance(value, str | int | float)
    )


def _answered(sender: str, answer: tuple[Message, ...] | None) -> web.Response:
    if answer is None:
        return _json([], headers={"Warmline-Turn": "pending"})
    return _json([_rasa(sender, message) for message in answer])


def _rasa(sender: str, message: Message) -> dict[str, object]:
    said: dict[str, object] = {
        "recipient_id": sender,
        "text": message.text,
        "id": str(message.id),
    }
    buttons = message.buttons or _stars(message)
    if buttons:
        said["buttons"] = [{"title": button.title, "payload": button.payload} for button in buttons]
    return said


def _stars(message: Message) -> tuple[Button, ...]:
    """A question with a scale, as the protocol can carry it: a button for each number."""
    if message.survey is None or message.survey.scale == "text":
        return ()
    return tuple(Button(title=number, payload=number) for number in "12345")


async def _tell(request: web.Request, services: Services, patience: Patience) -> web.Response:
    sender = request.query.get("sender", "")
    if not sender:
        raise web.HTTPBadRequest(text="say whose messages: ?sender=...")
    after = _number(request, "after", int, 0, 2**62)
    wait = _number(request, "wait", float, 0.0, LONGEST_WAIT)
    address = Address(channel="rest", value=sender)
    async with services.events.listen(address.lane) as news:
        found = await services.mailbox.messages(address, after=after, limit=PAGE)
        try:
            async with asyncio.timeout(wait) as limit:
                with patience.of(limit):
                    while not found and wait:
                        await anext(news)
                        found = await services.mailbox.messages(address, after=after, limit=PAGE)
        except TimeoutError:
            pass  # nothing was said: an empty list is the answer
    return _json(
        [
            {**_rasa(sender, message), "author": message.author, "at": message.at.isoformat()}
            for message in found
        ]
    )


def _number(request: web.Request, name: str, kind: Callable[[str], N], default: N, most: N) -> N:
    given = request.query.get(name)
    if given is None:
        return default
    try:
        number = kind(given)
    except ValueError:
        raise web.HTTPBadRequest(text=f"{name} must be a number") from None
    if not 0 <= number <= most:
        raise web.HTTPBadRequest(text=f"{name} must be from 0 to {most}")
    return number


def _json(body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), content_type="application/json", headers=headers
    )


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.rest", RestSettings, {})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (mine := settings.section(RestSettings)) is None:
        return
    url = mine.callback_url
    register(RestCallback(mine, url) if url else Rest(mine))
