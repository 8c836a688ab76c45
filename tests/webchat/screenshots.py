"""Takes the screenshots of the widget for the docs. Needs Chromium:

    PYTHONPATH=tests/guard python -m tests.webchat.screenshots docs/images

They show a short, made-up conversation as the customer sees it.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, async_playwright

from channels.webchat import WebchatSettings
from channels.webchat.channel import Webchat
from gateway import Address, Agent, Button, SurveyQuestion
from tests.conftest import CHROMIUM_FLAGS, needs, until
from tests.webchat.browser_page import LIVE
from tests.webchat.fakes import ANA, FakeGateway

HTML = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/channels/webchat/widget.js"></script></head>
<body><h1>Lantern &amp; Loom</h1><p>Blankets, lamps and slow evenings.</p>
<warmline-chat open></warmline-chat></body></html>"""
STYLE = """body { margin: 0; padding: 6vw; background: #f1e9dd; color: #3a2c22; font-family: serif }
h1 { margin: 0 0 8px; font-size: 56px }
@media (prefers-color-scheme: dark) { body { background: #15110e; color: #e8dccd } }"""

ChatLine = tuple[str, str, dict[str, Any]]
"""Author, text, and further fields of the message."""
CASE: list[ChatLine] = [
    ("customer", "Hello, where is my order 4711?", {}),
    (
        "bot",
        """It left our warehouse on Tuesday and should reach you by Friday, 27 November.

You can follow it here: https://track.example/4711""",
        {},
    ),
    ("customer", "It was meant to be here last week. This is the third time I have asked.", {}),
    (
        "bot",
        "I am sorry about the wait. A colleague will take over now and can see all you wrote.",
        {},
    ),
    (
        "agent",
        "Hello Jo, Ana here. I have read everything. Your parcel is on today's van.",
        {"agent": ANA},
    ),
]
THANKS: ChatLine = ("customer", "Thank you, that helps", {})
SURVEY: ChatLine = ("bot", "Did you feel heard today?", {"survey": SurveyQuestion()})
ARABIC: list[ChatLine] = [
    ("customer", "مرحبًا، أين طلبي رقم 4711؟", {}),
    ("bot", "غادر مستودعنا يوم الثلاثاء، ومن المتوقع أن يصلك يوم الجمعة.", {}),
    ("customer", "أود التحدث مع شخص من فضلك", {}),
    (
        "agent",
        "أهلًا، معك ليلى. قرأت المحادثة كلها، والطرد في طريقه إليك اليوم.",
        {
            "agent": Agent(id="desk:leyla", name="ليلى"),
            "buttons": (
                Button(title="شكرًا لك", payload="thanks"),
                Button(title="متى يصل؟", payload="when"),
            ),
        },
    ),
]
NIGHT: list[ChatLine] = [
    ("customer", "My lamp came broken, I would like to talk to somebody", {}),
    ("bot", "I am passing you to a person in our team, who will answer you here.", {}),
    (
        "bot",
        """Nobody is at work right now. You will have an answer after we open, on Wednesday 25 \
November at 09:00. If you cannot wait here, write me your e-mail address, and the answer comes \
there. You do not have to: without it, the answer will be here.""",
        {},
    ),
    ("customer", "jo@example.org", {}),
    (
        "bot",
        """I have sent a code to jo@example.org. Repeat it here, or reply to that mail with YES, \
and our answer goes to that address.""",
        {},
    ),
]
LOOK = {"starters": {"en": ["Where is my order?", "How do I return something?", "Opening hours"]}}
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def screenshot(
    browser: Browser,
    file: Path,
    lines: list[ChatLine],
    *,
    lang: str = "en",
    offline: str = "",
    stars: int = 0,
    person: str = "",
    menu: bool = False,
    **options: Any,
) -> None:
    """Save a screenshot of one window with the messages ``lines``."""
    gateway = FakeGateway()
    server = TestServer(_app(gateway, lang), skip_url_asserts=True)
    await server.start_server()
    context = await browser.new_context(reduced_motion="reduce", **options)
    page = await context.new_page()
    await page.goto(str(server.make_url("/")))
    await page.locator("warmline-chat .launcher").wait_for(state="attached")
    await until(lambda: page.evaluate(LIVE))
    session = await page.evaluate("document.querySelector('warmline-chat').client.session")
    here = Address(channel="webchat", value=session)
    for index, (author, text, more) in enumerate(lines):
        at = gateway.now() - timedelta(minutes=2 * (len(lines) - index))
        gateway.put(here, text, author=author, at=at, **more)
    await until(lambda: _count(page, len(lines)))
    if person:
        gateway.claim(here, person)
        await page.locator("warmline-chat .presence.person").wait_for()
    if menu:
        await page.locator("warmline-chat .more summary").click()
    if offline:
        await context.set_offline(offline=True)
        await page.locator("warmline-chat textarea").fill(offline)
        await page.locator("warmline-chat .send").click()
        await page.locator("warmline-chat .waits").wait_for()
    if stars:
        await page.locator("warmline-chat .stars label").nth(stars - 1).click()
    await page.screenshot(path=file)
    await context.close()
    await server.close()


async def _count(page: Any, wanted: int) -> bool:
    return await page.locator("warmline-chat .bubble").count() == wanted


def _app(gateway: FakeGateway, lang: str) -> web.Application:
    chat = Webchat(
        WebchatSettings.model_validate({"look": LOOK}),
        secret="s" * 40,
        public_url="https://shop.example",
    )

    async def html(_: web.Request) -> web.Response:
        return web.Response(text=HTML.format(lang=lang), content_type="text/html")

    async def style(_: web.Request) -> web.Response:
        return web.Response(text=STYLE, content_type="text/css")

    app = web.Application()
    app.add_routes(
        [*chat.routes(gateway.services), web.get("/", html), web.get("/page.css", style)]
    )
    return app


async def main(folder: Path) -> None:
    """Take all screenshots, into ``folder``."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=needs("chromium"), args=list(CHROMIUM_FLAGS)
        )
        await screenshot(
            browser, folder / "webchat-desktop.png", [*CASE, THANKS], person="Ana", **DESK
        )
        await screenshot(browser, folder / "webchat-start.png", [], menu=True, **DESK)
        await screenshot(browser, folder / "webchat-night.png", NIGHT, **PHONE)
        rated = [*CASE[2:], THANKS, SURVEY]
        dark = {**DESK, "color_scheme": "dark"}
        await screenshot(browser, folder / "webchat-dark.png", rated, stars=4, **dark)
        await screenshot(
            browser, folder / "webchat-phone.png", CASE[:2], offline="Is it today?", **PHONE
        )
        arabic = {**PHONE, "color_scheme": "dark"}
        await screenshot(browser, folder / "webchat-arabic.png", ARABIC, lang="ar", **arabic)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
