"""The pages of sources in a real browser: readable for everybody, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import NewSource
from plugins.knowledge.sources import recheck
from plugins.knowledge.sources.requests import ReadRequests
from tests.agents_desk.conftest import PASSWORD
from tests.agents_desk.test_browser import CONTRAST
from tests.knowledge.sources.conftest import NoProcess, Site
from tests.knowledge.sources.test_pages import open_shop, read_through
from tests.practice.test_browser import NAMELESS

pytestmark = pytest.mark.sqlite


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "ReadingProcess", NoProcess)


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
async def test_pages_are_readable(
    browser: Any, tmp_path: Path, site: Site, width: int, scheme: str
) -> None:
    """Contrast of at least 4.5, no sideways scrolling, a name for each control, and no id twice;
    with changes, a problem and a table."""
    table = "<table><tr><th>Country<th>Price<tr><td>Spain<td>€7</table>"
    site.pages["/help/"] = f"<h1>Costs</h1><p>A parcel costs €4.90.</p>{table}<a href=gone>x</a>"
    async with open_shop(tmp_path, site) as shop:
        store = shop.services.knowledge
        assert store is not None
        await store.add_source(
            NewSource(location=f"{site.url}/help/", title="Help", owner="Ana", private=True)
        )
        await store.add_source(NewSource(location=f"{site.url}/refused/{'long' * 40}"))
        for price in ("€4.90", "€5.90"):
            site.pages["/help/"] = str(site.pages["/help/"]).replace("€4.90", price)
            for source in (1, 2):
                await ReadRequests(shop.services).ask(source)
            await read_through(shop)
        view = {"width": width, "height": 720}
        context = await browser.new_context(viewport=view, color_scheme=scheme)
        page = await context.new_page()
        await page.goto(f"{shop.url}/desk/sign-in")
        await page.fill("#name", "ana")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#queue")
        for path in ("", "/1", "/2", "/1/1", "/1/1?version=1"):
            await page.goto(f"{shop.url}/desk/sources{path}")
            assert await page.evaluate(CONTRAST) == [], path
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert await page.evaluate(NAMELESS) == [], path
            ids = await page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
            assert len(ids) == len(set(ids)), path
        await context.close()
