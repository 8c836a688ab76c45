"""Sessions, identities, origins, and the signing secret."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from pydantic import ValidationError

from channels.webchat import WebchatSettings
from channels.webchat.tokens import SESSION, SessionTokens, lasting_secret
from tests.webchat.conftest import ROOT, SECRET, SITE_SECRET, Chat, Start, Tab


def identity(secret: str = SITE_SECRET, **claims: Any) -> str:
    """An identity token as the site signs it."""
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    fields = {"sub": "customer-7", "name": "Jo", "exp": in_an_hour, **claims}
    return jwt.encode({k: v for k, v in fields.items() if v is not None}, secret, "HS256")


async def refusal(tab: Tab, **hello: Any) -> tuple[str, int]:
    await tab.send(type="hello", **hello)
    return (await tab.next())["code"], await tab.end()


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "a.b.c",
        "é.ü.ß",
        jwt.encode({"session": "theirs", "aud": SESSION}, "another secret, just as long as ours"),
        jwt.encode({"session": "theirs", "aud": SESSION, "exp": 1}, SECRET),
        jwt.encode({"session": "theirs", "aud": "warmline-webchat-file"}, SECRET),
        jwt.encode({"session": "theirs", "aud": SESSION}, None, algorithm="none"),
        jwt.encode({"aud": SESSION}, SECRET),
    ],
    ids=["words", "dots", "not-ascii", "secret", "expired", "audience", "unsigned", "empty"],
)
async def test_a_forged_session_is_refused(chat: Chat, token: str) -> None:
    """A token that is not ours, or has expired, closes the socket."""
    assert await refusal(await chat.tab(), token=token) == ("bad_session", 4401)
    assert (await chat.get("/messages", token if token.isascii() else "a.b.c"))[0] == 401


async def test_a_session_survives_a_reconnect(chat: Chat) -> None:
    """The token restores the same session."""
    first = await chat.tab()
    await first.hello()
    second = await chat.tab()
    await second.hello(token=first.token)
    assert second.session == first.session


async def test_an_identity_token_names_the_customer(start: Start) -> None:
    """Messages carry the customer's id and name from the site's token."""
    chat = await start(identity_secret=SITE_SECRET)
    tab = await chat.tab()
    await tab.hello(identity=identity())
    await tab.say("Hello")
    assert (chat.gateway.accepted[0].ref, chat.gateway.accepted[0].name) == ("customer-7", "Jo")


@pytest.mark.parametrize(
    "token",
    [
        identity(secret=SECRET),
        identity(exp=datetime.now(UTC) - timedelta(minutes=1)),
        identity(exp=None),
        identity(sub=None),
        identity(sub=""),
        identity(sub="x" * 201),
        identity(name=["Jo"]),
        jwt.encode({"sub": "customer-7", "exp": 4e9}, None, algorithm="none"),
        "nonsense",
    ],
    ids=["secret", "expired", "endless", "nobody", "empty", "long", "name", "unsigned", "words"],
)
async def test_an_identity_cannot_be_forged(start: Start, token: str) -> None:
    """A token that the site did not sign, or that lacks a claim, is refused."""
    chat = await start(identity_secret=SITE_SECRET)
    assert await refusal(await chat.tab(), identity=token) == ("bad_identity", 4401)


async def test_a_clock_of_the_site_may_be_ahead(start: Start) -> None:
    """A token that was made in a few seconds is valid now."""
    chat = await start(identity_secret=SITE_SECRET)
    tab = await chat.tab()
    await tab.hello(identity=identity(iat=datetime.now(UTC) + timedelta(seconds=5)))
    assert tab.session


async def test_without_a_secret_identity_tokens_are_refused(chat: Chat) -> None:
    """A gateway without `identity_secret` cannot verify them."""
    assert await refusal(await chat.tab(), identity=identity()) == ("bad_identity", 4401)


async def test_names_in_frames_are_ignored(start: Start) -> None:
    """Only signed tokens identify a customer."""
    chat = await start(identity_secret=SITE_SECRET)
    tab = await chat.tab()
    await tab.hello(name="Jo", ref="customer-7")
    await tab.say("Hello", name="Jo", ref="customer-7")
    assert (chat.gateway.accepted[0].ref, chat.gateway.accepted[0].name) == (None, None)


async def test_login_keeps_the_session_and_logout_ends_it(start: Start) -> None:
    """The next user of a shared computer does not get the session."""
    chat = await start(identity_secret=SITE_SECRET)
    visitor = await chat.tab()
    await visitor.hello()
    await visitor.say("Hello")
    jo = await chat.tab()
    await jo.hello(token=visitor.token, identity=identity())
    assert jo.session == visitor.session
    for someone_else in ({}, {"identity": identity(sub="customer-8")}):
        tab = await chat.tab()
        await tab.hello(token=jo.token, **someone_else)
        assert tab.session != jo.session


async def test_a_logged_in_customer_goes_on_with_a_second_device(start: Start) -> None:
    """The conversation of the first device is there, in order, and both see what comes."""
    chat = await start(identity_secret=SITE_SECRET)
    laptop, phone = await chat.tab(), await chat.tab()
    await laptop.hello(identity=identity())
    await laptop.say("Where is my order?")
    missed = await phone.hello(identity=identity())
    assert [frame["text"] for frame in missed] == ["Where is my order?"]
    await phone.say("It is MP-12345.")
    assert (await laptop.next("message"))["text"] == "Where is my order?"
    assert (await laptop.next("message"))["text"] == "It is MP-12345."


async def test_a_conversation_from_before_the_login_is_found_as_well(start: Start) -> None:
    """Once they have written logged in, a second device finds it; one that had a session of its own
    goes there too, and gets all of it."""
    chat = await start(identity_secret=SITE_SECRET)
    phone = await chat.tab()
    await phone.hello(identity=identity())
    visitor = await chat.tab()
    await visitor.hello()
    await visitor.say("Hello")
    laptop = await chat.tab()
    await laptop.hello(token=visitor.token, identity=identity())
    assert laptop.session == visitor.session
    await laptop.say("It is me.")
    again = await chat.tab()
    missed = await again.hello(token=phone.token, identity=identity(), after=2**40)
    assert [frame["text"] for frame in missed] == ["Hello", "It is me."]


async def test_nobody_else_finds_the_conversation(start: Start) -> None:
    """Another customer, and a visitor who is not logged in, begin with an empty chat."""
    chat = await start(identity_secret=SITE_SECRET)
    jo = await chat.tab()
    await jo.hello(identity=identity())
    await jo.say("My secret")
    for hello in ({"identity": identity(sub="customer-8")}, {}, {"token": jo.token}):
        other = await chat.tab()
        assert await other.hello(**hello) == []
        assert other.session != jo.session


@pytest.mark.parametrize("as_whom", [{}, {"identity": "customer-8"}], ids=["nobody", "somebody"])
async def test_a_token_from_before_the_login_opens_nothing(
    start: Start, as_whom: dict[str, str]
) -> None:
    """Whoever used the shared computer before cannot read on, by socket, hello or poll."""
    chat = await start(identity_secret=SITE_SECRET)
    visitor = await chat.tab()
    await visitor.hello()
    await visitor.say("Hello")
    jo = await chat.tab()
    await jo.hello(token=visitor.token, identity=identity())
    await jo.say("My secret")
    hello = {name: identity(sub=sub) for name, sub in as_whom.items()}
    other = await chat.tab()
    assert await other.hello(token=visitor.token, **hello) == []
    assert other.session != jo.session
    assert (await visitor.next("error"))["code"] == "bad_session"
    assert (await chat.get("/messages?after=0", visitor.token))[0] == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example", 200),
        ("https://blog.example", 200),
        ("https://evil.example", 403),
        ("http://shop.example", 403),
        ("https://shop.example.evil.example", 403),
        ("null", 403),
    ],
)
async def test_only_listed_sites_may_embed_the_chat(start: Start, origin: str, status: int) -> None:
    """Other origins can neither open a socket nor poll; listed ones get CORS headers."""
    chat = await start(origins=["https://blog.example/"])
    url, headers = chat.url + ROOT, {"Origin": origin}
    async with chat.http.post(url + "/messages", json={"type": "hello"}, headers=headers) as answer:
        assert answer.status == status
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if status == 200 else None)
    async with chat.http.options(url + "/messages", headers=headers) as preflight:
        assert (preflight.status == 204) == (status == 200)
    upgrade = {
        **headers,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with chat.http.get(url + "/socket", headers=upgrade) as socket:
        assert socket.status == (101 if status == 200 else 403)


async def test_our_own_pages_may_always_embed_it(chat: Chat) -> None:
    """The gateway's own address needs no listing."""
    tab = await chat.tab(Origin=chat.url)
    await tab.hello()


