"""Every page of the desk breaks no rule of axe-core, light and dark. Add your page to `PAGES`, and
what opens on it to a test of its own. A page without an entry fails a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway import Finding
from plugins import insights, knowledge, lead_rooms, practice
from plugins.agents_desk.composing.saved_replies import SavedReplies, SavedReply
from tests.agents_desk.accessibility import person, violations
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import JULES, MARIA, PRIYA, TOM, WEBCHAT, DeskGateway

PAGES = (
    ("", "/desk/sign-in"),
    ("ana", "/desk"),
    ("ana", "/desk/"),
    ("ana", "/desk?show=mine"),
    ("ana", "/desk/list/waiting"),
    ("ana", "/desk/list/all?channel=email"),
    ("ana", "/desk/list/snoozed"),  # empty
    ("ana", f"/desk/c/{JULES}"),  # hers
    ("ana", f"/desk/c/{TOM}"),  # nobody's
    ("ana", f"/desk/c/{PRIYA}"),  # Ben's
    ("ana", "/desk/c/2"),  # resolved
    ("ana", "/desk/c/9999"),
    ("ana", f"/desk/c/{MARIA}/audit"),
    ("ana", f"/desk/c/{JULES}/forward"),
    ("ana", "/desk/new"),
    ("ana", "/desk/new?q=maria"),
    ("ana", "/desk/mentions"),
    ("ana", "/desk/reminders"),
    ("ana", "/desk/alerts"),
    ("ana", "/desk/labels"),
    ("ana", "/desk/spam"),
    ("ana", "/desk/me"),
    ("ana", "/desk/me/load"),
    ("ana", "/desk/break"),
    ("ana", "/desk/praise"),
    ("ana", "/desk/people"),
    ("ana", "/desk/people/cleo"),
    ("ana", f"/desk/c/{MARIA}/replies"),
    ("ana", "/desk/search"),
    ("ana", "/desk/search?q=order"),
    ("ana", "/desk/replies"),
    ("ana", "/desk/second-factor"),
    ("ana", "/desk/report"),
    ("ana", "/desk/proposals"),
    ("ana", "/desk/review"),
    ("ana", "/desk/review/examples"),
    ("ana", "/desk/review/voice"),
    ("ana", "/desk/review/results"),
    ("ana", "/desk/rooms"),
    ("ana", "/desk/knowledge"),
    ("ana", "/desk/guide"),
    ("ana", "/desk/policy"),
    ("ana", "/desk/hours"),
    ("ana", "/desk/history"),
    ("ana", "/desk/practice"),
    ("ana", "/desk/sources"),
    ("", "/desk/join?link=unknown"),
    ("ana", "/desk/account"),
    ("dora", "/desk/users"),
    ("dora", "/desk/user/ana"),
    ("dora", "/desk/audit"),
)
"""Who opens which page; an empty name is nobody."""
ELSEWHERE = {
    "/desk/knowledge/answer": "lead_rooms/test_walk.py",
    "/desk/history/{number}": "lead_rooms/test_walk.py",
    "/desk/practice/{id}": "practice/test_browser.py",
    "/desk/proposals/{id}": "insights/learning/test_walk.py",
    "/desk/proposals/{id}/edit": "insights/learning/test_walk.py",
    "/desk/sources/{id}": "knowledge/sources/test_browser.py",
    "/desk/sources/{source}/{document}": "knowledge/sources/test_browser.py",
}
"""Pages that need more than the prepared conversations, and the tests that check them."""
NO_PAGES = re.compile(r"/static/|\.csv$|^/desk/queue$|^/desk/c/{id}/replies$")
"""Files, and parts that a script asks for."""
SCHEMES = ("light", "dark")


@pytest.fixture
def desk_plugins() -> Mapping[str, object]:
    return {
        "insights": insights,
        "knowledge": knowledge,
        "lead_rooms": lead_rooms,
        "practice": practice,
    }


async def test_no_page_is_forgotten(ana: Visit) -> None:
    """Each page that the gateway describes is in `PAGES` or in `ELSEWHERE`."""
    response = await ana.http.get(f"{ana.url}/openapi.json")
    opened = {path.partition("?")[0] for _, path in PAGES}
    forgotten = []
    for path, methods in (await response.json())["paths"].items():
        if not re.match("/desk(?:/|$)", path) or "get" not in methods or NO_PAGES.search(path):
            continue
        kinds = methods["get"]["responses"].get("200", {}).get("content", {})
        pattern = re.compile(re.sub(r"{\w+}", "[^/]+", path))
        if {"text/html", "*/*"} & {*kinds} and not any(map(pattern.fullmatch, opened)):
            forgotten.append(path)
    assert set(forgotten) == {*ELSEWHERE}
    for module in ELSEWHERE.values():
        assert "await problems(" in Path(__file__).parents[1].joinpath(module).read_text("utf-8")


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
