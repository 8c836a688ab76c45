"""An agent's whole shift without a mouse, from signing in to the break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import FileLimits, Traits
from plugins.agents_desk.composing.saved_replies import SavedReplies, SavedReply
from tests.agents_desk.conftest import PASSWORD
from tests.agents_desk.conversations import ANA, JULES, MARIA, DeskGateway
from tests.agents_desk.outgoing.conftest import png
from tests.agents_desk.test_browser import sent, until_true
from tests.conftest import until

HOLD = 5
HALF_AN_HOUR = 1800
ANSWER = "I will post the new one on Tuesday."
REMINDER = "Ask whether it arrived"
NO_MOUSE = """
for (const name of ["pointerdown", "mousedown", "touchstart"]) {
  addEventListener(name, () => usedMouse(name), true);
}
"""
"""Tells what Playwright's `click`, `check` and `tap` cause and keys do not."""


class Keys:
    """Ana's hands on the keyboard; `page` is only looked at."""

    def __init__(self, page: Any) -> None:
        self.page = page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def sees(self, selector: str, **how: Any) -> None:
        await self.page.wait_for_selector(selector, **how)

    async def at(self, selector: str) -> bool:
        """Whether the focus is on it."""
        found: bool = await self.page.evaluate(
            "(wanted) => document.activeElement.matches(wanted)", selector
        )
        return found

    async def tab_to(self, selector: str) -> None:
        """Press Tab until the focus is there, as somebody who sees the page does."""
        for _ in range(80):
            if await self.at(selector):
                return
            await self.press("Tab")
        pytest.fail(f"Tab does not lead to {selector}")

    async def command(self, name: str) -> None:
        """Choose the command ``name``, in full, from the palette."""
        await self.press("Control+K")
        await self.sees("#picker-input:focus")
        await self.type(name)
        chosen = self.page.locator(".picker [aria-selected=true] b")
        await until(lambda: _is(chosen, name))
        await self.press("Enter")


async def _is(locator: Any, text: str) -> bool:
    return await locator.all_text_contents() == [text]


@pytest.fixture
def desk_settings() -> dict[str, object]:
    return {"undo_send": HOLD}


@pytest.fixture
async def ana(browser: Any, url: str) -> AsyncIterator[Keys]:
    """She has just opened the desk, and nobody is signed in."""
    context = await browser.new_context()
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("response", lambda r: troubles.append(f"{r.status} {r.url}") if r.status > 399 else 0)
    await page.expose_function("usedMouse", lambda name: troubles.append(f"used: {name}"))
    await page.add_init_script(NO_MOUSE)
    await page.goto(f"{url}/desk")
    yield Keys(page)
    # Who signs out while the page refreshes itself is refused; before that, a 401 ends the shift.
    assert [trouble for trouble in troubles if not trouble.startswith("401 ")] == []
    await context.close()


async def _sign_in(ana: Keys) -> None:
    await ana.tab_to("#name")
    await ana.type("ana")
    await ana.press("Tab")
    await ana.type(PASSWORD)
    await ana.press("Enter")
    await ana.sees("#queue")
    await ana.page.wait_for_load_state()  # with its shortcuts


async def _look_around(ana: Keys) -> None:
    """Search and open what was found; a list with a filter; that list as a view, and its end."""
    await ana.press("/")
    await ana.sees("#find:focus")
    await ana.type("parcel")
    await ana.press("Enter")
    await ana.page.wait_for_url("**/desk/search?q=parcel")
    await ana.tab_to("main a[href^='/desk/c/']")
    await ana.press("Enter")
    await ana.page.wait_for_url("**/desk/c/*")
    await ana.command("List: All")
    await ana.page.wait_for_url("**/desk/list/all")
    await ana.command("Filters")
    await until_true(ana.page, "document.activeElement.id === 'f-channel'")
    await ana.type("E-mail")
    await ana.tab_to(".filter-form button[type=submit]")
    await ana.press("Enter")
    await ana.page.wait_for_url("**/desk/list/all?channel=email**")
    await ana.command("Save as a view")
    await until_true(ana.page, "document.activeElement.id === 'view-title'")
    await ana.type("Mails")
    await ana.press("Enter")
    await ana.sees(".views >> text=Mails")
    await ana.command("Queue")
    await ana.page.wait_for_url("**/desk")
    await ana.command("View: Mails")
    await ana.sees(".list-row")
    assert await ana.page.locator(".list-row").count() == 2


