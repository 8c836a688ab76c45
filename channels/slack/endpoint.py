"""The door: Bolt's app, by HTTP or Socket Mode, for us and for the tenants of ``slack``."""

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
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from channels.slack.payloads import Callback
from gateway import Clock, House, Json

log = structlog.get_logger(__name__)
DOOR = "slack"
Payload = Mapping[str, Any]
Next = Callable[[], Awaitable[None]]
Hears = Callable[[Payload, House, int], Awaitable[bool]]
"""Takes a payload, with Slack's retry number; False when it cannot be read."""


class BadShape(Exception):
    """No payload that Slack would send."""


def bolt(client: AsyncWebClient, house: House, hears: Hears) -> AsyncApp:
    """Bolt's app: tenants first, then customers, and 200 only once somebody has it safely."""
    app = AsyncApp(
        name="warmline",
        logger=logging.getLogger(__name__),
        process_before_response=True,
        client=None,
        authorize=_authorize,
        # Bolt checks the signature after it has parsed the body; `verified` does so before.
        request_verification_enabled=False,
        # A tenant may want to know of our own events; customers' are told apart in `parse`.
        ignoring_self_events_enabled=False,
        signing_secret="",
    )
    app.client.base_url = client.base_url

    async def offer(req: AsyncBoltRequest, next: Next) -> BoltResponse | None:  # noqa: A002  (Bolt's)
        body = req.body
        try:
            check(body)
        except BadShape as wrong:
            return BoltResponse(status=400, body=str(wrong))
        for tenant in house.tenants.get(DOOR, ()):
            answer = await tenant.take(body, house)
            if answer is not None:
                return _answer(answer)
        if body.get("type") in ("event_callback", "block_actions"):
            await next()
            return None
        return BoltResponse(status=200, body="Nobody here takes this." if "command" in body else "")

    async def listen(req: AsyncBoltRequest, ack: AsyncAck) -> BoltResponse | None:
        if not await hears(req.body, house, _retry(req)):
            return BoltResponse(status=400, body="this cannot be read")
        await ack()
        return None

    app.use(offer)
    for every in (app.event, app.action):
        every(re.compile(".*"))(listen)
    return app


def page(
    app: AsyncApp, secret: str, clock: Clock
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler for ``POST /channels/slack/events``."""
    verifier = SignatureVerifier(secret, _Clock(clock))

    async def receive(request: web.Request) -> web.Response:
        raw = await request.read()
        if not verified(verifier, request.headers, raw):
            raise web.HTTPUnauthorized(text="the signature is not Slack's, or too old")
        try:
            check(parse(raw, request.content_type))
        except BadShape as wrong:
            raise web.HTTPBadRequest(text=str(wrong)) from None
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return receive


class Socket:
    """Socket Mode: the same payloads through a WebSocket that we open."""

    def __init__(self, app: AsyncApp, client: AsyncWebClient, token: str) -> None:
        self._handler = AsyncSocketModeHandler(app, token, web_client=client)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            await self._handler.client.connect()  # type: ignore[no-untyped-call]  # the SDK's
            await asyncio.get_running_loop().create_future()
        finally:
            await self._close()

    async def trouble(self) -> str | None:
        if await self._handler.client.is_connected():
            return None
        return "the Socket Mode connection to Slack is down"

    async def _close(self) -> None:
        client = self._handler.client
        tasks = [
            task
            for task in (
                client.message_processor,
                client.current_session_monitor,
                client.message_receiver,
            )
            if task is not None
        ]
        await client.close()  # type: ignore[no-untyped-call]  # the SDK's
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


def verified(verifier: SignatureVerifier, headers: Mapping[str, str], raw: bytes) -> bool:
    """Whether Slack signed these bytes within five minutes. The SDK compares in constant time; it
    stumbles over what no Slack would send, which is therefore kept from it."""
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    signature = headers.get("X-Slack-Signature", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 20 and signature.isascii()):
        return False
    try:
        return verifier.is_valid(raw, stamp, signature)
    except UnicodeDecodeError:
        return False


def parse(raw: bytes, content_type: str) -> Any:
    """The payload, as Bolt will read it. Raises BadShape."""
    text = raw.decode("utf-8")
    try:
        if content_type == "application/json" or text.startswith("{"):
            return json.loads(text)
        form = dict(parse_qsl(text, keep_blank_values=True))
        return json.loads(form["payload"]) if "payload" in form else form
    except (ValueError, RecursionError):
        raise BadShape("the body is neither JSON nor a form") from None


def check(body: Any) -> None:
    """Raises BadShape unless it is an event, an interaction or a command."""
    if not isinstance(body, dict):
        raise BadShape("the payload is no object")
    kind = body.get("type")
    if kind == "event_callback":
        try:
            msgspec.convert(body, Callback)
        except msgspec.ValidationError as error:
            raise BadShape(str(error)) from None
    elif isinstance(kind, str):
        if kind == "block_actions" and not (
            isinstance(body.get("actions"), list) and body["actions"]
        ):
            raise BadShape("no action")
        for name in ("user", "team", "channel", "view"):
            if not isinstance(body.get(name), dict | str | None):
                raise BadShape(f"{name} is no object")
    elif not isinstance(body.get("command"), str) and "ssl_check" not in body:
        raise BadShape("neither an event, nor an interaction, nor a command")


class _Clock(SlackClock):
    """The house's time, for the SDK."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


async def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    # No call of Slack hangs on this: what a workspace's token may do shows when we answer.
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="unused")  # noqa: S106


def _retry(request: AsyncBoltRequest) -> int:
    told = next(iter(request.headers.get("x-slack-retry-num", ())), "")
    return int(told) if isinstance(told, str) and told.isdecimal() else 0


def _answer(answer: Json) -> BoltResponse:
    if isinstance(answer, dict | list):
        return BoltResponse(
            status=200, body=json.dumps(answer), headers={"content-type": "application/json"}
        )
    return BoltResponse(status=200, body=str(answer))
