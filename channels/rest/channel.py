"""The REST channel's routes: messages in, answers out, and messages fetched or pushed.

``POST /webhooks/rest/webhook`` takes ``{"sender", "message", "metadata"?, "message_id"?}`` and
answers with the bot's messages of that turn, once it is committed, as Rasa's RestInput does
(rasa/core/channels/rest.py of Rasa 3.6). Later messages, such as an agent's, are fetched from
``GET /channels/rest/messages``. With ``callback_url`` all messages are pushed there instead, as by
Rasa's CallbackInput.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from aiohttp import hdrs, web

from channels.rest import MAX_WAIT, RestSettings
from channels.rest.access import RestAccess, check_sender, preflight
from gateway import (
    Accepted,
    Address,
    Attachment,
    Button,
    Fact,
    FileLimits,
    Inbound,
    Json,
    LongPolls,
    Message,
    Outbound,
    Sent,
    Services,
    SurveyQuestion,
    Traits,
    TryLater,
    Undeliverable,
    UnsafeSetting,
    Unsure,
    packaged_yaml,
    retry_after,
    untrusted_proxy,
)

PAGE = 100
MOST_FILES = 20
POLL_PAUSE = "1"
"""Retry-After, in seconds, of an empty answer to a poll that could not wait: a client that asks
again at once would keep both sides busy."""
QUIET = frozenset({"typing", "status"})
"""Events that bring no new message."""

N = TypeVar("N", int, float)
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class RestMessage(msgspec.Struct, frozen=True):
    """The body of the webhook. Unknown keys are ignored, as Rasa does; a number counts as text."""

    sender: Id | int | float
    message: str | int | float
    metadata: dict[str, Json] | None = None
    message_id: Id | int | float | None = None


decode = msgspec.json.Decoder(RestMessage).decode
"""Decodes the webhook's body; raises msgspec.DecodeError or UnicodeDecodeError."""