async def _answer(ana: Keys, gw: DeskGateway) -> None:
    """From the queue: claim; a gap keeps the draft here; a file; taken back, and sent."""
    await ana.command("Queue")
    await ana.page.wait_for_url("**/desk")
    for _ in range(8):
        await ana.press("j")
        if await ana.at(f"#q{MARIA}"):
            break
    await ana.press("Enter")
    await ana.page.wait_for_url(f"**/desk/c/{MARIA}**")
    await ana.press("c")
    await ana.sees("#answer:focus")
    await ana.type("It will come […]")
    await ana.press("Control+Enter")
    await ana.sees("#answer-hint >> text=marked gap")
    await ana.press("Control+A")
    await ana.type(ANSWER)
    async with ana.page.expect_file_chooser() as opened:
        await ana.command("Attach files")
    picture = {"name": "label.png", "mimeType": "image/png", "buffer": png()}
    await (await opened.value).set_files([picture])
    await ana.sees("#outgoing .name >> text=label.png")
    await ana.command("Reply")
    await ana.sees("#answer:focus")
    await ana.press("Control+Enter")
    await ana.sees("#take-back")
    await until_true(ana.page, "document.getElementById('answer').value === ''")
    await ana.press("Control+Z")
    await until_true(ana.page, f"document.getElementById('answer').value === '{ANSWER}'")
    await ana.sees("#answer:focus")
    await ana.press("Control+Enter")
    await ana.sees("#take-back")
    gw.clock.advance(HOLD)
    await sent(gw, ANSWER)


async def _mark(ana: Keys) -> None:
    """Label, reminder, mention, and a fact confirmed from the palette."""
    await ana.sees("#take-back", state="detached")
    await ana.press("Escape", "l")
    await ana.type("Carrier")
    await ana.press("Enter")
    await ana.sees("#marks .label >> text=Carrier")
    await until_true(ana.page, "!document.querySelector('.menu[open]')")
    await ana.press("t")
    await ana.type(REMINDER)
    await ana.tab_to("#remind-menu button[value=hour]")
    await ana.press("Enter")
    await until_true(ana.page, "!document.querySelector('.menu[open]')")
    await ana.press("n")
    await ana.type("@ben is there another one?")
    await ana.press("Control+Enter")
    await ana.sees(".m.note .mention >> text=@ben")
    await ana.press("Escape")
    await ana.command("Confirm order 4471")
    await ana.sees(".confirmed >> text=Ana")


async def _snooze(ana: Keys, gw: DeskGateway) -> None:
    """Until tomorrow; the reminder comes up all the same, and is settled; then the case is back."""
    await ana.press("z")
    await ana.tab_to("#snooze-menu button[value=tomorrow]")
    await ana.press("Enter")
    await ana.sees("#marks .snoozed")
    for _ in range(2):
        gw.clock.advance(HALF_AN_HOUR)
        await ana.command("Queue")  # a session ends after an hour without anything done
        await ana.page.wait_for_url("**/desk")
        await ana.command("Maria Oliveira")
        await ana.page.wait_for_url(f"**/desk/c/{MARIA}")
    await ana.sees(f"#due >> text={REMINDER}")
    await ana.command(f"Done: {REMINDER}")
    await ana.sees("#due", state="hidden")
    await ana.command("End the snooze")
    await ana.sees("#marks .snoozed", state="detached")


async def _transfer(ana: Keys, gw: DeskGateway) -> None:
    """With the priority and the first waiting time that the case had."""
    before = (await gw.desk.card(MARIA)).handoff
    await ana.command("Transfer")
    await until_true(ana.page, "document.activeElement.closest('#transfer') !== null")
    await ana.tab_to("#reason")
    await ana.type("Needs a replacement")
    await ana.press("Enter")
    await ana.sees("#claim")
    waiting = (await gw.desk.queue_page()).waiting
    [item] = [item for item in waiting if item.conversation.id == MARIA]
    assert (item.handoff.priority, item.waiting_since) == (before.priority, before.created_at)
    assert item.handoff.tier == "specialist"


async def _finish(ana: Keys, gw: DeskGateway) -> None:
    """Choose a line of a list, resolve it, and take that back; then a break, and its end."""
    await ana.command("Queue: Mine")
    await ana.sees("#show-mine[aria-current]")
    await ana.command("List: All")
    await ana.page.wait_for_url("**/desk/list/all")
    for _ in range(12):
        await ana.press("j")
        if await ana.at(f"#r{JULES} .listed"):
            break
    await ana.press("x")
    await ana.sees("#picked >> text=1 chosen")
    await ana.command("Resolve the chosen")
    await ana.sees("#undo")
    await ana.command("Undo")
    await ana.sees("#undo", state="detached")
    assert await gw.owner(JULES) == ANA.id
    await ana.command("Break page")
    await ana.page.wait_for_url("**/desk/break")
    await ana.command("Begin a break")
    await ana.sees("h1 >> text=Your break")
    await ana.command("Queue")
    await ana.sees("#staff-bar >> text=on a break")
    await ana.command("I am back")
    await ana.sees("#staff-bar >> text=on a break", state="detached")
    await ana.command("Sign out")
    await ana.sees("#password")


async def test_a_shift_by_keyboard_alone(ana: Keys, gw: DeskGateway) -> None:
    """Sign in, search, list, view, claim, gap, file, undo, label, reminder, mention, snooze,
    transfer, bulk act, break, sign out; no mouse, no error."""
    gw.channels["webchat"].traits = Traits(attachments=True, files=FileLimits(most=2))
    saved = SavedReplies(gw.services.storage)
    await saved.save(SavedReply(name="Exchange", text="Exchanges are free."))
    await _sign_in(ana)
    await _look_around(ana)
    await _answer(ana, gw)
    await _mark(ana)
    await _snooze(ana, gw)
    await _transfer(ana, gw)
    await _finish(ana, gw)
