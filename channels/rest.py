"""The REST channel: Rasa's REST-channel protocol, so that any web client made for it works.

``POST /webhooks/rest/webhook`` takes ``{"sender", "message", "metadata"?, "message_id"?}`` and
answers with the bot's messages of that turn, once it is committed (Rasa, "Your own website:
RestInput", docs of version 3). Later messages, such as an agent's, are fetched from
``GET /channels/rest/messages``, or pushed to ``callback_url`` in the form of Rasa's callback
channel.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar

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
    LongPolls,
    Message,
    Outbound,
    Section,
    Sent,
    Services,
    Settings,
    SupportAddressName,
    Traits,
    TryLater,
    Undeliverable,
    Unsure,
    hookimpl,
    packaged_yaml,
    retry_after,
)

MAX_WAIT = 60.0
"""Seconds that a client may wait for new messages in one request."""
PAGE = 100

N = TypeVar("N", int, float)


class RestSite(BaseModel):
    """A further program. Everything else is as in `RestSettings`."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr = Field(description="its clients must send it as a bearer token")
    callback_url: str | None = Field(None, pattern="^https?://", description="as for the first")


class RestSettings(BaseModel):
    """The section ``channels.rest``; ``sites`` are further programs by name, each with paths of its
    own."""

    model_config = ConfigDict(extra="forbid")

    token: SecretStr | None = Field(None, description="clients must send it as a bearer token")
    answer_timeout: float = Field(
        10.0, gt=0, le=MAX_WAIT, description="seconds that a request waits for its answer"
    )
    callback_url: str | None = Field(
        None, pattern="^https?://", description="where messages are pushed; none: they are fetched"
    )
    callback_timeout: float = Field(10.0, gt=0, description="seconds for one push")
    sites: dict[SupportAddressName, RestSite] = Field(
        {}, description="further programs, each a support address of its own"
    )

    def accounts(self) -> dict[str, Self]:
        """The settings of each support address, by its name; the first one has none."""
        sites = self.sites.items()
        return {"": self, **{name: self.model_copy(update=dict(site)) for name, site in sites}}


class RestMessage(msgspec.Struct, frozen=True):
    """The body of the webhook. Unknown keys are ignored, as Rasa does."""

    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    message: str
    metadata: dict[str, Json] | None = None
    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


decode = msgspec.json.Decoder(RestMessage).decode
"""Decodes the webhook's body; raises msgspec.DecodeError or UnicodeDecodeError."""


class Rest:
    """Customers reach us through a program that speaks HTTP."""

    name = "rest"

    def __init__(self, settings: RestSettings, *, support_address: str = "") -> None:
        self.support_address = support_address
        self._settings = settings
        self._polls = LongPolls()

    @property
    def traits(self) -> Traits:
        return Traits(mailbox=True, buttons=True)

    async def run(self, services: Services) -> None:  # noqa: ARG002  (part of Poller)
        """Wait until the server stops, then end the requests that wait for new messages."""
        try:
            await asyncio.Event().wait()
        finally:
            self._polls.close()

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            self._check_token(request)
            body = decode(await request.read())
            accepted = await services.intake.accept(parse(body, services, self.support_address))
            timeout = self._settings.answer_timeout
            answer = await services.mailbox.answer(accepted.turn, timeout=timeout)
            if answer is None:
                return _json([], headers={"Warmline-Turn": "pending"})
            return _json([_rasa_message(body.sender, message) for message in answer])

        async def poll(request: web.Request) -> web.Response:
            self._check_token(request)
            return await _poll(request, services, self._polls, self.support_address)

        site = f"/{self.support_address}" if self.support_address else ""
        return (
            web.post(f"/webhooks/rest{site}/webhook", receive),
            web.get(f"/channels/rest{site}/messages", poll),
        )

    def describe(self) -> Mapping[str, Json]:
        """The part of ``/openapi.json``; further sites have the same paths below theirs."""
        if self.support_address:
            return {}
        part: dict[str, Any] = packaged_yaml("channels", "rest.openapi.yaml")
        [_], schemas = msgspec.json.schema_components([RestMessage])
        part["components"]["schemas"]["rest.InboundMessage"] = schemas["RestMessage"]
        return part

    def _check_token(self, request: web.Request) -> None:
        if self._settings.token is None:
            return
        expected = f"Bearer {self._settings.token.get_secret_value()}"
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode()):
            raise web.HTTPUnauthorized(text="send the channel's token as a bearer token")


