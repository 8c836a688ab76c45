"""The endpoint: what it accepts over HTTP and Socket Mode, and its subscribers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from gateway import (
    Address,
    HttpRoutes,
    Json,
    NotAccepted,
    Poller,
    Services,
    Settings,
    WebhookSubscriber,
    hookimpl,
)
from gateway.testing import FakeClock, RunningGateway, echo
from tests.conftest import until
from tests.slack.conftest import Gateway
from tests.slack.server import SlackServer

DM = Address(channel="slack", value="T0HOME/D1")


class Subscriber:
    """A plugin that subscribes to Slack's endpoint, as the agents' plugin does."""

    name = "subscriber"
    endpoint = "slack"

    def __init__(self) -> None:
        self.seen: list[Mapping[str, Any]] = []
        self.fails = False

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        self.seen.append(payload)
        if self.fails:
            raise RuntimeError("no")
        return self._answer(payload)

    def _answer(self, payload: Mapping[str, Any]) -> Json:
        if payload.get("event", {}).get("channel") == "C1":
            return ""
        if payload.get("type") == "view_submission":
            return {"response_action": "errors", "errors": {"reply": "too short"}}
        if payload.get("command") == "/warmline":
            return f"hello {payload['user_id']}"
        return None

    @hookimpl
    def register_routes(
        self,
        register: Callable[[HttpRoutes | Poller | WebhookSubscriber], None],
        settings: Settings,
    ) -> None:
        register(self)


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber()


@pytest.fixture(params=["http", "socket"])
async def shared(
    request: pytest.FixtureRequest, slack: SlackServer, gateway: Gateway, subscriber: Subscriber
) -> AsyncIterator[RunningGateway]:
    """A gateway with a subscriber, over HTTP and over Socket Mode."""
    by_socket = {"signing_secret": None, "app_token": slack.app_token}
    async with gateway(
        echo(), subscriber, **(by_socket if request.param == "socket" else {})
    ) as gw:
        if request.param == "socket":
            await asyncio.wait_for(slack.connected.wait(), 10)
        yield gw


# -- signatures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "٣"},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": ""},
    ],
)
async def test_a_forged_signature_is_refused(
    slack: SlackServer, gw: RunningGateway, change: Mapping[str, str]
) -> None:
    """Whatever is not signed by Slack gets a 401, and nothing of it is parsed."""
    body = b"not even json"
    encoded = {name: value.encode().decode("latin-1") for name, value in change.items()}
    status, answer = await slack.post(body, {**slack.signed(body), **encoded})
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(("age", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
async def test_an_old_request_is_refused(
    slack: SlackServer, gw: RunningGateway, age: int, status: int
) -> None:
    """Beyond five minutes either way: a recorded request cannot be replayed."""
    body = json.dumps({"type": "url_verification", "challenge": "c"}).encode()
    headers = slack.signed(body, at=slack.now() + age) | {"Content-Type": "application/json"}
    assert (await slack.post(body, headers))[0] == status


async def test_signed_bytes_that_are_not_text_are_refused(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """Whoever signed them."""
    body = b"\xff\xfe"
    stamp = str(int(slack.now()))
    base = b"v0:" + stamp.encode() + b":" + body
    signature = hmac.new(slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
    assert (await slack.post(body, headers))[0] == 401


async def test_slack_verifies_the_address(slack: SlackServer, gw: RunningGateway) -> None:
    """The challenge is returned."""
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    headers = {**slack.signed(body), "Content-Type": "application/json"}
    assert await slack.post(body, headers) == (200, {"challenge": "abc"})


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "event_callback"}',
        b'{"type": "event_callback", "event": []}',
        b'{"type": "event_callback", "event": {"type": 7}}',
        b'{"type": "event_callback", "event": {"type": "message"}, "authorizations": [7]}',
        b'{"type": "block_actions", "user": [1]}',
        b'{"type": "block_actions", "actions": []}',
        b"payload=%7B",
        b"payload=7",
        b"[" * 100_000,
    ],
)
async def test_a_signed_but_malformed_body_is_a_bad_request(
    slack: SlackServer, gw: RunningGateway, body: bytes
) -> None:
    """It gets a 400 in the format of our errors."""
    status, answer = await slack.post(body, slack.signed(body))
    assert (status, answer["error"]["code"]) == (400, "bad_request")


async def test_unknown_kinds_are_acknowledged(slack: SlackServer, gw: RunningGateway) -> None:
    """Events, shortcuts and commands that no plugin takes."""
    assert (await slack.event({"type": "team_join", "user": {"id": "U9"}}))[0] == 200
    assert (await slack.interact({"type": "shortcut", "user": {"id": "U1"}}))[0] == 200
    answer = await slack.command("/nobody", "", user="U1", channel="D1")
    assert answer == (200, "This command is not known here.")


# -- subscribers -----------------------------------------------------------------------------------


async def test_a_subscriber_takes_its_payloads(
    slack: SlackServer, shared: RunningGateway, subscriber: Subscriber
) -> None:
    """Events, modals and commands reach it whole and get its answer; customers get the rest."""
    assert (await slack.say("C1", "U1", "<@U0BOT> for the subscriber"))[0] == 200
    assert (await slack.say("D1", "U1", "for us"))[0] == 200
    _, errors = await slack.submit("U1", {"id": "V1", "type": "modal"}, {})
    assert errors == {"response_action": "errors", "errors": {"reply": "too short"}}
    _, answer = await slack.command("/warmline", "mine", user="U1", channel="C1")
    assert answer in ("hello U1", {"text": "hello U1"})
    await shared.settled()
    assert (slack.read("C1"), slack.read("D1")) == ([], ["for us"])
    assert [payload.get("type") for payload in subscriber.seen] == [
        "event_callback",
        "event_callback",
        "view_submission",
        None,
    ]


async def test_a_subscriber_works_without_customers(
    slack: SlackServer, gateway: Gateway, subscriber: Subscriber
) -> None:
    """`customers: false` changes nothing for it."""
    async with gateway(subscriber, customers=False):
        assert (await slack.say("C1", "U1", "for the subscriber"))[0] == 200
    assert len(subscriber.seen) == 1


async def test_slack_delivers_again_when_a_subscriber_fails(
    slack: SlackServer, gateway: Gateway, subscriber: Subscriber
) -> None:
    """Slack gets a 500."""
    async with gateway(echo(), subscriber) as gw:
        event = slack.message("D1", "U1", "hello")
        subscriber.fails = True
        assert (await slack.event(event))[0] == 500
        subscriber.fails = False
        assert (await slack.event(event, retry=1))[0] == 200
        await gw.settled()
    assert slack.read("D1") == ["hello"]


# -- Socket Mode -----------------------------------------------------------------------------------


@pytest.fixture
async def by_socket(slack: SlackServer, gateway: Gateway) -> AsyncIterator[RunningGateway]:
    async with gateway(signing_secret=None, app_token=slack.app_token) as gw:
        await asyncio.wait_for(slack.connected.wait(), 10)
        yield gw


async def test_a_conversation_through_the_socket(
    slack: SlackServer, by_socket: RunningGateway
) -> None:
    """Messages arrive by the WebSocket and are acknowledged once committed; the path is a 404."""
    assert (await slack.say("D1", "U1", "hello"))[0] == 200
    await by_socket.settled()
    assert slack.read("D1") == ["hello"]
    async with slack.session.post(slack.events_url, data=b"{}") as response:
        assert response.status == 404


async def test_an_envelope_is_acknowledged_only_once_committed(
    slack: SlackServer, by_socket: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise Slack delivers it again, and that is handled."""

    async def refuse(*_: object) -> Any:
        raise NotAccepted("the disk is full")

    event = slack.message("D1", "U1", "important")
    with monkeypatch.context() as broken:
        broken.setattr(by_socket.gateway.store.inbox, "accept", refuse)
        assert (await slack.event(event))[0] == 0
    assert (await slack.event(event, retry=1))[0] == 200
    await by_socket.settled()
    assert slack.read("D1") == ["important"]


