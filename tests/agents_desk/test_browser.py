"""The desk in a real browser: live updates, the keyboard, drafts and accessibility."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import Address, Event, Finding
from tests.agents_desk.conftest import PASSWORD, Visit
from tests.agents_desk.conversations import (
    BEN,
    MARIA,
    NOUR,
    PHONE,
    SMS,
    SUGGESTION,
    THIRD,
    TOM,
    WEBCHAT,
    DeskGateway,
)
from tests.conftest import until


async def signed_in(browser: Any, url: str, **options: Any) -> Any:
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    await page.goto(f"{url}/desk")
    await page.fill("#name", "ana")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk")
    await page.wait_for_selector("#queue")
    return page


@pytest.fixture
async def page(browser: Any, url: str) -> AsyncIterator[Any]:
    """Ana's browser, on the queue. A script error or a blocked resource fails the test."""
    page = await signed_in(browser, url)
    yield page
    assert page.errors == []
    await page.context.close()


async def open_maria(page: Any, gw: DeskGateway, *, claim: bool = True) -> None:
    """Open Maria's conversation, and claim it by keyboard."""
    await page.goto(page.url.partition("/desk")[0] + f"/desk/c/{MARIA}")
    if claim:
        await page.keyboard.press("c")
        await page.wait_for_selector("#answer:focus")
        assert await gw.owner(MARIA) == "desk:ana"


async def hold_refresh(route: Any) -> None:
    """Never answer what the page fetches by itself."""
    if not route.request.headers.get("x-desk-live"):
        await route.continue_()


async def until_true(page: Any, expression: str) -> None:
    """Wait until the JavaScript ``expression`` is true.

    Playwright's ``wait_for_function`` polls with ``eval``, which the page's policy forbids.
    """
    await until(lambda: page.evaluate(expression))


async def sent(gw: DeskGateway, *texts: str) -> None:
    """Wait until exactly these answers have been sent to Maria."""

    async def all_sent() -> bool:
        return await gw.sent_answers() == [*texts]

    await until(all_sent)


async def test_answer_by_keyboard(page: Any, gw: DeskGateway) -> None:
    """From the queue to a sent answer and a note, without a mouse."""
    for key in ("j", "j", "j", "k", "j"):
        await page.keyboard.press(key)
    assert await page.evaluate("document.activeElement.id") == f"q{MARIA}"
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/desk/c/{MARIA}")
    await page.keyboard.press("c")
    await page.wait_for_selector("#answer:focus")
    await page.keyboard.type("cjkrne? is only text here")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("text=is only text here >> visible=true")
    await sent(gw, "cjkrne? is only text here")
    await until_true(page, "document.activeElement.id === 'answer'")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.type("Watch the third parcel")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector(".m.note >> text=Watch the third parcel")
    assert len(await gw.sent_answers()) == 1


async def test_edit_suggestion_by_keyboard(page: Any, gw: DeskGateway) -> None:
    """`e` copies the suggestion into the box; what is sent is recorded as edited."""
    await open_maria(page, gw)
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await page.keyboard.press("Control+End")
    await page.keyboard.type(" Sorry again.")
    await page.keyboard.press("Control+Enter")
    await until(gw.sent_answers)
    assert await gw.suggestion() == ("edited", SUGGESTION + " Sorry again.")


async def test_shortcuts_can_be_listed_and_switched_off(page: Any, gw: DeskGateway) -> None:
    """`?` lists the shortcuts; single letters can be switched off permanently."""
    await open_maria(page, gw, claim=False)
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open] >> text=claim the conversation")
    await page.keyboard.press("c")
    await page.uncheck("#single-keys")
    await page.keyboard.press("Escape")
    await page.reload()
    await page.keyboard.press("c")
    assert await gw.owner(MARIA) is None


async def test_new_message_appears_and_draft_stays(page: Any, gw: DeskGateway) -> None:
    """A new message appears and is announced; a half-written answer and its caret stay."""
    await open_maria(page, gw)
    await page.keyboard.type("I am looking")
    for _ in range(3):
        await page.keyboard.press("ArrowLeft")
    why = f"document.getElementById('why-{await gw.message(THIRD)}').open"
    await page.evaluate(f"{why} = true")
    await gw.write(WEBCHAT, "Any news? <b>now</b>")
    await page.wait_for_selector(".m.customer >> text=Any news? <b>now</b>")
    await page.keyboard.type("__")
    assert await page.input_value("#answer") == "I am look__ing"
    assert await page.evaluate(why)
    announced = await page.text_content("#announce")
    assert "New message from Maria Oliveira: Any news? <b>now</b>" in announced
    assert "Any news?" in await page.text_content(f"#q{MARIA}")


