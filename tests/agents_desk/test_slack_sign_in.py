"""Sign in with Slack, against a server that speaks Slack's protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from plugins.agents_desk import DeskSettings, WebDesk
from tests.agents_desk.conftest import Visit, user
from tests.agents_desk.slack_server import CLIENT, SECRET, TEAM, FarSlack
from tests.agents_desk.town import Town


@pytest.fixture
async def slack() -> AsyncIterator[FarSlack]:
    far = FarSlack()
    server = TestServer(far.app())
    await server.start_server()
    far.url = str(server.make_url("")).rstrip("/")
    yield far
    await server.close()


@pytest.fixture
async def url(town: Town, slack: FarSlack, tmp_path: Path) -> AsyncIterator[str]:
    """A desk that people sign in to with Slack."""
    settings = DeskSettings(
        users=(user("dora", "admin"),),
        slack_client_id=CLIENT,
        slack_client_secret=SecretStr(SECRET),
        slack_team=TEAM,
        slack_admins=("U0BOSS",),
        slack_api_base=f"{slack.url}/api/",
    )
    app = web.Application()
    server = TestServer(app)
    port = await _port(server)
    here = f"http://127.0.0.1:{port}"
    desk = WebDesk(settings=settings, data_dir=tmp_path, public_url=here, longest=2000)
    app.add_routes(desk.routes(town.services))
    await server.start_server(shutdown_timeout=0.1)
    yield here
    await server.close()


async def _port(server: TestServer) -> int:
    """The port that the server will have: the address to come back to names it."""
    import socket  # noqa: PLC0415

    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    server.port = door.getsockname()[1]
    door.close()
    return server.port


async def test_a_member_signs_in(visitor: Callable[[], Visit], town: Town, slack: FarSlack) -> None:
    """They are an agent under their Slack id, the same as when they answer from Slack."""
    visit = visitor()
    await visit.open("/desk/sign-in?next=/desk/c/1")
    assert 'href="/desk/slack?next=/desk/c/1"' in visit.page
    answer = await visit.open("/desk/slack?next=/desk/c/1")
    assert answer.url.path == "/desk/c/1"
    assert "Eve Adler" in visit.page
    assert (await visit.open("/desk/users")).status == 403
    whats = [(line.who, line.what) for line in town.services.audit.kept]
    assert ("slack:U0EVE", "signed_in") in whats
    asked = slack.asked[0]
    assert asked["team"] == TEAM
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3


async def test_an_admin_by_user_id(visitor: Callable[[], Visit], slack: FarSlack) -> None:
    """Whom the settings name is an admin."""
    slack.user = "U0BOSS"
    visit = visitor()
    await visit.open("/desk/slack")
    assert (await visit.open("/desk/users")).status == 200


async def test_an_admins_lock_holds_for_slack_too(
    visitor: Callable[[], Visit], slack: FarSlack
) -> None:
    """Locked: out at once, and Slack's word does not open again."""
    eve, dora = visitor(), visitor()
    await eve.open("/desk/slack")
    await dora.sign_in("dora")
    await dora.open("/desk/users")
    await dora.send("/desk/users/lock", name="slack:U0EVE")
    assert (await eve.open("/desk")).url.path == "/desk/sign-in"
    answer = await eve.open("/desk/slack")
    assert answer.status == 403
    assert "locked" in eve.page


OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize("lie", [
    {"team": "T0ELSE"},
    {"claims": {"aud": "other.app"}},
    {"claims": {"iss": "https://evil.example"}},
    {"claims": {"nonce": "of another visit"}},
    {"claims": {"exp": 1}},
    {"claims": {"sub": "U0OTHER"}},
    {"claims": {"https://slack.com/user_id": ""}},
    {"headers": {"kid": "unknown"}},
    pytest.param({"signing": OTHER}, id="signed by another key"),
    {"signing": "", "algorithm": "none"},
    {"signing": "guessable secret that is long enough for HS256", "algorithm": "HS256"},
    {"info": {"sub": "U0OTHER"}},
    {"info": {"ok": False, "error": "account_inactive"}},
], ids=str)  # fmt: skip
async def test_a_forged_identity_came_in(
    visitor: Callable[[], Visit], town: Town, slack: FarSlack, lie: dict[str, Any]
) -> None:
    """Another team, app, issuer, visit or time, another signature or none: nobody is signed in."""
    for name, value in lie.items():
        setattr(slack, name, value)
    visit = visitor()
    answer = await visit.open("/desk/slack")
    assert answer.status == 403
    assert (await visit.open("/desk")).url.path == "/desk/sign-in"
    assert [line.what for line in town.services.audit.kept] == ["sign_in_failed"]


async def _back(visit: Visit) -> str:
    """Go to Slack and stop before coming back; gives the way back."""
    off = await visit.open("/desk/slack", allow_redirects=False)
    there = await visit.http.get(off.headers["Location"], allow_redirects=False)
    return there.headers["Location"].removeprefix(visit.url)


async def test_somebody_was_signed_in_as_the_attacker(visitor: Callable[[], Visit]) -> None:
    """A way back that was begun in another browser signs nobody in (login CSRF)."""
    attacker, victim = visitor(), visitor()
    assert (await victim.open(await _back(attacker))).status == 403
    assert (await victim.open("/desk")).url.path == "/desk/sign-in"


async def test_a_way_back_was_used_twice(visitor: Callable[[], Visit]) -> None:
    """It is for one use, also when the first was not the right browser's."""
    visit = visitor()
    back = await _back(visit)
    assert (await visit.open(back)).url.path == "/desk"
    await visit.send("/desk/sign-out")
    assert (await visit.open(back)).status == 403


async def test_a_way_back_grows_old(visitor: Callable[[], Visit], town: Town) -> None:
    """Ten minutes and it is over."""
    visit = visitor()
    back = await _back(visit)
    town.clock.advance(601)
    assert (await visit.open(back)).status == 403


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?error=access_denied"])
async def test_a_made_up_way_back(visitor: Callable[[], Visit], query: str) -> None:
    """Nothing comes of a request that Slack did not send."""
    assert (await visitor().open(f"/desk/slack/back{query}")).status == 403


async def test_slack_led_elsewhere(visitor: Callable[[], Visit], slack: FarSlack) -> None:
    """Afterwards only pages of the desk are gone on to; the way back is ours alone."""
    visit = visitor()
    answer = await visit.open("/desk/slack?next=https://evil.example/")
    assert answer.url.path == "/desk"
    back = urlsplit(slack.asked[0]["redirect_uri"])
    assert (f"{back.scheme}://{back.netloc}", back.path) == (visit.url, "/desk/slack/back")
    assert parse_qs(back.query) == {}
