"""A page with the widget on it, in a real browser, under a strict content security policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from gateway import Address
from tests.conftest import until
from tests.webchat.conftest import Chat, Start

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Locator, Page

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
POLICY += "img-src blob:"

HTML = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script type="module" src="/channels/webchat/widget.js"></script></head>
<body><h1>A shop</h1><p><a href="/">Home</a></p><warmline-chat {attributes}></warmline-chat></body>
</html>"""

LIVE = "document.querySelector('warmline-chat').client.state === 'live'"
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.blockedURI));
"""


async def serve_page(request: web.Request) -> web.Response:
    """The page; ``?lang=`` is its language, ``?with=`` the attributes of the element."""
    lang, attributes = request.query.get("lang", "en"), request.query.get("with", "")
    html = HTML.format(lang=lang, attributes=attributes)
    headers = {"Content-Security-Policy": POLICY}
    return web.Response(text=html, content_type="text/html", headers=headers)


class WidgetPage:
    """One browser tab with the page, and the widget in it."""

    def __init__(self, chat: Chat, page: Page, context: BrowserContext) -> None:
        self.chat, self.page, self.context = chat, page, context
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        # The browser itself writes refused and broken connections to the console.
        if (
            message.type == "error"
            and "ERR_" not in message.text
            and "WebSocket" not in message.text
        ):
            self.errors.append(message.text)

    async def visit(self, *, lang: str = "en", attributes: str = "") -> None:
        query = urlencode({"lang": lang, "with": attributes})
        await self.page.goto(f"{self.chat.url}/?{query}")
        await self.launcher.wait_for()

    async def open(self) -> None:
        await self.launcher.click()
        await self.live()

    async def live(self) -> None:
        await until(lambda: self.page.evaluate(LIVE))

    @property
    def launcher(self) -> Locator:
        return self.page.locator("warmline-chat .launcher")

    def find(self, selector: str) -> Locator:
        return self.page.locator(f"warmline-chat {selector}")

    @property
    def field(self) -> Locator:
        return self.find("textarea")

    async def write(self, text: str) -> None:
        await self.field.fill(text)
        await self.field.press("Enter")

    async def address(self) -> Address:
        session = await self.page.evaluate("document.querySelector('warmline-chat').client.session")
        return Address(channel="webchat", value=session)

    async def texts(self) -> list[str]:
        """The texts of all bubbles, in the order on the screen."""
        return [text.strip() for text in await self.find(".bubble").all_inner_texts()]

    async def focused(self) -> str:
        """The accessible name, or the text, of the focused element."""
        return str(
            await self.page.evaluate(
                """() => {
                  let node = document.activeElement;
                  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
                  return node.ariaLabel || node.textContent || node.tagName;
                }"""
            )
        )


@asynccontextmanager
async def open_page(browser: Browser, start: Start, **options: Any) -> AsyncIterator[WidgetPage]:
    """A tab with the page. At its end there must have been no error and no policy violation."""
    settings, logo = options.pop("settings", {}), options.pop("logo", None)
    chat = await start(web.get("/", serve_page), logo=logo, **settings)
    context = await browser.new_context(**options)
    await context.add_init_script(WATCH)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    widget = WidgetPage(chat, page, context)
    try:
        yield widget
        assert await page.evaluate("violations") == []
        assert widget.errors == []
    finally:
        await context.close()