class Rest:
    """Customers reach us through a program that speaks HTTP."""

    name = "rest"
    _pushes = False

    def __init__(
        self,
        settings: RestSettings,
        *,
        proxies: int = 0,
        public_url: str = "http://127.0.0.1",
        support_address: str = "",
    ) -> None:
        self.support_address = support_address
        self._site = f"/{support_address}" if support_address else ""
        self._settings = settings
        self._access = RestAccess(settings, proxies=proxies, public_url=public_url)
        self._behind = (public_url, proxies)
        self._public_url = public_url.rstrip("/")
        self._polls = LongPolls()

    @property
    def traits(self) -> Traits:
        return Traits(
            mailbox=True, buttons=True, attachments=True, files=FileLimits(most=MOST_FILES)
        )

    async def run(self, services: Services) -> None:  # noqa: ARG002  (part of Poller)
        """Wait until the server stops, then end the requests that wait for new messages."""
        try:
            await asyncio.Event().wait()
        finally:
            self._polls.close()

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.StreamResponse:
            sender, accepted = await self._accept(request, services)
            if self._pushes:
                return _json([])  # a client would see messages twice that the callback has too
            return await self._answer(request, services, sender, accepted)

        async def poll(request: web.Request) -> web.StreamResponse:
            allowed = await self._access.admit(request)
            address = self._address(request, allowed)
            found = await _poll(request, services, self._polls, address)
            at_once = found.waited < float(POLL_PAUSE) and not found.messages
            return _json(
                [
                    {
                        **self._rasa_message(address.value, message),
                        "author": message.author,
                        "at": message.at.isoformat(),
                    }
                    for message in found.messages
                ],
                headers={hdrs.RETRY_AFTER: POLL_PAUSE} if at_once else None,
            )

        async def download(request: web.Request) -> web.StreamResponse:
            allowed = await self._access.admit(request)
            return await _download(request, services, self._address(request, allowed))

        webhook, messages = f"/webhooks/rest{self._site}", f"/channels/rest{self._site}/messages"
        files = f"{self._files}/{{message:[0-9]{{1,18}}}}/{{digest:[0-9a-f]{{64}}}}"
        routes = [
            ("GET", f"{webhook}/", health),
            ("POST", f"{webhook}/webhook", receive),
            ("OPTIONS", f"{webhook}/webhook", preflight),
            ("GET", messages, poll),
            ("OPTIONS", messages, preflight),
            ("GET", files, download),
            ("OPTIONS", files, preflight),
        ]
        return [
            web.route(method, path, self._access.guard(handler)) for method, path, handler in routes
        ]

    @property
    def _files(self) -> str:
        return f"/channels/rest{self._site}/files"

    def describe(self) -> Mapping[str, Json]:
        """The part of ``/openapi.json``; further sites have the same paths below theirs."""
        if self.support_address:
            return {}
        part: dict[str, Any] = packaged_yaml("channels.rest", "openapi.yaml")
        [_], schemas = msgspec.json.schema_components([RestMessage])
        part["components"]["schemas"]["rest.InboundMessage"] = schemas["RestMessage"]
        return part

    def unsafe_settings(self) -> Iterable[UnsafeSetting]:
        """What is unsafe in public."""
        yield from self._settings.unsafe(self.support_address)
        if not self.support_address:
            yield from untrusted_proxy(*self._behind)

    def _address(self, request: web.Request, allowed: str | None) -> Address:
        """Whose messages ``request`` asks for. Raises HTTPException when it may not have them."""
        sender = request.query.get("sender", "")
        if not sender or "\x00" in sender:
            raise web.HTTPBadRequest(text="the sender is missing or holds NUL: add ?sender=...")
        check_sender(allowed, sender)
        return Address(channel="rest", value=sender, support_address=self.support_address)

    async def _accept(self, request: web.Request, services: Services) -> tuple[str, Accepted]:
        """Store the message of ``request``. Raises HTTPException when it is not admitted."""
        allowed = await self._access.admit(request)
        body = read_body(await request.read())
        message = parse(body, services, self.support_address)
        check_sender(allowed, message.address.value)
        return message.address.value, await services.intake.accept(message)

    async def _answer(
        self, request: web.Request, services: Services, sender: str, accepted: Accepted
    ) -> web.StreamResponse:
        timeout = self._settings.answer_timeout
        answer = await services.mailbox.answer(accepted.turn, timeout=timeout)
        pending = {"Warmline-Turn": "pending"} if answer is None else None
        messages = [self._rasa_message(sender, message) for message in answer or ()]
        if request.query.get("stream", "").lower() != "true":
            return _json(messages, headers=pending)
        lines = b"".join(msgspec.json.encode(message) + b"\n" for message in messages)
        return web.Response(body=lines, content_type="text/event-stream", headers=pending)

    def _rasa_message(self, sender: str, message: Message) -> dict[str, object]:
        body: dict[str, object] = {
            "recipient_id": sender,
            "text": message.text,
            "id": str(message.id),
        }
        if buttons := _rasa_buttons(message.buttons, message.survey):
            body["buttons"] = buttons
        if message.attachments:
            body["attachments"] = self._listed(sender, message.id, message.attachments)
        return body

    def _listed(
        self, sender: str, message: int, attachments: Iterable[Attachment]
    ) -> list[dict[str, object]]:
        """The files of a message, each with the address where this sender may fetch it."""
        query = urlencode({"sender": sender})
        return [
            {
                "name": file.name,
                "media_type": file.media_type,
                "size": file.size,
                "url": f"{self._public_url}{self._files}/{message}/{file.digest}?{query}",
            }
            for file in attachments
        ]


class RestCallback(Rest):
    """The REST channel that pushes every message to ``callback_url``, instead of answering.

    The receiver can recognise a repeated push by its ``id``, so a push that was cut off is sent
    again.
    """

    _pushes = True

    def __init__(
        self,
        settings: RestSettings,
        *,
        proxies: int = 0,
        public_url: str = "http://127.0.0.1",
        support_address: str = "",
    ) -> None:
        super().__init__(
            settings, proxies=proxies, public_url=public_url, support_address=support_address
        )
        self._url = settings.callback_url or ""
        self._timeout = aiohttp.ClientTimeout(total=settings.callback_timeout)

    @property
    def traits(self) -> Traits:
        return Traits(
            buttons=True, attachments=True, files=FileLimits(most=MOST_FILES), unsure="resend"
        )

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The routes of REST, and those of Rasa's callback channel."""

        async def receive(request: web.Request) -> web.StreamResponse:
            await self._accept(request, services)
            return web.Response(text="success")

        webhook = f"/webhooks/callback{self._site}"
        routes = [
            ("GET", f"{webhook}/", health),
            ("POST", f"{webhook}/webhook", receive),
            ("OPTIONS", f"{webhook}/webhook", preflight),
        ]
        return [
            *super().routes(services),
            *(web.route(method, path, self._access.guard(serve)) for method, path, serve in routes),
        ]

    def describe(self) -> Mapping[str, Json]:
        part = dict(super().describe())
        if self.support_address:
            return part
        callback: dict[str, Json] = packaged_yaml("channels.rest", "callback.openapi.yaml")
        part["paths"] = {**part["paths"], **callback["paths"]}  # type: ignore[dict-item]
        return part

    async def send(self, message: Outbound) -> Sent:
        """Push one message, in the form of Rasa's callback channel and with our id."""
        body: dict[str, object] = {
            "recipient_id": message.address.value,
            "text": message.text,
            "id": str(message.message),
            "author": message.author,
        }
        if buttons := _rasa_buttons(message.buttons, message.survey):
            body["buttons"] = buttons
        if message.attachments:
            files = self._listed(message.address.value, message.message, message.attachments)
            body["attachments"] = files
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


