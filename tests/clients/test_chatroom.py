"""Rasa's REST channel, as a chat widget for it speaks it from another site
(npm: @scalableminds/chatroom)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

import channels.rest
from gateway import Button, Reply, Turn
from gateway.testing import POLICY, FakeHandler, running
from tests.clients.conftest import HERE, needs_package

if TYPE_CHECKING:
    from playwright.async_api import Browser

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Another site</title></head>
<body><div class="chat"></div><script src="/chatroom/Chatroom.js"></script><script>
window.room = new window.Chatroom({{
  host: "{gateway}", title: "Chat", container: document.querySelector(".chat"),
  welcomeMessage: "Welcome", pollingInterval: 100
}});
window.room.openChat();
</script></body></html>"""


def answer(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    buttons = (Button(title="A person", payload="person, please"),)
    return Reply(opener="", body=(f"You said {turn.message.text}",), buttons=buttons)


class Site:
    """A company's site on another origin. ``gateway`` is where its widget finds the bot."""

    url = gateway = ""

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE.format(gateway=self.gateway), content_type="text/html")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    needs_package("@scalableminds/chatroom")
    site, app = Site(), web.Application()
    app.router.add_get("/", site.page)
    app.router.add_static("/chatroom", HERE / "node_modules/@scalableminds/chatroom/dist")
    async with TestServer(app) as server:
        site.url = str(server.make_url("")).rstrip("/")
        yield site


async def test_a_visitor_of_another_site_is_answered(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    """The site is among `channels.rest.origins`: its widget shows the answer and its button."""
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    rest = {"open": True, "origins": [site.url]}
    config = {"policy": "policy.yaml", "channels": {"rest": rest}}
    async with running(
        channels.rest, FakeHandler(answer), config=config, tmp_path=tmp_path
    ) as gateway:
        site.gateway = gateway.url
        page = await browser.new_page()
        page.set_default_timeout(15_000)
        await page.goto(site.url)
        await page.locator(".chat input[type=text]").fill("hello from afar")
        await page.keyboard.press("Enter")
        await page.get_by_text("You said hello from afar").wait_for()
        await page.get_by_text("A person", exact=True).click()
        await page.get_by_text("You said person, please").wait_for()
        await page.close()


async def test_a_site_that_is_not_named_gets_nothing(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    """The browser itself keeps its widget from the answer."""
    config = {"channels": {"rest": {"open": True}}}
    async with running(
        channels.rest, FakeHandler(answer), config=config, tmp_path=tmp_path
    ) as gateway:
        site.gateway = gateway.url
        page = await browser.new_page()
        page.set_default_timeout(15_000)
        await page.goto(site.url)
        async with page.expect_event("requestfailed"):
            await page.locator(".chat input[type=text]").fill("hello from nowhere")
            await page.keyboard.press("Enter")
        await gateway.settled()
        assert await page.get_by_text("You said").count() == 0
        await page.close()