async def test_outdated_refresh_is_ignored(page: Any, gw: DeskGateway) -> None:
    """A refresh that was requested before the claim and arrives after it changes nothing."""
    held: list[Any] = []

    async def hold(route: Any) -> None:
        if route.request.headers.get("x-desk-live") and not held:
            held.append((route, await route.fetch()))
        else:
            await route.continue_()

    await open_maria(page, gw, claim=False)
    await page.route(f"**/desk/c/{MARIA}", hold)
    await gw.write(WEBCHAT, "One more thing")
    await until(lambda: held)
    await page.keyboard.press("c")
    await page.wait_for_selector("#answer:focus")
    route, response = held[0]
    await route.fulfill(response=response)
    await page.wait_for_selector("text=One more thing >> nth=0")
    await page.keyboard.type("can reply now")
    assert await page.input_value("#answer") == "can reply now"


async def test_queue_is_live(page: Any, gw: DeskGateway) -> None:
    """The queue and the number of waiting customers stay current while the page is open."""
    assert await page.title() == "(4) Desk"
    await page.focus(f"#q{PHONE}")
    await gw.claim(NOUR, BEN)
    await page.wait_for_selector("text=With Ben >> nth=1")
    assert await page.title() == "(3) Desk"
    assert await page.evaluate("document.activeElement.id") == f"q{PHONE}"


async def test_waiting_times_advance(browser: Any, url: str, gw: DeskGateway) -> None:
    """Waiting times advance without the server, in the reader's time zone."""
    page = await signed_in(browser, url, timezone_id="Asia/Tokyo")
    assert await page.text_content(f"#q{TOM} time") == "4 min"
    assert await page.get_attribute(f"#q{TOM} time", "title") == "23 November 2026 at 23:16"
    await page.context.clear_cookies()
    await page.evaluate("() => { const now = Date.now; Date.now = () => now() + 480000; }")
    await page.evaluate("document.querySelector('#queue').append(document.createElement('i'))")
    await until_true(page, f"document.querySelector('#q{TOM} time').textContent === '12 min'")


async def test_draft_survives_navigation(page: Any, gw: DeskGateway) -> None:
    """Typed text survives a reload and a visit to another conversation."""
    await open_maria(page, gw)
    await page.keyboard.type("Half a thought")
    await page.reload()
    assert await page.input_value("#answer") == "Half a thought"
    await page.click(f"#q{TOM}")
    await page.wait_for_url(f"**/desk/c/{TOM}")
    await page.click(f"#q{MARIA}")
    await page.wait_for_url(f"**/desk/c/{MARIA}")
    assert await page.input_value("#answer") == "Half a thought"
    await page.click("#answer-form .button.main")
    await until(gw.sent_answers)
    await until_true(page, "document.getElementById('answer').value === ''")
    await page.reload()
    assert await page.input_value("#answer") == ""


async def test_double_submit_is_one_message(page: Any, gw: DeskGateway) -> None:
    """Two quick submits of one form are one message."""
    await open_maria(page, gw)
    await page.keyboard.type("Once")
    await page.evaluate("""() => {
        const form = document.getElementById('answer-form');
        form.requestSubmit(); form.requestSubmit();
    }""")
    await page.wait_for_selector(".m.agent >> text=Once")
    assert await gw.sent_answers() == ["Once"]


async def test_conflict_keeps_the_draft(page: Any, gw: DeskGateway) -> None:
    """After a conflict the page says who has the conversation, and the text is not lost."""
    await open_maria(page, gw)
    await page.keyboard.type("Too late")
    await page.route("**/desk/c/*", hold_refresh)  # the page would show the new owner first
    await gw.claim(MARIA, BEN)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#outcome >> text=With Ben.")
    assert "Too late" in await page.text_content("#composer")
    assert await gw.sent_answers() == []
    page.errors = [error for error in page.errors if "409" not in error]


