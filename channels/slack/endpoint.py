"""The endpoint to which Slack delivers: Bolt's app, over HTTP or Socket Mode.

Each payload is offered to the plugins that subscribe to the endpoint ``slack``, then to the
customers' side.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock as SignatureClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from gateway import Clock, Json, NotAccepted, Services

ENDPOINT = "slack"
PERSON_SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})
"""Subtypes of messages that a person wrote; all others are joins, topics, bots and the like."""
Payload = Mapping[str, Any]
Next = Callable[[], Awaitable[None]]
Receive = Callable[[Payload, int], Awaitable[bool]]
"""Takes a payload and Slack's retry number; False when it cannot be parsed."""


class UnknownWorkspace(NotAccepted):
    """An event of a workspace whose token we do not have."""


class BadPayload(Exception):
    """A payload that Slack does not send."""


class Authorization(msgspec.Struct, frozen=True):
    """The installation of our app for which an event comes; ``user_id`` is our bot there."""

    enterprise_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    is_bot: bool = False


class EventHeader(msgspec.Struct, frozen=True):
    """What all events have."""

    type: str


class EventCallback(msgspec.Struct, frozen=True):
    """The envelope of an event (docs.slack.dev, "Events API"). Unknown keys are ignored."""

    event: EventHeader
    team_id: str | None = None
    enterprise_id: str | None = None
    event_id: str | None = None
    authorizations: list[Authorization] = []

    @property
    def bot_user(self) -> str:
        """Our bot's user id in the workspace of the event; empty when Slack does not say."""
        return next((a.user_id for a in self.authorizations if a.is_bot and a.user_id), "")


def build_app(
    client: AsyncWebClient, services: Services, receive: Receive, *, endpoint: str = ENDPOINT
) -> AsyncApp:
    """Bolt's app, with the subscribers of ``endpoint``. It answers 200 only once a receiver has
    stored or done what came."""
    app = AsyncApp(
        name="warmline",
        logger=logging.getLogger(__name__),
        process_before_response=True,
        client=None,
        authorize=_authorize,
        # Bolt checks the signature after it has parsed the body; `is_signed` does so before.
        request_verification_enabled=False,
        # Subscribers may want our own events; `events.parse_event` ignores them for customers.
        ignoring_self_events_enabled=False,
        signing_secret="",
    )
    app.client.base_url = client.base_url

    async def offer(req: AsyncBoltRequest, next: Next) -> BoltResponse | None:  # noqa: A002  (Bolt's)
        body = req.body
        try:
            check_payload(body)
        except BadPayload as bad:
            return BoltResponse(status=400, body=str(bad))
        for subscriber in services.subscribers.get(endpoint, ()):
            answer = await subscriber.take(body, services)
            if answer is not None:
                return _response(answer)
        if body.get("type") in ("event_callback", "block_actions"):
            await next()
            return None
        return BoltResponse(
            status=200, body="This command is not known here." if "command" in body else ""
        )

    async def listen(req: AsyncBoltRequest, ack: AsyncAck) -> BoltResponse | None:
        try:
            known = await receive(req.body, _retry_number(req))
        except UnknownWorkspace as error:  # Slack delivers it again
            return BoltResponse(status=503, body=str(error))
        if not known:
            return BoltResponse(status=400, body="the payload cannot be parsed")
        await ack()
        return None

    app.use(offer)
    for kind in (app.event, app.action):
        kind(re.compile(".*"))(listen)
    return app


def webhook_handler(
    app: AsyncApp, secret: str, clock: Clock
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler for ``POST /channels/slack/events``."""
    verifier = SignatureVerifier(secret, _SignatureClock(clock))

    async def handle(request: web.Request) -> web.Response:
        raw = await request.read()
        if not is_signed(verifier, request.headers, raw):
            raise web.HTTPUnauthorized(text="the signature is not Slack's, or too old")
        try:
            check_payload(parse_body(raw, request.content_type))
        except BadPayload as bad:
            raise web.HTTPBadRequest(text=str(bad)) from None
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return handle


class SocketConnection:
    """Socket Mode: the same payloads through a WebSocket that we open."""

    def __init__(self, app: AsyncApp, client: AsyncWebClient, token: str) -> None:
        self._socket = AsyncSocketModeHandler(app, token, web_client=client).client

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            await self._socket.connect()  # type: ignore[no-untyped-call]  # the SDK's
            await asyncio.get_running_loop().create_future()
        finally:
            await self._close()

    async def trouble(self) -> str | None:
        if await self._socket.is_connected():
            return None
        return "the Socket Mode connection to Slack is down"

    async def _close(self) -> None:
        socket = self._socket
        tasks = (
            socket.message_processor, socket.current_session_monitor, socket.message_receiver,
        )  # fmt: skip
        await socket.close()  # type: ignore[no-untyped-call]  # the SDK's
        for task in tasks:
            if task is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def is_signed(verifier: SignatureVerifier, headers: Mapping[str, str], raw: bytes) -> bool:
    """Whether Slack signed these bytes within five minutes.

    The SDK compares in constant time. It fails on stamps, signatures and bytes that Slack would
    not send, so those are refused before.
    """
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    signature = headers.get("X-Slack-Signature", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 20 and signature.isascii()):
        return False
    try:
        return verifier.is_valid(raw, stamp, signature)
    except UnicodeDecodeError:
        return False


def parse_body(raw: bytes, content_type: str) -> Any:
    """The payload, as Bolt will parse it. Raises BadPayload."""
    text = raw.decode("utf-8")
    try:
        if content_type == "application/json" or text.startswith("{"):
            return json.loads(text)
        form = dict(parse_qsl(text, keep_blank_values=True))
        return json.loads(form["payload"]) if "payload" in form else form
    except (ValueError, RecursionError):
        raise BadPayload("the body is neither JSON nor a form") from None


def check_payload(body: Any) -> None:
    """Raises BadPayload unless ``body`` is an event, an interaction or a slash command."""
    if not isinstance(body, dict):
        raise BadPayload("the payload is not an object")
    kind = body.get("type")
    if kind == "event_callback":
        try:
            msgspec.convert(body, EventCallback)
        except msgspec.ValidationError as error:
            raise BadPayload(str(error)) from None
    elif isinstance(kind, str):
        if kind == "block_actions" and not (
            isinstance(body.get("actions"), list) and body["actions"]
        ):
            raise BadPayload("actions is empty or not a list")
        for name in ("user", "team", "channel", "view"):
            if not isinstance(body.get(name), dict | str | None):
                raise BadPayload(f"{name} is not an object")
    elif not isinstance(body.get("command"), str) and "ssl_check" not in body:
        raise BadPayload("the payload is not an event, an interaction or a command")


class _SignatureClock(SignatureClock):
    """Our clock, for the SDK."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


async def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    # Bolt makes no call with this token: ours is chosen by workspace when we answer.
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="unused")  # noqa: S106


def _retry_number(request: AsyncBoltRequest) -> int:
    number = next(iter(request.headers.get("x-slack-retry-num", ())), "")
    return int(number) if isinstance(number, str) and number.isdecimal() else 0


def _response(answer: Json) -> BoltResponse:
    if isinstance(answer, dict | list):
        return BoltResponse(
            status=200, body=json.dumps(answer), headers={"content-type": "application/json"}
        )
    return BoltResponse(status=200, body=str(answer))
