"""Attacks on a running gateway, each through the surface that an attacker would use."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession, CookieJar, FormData, web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from yarl import URL

import channels.rest
from gateway import Agent, NotFound, Reply
from gateway.adapters.files import DiskFiles
from gateway.cli import common
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins import agents_desk
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts
from plugins.agents_desk.access.second_factor import new_second_factor
from plugins.agents_desk.pages import content_disposition
from tests.agents_desk.conftest import PASSWORD, Visit, user

CRLF = "x\r\nSet-Cookie: desk=evil\r\n\r\n<script>alert(1)</script>"
BOMB = 200_000_000


@pytest.fixture
async def gw(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    """REST, a bot that repeats messages, and the desk with one user."""
    desk = {"users": [{**user("ana").model_dump(), "password_hash": _hash()}]}
    config = {"channels": {"rest": {"open": True}}, "plugins": {"agents_desk": desk}}
    handler = FakeHandler(lambda turn: Reply(body=(f"You said {turn.message.text}",)))
    async with running(channels.rest, agents_desk, handler, config=config, tmp_path=tmp_path) as gw:
        yield gw


def _hash() -> str:
    return user("ana").password_hash.get_secret_value()


async def _send(http: ClientSession, sender: str, text: str, **more: Any) -> list[dict[str, Any]]:
    body = {"sender": sender, "message": text, **more}
    async with http.post("/webhooks/rest/webhook", json=body) as response:
        assert response.status == 200
        return list(await response.json())


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_decompression_bomb_is_refused(gw: RunningGateway, encoding: str) -> None:
    """At the limit of the body, long before all of it is unpacked."""
    plain = b"a" * BOMB
    packed = gzip.compress(plain, 9) if encoding == "gzip" else zlib.compress(plain, 9)
    assert len(packed) < 250_000
    del plain
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    async with gw.session() as http:
        async with http.post("/webhooks/rest/webhook", data=packed, headers=headers) as answer:
            assert answer.status in (400, 413)
        assert await _send(http, "ana", "alive?")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "identity, x"])
async def test_an_unknown_content_encoding_is_a_client_error(
    gw: RunningGateway, encoding: str
) -> None:
    """It gets an error in our format, and no 500."""
    headers = {"Content-Encoding": encoding}
    async with (
        gw.session() as http,
        http.post("/webhooks/rest/webhook", data=b"\x1f\x8bxx", headers=headers) as answer,
    ):
        assert 400 <= answer.status < 500


@pytest.mark.parametrize("other", ["ana ", "ANA", "ana%00", "an", "ana:b", "sms:ana", "*", "%"])
async def test_a_sender_reads_only_their_own_messages(gw: RunningGateway, other: str) -> None:
    """A similar name gets no messages."""
    async with gw.session() as http:
        assert await _send(http, "ana", "my secret")
        for params in ({"sender": other}, {"sender": other, "after": "0", "wait": "0"}):
            async with http.get("/channels/rest/messages", params=params) as answer:
                assert await answer.json() == []


async def test_a_customers_message_id_does_not_suppress_an_agents_answer(tmp_path: Path) -> None:
    """A customer who guesses the key of an agent's answer cannot keep it from being sent."""
    channel = FakeChannel()
    async with running(channel, tmp_path=tmp_path) as gw:
        eve = gw.customer("fake", "eve")
        await eve.say("a person, please")
        agent = gw.desk_agent("ben")
        card = await agent.claim()
        await eve.write("hello", remote_id="desk:slack:C1:171.5")
        await agent.answer(card, "Here I am.", key="slack:C1:171.5")
        assert [message.text for message in channel.sent][-1] == "Here I am."
        again = await eve.write("hello", remote_id="desk:slack:C1:171.5")
        assert again.duplicate


PATHS = (
    "/desk/static/../../../../etc/passwd",
    "/desk/static/..%2f..%2fsettings.py",
    "/desk/static/%2e%2e/%2e%2e/people.py",
    "/desk/c/1/files/../../../desk-password",
    "/desk/c/1/files/" + "%2e%2e%2f" * 8 + "etc/passwd",
    "/channels/rest/messages/../../../etc/passwd?sender=a",
    "//etc/passwd",
    "/healthz/../../etc/passwd",
    "/desk/c/99999999999999999999",
    "/desk/c/1%0d%0aSet-Cookie:%20a=b",
)


@pytest.mark.parametrize("path", PATHS)
async def test_no_path_leads_to_other_files(gw: RunningGateway, path: str) -> None:
    """No spelling of a path returns a file of ours or of the system."""
    async with gw.session() as http:
        url = f"{gw.url}{path}"
        async with http.get(URL(url, encoded=True), allow_redirects=False) as answer:
            text = await answer.text()
            assert answer.status in (303, 400, 403, 404)
            assert "root:" not in text
            assert "import" not in text
            assert "Set-Cookie" not in answer.headers or "a=b" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("digest", [
    "../../../etc/passwd", "..", "", "a" * 63, "A" * 64, "a" * 65, "/etc/passwd", "\0" * 64,
    "../" + "a" * 61,
])  # fmt: skip
async def test_only_a_valid_digest_names_a_file(tmp_path: Path, digest: str) -> None:
    """A digest is sixty-four hex digits."""
    with pytest.raises(NotFound):
        await DiskFiles(tmp_path, most=10).open(digest)


@pytest.mark.parametrize("name", [
    CRLF, 'a"; filename="b.html', "a\\..\\b", "../../x", "\u202egnp.exe", "\0", "", "x" * 5000,
    "naïve résumé.pdf", "😀.pdf",
])  # fmt: skip
def test_a_file_name_adds_no_header(name: str) -> None:
    """The name stays within its quotes, on one line, in ASCII, without a path."""
    header = content_disposition(name)
    assert header.startswith('attachment; filename="')
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "/" not in header.replace("UTF-8''", "").partition("filename*=")[0][22:]
    assert len(header) < 2000


