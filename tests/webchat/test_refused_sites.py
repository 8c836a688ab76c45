"""A site that is not in the settings: its owner hears which line to add, wherever they look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from channels.webchat import WebchatSettings
from channels.webchat.origins import FILE, MOST_REFUSED, AllowedOrigins, read_refused
from gateway import Settings
from gateway.settings import CoreSettings
from tests.conftest import until
from tests.webchat.conftest import ROOT, Chat

if TYPE_CHECKING:
    from playwright.async_api import Browser

SITE = "https://www.lindenhof.example"
FIX = f'add "{SITE}" to `channels.webchat.origins` in warmline.yaml'


async def refuse(chat: Chat, origin: str) -> None:
    with pytest.raises(WSServerHandshakeError, match="403"):
        await chat.tab(Origin=origin)


async def test_the_first_refused_socket_is_logged_with_the_line_to_add(chat: Chat) -> None:
    """Once for each site: a page tries again and again."""
    with capture_logs() as logs:
        await refuse(chat, SITE)
        await refuse(chat, SITE)
    (told,) = [entry for entry in logs if entry["event"] == "webchat.refused_origin"]
    assert told["origin"] == SITE
    assert told["fix"].startswith(FIX)


@pytest.mark.parametrize(
    ("origin", "allowed", "fix"),
    [
        (SITE, False, FIX),
        ("https://shop.example", True, ""),
        ("null", False, "open the page through a web server"),
    ],
)
async def test_a_page_may_ask_why(chat: Chat, origin: str, allowed: bool, fix: str) -> None:
    """Any page may: a browser tells it nothing about a refused socket."""
    url, headers = f"{chat.url}{ROOT}/embedding", {"Origin": origin}
    async with ClientSession() as http, http.get(url, headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        told: dict[str, Any] = await answer.json()
    assert told["allowed"] is allowed
    assert fix in told.get("fix", "")


async def test_check_and_doctor_know_the_refused_sites(tmp_path: Path) -> None:
    """For two weeks, until they are in the settings; and no more than some, as anybody may name a
    site."""
    origins = AllowedOrigins(
        (), setting="channels.webchat.origins", settings_file="w.yaml", file=tmp_path / FILE
    )
    now = datetime.now(UTC)
    await origins.refuse("https://old.example", now - timedelta(days=20))
    await origins.refuse(SITE, now)
    settings = Settings(CoreSettings(data_dir=tmp_path), {}, base=tmp_path)
    ((key, message),) = WebchatSettings().mentions(settings).warnings
    assert key == "channels.webchat.origins"
    assert message.endswith(f'if the page is yours, add "{SITE}" here')
    assert not WebchatSettings(origins=(SITE,)).mentions(settings).warnings
    for number in range(2 * MOST_REFUSED):
        await origins.refuse(f"https://site{number}.example", now)
    assert len(read_refused(tmp_path / FILE)) == MOST_REFUSED


async def test_the_console_of_the_page_says_it(chat: Chat, browser: Browser) -> None:
    """A page of another site loads the widget; its owner opens the console."""
    html = (
        f'<!doctype html><script type="module" src="{chat.url}{ROOT}/widget.js"></script>'
        "<warmline-chat></warmline-chat>"
    )

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", serve)
    console: list[str] = []
    async with TestServer(app) as site:
        page = await browser.new_page()
        page.on("console", lambda message: console.append(message.text))
        await page.goto(str(site.make_url("/")))
        await page.locator("warmline-chat .launcher").click()
        origin = str(site.make_url("/")).rstrip("/")
        fix = f'add "{origin}" to `channels.webchat.origins` in warmline.yaml'
        await until(lambda: any(fix in line for line in console), 30)
