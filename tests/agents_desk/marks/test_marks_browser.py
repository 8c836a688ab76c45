"""Marks in a real browser: by keyboard, live, and accessible in both themes."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.agents_desk.marks.team_labels import COLOURS
from tests.agents_desk.conversations import ANA, BEN, JULES, DeskGateway
from tests.agents_desk.test_browser import page, signed_in, until_true
from tests.conftest import until

__all__ = ["page"]
PATH = f"/desk/c/{JULES}"


async def open_jules(page: Any) -> None:
    await page.goto(page.url.partition("/desk")[0] + PATH)
    await page.wait_for_selector("#marks")


async def test_marks_by_keyboard(page: Any, gw: DeskGateway) -> None:
    """`l` labels, `t` sets a reminder, `z` snoozes; each in place, without a mouse."""
    await open_jules(page)
    await page.keyboard.press("l")
    await page.keyboard.type("Refund")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#marks .label >> text=Refund")
    await page.keyboard.press("t")
    await page.keyboard.type("Ask whether it fits")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await until_true(page, "!document.getElementById('remind-menu').open")
    await page.keyboard.press("z")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#marks .snoozed")
    conversation = (await gw.desk.card(JULES)).conversation
    assert conversation.labels == ("refund",)
    assert conversation.snoozed_until is not None
    [reminder] = await gw.services.storage.scan("agents_desk", "reminder/")
    assert "Ask whether it fits" in reminder.value


async def test_a_reminder_fires_at_an_open_desk(page: Any, gw: DeskGateway) -> None:
    """The strip appears by itself, and an alert with none of the customer's words."""
    await open_jules(page)
    await page.evaluate("document.addEventListener('desk-alert', e => { window.told = e.detail })")
    await page.click("#remind-menu > summary")
    await page.fill("#remind-words", "Ask whether it fits")
    await page.click("#remind-menu button[value=hour]")
    await until_true(page, "!document.getElementById('remind-menu').open")
    settings = '{"sound":true,"kinds":["reminder"]}'
    await gw.services.storage.put("agents_desk", "alerts/desk:ana", settings)
    gw.clock.advance(1900)
    await page.reload()
    await page.evaluate("document.addEventListener('desk-alert', e => { window.told = e.detail })")
    await until_true(page, "document.getElementById('live-state').textContent === ''")
    gw.clock.advance(1800)
    await page.wait_for_selector("#due >> text=Ask whether it fits")
    await until_true(page, "window.told === 'reminder'")
    await page.click("#due >> text=Write it")
    await until_true(page, "document.getElementById('answer').value === 'Ask whether it fits'")


async def test_nothing_sounds_on_a_break(page: Any, gw: DeskGateway) -> None:
    """Unless the person wants it."""
    await open_jules(page)
    told = "import('%s').then(m => m.alertPerson({kind: 'answer', quiet: true}))"
    find = "document.querySelector('script[src$=\"/desk.js\"]').src"
    address = await page.evaluate(find)
    script = told % address.replace("desk.js", "alerts.js")
    await page.evaluate("document.addEventListener('desk-alert', () => { window.told = 1 })")
    await page.evaluate("document.body.dataset.onBreak = ''")
    await page.evaluate(script)
    assert await page.evaluate("window.told ?? 0") == 0
    await page.evaluate("delete document.body.dataset.onBreak")
    await page.evaluate(script)
    assert await page.evaluate("window.told") == 1


CONTRAST = """() => [...document.querySelectorAll('.label')].map((chip) => {
  const light = (text) => {
    const [r, g, b] = text.match(/\\d+/g).map((v) => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(chip);
  const pair = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
})"""
"""The contrast of each label as WCAG 2.2 defines it ("relative luminance", "contrast ratio")."""


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_colour_of_a_label_can_be_read(
    browser: Any, url: str, gw: DeskGateway, theme: str
) -> None:
    """At least 4.5 to 1 in both themes; and no page is wider than a phone."""
    labels = [f'{{"key":"{c}","title":"{c}","colour":"{c}"}}' for c in COLOURS]
    for colour, label in zip(COLOURS, labels, strict=True):
        await gw.services.storage.put("agents_desk", f"label/{colour}", label)
    await gw.desk.label(JULES, ANA, add=COLOURS)
    await gw.desk.note(JULES, BEN, "@ana please look")
    size = {"width": 390, "height": 800}
    page = await signed_in(browser, url, color_scheme=theme, viewport=size)
    for path in ("/desk/labels", "/desk/mentions", "/desk/reminders", "/desk/spam", "/desk/alerts"):
        await page.goto(url + path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], path
        if path == "/desk/labels":
            ratios = await page.evaluate(CONTRAST)
            assert len(ratios) == len(COLOURS)
            assert min(ratios) >= 4.5
    await open_jules(page)

    async def fits() -> bool:
        return bool(await page.evaluate("document.documentElement.scrollWidth <= 390"))

    assert await until(fits)
    assert page.errors == []
    await page.context.close()
