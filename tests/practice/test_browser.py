"""A practice in a real browser: by keys, without scripts, readable for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agents_desk.accessibility import problems
from tests.agents_desk.conftest import PASSWORD
from tests.clients.conftest import needs_package
from tests.practice.shop import BAD, GOOD, open_shop

pytestmark = pytest.mark.sqlite


@asynccontextmanager
async def practising(browser: Any, folder: Path, **options: Any) -> AsyncIterator[Any]:
    """Ana's browser, on the page of practice. Her shop has a hard conversation of its own."""
    async with open_shop(folder) as shop:
        await shop.hard_conversation("eva")
        await shop.hard_conversation("finn")
        await shop.choose()
        page = await (await browser.new_context(**options)).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        await page.goto(f"{shop.url}/desk/sign-in")
        await page.fill("#name", "ana")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#queue")
        await page.goto(f"{shop.url}/desk/practice")
        yield page
        assert errors == []
        await page.context.close()


async def test_a_whole_practice_by_keys(browser: Any, tmp_path: Path) -> None:
    """Begin, answer with Ctrl and Enter, look back, share and take back."""
    async with practising(browser, tmp_path) as page:
        await page.locator("li", has_text="NOBODY answers").get_by_role("button").press("Enter")
        for text, heard in ((BAD, "the next empty phrase"), (GOOD, "Is there anything else")):
            await page.locator("#pr-reply").focus()
            await page.keyboard.insert_text(text)
            await page.keyboard.press("Control+Enter")
            await page.get_by_text(heard).wait_for()
        await page.wait_for_selector("#pr-reply:focus")
        await page.get_by_role("button", name="End and look back").press("Enter")
        await page.get_by_text("Turning points").wait_for()
        assert await page.locator("svg.arc g").count() == 3
        await page.get_by_role("button", name="Share with the leads").press("Enter")
        await page.get_by_role("button", name="Stop sharing").press("Enter")
        await page.get_by_role("button", name="Share with the leads").wait_for()


async def test_a_practice_without_scripts(browser: Any, tmp_path: Path) -> None:
    """Forms are enough, with a scenario of the team's own."""
    async with practising(browser, tmp_path, java_script_enabled=False) as page:
        await page.locator("li", has_text="waiting for my new lamp").first.locator("button").click()
        await page.fill("#pr-reply", GOOD)
        await page.click("button[value=reply]")
        await page.click("button[value=end]")
        await page.wait_for_selector("text=Turning points")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
async def test_pages_are_readable(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    """The list, a practice and its end break no rule of axe-core, and do not scroll sideways."""
    needs_package("axe-core")
    view = {"viewport": {"width": width, "height": 720}, "color_scheme": scheme}
    async with practising(browser, tmp_path, bypass_csp=True, **view) as page:
        assert await problems(page, scheme, width) == []
        await page.locator("li", has_text="NOBODY answers").get_by_role("button").click()
        await page.fill("#pr-reply", f"{BAD} {'x' * 200}")
        await page.click("button[value=reply]")
        assert await problems(page, scheme, width) == []
        await page.click("button[value=end]")
        await page.wait_for_selector("text=Turning points")
        assert await problems(page, scheme, width) == []
