"""The whole loop in a browser: a bad answer is reviewed, a better one proposed, adopted, heard by
the next customer, and rolled back."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.testing import FakeClock
from plugins.insights.review.job import LOOK_EVERY
from plugins.insights.review.storage import ReviewStorage
from tests.agents_desk.accessibility import problems
from tests.agents_desk.conftest import PASSWORD
from tests.clients.conftest import needs_package
from tests.conftest import until
from tests.insights.learning.conftest import LATER, people
from tests.insights.learning.shop import Shop, open_shop

pytestmark = pytest.mark.sqlite
DAY = 86_400.0
BETTER = "You have your money within 5 working days. We write to you when it is on its way."
SHOTS = os.environ.get("WARMLINE_SCREENSHOTS")
"""A folder for pictures of the walk, for the documentation."""


class Person:
    """Somebody at the desk, in a browser without scripts."""

    def __init__(self, page: Any, shop: Shop) -> None:
        self.page, self._shop = page, shop

    async def open(self, path: str) -> None:
        await self.page.goto(self._shop.running.url + path)

    async def press(self, name: str) -> None:
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).click()

    async def sees(self, text: str) -> bool:
        return text in " ".join((await self.page.inner_text("main")).split())

    async def picture(self, name: str) -> None:
        if SHOTS:
            await self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture
async def person(browser: Any) -> AsyncIterator[Callable[..., Any]]:
    """Makes people who are signed in."""
    contexts: list[Any] = []

    async def enter(shop: Shop, name: str, **options: Any) -> Person:
        size = {"viewport": {"width": 1280, "height": 720}, "java_script_enabled": False}
        context = await browser.new_context(**{**size, **options})
        contexts.append(context)
        page = await context.new_page()
        await page.goto(f"{shop.running.url}/desk")
        await page.fill("#name", name)
        await page.fill("#password", PASSWORD)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        return Person(page, shop)

    yield enter
    for context in contexts:
        await context.close()


async def _draw(shop: Shop) -> None:
    """The day ends, and its answer is drawn for review."""
    storage = ReviewStorage(shop.running.services.storage)
    await until(storage.draws)  # of the day before the shop was opened
    await shop.running.pass_time(DAY)

    async def is_drawn() -> bool:
        await shop.running.pass_time(LOOK_EVERY)
        return any(draw.drawn for draw in await storage.draws())

    await until(is_drawn, every=0.2)


async def test_from_a_bad_answer_to_a_better_one_and_back(
    person: Callable[..., Any], tmp_path: Path
) -> None:
    async with open_shop(tmp_path, users=people()) as shop:
        kim = shop.customer("kim")
        await kim.say("When do I get my refund?")
        await _draw(shop)

        ben = await person(shop, "ben")
        await ben.open("/desk/review")
        await ben.page.get_by_role("link", name="All is right").click()
        await ben.page.check("input[name=tone][value=no]", force=True)
        await ben.page.fill("#rv-better", BETTER)
        await ben.picture("learning-review")
        await ben.press("Save")

        done = await shop.learning.learn()
        assert done.new == ("1",)
        ana = await person(shop, "ana")
        await ana.open("/desk/proposals")
        await ana.picture("learning-proposals")
        await ana.page.get_by_role("link", name="Change the answer about “refund” (en)").click()
        assert await ana.sees("A reviewer wrote a better answer; they found the tone wrong.")
        assert await ana.sees("All facts are kept")
        await ana.press("Evaluate again")
        await ana.picture("learning-proposal")
        await ana.page.fill("#why-adopt", "says that we write")
        await ana.press("Adopt")
        assert await ana.sees("Adopted by ana")
        await ana.picture("learning-adopted")

        lea = shop.customer("lea")
        await lea.say("When do I get my refund?")
        assert "You have your money within 5 working days." in lea.heard[-1]

        await ana.page.fill("#why-back", "we do not write to everybody")
        await ana.press("Roll back")
        assert await ana.sees("Rolled back")
        max_ = shop.customer("max")
        await max_.say("When do I get my refund?")
        assert "back in your account within 5 working days" in max_.heard[-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_the_pages(
    person: Callable[..., Any], prepared: Path, tmp_path: Path, scheme: str
) -> None:
    """No page breaks a rule of axe-core, or scrolls sideways on a phone."""
    needs_package("axe-core")
    shutil.copytree(prepared / "var", tmp_path / "var")
    async with open_shop(tmp_path, users=people(), clock=FakeClock(LATER)) as shop:
        ana = await person(
            shop,
            "ana",
            viewport={"width": 390, "height": 844},
            color_scheme=scheme,
            java_script_enabled=True,
            bypass_csp=True,
        )
        errors: list[str] = []
        ana.page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        for path in ("", "/1", "/2", "/3", "/5", "/1/edit", "/3/edit"):
            await ana.open(f"/desk/proposals{path}")
            assert await problems(ana.page, scheme, 390) == [], path
        assert errors == []
