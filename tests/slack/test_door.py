"""The door: who comes in, by HTTP and by Socket Mode, and the tenants behind it."""

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


class Lodger:
    """A tenant of Slack's door, as the agents' plugin is one."""

    name = "lodger"
    door = "slack"

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
def lodger() -> Lodger:
    return Lodger()


@pytest.fixture(params=["http", "socket"])
async def shared(
    request: pytest.FixtureRequest, slack: SlackServer, gateway: Gateway, lodger: Lodger
) -> AsyncIterator[RunningGateway]:
    """A gateway with a lodger, by both ways in."""
    by_socket = {"signing_secret": None, "app_token": slack.app_token}
    async with gateway(echo(), lodger, **(by_socket if request.param == "socket" else {})) as gw:
        if request.param == "socket":
            await asyncio.wait_for(slack.connected.wait(), 10)
        yield gw


# -- who comes in ----------------------------------------------------------------------------------


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
async def test_a_forged_signature(
    slack: SlackServer, gw: RunningGateway, change: Mapping[str, str]
) -> None:
    """What is not signed by Slack is 401, however odd, and nothing of it is read."""
    body = b"not even json"
    encoded = {name: value.encode().decode("latin-1") for name, value in change.items()}
    status, answer = await slack.post(body, {**slack.signed(body), **encoded})
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(("age", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
async def test_an_old_request(
    slack: SlackServer, gw: RunningGateway, age: int, status: int
) -> None:
    """Five minutes either way, no more: a recorded request cannot be played back."""
    body = json.dumps({"type": "url_verification", "challenge": "c"}).encode()
    headers = slack.signed(body, at=slack.now() + age) | {"Content-Type": "application/json"}
    assert (await slack.post(body, headers))[0] == status


async def test_a_signature_of_bytes(slack: SlackServer, gw: RunningGateway) -> None:
    """Bytes that are no text are refused, whoever signed them."""
    body = b"\xff\xfe"
    stamp = str(int(slack.now()))
    base = b"v0:" + stamp.encode() + b":" + body
    signature = hmac.new(slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
    assert (await slack.post(body, headers))[0] == 401


async def test_slack_verifies_the_address(slack: SlackServer, gw: RunningGateway) -> None:
    """The challenge comes back."""
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
async def test_what_slack_would_not_send(
    slack: SlackServer, gw: RunningGateway, body: bytes
) -> None:
    """Signed and shapeless is 400, in the shape of our errors."""
    status, answer = await slack.post(body, slack.signed(body))
    assert (status, answer["error"]["code"]) == (400, "bad_request")


async def test_unknown_kinds_are_let_be(slack: SlackServer, gw: RunningGateway) -> None:
    """Events, shortcuts and commands that nobody wants are acknowledged."""
    assert (await slack.event({"type": "team_join", "user": {"id": "U9"}}))[0] == 200
    assert (await slack.interact({"type": "shortcut", "user": {"id": "U1"}}))[0] == 200
    answer = await slack.command("/nobody", "", user="U1", channel="D1")
    assert answer == (200, "Nobody here takes this.")


# -- tenants ---------------------------------------------------------------------------------------


async def test_a_tenant_takes_what_is_its_own(
    slack: SlackServer, shared: RunningGateway, lodger: Lodger
) -> None:
    """Events, modals and commands reach a tenant whole, with its answer; the rest is ours."""
    assert (await slack.say("C1", "U1", "<@U0BOT> for the lodger"))[0] == 200
    assert (await slack.say("D1", "U1", "for us"))[0] == 200
    _, errors = await slack.submit("U1", {"id": "V1", "type": "modal"}, {})
    assert errors == {"response_action": "errors", "errors": {"reply": "too short"}}
    _, said = await slack.command("/warmline", "mine", user="U1", channel="C1")
    assert said in ("hello U1", {"text": "hello U1"})
    await shared.settled()
    assert (slack.read("C1"), slack.read("D1")) == ([], ["for us"])
    assert [payload.get("type") for payload in lodger.seen] == [
        "event_callback",
        "event_callback",
        "view_submission",
        None,
    ]


async def test_a_tenant_hears_with_customers_left_out(
    slack: SlackServer, gateway: Gateway, lodger: Lodger
) -> None:
    """`customers: false` closes nothing for tenants."""
    async with gateway(lodger, customers=False):
        assert (await slack.say("C1", "U1", "for the lodger"))[0] == 200
    assert len(lodger.seen) == 1


async def test_a_tenant_that_fails(slack: SlackServer, gateway: Gateway, lodger: Lodger) -> None:
    """Slack gets a 500 and delivers again."""
    async with gateway(echo(), lodger) as gw:
        event = slack.message("D1", "U1", "hello")
        lodger.fails = True
        assert (await slack.event(event))[0] == 500
        lodger.fails = False
        assert (await slack.event(event, retry=1))[0] == 200
        await gw.settled()
    assert slack.read("D1") == ["hello"]


# -- Socket Mode -----------------------------------------------------------------------------------


@pytest.fixture
async def wired(slack: SlackServer, gateway: Gateway) -> AsyncIterator[RunningGateway]:
    async with gateway(signing_secret=None, app_token=slack.app_token) as gw:
        await asyncio.wait_for(slack.connected.wait(), 10)
        yield gw


async def test_a_conversation_through_the_socket(slack: SlackServer, wired: RunningGateway) -> None:
    """Messages come by the WebSocket and are acknowledged once committed; there is no door."""
    assert (await slack.say("D1", "U1", "hello"))[0] == 200
    await wired.settled()
    assert slack.read("D1") == ["hello"]
    async with slack.session.post(slack.events_url, data=b"{}") as response:
        assert response.status == 404


async def test_what_is_not_committed_is_not_acknowledged(
    slack: SlackServer, wired: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack then delivers the envelope again, and that is handled."""

    async def refuse(*_: object) -> Any:
        raise NotAccepted("the disk is full")

    event = slack.message("D1", "U1", "important")
    with monkeypatch.context() as broken:
        broken.setattr(wired.gateway.store.inbox, "accept", refuse)
        assert (await slack.event(event))[0] == 0
    assert (await slack.event(event, retry=1))[0] == 200
    await wired.settled()
    assert slack.read("D1") == ["important"]


async def test_a_lost_connection_is_told(slack: SlackServer, wired: RunningGateway) -> None:
    """/readyz is 200 while we are connected, and says so when we are not."""
    checks = wired.gateway.checks()
    assert await checks["channel slack"]() is None
    slack.away = True
    assert slack.socket is not None
    await slack.socket.close()

    async def told() -> str | None:
        return await checks["channel slack"]()

    assert await until(told) == "the Socket Mode connection to Slack is down"
    slack.away = False


# -- our own state ---------------------------------------------------------------------------------


async def test_a_refused_token_is_told(slack: SlackServer, gateway: Gateway) -> None:
    """A token that Slack does not know shows in /readyz, by name and without the secret."""
    async with gateway(bot_token="xoxb-revoked") as gw:
        check = gw.gateway.checks()["channel slack"]

        async def told() -> str | None:
            return await check()

        said = await until(told)
        assert said == "Slack refuses our token: invalid_auth (bot_token)"
    slack.faults.clear()


async def test_a_good_token_is_no_trouble(
    slack: SlackServer, clock: FakeClock, gw: RunningGateway
) -> None:
    """All is well once Slack was asked, also when it could not be asked at first."""
    await until(lambda: slack.made("auth.test"))
    assert await gw.gateway.checks()["channel slack"]() is None