async def test_advice_can_be_applied(page: Any, gw: DeskGateway) -> None:
    """Advice is applied at the right place after characters with two UTF-16 units."""
    gw.voice.findings = (
        Finding(rule="cheer", severity="warning", start=2, end=7,
                message="too cheerful", suggestion="Sorry"),
        Finding(rule="x", severity="info", start=0, end=0, message="<b>say when</b>"),
    )  # fmt: skip
    await open_maria(page, gw)
    await page.keyboard.type("😀 Great, Maria")
    await page.click("#advice-more summary")
    await page.wait_for_selector(".advice >> text=<b>say when</b>")
    await page.click("text=Use “Sorry”")
    assert await page.input_value("#answer") == "😀 Sorry, Maria"
    await page.keyboard.press("Control+Enter")
    await sent(gw, "😀 Sorry, Maria")


async def test_typing_indicator(page: Any, gw: DeskGateway) -> None:
    """Typing is shown only in that customer's conversation."""
    await open_maria(page, gw)
    for lane, visible in (("webchat:other", False), (WEBCHAT.lane, True)):
        for _ in range(20):  # the page may not listen yet
            gw.services.events.publish(Event(topic="desk", name="typing", data={"lane": lane}))
            await page.wait_for_timeout(50)
        assert await page.is_visible("#typing") is visible
    assert "Maria Oliveira is writing" in await page.text_content("#typing")


async def test_answer_to_another_address(page: Any, gw: DeskGateway) -> None:
    """The chosen address stays selected after a refresh, and the answer goes to it."""
    await open_maria(page, gw)
    await page.keyboard.type("I write by SMS")
    await page.get_by_label("Send to", exact=True).select_option(SMS.lane)
    await gw.desk.link(MARIA, Address(channel="email", value="m@example.org"), BEN)
    await page.wait_for_selector("#answer-via option >> nth=3", state="attached")
    assert await page.input_value("#answer-via") == SMS.lane
    await page.focus("#answer")
    await page.keyboard.press("Control+Enter")
    await until(lambda: gw.channels["sms"].sent)
    assert [(m.address, m.text) for m in gw.channels["sms"].sent] == [(SMS, "I write by SMS")]


async def test_conversation_at_the_other_address_opens(page: Any, gw: DeskGateway) -> None:
    """After an answer to another address its conversation opens, and no draft is left."""
    await open_maria(page, gw)
    await page.keyboard.type("I write by SMS")
    await page.select_option("#answer-via", SMS.lane)
    await page.focus("#answer")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(f"**/desk/c/{TOM + 1}")
    await page.wait_for_selector("#messages >> text=I write by SMS")
    await open_maria(page, gw, claim=False)
    assert not await page.input_value("#answer")


async def test_link_problem_is_visible_on_a_phone(browser: Any, url: str, gw: DeskGateway) -> None:
    """On a phone the card covers the page: it closes to show the problem, and the text stays."""
    page = await signed_in(browser, url, viewport={"width": 390, "height": 800})
    await page.goto(f"{url}/desk/c/{MARIA}")
    await page.click("#claim")
    await page.wait_for_selector("#answer:focus")
    await page.click(".to-card")
    await page.click("#more-addresses summary")
    await page.fill("#link-channel", "a:b")
    await page.fill("#link-value", "8112")
    await page.get_by_role("button", name="Send a code").click()
    await page.get_by_text("This is not a valid address").wait_for()
    assert await page.locator("#card").is_hidden()
    await page.click(".to-card")
    assert await page.input_value("#link-value") == "8112"
    assert [channel.sent for channel in gw.channels.values()] == [[], [], []]
    await page.context.close()


async def test_link_address_by_keyboard(page: Any, gw: DeskGateway) -> None:
    """Enter sends a code and does not link; the result is announced, and the boxes are cleared."""
    await open_maria(page, gw)
    await page.focus("#more-addresses summary")
    for key in ("Enter", "Tab"):
        await page.keyboard.press(key)
    await page.keyboard.type("sms")
    await page.keyboard.press("Escape")
    await page.focus("#link-value")
    await page.keyboard.type("8112")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#announce >> text=The code is on its way", state="attached")
    other = Address(channel="sms", value="8112")
    await gw.running.settled()
    assert [message.address for message in gw.channels["sms"].sent] == [other]
    assert other not in (await gw.desk.card(MARIA)).identities
    assert await page.input_value("#link-value") == ""
    await page.fill("#link-channel", "sms")
    await page.fill("#link-value", "8112")
    await page.get_by_role("button", name="Link without a code").press("Enter")
    await page.wait_for_selector("#announce >> text=The address is linked", state="attached")
    assert other in (await gw.desk.card(MARIA)).identities


