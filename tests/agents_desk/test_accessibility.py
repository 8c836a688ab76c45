"""Every page of the desk breaks no rule of axe-core, light and dark. Add your page to `PAGES`, and
what opens on it to a test of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway import Finding
from plugins import insights
from plugins.agents_desk.composing.saved_replies import SavedReplies, SavedReply
from tests.agents_desk.accessibility import person, violations
from tests.agents_desk.conversations import JULES, MARIA, PRIYA, TOM, WEBCHAT, DeskGateway

PAGES = (
    ("", "/desk/sign-in"),
    ("ana", "/desk"),
    ("ana", "/desk?show=mine"),
    ("ana", f"/desk/c/{JULES}"),  # hers
    ("ana", f"/desk/c/{TOM}"),  # nobody's
    ("ana", f"/desk/c/{PRIYA}"),  # Ben's
    ("ana", "/desk/c/2"),  # resolved
    ("ana", "/desk/c/9999"),
    ("ana", f"/desk/c/{MARIA}/audit"),
    ("ana", f"/desk/c/{MARIA}/replies"),
    ("ana", "/desk/search"),
    ("ana", "/desk/search?q=order"),
    ("ana", "/desk/replies"),
    ("ana", "/desk/second-factor"),
    ("ana", "/desk/report"),
    ("ana", "/desk/proposals"),
    ("ana", "/desk/review"),
    ("", "/desk/join?link=unknown"),
    ("ana", "/desk/account"),
    ("dora", "/desk/users"),
    ("dora", "/desk/user/ana"),
    ("dora", "/desk/audit"),
)
"""Who opens which page; an empty name is nobody."""
SCHEMES = ("light", "dark")


@pytest.fixture
def desk_plugins() -> Mapping[str, object]:
    return {"insights": insights}


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_every_page(browser: Any, url: str, gw: DeskGateway, scheme: str) -> None:
    """Contrast, names, roles, landmarks, headings and the rest."""
    await SavedReplies(gw.services.storage).save(SavedReply(name="Late", text="It is late."))
    people = {name: await person(browser, url, name, scheme) for name in ("", "ana", "dora")}
    found = {}
    for name, path in PAGES:
        page = people[name]
        await page.goto(url + path)
        if broken := await violations(page, scheme):
            found[path] = broken
    assert found == {}
    for page in people.values():
        await page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_opens_on_a_conversation(
    browser: Any, url: str, gw: DeskGateway, scheme: str
) -> None:
    """Suggestion, advice, a warning, the answer that waits, the palette, saved replies, help."""
    gw.voice.findings = tuple(
        Finding(
            rule="x", severity=severity, start=0, end=5, message="say it plainly", suggestion=""
        )
        for severity in ("error", "warning", "info")
    )
    await SavedReplies(gw.services.storage).save(SavedReply(name="Late", text="It is late."))
    page = await person(browser, url, "ana", scheme, viewport={"width": 1280, "height": 720})
    await page.goto(f"{url}/desk/c/{MARIA}")
    await page.keyboard.press("c")
    await page.wait_for_selector("#answer:focus")
    await page.keyboard.type("Hello")
    await page.wait_for_selector("#advice-more summary")
    for details in ("suggest", "advice-more", "transfer", "more-addresses"):
        await page.evaluate("(id) => { document.getElementById(id).open = true; }", details)
    assert await violations(page, scheme) == []
    await page.keyboard.press("Escape")
    for opens, box in (("Control+K", ".picker"), ("?", "#help")):
        await page.keyboard.press(opens)
        await page.wait_for_selector(f"{box}[open]")
        assert await violations(page, scheme) == []
        await page.keyboard.press("Escape")
        await page.wait_for_selector(f"{box}[open]", state="hidden")
    await page.click("#replies-open")
    await page.wait_for_selector(".picker [role=option]")
    assert await violations(page, scheme) == []
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#answer:focus")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    await page.route("**/desk/c/*", _hold_refresh)
    await gw.write(WEBCHAT, "One more thing")
    await page.fill("#answer", "Second")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#unseen")
    assert await violations(page, scheme) == []
    await page.context.close()


async def _hold_refresh(route: Any) -> None:
    """Never answer what the page fetches by itself, so that it does not see what is new."""
    if not route.request.headers.get("x-desk-live"):
        await route.continue_()


@pytest.fixture
def desk_settings() -> dict[str, object]:
    return {"undo_send": 5}
