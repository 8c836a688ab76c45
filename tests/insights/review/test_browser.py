"""The review page in a real browser: keys only, without scripts, and readable for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agents_desk.accessibility import problems
from tests.agents_desk.conftest import PASSWORD
from tests.clients.conftest import needs_package
from tests.insights.review.shop import SCRIPT, ReviewedShop, open_shop

pytestmark = pytest.mark.sqlite


class Keyboard:
    """Ben's browser. He uses keys only; ``presses`` counts them."""

    def __init__(self, shop: ReviewedShop, page: Any) -> None:
        self.shop, self.page, self.presses = shop, page, 0

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)
            self.presses += 1

    async def save(self) -> None:
        """Save, and wait for the next answer."""
        async with self.page.expect_navigation():
            await self.press("Enter")
        await self.shop.gateway.pass_time(1)

    async def judgements(self) -> list[Any]:
        return sorted((await self.shop.sheet()).judgements, key=lambda said: said.at)


@asynccontextmanager
async def reviewing(browser: Any, folder: Path, **options: Any) -> AsyncIterator[Keyboard]:
    async with open_shop(folder) as shop:
        await shop.write(*SCRIPT)
        await shop.next_day()
        page = await (await browser.new_context(**options)).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        await page.goto(f"{shop.url}/desk")
        await page.fill("#name", "ben")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#queue")
        await page.goto(f"{shop.url}/desk/review")
        yield Keyboard(shop, page)
        assert [error for error in errors if "422" not in error] == []
        await page.context.close()


async def test_reviews_by_keys_alone(browser: Any, tmp_path: Path) -> None:
    """`a` and Enter in the usual case, one more key for a fault. A wrong intent opens a box, and
    `u` brings the last review back."""
    async with reviewing(browser, tmp_path) as ben:
        for _ in range(3):
            await ben.press("a")
            await ben.save()
        assert ben.presses == 6
        await ben.press("a", "4", "5", "5", "x")
        await ben.save()
        assert ben.presses == 12
        await ben.press("a", "1")
        await ben.page.keyboard.type("billing")
        await ben.press("Enter", "b")
        await ben.page.keyboard.type("agbx 3 days")
        async with ben.page.expect_navigation():
            await ben.press("Control+Enter")
        await ben.page.wait_for_selector("text=Nothing waits for your review")
        *usual, fault, wrong = await ben.judgements()
        assert all(said.facts and said.tone and not said.tag for said in usual)
        assert (fault.tone, fault.opener, fault.tag) == (False, "missing", "bad")
        assert (wrong.intent, wrong.better, wrong.tag) == ("billing", "agbx 3 days", "")
        async with ben.page.expect_navigation():
            await ben.press("u")
        assert await ben.page.input_value("#rv-intent") == "billing"
        await ben.press("g")
        await ben.save()
        *_, wrong = await ben.judgements()
        assert (wrong.intent, wrong.tag) == ("billing", "good")


async def test_unanswered_questions_and_switched_off_keys(browser: Any, tmp_path: Path) -> None:
    """Enter stores nothing while a question is open. Single letters can be switched off, as at
    the desk (WCAG 2.1.4): then `s` skips nothing."""
    async with reviewing(browser, tmp_path) as ben:
        await ben.press("1", "3", "Enter")
        assert await ben.page.evaluate("document.querySelector('#rv-form :invalid') !== null")
        await ben.page.uncheck("#rv-single-keys")
        await ben.page.reload()
        await ben.press("s", "a")
        assert await ben.page.locator("#rv-form fieldset[data-key] input:checked").count() == 0
        assert await ben.judgements() == []


async def test_review_without_scripts(browser: Any, tmp_path: Path) -> None:
    """The link sets all to right; a wrong intent opens its box."""
    async with reviewing(browser, tmp_path, java_script_enabled=False) as ben:
        await ben.page.click("text=All is right")
        await ben.page.check("input[name=intent_right][value=no]")
        await ben.page.click("button[value=save]")
        await ben.page.wait_for_selector("text=Please write which intent it is")
        await ben.page.fill("#rv-intent", "billing")
        await ben.page.click("button[value=save]")
        await ben.page.wait_for_selector("text=1 reviewed in seven days")
        [said] = await ben.judgements()
        assert said.intent == "billing"


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
async def test_pages_are_readable(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    """No page breaks a rule of axe-core, or scrolls sideways."""
    needs_package("axe-core")
    view = {"viewport": {"width": width, "height": 720}, "color_scheme": scheme}
    async with reviewing(browser, tmp_path, bypass_csp=True, **view) as ben:
        await ben.press("a", "3", "x")
        await ben.page.evaluate("document.querySelectorAll('input[value=no]')[0].checked = true")
        for path in ("", "/examples", "/voice?month=2026-03", "/results"):
            if path:
                await ben.page.goto(f"{ben.shop.url}/desk/review{path}")
            assert await problems(ben.page, scheme, width) == [], path
        assert await ben.page.evaluate("document.querySelectorAll('main').length") == 1
