"""The pages of sources in a real browser: readable for everybody, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import NewSource
from plugins.knowledge.sources import recheck
from plugins.knowledge.sources.requests import ReadRequests
from tests.agents_desk.accessibility import problems
from tests.agents_desk.conftest import PASSWORD
from tests.clients.conftest import needs_package
from tests.knowledge.sources.conftest import NoProcess, Site
from tests.knowledge.sources.test_pages import open_shop, read_through

pytestmark = pytest.mark.sqlite


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "ReadingProcess", NoProcess)


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
async def test_pages_are_readable(
    browser: Any, tmp_path: Path, site: Site, width: int, scheme: str
) -> None:
    """No page breaks a rule of axe-core, or scrolls sideways; with changes, a problem and a
    table."""
    needs_package("axe-core")
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
        context = await browser.new_context(viewport=view, color_scheme=scheme, bypass_csp=True)
        page = await context.new_page()
        await page.goto(f"{shop.url}/desk/sign-in")
        await page.fill("#name", "ana")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#queue")
        for path in ("", "/1", "/2", "/1/1", "/1/1?version=1"):
            await page.goto(f"{shop.url}/desk/sources{path}")
            assert await problems(page, scheme, width) == [], path
        await context.close()
