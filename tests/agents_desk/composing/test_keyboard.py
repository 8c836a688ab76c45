"""A conversation by keyboard alone, in a real browser: draft, saved reply, undo, palette."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Agent, Event, Finding
from plugins.agents_desk.composing.saved_replies import SavedReplies, SavedReply
from tests.agents_desk.conversations import BEN, MARIA, PRIYA, SUGGESTION, WEBCHAT, DeskGateway
from tests.agents_desk.test_browser import open_maria, page, sent, signed_in, until_true
from tests.conftest import until

__all__ = ["page"]

HOLD = 5
ANA = Agent(id="desk:ana", name="Ana")
LATE = "Hello {{name}}, {{order}} is late. Expect it on {{day}}."


@pytest.fixture
def desk_settings() -> dict[str, object]:
    return {"undo_send": HOLD}


async def replies(gw: DeskGateway) -> SavedReplies:
    saved = SavedReplies(gw.services.storage)
    await saved.save(SavedReply(name="Parcel is late", text=LATE))
    await saved.save(SavedReply(name="Returns", text="Returns are free."))
    return saved


async def choose(page: Any, text: str) -> None:
    await page.keyboard.type(text)
    await page.wait_for_selector(".picker [aria-selected=true]")
    await page.keyboard.press("Enter")


async def test_a_case_from_claim_to_resolution(page: Any, gw: DeskGateway) -> None:
    """Open, draft, saved reply, send, undo, send again, resolve; never a mouse."""
    saved = await replies(gw)
    await open_maria(page, gw)
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    assert await page.input_value("#answer") == SUGGESTION
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Delete")
    await page.keyboard.press("/")
    await page.wait_for_selector("#picker-input:focus")
    await choose(page, "parlat")
    await until_true(page, "document.activeElement.id === 'answer'")
    filled = "Hello Maria Oliveira, 4471 is late. Expect it on {{day}}."
    await until_true(page, f"document.getElementById('answer').value === {filled!r}")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#outcome >> text=Fill in {{day}}")
    await until_true(page, "document.activeElement.id === 'answer'")
    await page.keyboard.type("Friday")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    await until_true(page, "document.getElementById('answer').value === ''")
    await page.keyboard.press("Control+Z")
    answer = filled.replace("{{day}}", "Friday")
    await until_true(page, f"document.getElementById('answer').value === {answer!r}")
    assert await page.query_selector("#take-back") is None
    await page.keyboard.press("Control+End")
    await page.keyboard.type(" Sorry!")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    gw.clock.advance(HOLD)
    await sent(gw, f"{answer} Sorry!")
    await page.wait_for_selector(".m.agent >> text=Sorry!")
    await page.keyboard.press("Control+K")
    await page.wait_for_selector("#picker-input:focus")
    await choose(page, "resol")
    await page.wait_for_selector("text=This conversation is resolved.")
    uses = {reply.name: reply.uses for reply in await saved.seen_by(ANA)}
    assert uses == {"Parcel is late": 1, "Returns": 0}
    page.errors = [error for error in page.errors if "422" not in error]


async def test_undo_keeps_what_was_typed_since(page: Any, gw: DeskGateway) -> None:
    """The answer comes back before the new words, also after a reload."""
    await open_maria(page, gw)
    await page.keyboard.type("First.")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    await until_true(page, "document.getElementById('answer').value === ''")
    await page.keyboard.type("Second.")
    await page.keyboard.press("Escape")
    await page.keyboard.press("u")
    await until_true(page, "document.getElementById('answer').value === 'First.\\n\\nSecond.'")
    assert page.url.endswith(f"/desk/c/{MARIA}")
    await page.reload()
    assert await page.input_value("#answer") == "First.\n\nSecond."
    assert await gw.sent_answers() == []


async def test_undo_overtakes_the_answer(page: Any, gw: DeskGateway) -> None:
    """The page of the answer comes after that of the undo, and neither clears the box nor the
    draft."""
    slow: list[Any] = []

    async def hold(route: Any) -> None:
        slow.append((route, await route.fetch()))

    await open_maria(page, gw)
    await page.keyboard.type("Too fast")
    await page.route("**/answer", hold)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#take-back")
    await page.click("#take-back")
    await page.wait_for_selector("#take-back", state="detached")
    await until_true(page, "document.getElementById('answer').value.includes('Too fast')")
    await until(lambda: slow)
    route, response = slow[0]
    await route.fulfill(response=response)
    await page.wait_for_selector("form[aria-busy]", state="detached")
    await page.reload()
    assert "Too fast" in await page.input_value("#answer")
    gw.clock.advance(HOLD)
    assert await gw.sent_answers() == []


async def test_the_palette(page: Any, gw: DeskGateway) -> None:
    """It filters, says what is chosen, keeps the focus, and Esc gives it back."""
    await page.goto(page.url.partition("/desk")[0] + f"/desk/c/{PRIYA}")
    await open_maria(page, gw)
    await page.keyboard.press("Control+K")
    await page.wait_for_selector("#picker-input:focus")
    titles = await page.locator(".picker [role=option] b").all_text_contents()
    for title in ("Resolve", "Transfer", "Saved replies", "Queue", "Sign out", "Priya Nair"):
        assert title in titles
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == "picker-input"
    await page.keyboard.press("ArrowDown")
    chosen = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert await page.evaluate(f"{chosen}.querySelector('b').textContent") == titles[1]
    await page.keyboard.type("no such thing")
    await page.wait_for_selector("text=No command has this name.")
    await page.keyboard.press("Escape")
    await until_true(page, "document.activeElement.id === 'answer'")
    await page.keyboard.press("Control+K")
    await page.wait_for_selector("#picker-input:focus")
    await choose(page, "transfer")
    await until_true(page, "document.activeElement.id === 'tier'")
    await page.keyboard.press("Control+K")
    await page.wait_for_selector("#picker-input:focus")
    await choose(page, "priya")
    await page.wait_for_url(f"**/desk/c/{PRIYA}")


async def test_an_address_pasted_over_words_makes_a_link(page: Any, gw: DeskGateway) -> None:
    """Only a web address, and only over words; what it makes can be sent."""
    await open_maria(page, gw)
    await page.keyboard.type("See our returns page")
    paste = """(text) => {
        const data = new DataTransfer();
        data.setData("text/plain", text);
        const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true,
                                                    cancelable: true });
        return document.getElementById("answer").dispatchEvent(event);
    }"""
    url = "https://shop.example/returns"
    assert await page.evaluate(paste, url)  # nothing is selected: an ordinary paste
    await page.evaluate("document.getElementById('answer').setSelectionRange(4, 20)")
    assert await page.evaluate(paste, "javascript:alert(1)")
    assert not await page.evaluate(paste, url)
    assert await page.input_value("#answer") == f"See [our returns page]({url})"


async def test_a_colleague_who_writes_is_shown(page: Any, gw: DeskGateway) -> None:
    """As it happens; and no longer once they left."""
    await open_maria(page, gw)
    gw.services.events.publish(presence(BEN, "reading"))
    await page.wait_for_selector("#present >> text=Ben is reading")
    gw.services.events.publish(presence(BEN, "writing"))
    await page.wait_for_selector("#present >> text=Ben is writing")
    gw.services.events.publish(presence(BEN, "left"))
    await page.wait_for_selector("#present", state="hidden")


def presence(agent: Agent, doing: str) -> Event:
    data = {"agent": agent.id, "name": agent.name, "doing": doing}
    return Event(topic="desk", name="presence", conversation=MARIA, data=data)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844), (390, 420)])
async def test_send_is_always_in_sight(
    browser: Any, url: str, gw: DeskGateway, width: int, height: int
) -> None:
    """With the suggestion open, much advice and a long text; also above a phone's keyboard."""
    gw.voice.findings = tuple(
        Finding(rule="x", severity="warning", start=0, end=4, message="a long piece of advice " * 9)
        for _ in range(4)
    )
    page = await signed_in(browser, url, viewport={"width": width, "height": height})
    await page.goto(f"{url}/desk/c/{MARIA}")
    await page.click("#claim")
    await page.wait_for_selector("#answer:focus")
    await page.fill("#answer", "A long text. " * 100)
    await page.wait_for_selector(".advice .first li")
    await page.click("#advice-more summary")
    await page.evaluate("document.getElementById('suggest').open = true")
    await gw.write(WEBCHAT, "One more thing")
    await page.focus("#answer")
    seen = """() => {
        const send = document.querySelector("#answer-form .button.main");
        const { top, bottom, left, right } = send.getBoundingClientRect();
        const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        return top >= 0 && bottom <= innerHeight && right <= innerWidth && send.contains(at);
    }"""
    assert await page.evaluate(seen)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.context.close()


async def test_the_suggestion_opens_in_place(page: Any, gw: DeskGateway) -> None:
    """One line until it is opened; then all of it, above its buttons."""
    await open_maria(page, gw)
    assert not await page.is_visible(".suggest .whole")
    assert not await page.is_visible("text=Send as is")
    assert (await page.locator(".suggest").bounding_box())["height"] < 50
    await page.focus("#suggest summary")
    await page.keyboard.press("Enter")
    whole = await page.locator(".suggest .whole").bounding_box()
    button = await page.locator("text=Send as is").bounding_box()
    assert whole["y"] + whole["height"] <= button["y"]
    assert await page.evaluate(
        "(({ scrollHeight, clientHeight }) => scrollHeight <= clientHeight)"
        "(document.querySelector('.suggest .whole'))"
    )