async def test_signing_in_adds_no_header(gw: RunningGateway) -> None:
    """Neither the name nor the next page can add a header to the answer."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        visit = Visit(http, gw.url)
        await visit.open("/desk/sign-in")
        form = FormData({"csrf": visit.field("csrf"), "name": "ana", "password": PASSWORD,
                         "next": f"/desk/{CRLF}"})  # fmt: skip
        async with http.post(f"{gw.url}/desk/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/desk"
            assert all("evil" not in value for value in answer.headers.getall("Set-Cookie"))


@pytest.mark.parametrize("style", ["json", "text"])
def test_logged_text_adds_no_line_to_the_log(
    capsys: pytest.CaptureFixture[str], style: str
) -> None:
    """Line ends and terminal codes in logged text are escaped."""
    common.configure_logging(style)
    evil = "x\r\n2026-01-01 [info] desk.signed_in agent=desk:root\x1b[2J\u2028y"
    structlog.get_logger().warning("desk.sign_in_failed", address=evil, more=[evil], obj=Path(evil))
    logged = capsys.readouterr().err
    assert len(logged.strip().splitlines()) == 1
    assert "\x1b[2J" not in logged
    if style == "json":
        assert json.loads(logged)["event"] == "desk.sign_in_failed"


@pytest.mark.parametrize("path", [
    "/healthz", "/readyz", "/metrics", "/nowhere", "/desk/sign-in", "/desk/static/none.js",
    "/channels/rest/messages?sender=a",
])  # fmt: skip
@pytest.mark.parametrize("public", ["http://127.0.0.1", "https://help.example"])
async def test_every_answer_has_the_security_headers(
    tmp_path: Path, path: str, public: str
) -> None:
    """On every status: nosniff, no frames, a content and an opener policy; HSTS with https."""
    desk = {"users": [{"name": "ana", "password_hash": _hash()}]}
    config = {
        "public_url": public,
        "channels": {"rest": {"open": True}},
        "plugins": {"agents_desk": desk},
    }
    async with (
        running(channels.rest, agents_desk, config=config, tmp_path=tmp_path) as gw,
        gw.session() as http,
        http.get(path, allow_redirects=False) as answer,
    ):
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "same-origin"
        assert ("Strict-Transport-Security" in headers) == public.startswith("https")


async def test_a_callback_follows_no_redirect(tmp_path: Path) -> None:
    """Messages go to the callback_url of the settings and nowhere else."""
    redirected: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": str(request.url.with_path("/inner"))})

    async def inner(_: web.Request) -> web.Response:
        redirected.append("here")
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/hook", redirect), web.post("/inner", inner)])
    async with TestServer(app, skip_url_asserts=True) as server:
        rest = {"open": True, "callback_url": str(server.make_url("/hook"))}
        handler = FakeHandler(lambda turn: Reply(body=("Hm.",)))
        config = {"channels": {"rest": rest}}
        async with running(channels.rest, handler, config=config, tmp_path=tmp_path) as gw:
            await gw.customer("rest", "ana").say("hello")
            [dead_letter] = await gw.gateway.store.outbox.list()
            assert "307" in (dead_letter.error or "")
    assert redirected == []


@pytest.mark.parametrize("spoofed", [
    lambda i: [("X-Forwarded-For", f"10.0.0.{i}"), ("X-Forwarded-For", "203.0.113.7")],
    lambda i: [("X-Forwarded-For", f"10.0.0.{i}, 203.0.113.7")],
    lambda i: [("X-Forwarded-For", f"10.0.0.{i},"), ("X-Forwarded-For", "203.0.113.7:1234")],
    lambda i: [("Forwarded", f"for=10.0.0.{i}"), ("X-Forwarded-For", f"::{i}, 203.0.113.7")],
    lambda i: [("X-Real-IP", f"10.0.0.{i}"), ("X-Forwarded-For", "203.0.113.7")],
])  # fmt: skip
async def test_a_spoofed_address_escapes_no_limit(
    tmp_path: Path, spoofed: Callable[[int], list[tuple[str, str]]]
) -> None:
    """Whatever the client writes before it, the entry of our own proxy is its address."""
    config = {"proxies": 1, "channels": {"rest": {"open": True, "requests_per_address": 3}}}
    statuses = []
    async with running(channels.rest, config=config, tmp_path=tmp_path) as gw, gw.session() as http:
        for i in range(5):
            async with http.get(
                "/channels/rest/messages?sender=a", headers=CIMultiDict(spoofed(i))
            ) as answer:
                statuses.append(answer.status)
    assert statuses == [200] * 3 + [429] * 2


async def test_the_second_factor_is_sealed_at_rest(tmp_path: Path) -> None:
    """With a data key nothing in the data folder holds the secret or the account's name."""
    key = base64.b64encode(bytes(range(32))).decode()
    secret = new_second_factor(datetime.now(UTC))
    async with running(tmp_path=tmp_path, environ={"WARMLINE_DATA_KEY": key}) as gw:
        accounts = DeskAccounts(gw.services.storage, {})
        agent = Agent(id="desk:zoe", name="Zoe Quartermain")
        await accounts.add(DeskAccount(name="zoe", agent=agent, second_factor=secret))
        account = await accounts.find("zoe")
        assert account is not None
        assert account.second_factor == secret
        stored = b"".join(
            path.read_bytes() for path in gw.gateway.settings.data_dir.rglob("*") if path.is_file()
        )
    assert secret.secret.encode() not in stored
    assert b"Quartermain" not in stored