class RestCallback(Rest):
    """The REST channel that also pushes every message to ``callback_url``.

    The receiver can recognise a repeated push by its ``id``, so a push that was cut off is sent
    again.
    """

    def __init__(self, settings: RestSettings, url: str, *, support_address: str = "") -> None:
        super().__init__(settings, support_address=support_address)
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
                return _push_result(response)
        except aiohttp.ClientConnectorError as error:
            raise TryLater(f"callback_url cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unsure(f"the call to callback_url was cut off: {error!r}") from error


def _push_result(response: aiohttp.ClientResponse) -> Sent:
    if response.status < 300:
        return Sent()
    answer = f"callback_url answered {response.status}"
    if response.status in (408, 425, 429) or response.status >= 500:
        raise TryLater(answer, after=retry_after(response.headers.get("Retry-After")))
    raise Undeliverable(answer)


def parse(body: RestMessage, services: Services, support_address: str = "") -> Inbound:
    """The webhook's body as an inbound message."""
    return Inbound(
        address=Address(channel="rest", value=body.sender, support_address=support_address),
        text=body.message,
        at=services.clock.now(),
        remote_id=body.message_id,
        facts=facts(body.metadata) if body.metadata else (),
    )


def facts(metadata: Mapping[str, object]) -> tuple[Fact, ...]:
    """The client's metadata for the agent to see; at most 20 short ones."""
    return tuple(
        Fact(name=name[:64], value=str(value)[:512])
        for name, value in list(metadata.items())[:20]
        if isinstance(value, str | int | float)
    )


def _rasa_message(sender: str, message: Message) -> dict[str, object]:
    body: dict[str, object] = {
        "recipient_id": sender,
        "text": message.text,
        "id": str(message.id),
    }
    if buttons := message.buttons or _survey_buttons(message):
        body["buttons"] = [{"title": button.title, "payload": button.payload} for button in buttons]
    return body


def _survey_buttons(message: Message) -> tuple[Button, ...]:
    """A question with a scale as the protocol can carry it: one button for each number."""
    if message.survey is None or message.survey.scale == "text":
        return ()
    return tuple(Button(title=number, payload=number) for number in "12345")


async def _poll(
    request: web.Request, services: Services, polls: LongPolls, support_address: str
) -> web.Response:
    sender = request.query.get("sender", "")
    if not sender:
        raise web.HTTPBadRequest(text="the sender is missing: add ?sender=...")
    after = _number(request, "after", int, 0, 2**62)
    wait = _number(request, "wait", float, 0.0, MAX_WAIT)
    address = Address(channel="rest", value=sender, support_address=support_address)
    async with services.events.listen(address.lane) as events:
        messages = await services.mailbox.messages(address, after=after, limit=PAGE)
        try:
            async with polls.wait(wait):
                while not messages and wait:
                    await anext(events)
                    messages = await services.mailbox.messages(address, after=after, limit=PAGE)
        except TimeoutError:
            pass  # no new message: the answer is an empty list
    return _json(
        [
            {
                **_rasa_message(sender, message),
                "author": message.author,
                "at": message.at.isoformat(),
            }
            for message in messages
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
    if (section := settings.section(RestSettings)) is None:
        return
    for name, site in section.accounts().items():
        url = site.callback_url
        if url:
            register(RestCallback(site, url, support_address=name))
        else:
            register(Rest(site, support_address=name))
