"""A lead's hour in a browser: hours, an answer with a live test, guide, policy, and back."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.testing import RunningGateway
from tests.agents_desk.accessibility import problems
from tests.agents_desk.conftest import PASSWORD
from tests.clients.conftest import needs_package
from tests.lead_rooms.shop import ASKED, hears, open_rooms

pytestmark = pytest.mark.sqlite
SHOTS = os.environ.get("WARMLINE_SCREENSHOTS")
"""A folder for pictures of the walk, for the documentation."""
BETTER = "You have your money within {days} working days."
PAGES = (
    "rooms",
    "knowledge",
    "knowledge/answer?intent=refund",
    "knowledge/answer",
    "guide",
    "policy",
    "hours",
    "history",
    "history/1",
)


class LeadAtDesk:
    """A lead in a browser."""

    def __init__(self, page: Any, shop: RunningGateway) -> None:
        self.page, self.shop = page, shop

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.shop.url}/desk/{path}")

    async def press(self, name: str) -> None:
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).click()

    async def save(self, why: str) -> None:
        await self.page.fill("#why", why)
        await self.press("Save")
        assert await self.sees("Saved as version")

    async def sees(self, text: str) -> bool:
        return text in " ".join((await self.page.inner_text("main")).split())

    async def picture(self, name: str) -> None:
        if SHOTS:
            await self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture
async def at_desk(browser: Any) -> AsyncIterator[Callable[..., Any]]:
    """Signs Ana in."""
    contexts: list[Any] = []

    async def enter(shop: RunningGateway, **options: Any) -> LeadAtDesk:
        context = await browser.new_context(**options)
        contexts.append(context)
        page = await context.new_page()
        await page.goto(f"{shop.url}/desk")
        await page.fill("#name", "ana")
        await page.fill("#password", PASSWORD)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        return LeadAtDesk(page, shop)

    yield enter
    for context in contexts:
        await context.close()


async def _set_hours(ana: LeadAtDesk) -> None:
    """With Christmas, tried before it is saved."""
    page = ana.page
    await page.click("#all-menu > summary")
    await page.get_by_role("link", name="Rooms").click()
    await page.locator(".lr-rooms").get_by_role("link", name="Hours").click()
    await page.uncheck("#f-always")
    await page.fill("#f-timezone", "Europe/Berlin")
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday"):
        await page.fill(f"#f-week-{day}", "09:00-12:30, 13:30-18:00")
    await page.fill("#f-holidays", "2026-12-25\n2026-12-26")
    await page.fill("#f-exceptions", "2026-12-24 09:00-12:00")
    await ana.press("Preview")
    assert await ana.sees("People are there again on Monday 28 December, 09:00.")
    await ana.picture("rooms-hours")
    await ana.save("lunch and Christmas")


async def _edit_answer(ana: LeadAtDesk) -> None:
    """With a live test."""
    page = ana.page
    await page.get_by_role("link", name="Knowledge", exact=True).click()
    await page.get_by_role("link", name="refund", exact=True).click()
    await page.fill("#f-body-en", BETTER)
    await page.fill("#f-examples", "are you open on monday")
    await page.fill("#say", ASKED)
    await ana.press("Try")
    assert await ana.sees("You have your money within 5 working days.")
    assert await ana.sees("is nearer to opening hours")
    await ana.picture("rooms-answer")
    await page.fill("#f-examples", "")
    await ana.save("shorter")


async def _edit_guide(ana: LeadAtDesk) -> None:
    """With past replies compared."""
    page = ana.page
    await page.get_by_role("link", name="Guide", exact=True).click()
    await page.fill("#f-phrase-1", "account")
    await page.fill("#f-instead-1", "bank")
    await page.fill("#f-phrase-2", "from nine to five")
    await page.fill("#f-instead-2", "from 9 to 5")
    await ana.press("Compare 100 past replies")
    assert await ana.sees("replies would read differently.")
    await ana.picture("rooms-guide")
    await ana.save("as customers say it")


async def _edit_policy(ana: LeadAtDesk) -> None:
    """With its effect."""
    page = ana.page
    await page.get_by_role("link", name="Policy", exact=True).click()
    await page.fill('[id="f-reasons.low_confidence.below"]', "0.98")
    await ana.press("Show the effect")
    assert await ana.sees("of 2 messages in 2 conversations")
    await ana.picture("rooms-policy")
    await ana.save("surer")


async def _roll_back(ana: LeadAtDesk) -> None:
    """The answer alone."""
    page = ana.page
    await page.get_by_role("link", name="History", exact=True).click()
    await ana.picture("rooms-history")
    await page.get_by_role("link", name="Version 2: shorter").click()
    await page.fill("#why", "the old one was clearer")
    await ana.press("Take it back")
    assert await ana.sees("back to your files")
    await ana.picture("rooms-version")


async def test_a_leads_hour(at_desk: Callable[..., Any], tmp_path: Path) -> None:
    """The next customer gets the new answer, and after the roll-back the old one again."""
    async with open_rooms(tmp_path) as shop:
        await hears(shop, "kim", "when do I get my refund now")
        await hears(shop, "lea", "when are you open")
        await shop.pass_time(60)
        ana = await at_desk(
            shop, viewport={"width": 1280, "height": 720}, java_script_enabled=False
        )
        await _set_hours(ana)
        await _edit_answer(ana)
        assert "You have your money" in await hears(shop, "max")
        await _edit_guide(ana)
        await _edit_policy(ana)
        await _roll_back(ana)
        assert "A refund is back in your bank within 5" in await hears(shop, "mia")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_the_rooms(
    at_desk: Callable[..., Any], tmp_path: Path, scheme: str
) -> None:
    """No page breaks a rule of axe-core, or scrolls sideways on a phone."""
    needs_package("axe-core")
    async with open_rooms(tmp_path) as shop:
        phone = {"width": 390, "height": 844}
        ana = await at_desk(shop, viewport=phone, color_scheme=scheme, bypass_csp=True)
        errors: list[str] = []
        ana.page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        await ana.open("hours")
        await ana.page.uncheck("#f-always")
        await ana.save("closed")
        for path in PAGES:
            await ana.open(path)
            assert await problems(ana.page, scheme, 390) == [], path
            await ana.picture(f"phone-{scheme}-{path.replace('/', '-').replace('?', '-')}")
        assert errors == []