async def test_sign_out_while_typing_keeps_the_draft(page: Any, gw: DeskGateway) -> None:
    """When the session ends, the page says so and keeps the text."""
    await open_maria(page, gw)
    await page.keyboard.type("Still here")
    await page.context.clear_cookies()
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#trouble >> text=You are signed out")
    assert await page.input_value("#answer") == "Still here"
    assert await gw.sent_answers() == []
    await page.goto("about:blank")  # the page signed out asks again, and each refusal is an error
    page.errors = []


async def test_lost_connection_keeps_the_draft(page: Any, gw: DeskGateway) -> None:
    """Sending offline says so; sending again when online is one message."""
    await open_maria(page, gw)
    await page.keyboard.type("Through the tunnel")
    await page.context.set_offline(True)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#trouble >> text=Not sent")
    await page.context.set_offline(False)
    await page.keyboard.press("Control+Enter")
    await sent(gw, "Through the tunnel")
    page.errors = [error for error in page.errors if "ERR_INTERNET_DISCONNECTED" not in error]


async def test_without_scripts(browser: Any, url: str, gw: DeskGateway) -> None:
    """Claim, check the wording, answer and resolve work with scripts switched off."""
    gw.voice.findings = (
        Finding(rule="x", severity="info", start=0, end=5, message="name a time"),
    )  # fmt: skip
    page = await signed_in(browser, url, java_script_enabled=False)
    await page.click(f"#q{MARIA}")
    await page.click("#claim")
    await page.fill("#answer", "Hello Maria")
    await page.click("text=Check the wording")
    await page.wait_for_selector("text=name a time")
    await page.click("#answer-form >> text=Send")
    await page.wait_for_selector(".m.agent >> text=Hello Maria")
    await page.click("label[for=mode-note]")
    await page.fill("#note", "done with scripts off")
    await page.click("text=Save the note")
    await page.wait_for_selector(".m.note >> text=done with scripts off")
    await page.click(".moves >> text=Resolve")
    await page.wait_for_selector("text=This conversation is resolved.")
    assert await gw.sent_answers() == ["Hello Maria"]


CONTRAST = """() => {
  const shade = (c) => c.match(/[\\d.]+/g).map(Number);
  const line = (v) => v <= 10.0164 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * line(r) + 0.7152 * line(g) + 0.0722 * line(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = shade(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('.hidden, .skip, svg, kbd, option')) continue;
    const both = [light(shade(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (ratio < 4.5) poor.push([e.className || e.tagName, e.textContent.slice(0, 30), ratio]);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_contrast(browser: Any, url: str, gw: DeskGateway, scheme: str) -> None:
    """The contrast of all text is at least 4.5 (WCAG 2.2, 1.4.3), light and dark."""
    gw.voice.findings = (
        Finding(rule="x", severity="error", start=0, end=5, message="m", suggestion="s"),
        Finding(rule="x", severity="warning", start=0, end=5, message="m"),
    )  # fmt: skip
    page = await signed_in(browser, url, color_scheme=scheme)
    assert await page.evaluate(CONTRAST) == []
    await open_maria(page, gw)
    await page.keyboard.type("Great")
    await page.wait_for_selector(".advice li")
    assert await page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [390, 1000, 1440])
async def test_no_horizontal_scrolling(browser: Any, url: str, gw: DeskGateway, width: int) -> None:
    """No page scrolls sideways at any width, even with very long words."""
    await gw.write(WEBCHAT, "x" * 400)
    page = await signed_in(browser, url, viewport={"width": width, "height": 844})
    for path in ("/desk", f"/desk/c/{MARIA}", f"/desk/c/{MARIA}#card"):
        await page.goto(url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.querySelector('#history')?.scrollWidth ?? 0") <= width


async def test_landmarks_and_accessible_names(page: Any, gw: DeskGateway, ana: Visit) -> None:
    """Every control has a name, ids are unique, and there is one main landmark."""
    await open_maria(page, gw)
    nameless = await page.evaluate("""() =>
        [...document.querySelectorAll('a, button, textarea, select, input:not([type=hidden])')]
        .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel
            || e.labels?.length)).map((e) => e.outerHTML)""")
    assert nameless == []
    ids = await page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert await page.evaluate("document.querySelectorAll('main').length") == 1