async def test_the_socket_address_is_for_sockets(chat: Chat) -> None:
    """A plain request gets 400 in the gateway's usual error shape."""
    status, body = await chat.get("/socket")
    assert (status, body["error"]["code"]) == (400, "not_a_socket")


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """All processes get the same secret, which other users of the machine cannot read."""
    path = tmp_path / "var" / "webchat.key"
    secret = lasting_secret(path)
    assert lasting_secret(path) == secret
    assert len(secret) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["webchat.key"]


def test_a_session_token_expires() -> None:
    """It expires ``session_days`` after its last use."""
    tokens = SessionTokens(secret=SECRET, identity_secret=None, session_days=30)
    visitor, fresh = tokens.greet(None, None)
    claims = jwt.decode(tokens.issue(visitor), SECRET, ["HS256"], audience=SESSION)
    days = (datetime.fromtimestamp(claims["exp"], UTC) - datetime.now(UTC)) / timedelta(days=1)
    assert fresh
    assert 29.9 < days <= 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"origins": ["shop.example"]},
        {"origins": ["https://shop.example/path"]},
        {"origins": ["*"]},
        {"secret": "short"},
        {"identity_secret": "short"},
        {"file_types": ["image/svg+xml"]},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    """A setting that would weaken the chat is an error."""
    with pytest.raises(ValidationError):
        WebchatSettings.model_validate(wrong)
