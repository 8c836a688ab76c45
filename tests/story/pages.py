"""The customer's page and the agent's, in a real browser, as the process serves them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import until
from tests.story.serving import Server

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Locator, Page

WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.blockedURI));
"""
CUT = ("net::ERR_", "WebSocket connection to")
"""The browser's own words on a connection that is cut; it cannot be told to keep them."""
CLIENT = "document.querySelector('warmline-chat').client"


class Window:
    """A browser window. At its end no script failed and no policy was violated."""

    def __init__(self, server: Server, context: BrowserContext, page: Page, shots: Path) -> None:
        self.server, self.context, self.page = server, context, page
        self.troubles: list[str] = []
        self._shots = shots
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    async def shoot(self, name: str) -> None:
        """A picture of what is seen, for a person to look at."""
        await self.page.screenshot(path=self._shots / f"{name}.png")

    async def cut_off(self, how: bool) -> None:
        await self.context.set_offline(how)

    def forgive_the_cut(self) -> None:
        """Forget the browser's complaints about the connection that the test itself cut."""
        self.troubles = [t for t in self.troubles if not any(cut in t for cut in CUT)]


class Shop(Window):
    """The shop's front page, with the chat."""

    async def visit(self) -> None:
        await self.page.goto(f"{self.server.url}/")
        await self.page.evaluate("window.stayed = true")
        await self.page.locator("warmline-chat .launcher").click()
        await self.live()

    async def live(self) -> None:
        # Not `wait_for_function`: its polling needs `eval`, which the page's policy forbids.
        await until(lambda: self.page.evaluate(f"{CLIENT}.state === 'live'"), 60, every=0.05)

    def find(self, selector: str) -> Locator:
        return self.page.locator(f"warmline-chat {selector}")

    async def write(self, text: str) -> None:
        await self.find("textarea").fill(text)
        await self.find("textarea").press("Enter")

    async def heard(self, text: str, *, by: str = "bot", timeout: float = 30_000) -> str:
        """Wait for a message by ``by`` that contains ``text``; gives all of it."""
        row = self.find(f".row.{by} .bubble").filter(has_text=text).last
        await row.wait_for(timeout=timeout)
        return (await row.inner_text()).strip()

    async def said(self) -> list[str]:
        """What stands on the page as the customer's own, top to bottom."""
        return [one.strip() for one in await self.find(".row.customer .bubble").all_inner_texts()]

    async def sent(self, count: int) -> None:
        """Wait until the server has all of the customer's messages, ``count`` in number."""

        async def there() -> bool:
            pending = await self.page.evaluate(f"{CLIENT}.pending.length")
            return pending == 0 and len(await self.said()) == count

        await until(there, 60, every=0.1)

    async def address(self) -> str:
        return f"webchat:{await self.page.evaluate(f'{CLIENT}.session')}"

    async def held(self) -> dict[str, Any]:
        return await asyncio.to_thread(self.server.held, await self.address())


class DeskPage(Window):
    """The desk."""

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.server.url}/desk")
        await self.page.fill("#name", "una")
        await self.page.fill("#password", self.server.password)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_selector("#queue")

    async def open_waiting(self, preview: str) -> None:
        """Go to who said ``preview``, through the queue."""
        await self.page.locator("#queue a.item").filter(has_text=preview).click()
        await self.page.wait_for_selector("#messages")

    async def claim(self) -> None:
        await self.page.click("#claim")
        await self.page.wait_for_selector("#answer:focus")

    async def do(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def send(self) -> None:
        await self.page.keyboard.press("Control+Enter")


@asynccontextmanager
async def window(
    kind: type[Any], browser: Browser, server: Server, shots: Path, **options: Any
) -> AsyncIterator[Any]:
    """A window of its own for one person."""
    options = {"viewport": {"width": 1440, "height": 900}, **options}
    context = await browser.new_context(**options)
    await context.add_init_script(WATCH)
    page = await context.new_page()
    page.set_default_timeout(30_000)
    seen = kind(server, context, page, shots)
    try:
        yield seen
        violations = await page.evaluate("violations")
        assert not violations, violations
        assert not seen.troubles, seen.troubles
    finally:
        await context.close()
