"""Who may use the REST channel: closed by default, the token, signed senders, sites, rates."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import jwt
import pytest

import channels.rest
from gateway import Reply
from gateway.testing import FakeHandler, RunningGateway, running

WEBHOOK, MESSAGES = "/webhooks/rest/webhook", "/channels/rest/messages"
SECRET = "the site's own secret, which nobody else knows"
TOKEN = "a token of more than twenty-two characters"
SHOP = "https://shop.example"
BODY = {"sender": "ana", "message": "hi"}


def rest(
    folder: Path, *, proxies: int = 0, **section: Any
) -> AbstractAsyncContextManager[RunningGateway]:
    handler = FakeHandler(lambda turn: Reply(body=(f"You said {turn.message.text}",)))
    config = {"channels": {"rest": section}, "proxies": proxies}
    return running(channels.rest, handler, config=config, tmp_path=folder)


def signed(sub: str, *, secret: str = SECRET, minutes: float = 5, **more: Any) -> dict[str, str]:
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    token = jwt.encode({"sub": sub, "exp": expires, **more}, secret, algorithm="HS256")
    return bearer(token)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("section", [{}, {"origins": [SHOP]}, {"open": False}])
async def test_the_channel_sleeps_without_credentials(
    tmp_path: Path, section: dict[str, Any]
) -> None:
    """Nobody can read or write until the settings say who may."""
    async with rest(tmp_path, **section) as gw, gw.session() as http:
        async with http.post(WEBHOOK, json=BODY) as answer:
            assert answer.status == 404
        async with http.get(MESSAGES, params={"sender": "ana"}) as answer:
            assert answer.status == 404
        assert "channels.rest.token" in gw.gateway.settings.asleep["channels.rest"]


async def test_whoever_opens_it_says_so(tmp_path: Path) -> None:
    """``open: true`` needs no credentials, as in the demo."""
    async with (
        rest(tmp_path, open=True) as gw,
        gw.session() as http,
        http.post(WEBHOOK, json=BODY) as answer,
    ):
        assert [message["text"] for message in await answer.json()] == ["You said hi"]


async def test_credentials_close_an_open_channel(tmp_path: Path) -> None:
    """``open`` beside a token changes nothing: the token is needed."""
    async with (
        rest(tmp_path, open=True, token=TOKEN) as gw,
        gw.session() as http,
        http.post(WEBHOOK, json=BODY) as answer,
    ):
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_signed_sender_reads_and_writes_as_themselves(tmp_path: Path) -> None:
    """The identity token of your site is enough, for its ``sub`` alone."""
    async with rest(tmp_path, identity_secret=SECRET) as gw, gw.session() as http:
        async with http.post(WEBHOOK, json=BODY, headers=signed("ana", aud="us")) as answer:
            assert answer.status == 200
        query = {"sender": "ana"}
        async with http.get(MESSAGES, params=query, headers=signed("ana")) as answer:
            assert [message["text"] for message in await answer.json()] == ["You said hi"]
        async with http.get(MESSAGES, params=query, headers=signed("eve")) as answer:
            assert answer.status == 403
        async with http.post(WEBHOOK, json=BODY, headers=signed("eve")) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("headers", [
    {}, bearer(""), bearer("x.y.z"), signed("ana", minutes=-1), signed("ana", secret="x" * 40),
    signed(""), signed("a" * 257), bearer(jwt.encode({"sub": "ana"}, SECRET, algorithm="HS256")),
    bearer(jwt.encode({"sub": "ana", "exp": 2**40}, None, algorithm="none")),
    bearer(jwt.encode({"sub": "ana", "exp": 2**40}, SECRET + "x" * 64, algorithm="HS512")),
])  # fmt: skip
async def test_a_forged_sender_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    """Unsigned, expired, wrongly signed, without expiry: 401, and nothing is stored."""
    async with rest(tmp_path, identity_secret=SECRET) as gw, gw.session() as http:
        async with http.post(WEBHOOK, json=BODY, headers=headers) as answer:
            assert answer.status == 401
        address = gw.customer("rest", "ana").address
        assert await gw.services.mailbox.messages(address, own=True) == ()


async def test_a_clock_of_the_site_may_be_ahead(tmp_path: Path) -> None:
    """A token that was made in a few seconds is valid now."""
    made = datetime.now(UTC) + timedelta(seconds=5)
    async with (
        rest(tmp_path, identity_secret=SECRET) as gw,
        gw.session() as http,
        http.post(WEBHOOK, json=BODY, headers=signed("ana", iat=made)) as answer,
    ):
        assert answer.status == 200


async def test_the_token_speaks_for_every_sender(tmp_path: Path) -> None:
    """A server with the token and pages with identity tokens use the channel side by side."""
    async with rest(tmp_path, identity_secret=SECRET, token=TOKEN) as gw, gw.session() as http:
        for headers in (bearer(TOKEN), signed("ana")):
            async with http.post(WEBHOOK, json=BODY, headers=headers) as answer:
                assert answer.status == 200


async def test_a_listed_site_may_use_the_channel(tmp_path: Path) -> None:
    """The preflight and every answer, errors too, carry what its browsers need."""
    async with rest(tmp_path, identity_secret=SECRET, origins=[SHOP]) as gw, gw.session() as http:
        asks = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
        for path in (WEBHOOK, MESSAGES):
            async with http.options(path, headers=asks) as answer:
                assert answer.status == 204
                assert answer.headers["Access-Control-Allow-Origin"] == SHOP
                assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
        right = {"Origin": SHOP, **signed("ana")}
        wrong = {"Origin": SHOP}
        good = json.dumps(BODY).encode()
        for headers, body, status in (
            (right, good, 200),
            (wrong, good, 401),
            (right, b"{", 400),
            (right, b'{"sender": "ana", "message": "hi", "message_id": "\\u0000"}', 400),
            (right, b" " * 1_100_000 + good, 413),
        ):
            async with http.post(WEBHOOK, data=BytesIO(body), headers=headers) as answer:
                assert answer.status == status
                assert answer.headers["Access-Control-Allow-Origin"] == SHOP
                assert answer.headers["Vary"] == "Origin"
                assert "Warmline-Turn" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{SHOP}.evil.example", "http://shop.example"]
)
async def test_another_site_may_not(tmp_path: Path, origin: str) -> None:
    """Not even where the channel is open: a page that a colleague visits could write from inside
    your network."""
    async with rest(tmp_path, open=True, origins=[SHOP]) as gw, gw.session() as http:
        headers = {"Origin": origin, "Content-Type": "text/plain"}
        for method in ("POST", "OPTIONS"):
            async with http.request(
                method, WEBHOOK, data=b'{"sender": "ana", "message": "hi"}', headers=headers
            ) as answer:
                assert answer.status == 403
                assert "Access-Control-Allow-Origin" not in answer.headers
        assert await gw.services.mailbox.messages(gw.customer("rest", "ana").address) == ()


async def test_all_sites_may_where_the_settings_say_so(tmp_path: Path) -> None:
    """``origins: ["*"]``, as Rasa's ``--cors "*"``."""
    async with (
        rest(tmp_path, open=True, origins=["*"]) as gw,
        gw.session() as http,
        http.post(WEBHOOK, json=BODY, headers={"Origin": "https://any.example"}) as answer,
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"


async def test_requests_of_one_address_are_limited(tmp_path: Path) -> None:
    """429 with the seconds to wait; another address, seen through the proxy, is not affected."""
    async with (
        rest(tmp_path, proxies=1, open=True, requests_per_address=3) as gw,
        gw.session() as http,
    ):
        flood = {"X-Forwarded-For": "198.51.100.9"}
        for status in (200, 200, 200, 429):
            async with http.get(MESSAGES, params={"sender": "a"}, headers=flood) as answer:
                assert answer.status == status
        assert int(answer.headers["Retry-After"]) == 20
        other = {"X-Forwarded-For": "198.51.100.10"}
        async with http.get(MESSAGES, params={"sender": "a"}, headers=other) as answer:
            assert answer.status == 200


async def test_guesses_of_the_token_are_limited(tmp_path: Path) -> None:
    """Wrong tokens count for their address; the right one does not, and has a limit of its own."""
    async with (
        rest(tmp_path, token=TOKEN, requests_per_address=2, requests_per_minute=4) as gw,
        gw.session() as http,
    ):
        query = {"sender": "a"}
        for status in (401, 401, 429):
            async with http.get(MESSAGES, params=query, headers=bearer("guess")) as answer:
                assert answer.status == status
        for status in (200, 200, 200, 200, 429):
            async with http.get(MESSAGES, params=query, headers=bearer(TOKEN)) as answer:
                assert answer.status == status


async def test_an_attacker_at_their_address_slows_no_signed_sender(tmp_path: Path) -> None:
    """Wrong tokens of an office's address lock nobody else of the office out."""
    section = {"identity_secret": SECRET, "requests_per_address": 2}
    async with rest(tmp_path, **section) as gw, gw.session() as http:
        query = {"sender": "a"}
        for status in (401, 401, 429):
            async with http.get(MESSAGES, params=query, headers=bearer("guess")) as answer:
                assert answer.status == status
        async with http.get(MESSAGES, params=query, headers=signed("a")) as answer:
            assert answer.status == 200


async def test_one_signed_sender_does_not_slow_another(tmp_path: Path) -> None:
    """Each identity has its own limit."""
    async with (
        rest(tmp_path, identity_secret=SECRET, requests_per_minute=2) as gw,
        gw.session() as http,
    ):
        for sender, status in (("a", 200), ("a", 200), ("a", 429), ("b", 200)):
            headers = signed(sender)
            async with http.get(MESSAGES, params={"sender": sender}, headers=headers) as answer:
                assert answer.status == status