async def test_a_lost_connection_is_reported(slack: SlackServer, by_socket: RunningGateway) -> None:
    """/readyz is fine while we are connected, and names the connection when we are not."""
    checks = by_socket.gateway.checks()
    assert await checks["channel slack"]() is None
    slack.away = True
    assert slack.socket is not None
    await slack.socket.close()

    async def trouble() -> str | None:
        return await checks["channel slack"]()

    assert await until(trouble) == "the Socket Mode connection to Slack is down"
    slack.away = False


# -- tokens ----------------------------------------------------------------------------------------


async def test_a_refused_token_is_reported(slack: SlackServer, gateway: Gateway) -> None:
    """A token that Slack does not know shows in /readyz, by name and without the secret."""
    async with gateway(bot_token="xoxb-revoked") as gw:
        check = gw.gateway.checks()["channel slack"]

        async def trouble() -> str | None:
            return await check()

        assert await until(trouble) == "Slack refuses our token: invalid_auth (bot_token)"
    slack.faults.clear()


async def test_a_good_token_is_not_reported(
    slack: SlackServer, clock: FakeClock, gw: RunningGateway
) -> None:
    """Once Slack was asked."""
    await until(lambda: slack.made("auth.test"))
    assert await gw.gateway.checks()["channel slack"]() is None