async def health(_: web.Request) -> web.StreamResponse:
    """``GET /webhooks/rest/``, as Rasa answers it."""
    return _json({"status": "ok"})


def read_body(data: bytes) -> RestMessage:
    """The webhook's body. Raises HTTPBadRequest that says what is wrong with it."""
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        what = f'{error}; send {{"sender": ..., "message": ...}}'
        raise web.HTTPBadRequest(text=what) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise web.HTTPBadRequest(text="the body is not JSON in UTF-8") from None


def parse(body: RestMessage, services: Services, support_address: str = "") -> Inbound:
    """The webhook's body as an inbound message."""
    sender = str(body.sender)
    return Inbound(
        address=Address(channel="rest", value=sender, support_address=support_address),
        text=str(body.message),
        at=services.clock.now(),
        remote_id=None if body.message_id is None else str(body.message_id),
        facts=facts(body.metadata) if body.metadata else (),
    )


def facts(metadata: Mapping[str, object]) -> tuple[Fact, ...]:
    """The client's metadata for the agent to see; at most 20 short ones."""
    return tuple(
        Fact(name=name[:64], value=str(value)[:512])
        for name, value in list(metadata.items())[:20]
        if isinstance(value, str | int | float)
    )


def _rasa_buttons(buttons: Iterable[Button], survey: SurveyQuestion | None) -> list[dict[str, str]]:
    """The buttons as the protocol has them. A question with a scale, which it does not know,
    becomes one button for each number."""
    if survey is not None and survey.scale != "text":
        buttons = buttons or [Button(title=number, payload=number) for number in "12345"]
    return [{"title": button.title, "payload": button.payload} for button in buttons]


class _Polled(NamedTuple):
    """What a poll found, and how many seconds it waited."""

    messages: tuple[Message, ...]
    waited: float


async def _poll(
    request: web.Request, services: Services, polls: LongPolls, address: Address
) -> _Polled:
    after = _number(request, "after", int, 0, 2**62)
    wait = _number(request, "wait", float, 0.0, MAX_WAIT)
    started = asyncio.get_running_loop().time()
    async with services.events.listen(address.lane) as events:
        messages = await services.mailbox.messages(address, after=after, limit=PAGE)
        try:
            async with polls.wait(wait):
                while not messages and wait:
                    while (await anext(events)).name in QUIET:
                        pass
                    messages = await services.mailbox.messages(address, after=after, limit=PAGE)
        except TimeoutError:
            pass  # no new message: the answer is an empty list
    return _Polled(messages, asyncio.get_running_loop().time() - started)


async def _download(request: web.Request, services: Services, address: Address) -> web.Response:
    """A file of a message to ``address``, as an attachment that no browser displays."""
    id, digest = int(request.match_info["message"]), request.match_info["digest"]
    found = await services.mailbox.messages(address, after=id - 1, limit=1) if id else ()
    files = [file for m in found if m.id == id for file in m.attachments if file.digest == digest]
    if not files:
        raise web.HTTPNotFound(text="this sender got no such file")
    data = await services.files.open(digest)
    name = quote(files[0].name, safe="")
    return web.Response(
        body=data,
        headers={
            hdrs.CONTENT_TYPE: files[0].media_type,
            hdrs.CONTENT_DISPOSITION: f"attachment; filename*=UTF-8''{name}",
            hdrs.CACHE_CONTROL: "private, no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
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
