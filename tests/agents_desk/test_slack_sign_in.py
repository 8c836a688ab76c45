"""Sign in with Slack, against a local server with Slack's protocol."""

from __future__ import annotations

import socket
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
from tests.agents_desk.conversations import MARIA, DeskGateway
from tests.agents_desk.slack_server import CLIENT, SECRET, TEAM, SlackOpenId


@pytest.fixture
async def slack() -> AsyncIterator[SlackOpenId]:
    slack = SlackOpenId()
    server = TestServer(slack.app())
    await server.start_server()
    slack.url = str(server.make_url("")).rstrip("/")
    yield slack
    await server.close()


@pytest.fixture
async def url(gw: DeskGateway, slack: SlackOpenId, tmp_path: Path) -> AsyncIterator[str]:
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
    server = TestServer(app, port=_free_port())  # the callback URL contains the port
    here = f"http://127.0.0.1:{server.port}"
    desk = WebDesk(
        settings=settings, data_dir=tmp_path, public_url=here, longest=2000, largest=1000
    )
    app.add_routes(desk.routes(gw.services))
    await server.start_server(shutdown_timeout=0.1)
    yield here
    await server.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_workspace_member_signs_in(
    visitor: Callable[[], Visit], gw: DeskGateway, slack: SlackOpenId
) -> None:
    """They become an agent under their Slack id, the same id as when they answer from Slack."""
    visit = visitor()
    await visit.open(f"/desk/sign-in?next=/desk/c/{MARIA}")
    assert f'href="/desk/slack?next=/desk/c/{MARIA}"' in visit.page
    answer = await visit.open(f"/desk/slack?next=/desk/c/{MARIA}")
    assert answer.url.path == f"/desk/c/{MARIA}"
    assert "Eve Adler" in visit.page
    assert (await visit.open("/desk/users")).status == 403
    whats = [(line.who, line.what) for line in await gw.audit()]
    assert ("slack:U0EVE", "signed_in") in whats
    asked = slack.asked[0]
    assert asked["team"] == TEAM
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3


async def test_admin_role_from_the_settings(
    visitor: Callable[[], Visit], slack: SlackOpenId
) -> None:
    """A user id in the settings is an admin."""
    slack.user = "U0BOSS"
    visit = visitor()
    await visit.open("/desk/slack")
    assert (await visit.open("/desk/users")).status == 200


async def test_locked_account_cannot_sign_in_with_slack(
    visitor: Callable[[], Visit], slack: SlackOpenId
) -> None:
    """A lock signs out at once, and Slack cannot sign the person in again."""
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


@pytest.mark.parametrize("forgery", [
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
async def test_forged_identity_is_refused(
    visitor: Callable[[], Visit], gw: DeskGateway, slack: SlackOpenId, forgery: dict[str, Any]
) -> None:
    """Another team, app, issuer, sign-in or time, another signature or none is refused."""
    for name, value in forgery.items():
        setattr(slack, name, value)
    visit = visitor()
    answer = await visit.open("/desk/slack")
    assert answer.status == 403
    assert (await visit.open("/desk")).url.path == "/desk/sign-in"
    assert [line.what for line in await gw.audit()] == ["sign_in_failed"]


async def callback_of(visit: Visit) -> str:
    """Go to Slack and return the callback's path without following it."""
    redirect = await visit.open("/desk/slack", allow_redirects=False)
    response = await visit.http.get(redirect.headers["Location"], allow_redirects=False)
    return response.headers["Location"].removeprefix(visit.url)


async def test_callback_in_another_browser_is_refused(visitor: Callable[[], Visit]) -> None:
    """A callback that began in another browser signs nobody in (login CSRF)."""
    attacker, victim = visitor(), visitor()
    assert (await victim.open(await callback_of(attacker))).status == 403
    assert (await victim.open("/desk")).url.path == "/desk/sign-in"


async def test_callback_works_once(visitor: Callable[[], Visit]) -> None:
    """A callback is for one use."""
    visit = visitor()
    back = await callback_of(visit)
    assert (await visit.open(back)).url.path == "/desk"
    await visit.send("/desk/sign-out")
    assert (await visit.open(back)).status == 403


async def test_callback_expires(visitor: Callable[[], Visit], gw: DeskGateway) -> None:
    """A callback is valid for ten minutes."""
    visit = visitor()
    back = await callback_of(visit)
    gw.clock.advance(601)
    assert (await visit.open(back)).status == 403


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?error=access_denied"])
async def test_invented_callback_is_refused(visitor: Callable[[], Visit], query: str) -> None:
    """A callback that did not begin here is refused."""
    assert (await visitor().open(f"/desk/slack/back{query}")).status == 403


async def test_redirect_after_slack_stays_on_the_desk(
    visitor: Callable[[], Visit], slack: SlackOpenId
) -> None:
    """Sign-in leads only to pages of the desk, and Slack gets only our callback URL."""
    visit = visitor()
    answer = await visit.open("/desk/slack?next=https://evil.example/")
    assert answer.url.path == "/desk"
    back = urlsplit(slack.asked[0]["redirect_uri"])
    assert (f"{back.scheme}://{back.netloc}", back.path) == (visit.url, "/desk/slack/back")
    assert parse_qs(back.query) == {}
