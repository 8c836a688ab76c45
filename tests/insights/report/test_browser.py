"""The report in a real browser: nothing is blocked, nothing overflows, on screens and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.insights.report.html import index_page
from plugins.insights.report.values import Report
from tests.agents_desk.conftest import PASSWORD
from tests.insights.report.test_desk import timeout, visiting

__all__ = ["timeout"]
SIZES = [(1440, "light"), (1280, "dark"), (390, "light")]
OVERFLOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SHOWN = "[...document.querySelectorAll('svg.plot')].filter(p => p.checkVisibility()).length"
OUTSIDE = """[...document.querySelectorAll('svg.plot')].filter(p => p.checkVisibility()).flatMap(
  p => [...p.querySelectorAll('text')].filter(t => {
    const [box, all] = [t.getBoundingClientRect(), document.documentElement.clientWidth];
    return box.left < 0 || box.right > all;
  }).map(t => t.textContent))"""
OVERLAPS = """[...document.querySelectorAll('svg.plot')].filter(p => p.checkVisibility()).flatMap(
  p => { const boxes = [...p.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]);
    return boxes.flatMap(([a, x], i) => boxes.slice(i + 1).filter(([b, y]) =>
      x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 && y.top < x.bottom - 1
    ).map(([b]) => a.textContent + ' / ' + b.textContent)); })"""


CUT = """[...document.querySelectorAll('table')].filter(
  t => t.parentElement.scrollWidth > t.parentElement.clientWidth).map(t => t.caption.textContent)"""
OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
ALL_MEASURES = "All measures, and what they were before"


async def opened(browser: Any, address: str, width: int, scheme: str) -> Any:
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = await context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    await page.goto(address)
    return page


@pytest.mark.parametrize(("width", "scheme"), SIZES)
async def test_index_html_fits_every_screen(
    browser: Any, report: Report, tmp_path: Path, width: int, scheme: str
) -> None:
    """One version of each plot is shown, and no label lies outside or upon another."""
    file = tmp_path / "index.html"
    file.write_text(index_page(report), "utf-8")
    page = await opened(browser, file.as_uri(), width, scheme)
    plots = sum(len(part.plots) for part in report.sections)
    assert await page.evaluate(SHOWN) == plots > 10
    assert await page.evaluate(OUTSIDE) == []
    assert await page.evaluate(OVERLAPS) == []
    assert not await page.evaluate(OVERFLOW)
    await page.evaluate(OPEN)
    assert (ALL_MEASURES in await page.evaluate(CUT)) == (width == 390)
    assert not await page.evaluate(OVERFLOW)
    await page.emulate_media(media="print")
    assert await page.evaluate(SHOWN) == plots
    assert page.errors == []


async def test_the_desk_blocks_nothing_of_it(browser: Any, tmp_path: Path) -> None:
    """Its policy allows the style sheet and the plots; a filter is a form without a script."""
    async with visiting(tmp_path) as visit:
        page = await opened(browser, f"{visit.url}/desk/report", 390, "light")
        await page.fill("#name", "ana")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/desk/report")
        assert await page.evaluate(SHOWN) > 0
        assert not await page.evaluate(OVERFLOW)
        await page.select_option("select[name=channel]", "other")
        await page.click("text=Show")
        await page.wait_for_url("**channel=other**")
        await page.wait_for_selector("text=1 conversation, 2 messages")
        await page.goto(f"{visit.url}/desk/me/load")
        await page.wait_for_selector("text=Only you see this page")
        assert page.errors == []
