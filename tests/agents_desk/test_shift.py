"""An agent's shift in a browser, from the first search to the break."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway import FileLimits, Traits
from plugins.agents_desk.composing.saved_replies import SavedReplies, SavedReply
from tests.agents_desk.conversations import ANA, JULES, MARIA, DeskGateway
from tests.agents_desk.outgoing.conftest import png
from tests.agents_desk.test_browser import open_maria, page, sent, until_true
from tests.conftest import until

__all__ = ["page"]

HOLD = 5
PROMISE = "I will post the new one on Tuesday."
REMINDER = "Ask whether it arrived"


@pytest.fixture
def desk_settings() -> dict[str, object]:
    return {"undo_send": HOLD}


async def _look_around(page: Any) -> None:
    """Search; a list with a filter; that list as a view."""
    await page.keyboard.press("/")
    await page.keyboard.type("parcel")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/search?q=parcel")
    await page.click("#all-menu > summary")
    await page.wait_for_selector(".all-list >> text=Sign out")
    await page.keyboard.press("Escape")
    await page.wait_for_selector(".all-list >> text=Sign out", state="hidden")
    await page.click(".home")
    await page.click("#lists >> text=All")
    await page.click("#filters > summary")
    await page.select_option("#f-channel", "email")
    await page.click(".filter-form button[type=submit]")
    await page.click("#save-view > summary")
    await page.fill("#view-title", "Mails")
    await page.click("#save-view button.main")
    await page.wait_for_selector(".views >> text=Mails")
    assert await page.locator(".list-row").count() == 2


async def _answer(page: Any, gw: DeskGateway) -> None:
    """A gap keeps a draft here; an answer with a file is taken back, and sent later."""
    await open_maria(page, gw)
    await page.keyboard.type("It will come […]")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#answer-hint >> text=marked gap")
    await page.keyboard.press("Control+A")
    await page.keyboard.type(PROMISE)
    assert await page.text_content("#answer-hint") == ""
    picture = {"name": "label.png", "mimeType": "image/png", "buffer": png()}
    await page.set_input_files("input[type=file]", [picture])
    await page.wait_for_selector("#outgoing .name >> text=label.png")
    await page.focus("#answer")
    await page.keyboard.press("Control+Enter")
    await page.click("#take-back")
    await until_true(page, f"document.getElementById('answer').value === '{PROMISE}'")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    gw.clock.advance(HOLD)
    await sent(gw, PROMISE)


async def _mark(page: Any, gw: DeskGateway) -> None:
    """Label, reminder, mention and snooze; nothing of it lands in the answer."""
    await page.wait_for_selector("#take-back", state="detached")
    await page.keyboard.press("Escape")
    for label in ("Refund run", "Carrier"):
        await page.keyboard.press("l")
        await page.keyboard.type(label)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"#marks .label >> text={label}")
        await until_true(page, "!document.querySelector('.menu[open]')")
    await page.keyboard.press("t")
    await page.keyboard.type(REMINDER)
    at = gw.clock.now() + timedelta(minutes=1)
    await page.fill("#remind-at", f"{at:%Y-%m-%dT%H:%M}")
    await page.click("#remind-menu .button.main")
    await until_true(page, "!document.querySelector('.menu[open]')")
    await page.keyboard.press("n")
    await page.keyboard.type("@ben is there another one?")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector(".m.note .mention >> text=@ben")
    await page.keyboard.press("Escape")
    await page.keyboard.press("z")
    await page.click("#snooze-menu button[value=tomorrow]")
    await page.wait_for_selector("#marks .snoozed")
    assert await page.input_value("#answer") == ""
    assert (await gw.desk.card(MARIA)).conversation.labels == ("carrier", "refund-run")


async def _hear_of_it(gw: DeskGateway) -> None:
    """Ben, who was mentioned."""

    async def stored() -> bool:
        return len(await gw.services.storage.scan("agents_desk", "mention/desk:ben/")) == 1

    await until(stored)


async def _follow_up(page: Any, gw: DeskGateway) -> None:
    """The reminder comes up by itself; its words become a draft, which is not sent."""
    reminder = page.locator(f"#due >> text={REMINDER}")

    async def is_due() -> bool:
        gw.clock.advance(60)  # the watch of reminders may not have slept yet
        return bool(await reminder.is_visible())

    await until(is_due, every=0.5)
    await page.click("#due >> text=Write it")
    await until_true(page, f"document.getElementById('answer').value === '{REMINDER}'")
    await page.click("#due >> text=Done")
    await page.wait_for_selector("#due", state="hidden")


async def _transfer(page: Any, gw: DeskGateway) -> None:
    """With the priority and the first waiting time that the case had."""
    before = (await gw.desk.card(MARIA)).handoff
    await page.click("#transfer > summary")
    await page.fill("#reason", "Needs a replacement")
    await page.click("#transfer .button.main")
    await page.wait_for_selector("#claim")
    waiting = (await gw.desk.queue_page()).waiting
    [item] = [item for item in waiting if item.conversation.id == MARIA]
    assert (item.handoff.priority, item.waiting_since) == (before.priority, before.created_at)
    assert item.handoff.tier == "specialist"


async def _reply_by_slash(page: Any, gw: DeskGateway) -> None:
    """A list that is closed again gives the caret back."""
    await page.goto(f"{gw.url}/desk/c/{JULES}")
    await page.keyboard.press("r")
    await page.keyboard.press("/")
    await page.wait_for_selector("#picker-input:focus")
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#answer:focus")
    await page.keyboard.type("x")
    await until_true(page, "document.getElementById('answer').value === 'x'")
    await page.keyboard.press("Backspace")
    await page.keyboard.press("/")
    await page.wait_for_selector("#picker-input:focus")
    await page.keyboard.type("exch")
    await page.keyboard.press("Enter")
    await until_true(page, "document.getElementById('answer').value === 'Exchanges are free.'")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    gw.clock.advance(HOLD)
    await page.wait_for_selector(".m.agent >> text=Exchanges are free.")


async def _finish(page: Any, gw: DeskGateway) -> None:
    """Resolve all of one's own, and take it back; then a break."""
    await page.goto(f"{gw.url}/desk/list/mine")
    await page.check("#pick-all")
    await page.click("#bulk >> text=Resolve")
    await page.click("#undo")
    await page.wait_for_selector("#undo", state="detached")
    assert await gw.owner(JULES) == ANA.id
    await page.click(".bar .me")
    await page.get_by_role("button", name="On a break").click()
    await page.goto(f"{gw.url}/desk")
    await page.click("#staff-bar >> text=I am back")
    await page.wait_for_selector("#staff-bar >> text=on a break", state="detached")


async def test_an_agents_shift(page: Any, gw: DeskGateway) -> None:
    """Search, list, view, claim, gap, file, undo, label, reminder, mention, snooze, transfer, saved
    reply, bulk act, break: no error in the browser, and no answer of the server above 399."""
    refused: list[str] = []
    page.on("response", lambda r: refused.append(f"{r.status} {r.url}") if r.status > 399 else 0)
    gw.channels["webchat"].traits = Traits(attachments=True, files=FileLimits(most=2))
    saved = SavedReplies(gw.services.storage)
    await saved.save(SavedReply(name="Exchange", text="Exchanges are free."))
    await _look_around(page)
    await _answer(page, gw)
    await _mark(page, gw)
    await _hear_of_it(gw)
    await _follow_up(page, gw)
    await _transfer(page, gw)
    await _reply_by_slash(page, gw)
    await _finish(page, gw)
    assert refused == []
