"""The desk in a real browser: live, by keyboard, and without losing a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import Address, Event, Finding
from tests.agents_desk.conftest import PASSWORD, Visit
from tests.agents_desk.town import BEN, Town
from tests.conftest import until


async def signed_in(browser: Any, url: str, **options: Any) -> Any:
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda m: page.troubles.append(m.text) if m.type == "error" else None)
    await page.goto(f"{url}/desk")
    await page.fill("#name", "ana")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk")
    await page.wait_for_selector("#queue")
    return page


@pytest.fixture
async def page(browser: Any, url: str) -> AsyncIterator[Any]:
    """Ana's browser, at the queue. A script error or a refused resource fails the test."""
    page = await signed_in(browser, url)
    yield page
    assert page.troubles == []
    await page.context.close()


async def at_maria(page: Any, town: Town, *, claim: bool = True) -> None:
    await page.goto(page.url.partition("/desk")[0] + "/desk/c/1")
    if claim:
        await page.keyboard.press("c")
        await page.wait_for_selector("#answer:focus")
        assert town.desk.cards[1].conversation.owner.id == "desk:ana"


async def listening(town: Town) -> None:
    await until(lambda: town.events.listeners)


async def test_by_keyboard_alone(page: Any, town: Town) -> None:
    """From the queue to a sent answer and a note, without a mouse."""
    for key in ("j", "j", "j", "k", "j"):
        await page.keyboard.press(key)
    assert await page.evaluate("document.activeElement.id") == "q1"
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/c/1")
    await page.keyboard.press("c")
    await page.wait_for_selector("#answer:focus")
    await page.keyboard.type("cjkrne? is only text here")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("text=is only text here >> visible=true")
    await until(lambda: town.desk.said == [(1, "cjkrne? is only text here", None)])
    await page.wait_for_function("document.activeElement.id === 'answer'")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.type("Watch the third parcel")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector(".m.note >> text=Watch the third parcel")
    assert len(town.desk.said) == 1


async def test_the_suggestion_by_keyboard(page: Any, town: Town) -> None:
    """`e` puts the suggestion into the box; what is sent is recorded as edited."""
    await at_maria(page, town)
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await page.keyboard.press("Control+End")
    await page.keyboard.type(" Sorry again.")
    await page.keyboard.press("Control+Enter")
    await until(lambda: town.desk.said)
    draft = town.desk.cards[1].suggestion
    assert (draft.outcome, draft.final) == ("edited", draft.text + " Sorry again.")


async def test_help_and_switching_shortcuts_off(page: Any, town: Town) -> None:
    """`?` shows the shortcuts; single letters can be switched off, for good."""
    await at_maria(page, town, claim=False)
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open] >> text=claim the conversation")
    await page.keyboard.press("c")
    await page.uncheck("#single-keys")
    await page.keyboard.press("Escape")
    await page.reload()
    await page.keyboard.press("c")
    assert town.desk.cards[1].conversation.owner is None


async def test_news_comes_by_itself(page: Any, town: Town) -> None:
    """A new message appears, is announced, and a half-written answer and its caret stay."""
    await at_maria(page, town)
    await page.keyboard.type("I am looking")
    for _ in range(3):
        await page.keyboard.press("ArrowLeft")
    await listening(town)
    await page.evaluate("document.getElementById('why-6').open = true")
    town.desk.add(1, "customer", "Any news? <b>now</b>")
    await page.wait_for_selector(".m.customer >> text=Any news? <b>now</b>")
    await page.keyboard.type("__")
    assert await page.input_value("#answer") == "I am look__ing"
    assert await page.evaluate("document.getElementById('why-6').open")
    said = await page.text_content("#announce")
    assert "New message from Maria Oliveira: Any news? <b>now</b>" in said
    assert "Any news?" in await page.text_content("#q1")


async def test_an_old_refresh_is_not_shown(page: Any, town: Town) -> None:
    """A refresh that was asked for before the claim and comes after it changes nothing."""
    old: list[Any] = []

    async def hold(route: Any) -> None:
        if route.request.headers.get("x-desk-live") and not old:
            old.append((route, await route.fetch()))
        else:
            await route.continue_()

    await at_maria(page, town, claim=False)
    await page.route("**/desk/c/1", hold)
    await listening(town)
    town.desk.add(1, "customer", "One more thing")
    await until(lambda: old)
    await page.keyboard.press("c")
    await page.wait_for_selector("#answer:focus")
    route, response = old[0]
    await route.fulfill(response=response)
    await page.wait_for_selector("text=One more thing >> nth=0")
    await page.keyboard.type("can reply now")
    assert await page.input_value("#answer") == "can reply now"


async def test_the_queue_is_live(page: Any, town: Town) -> None:
    """Who waits, how many, and since when: all stays current while the page is open."""
    await listening(town)
    assert await page.title() == "(4) Desk"
    card = town.desk.cards[4]
    await page.focus("#q3")
    await town.desk.claim(4, BEN, epoch=card.conversation.epoch)
    await page.wait_for_selector("text=With Ben >> nth=1")
    assert await page.title() == "(3) Desk"
    assert await page.evaluate("document.activeElement.id") == "q3"


async def test_waiting_times_tick(browser: Any, url: str, town: Town) -> None:
    """Waiting times go on without the server, in the reader's own time zone."""
    page = await signed_in(browser, url, timezone_id="Asia/Tokyo")
    assert await page.text_content("#q2 time") == "4 min"
    assert await page.get_attribute("#q2 time", "title") == "23 November 2026 at 23:16"
    await page.context.clear_cookies()
    await page.evaluate("() => { const now = Date.now; Date.now = () => now() + 480000; }")
    await page.evaluate("document.querySelector('#queue').append(document.createElement('i'))")
    await page.wait_for_function("document.querySelector('#q2 time').textContent === '12 min'")


async def test_a_draft_survives_everything(page: Any, town: Town) -> None:
    """Reload, another conversation and back: what was typed is still there."""
    await at_maria(page, town)
    await page.keyboard.type("Half a thought")
    await page.reload()
    assert await page.input_value("#answer") == "Half a thought"
    await page.click("#q2")
    await page.wait_for_url("**/desk/c/2")
    await page.click("#q1")
    await page.wait_for_url("**/desk/c/1")
    assert await page.input_value("#answer") == "Half a thought"
    await page.click("#answer-form .button.main")
    await until(lambda: town.desk.said)
    await page.wait_for_function("document.getElementById('answer').value === ''")
    await page.reload()
    assert await page.input_value("#answer") == ""


async def test_impatient_clicks_are_one_message(page: Any, town: Town) -> None:
    """Two quick submits of one form are one message."""
    await at_maria(page, town)
    await page.keyboard.type("Once")
    await page.evaluate("""() => {
        const form = document.getElementById('answer-form');
        form.requestSubmit(); form.requestSubmit();
    }""")
    await page.wait_for_selector(".m.agent >> text=Once")
    assert town.desk.said == [(1, "Once", None)]


async def test_a_conflict_keeps_the_words(page: Any, town: Town) -> None:
    """Someone else took it meanwhile: who, and what changed; the words are not lost."""
    await at_maria(page, town)
    await page.keyboard.type("Too late")
    card = town.desk.cards[1]
    moved = card.conversation.replace(owner=BEN, epoch=9)
    town.desk.cards[1] = card.replace(conversation=moved)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#outcome >> text=With Ben.")
    assert "Too late" in await page.text_content("#composer")
    assert town.desk.said == []
    page.troubles = [one for one in page.troubles if "409" not in one]


async def test_advice_is_applied_by_a_click(page: Any, town: Town) -> None:
    """Advice finds its place also behind characters that take two units in a script."""
    town.desk.advice = (
        Finding(rule="cheer", severity="warning", start=2, end=7,
                message="too cheerful", suggestion="Sorry"),
        Finding(rule="x", severity="info", start=0, end=0, message="<b>say when</b>"),
    )  # fmt: skip
    await at_maria(page, town)
    await page.keyboard.type("😀 Great, Maria")
    await page.wait_for_selector(".advice >> text=<b>say when</b>")
    await page.click("text=Use “Sorry”")
    assert await page.input_value("#answer") == "😀 Sorry, Maria"
    await page.keyboard.press("Control+Enter")
    await until(lambda: town.desk.said == [(1, "😀 Sorry, Maria", None)])


async def test_the_customer_is_writing(page: Any, town: Town) -> None:
    """Typing is shown in that customer's conversation alone."""
    await at_maria(page, town)
    await listening(town)
    for lane in ("webchat:other", "webchat:v-81f3"):
        assert await page.is_hidden("#typing")
        town.events.publish(Event(topic="desk", name="typing", data={"lane": lane}))
    await page.wait_for_selector("text=Maria Oliveira is writing")


async def test_by_which_address(page: Any, town: Town) -> None:
    """The choice stays when news come, and the answer leaves by it."""
    await at_maria(page, town)
    await page.keyboard.type("I write by SMS")
    await page.get_by_label("Send to", exact=True).select_option("sms:+44 7700 900456")
    await listening(town)
    town.desk.cards[1] = town.desk.cards[1].replace(
        identities=(*town.desk.cards[1].identities, Address(channel="slack", value="T1/D1"))
    )
    town.desk.add(1, "customer", "One more thing")
    await page.wait_for_selector("#answer-via option >> nth=3", state="attached")
    assert await page.input_value("#answer-via") == "sms:+44 7700 900456"
    await page.focus("#answer")
    await page.keyboard.press("Control+Enter")
    await until(lambda: town.desk.said)
    assert town.desk.by == [Address(channel="sms", value="+44 7700 900456")]


async def test_where_it_goes_on_is_opened(page: Any, town: Town) -> None:
    """After an answer by another address its conversation comes; nothing is left as a draft."""
    await at_maria(page, town)
    await page.keyboard.type("I write by SMS")
    await page.select_option("#answer-via", "sms:+44 7700 900456")
    town.mailbox.said = town.desk.cards[5].messages
    await page.focus("#answer")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**/desk/c/5")
    await page.wait_for_selector("h1 >> text=Jules Martin")
    await at_maria(page, town, claim=False)
    assert not await page.input_value("#answer")


async def test_a_refused_link_is_seen_on_a_phone(browser: Any, url: str, town: Town) -> None:
    """There the card covers the page: it makes room for what is said, and what was typed stays."""
    page = await signed_in(browser, url, viewport={"width": 390, "height": 800})
    await page.goto(f"{url}/desk/c/1")
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
    assert town.desk.asked == []
    await page.context.close()


async def test_a_link_by_keyboard(page: Any, town: Town) -> None:
    """Enter sends a code, never links; what is done is announced, and the boxes are empty."""
    await at_maria(page, town)
    await page.focus("#more-addresses summary")
    for key in ("Enter", "Tab"):
        await page.keyboard.press(key)
    await page.keyboard.type("telegram")
    await page.keyboard.press("Escape")
    await page.focus("#link-value")
    await page.keyboard.type("8112")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#announce >> text=The code is on its way", state="attached")
    there = Address(channel="telegram", value="8112")
    assert (town.desk.asked, town.desk.links) == ([there], [])
    assert await page.input_value("#link-value") == ""
    await page.fill("#link-channel", "telegram")
    await page.fill("#link-value", "8112")
    await page.get_by_role("button", name="Link without a code").press("Enter")
    await page.wait_for_selector("#announce >> text=The address is linked", state="attached")
    assert town.desk.links == [there]


async def test_signed_out_while_typing(page: Any, town: Town) -> None:
    """When the session ends the page says so and keeps what was typed."""
    await at_maria(page, town)
    await page.keyboard.type("Still here")
    await page.context.clear_cookies()
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#trouble >> text=You are signed out")
    assert await page.input_value("#answer") == "Still here"
    assert town.desk.said == []
    page.troubles = []


async def test_a_cut_connection_loses_nothing(page: Any, town: Town) -> None:
    """Sending while offline says so; sending again once online is one message."""
    await at_maria(page, town)
    await page.keyboard.type("Through the tunnel")
    await page.context.set_offline(True)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("#trouble >> text=Not sent")
    await page.context.set_offline(False)
    await page.keyboard.press("Control+Enter")
    await until(lambda: town.desk.said == [(1, "Through the tunnel", None)])
    page.troubles = [one for one in page.troubles if "ERR_INTERNET_DISCONNECTED" not in one]


async def test_without_scripts(browser: Any, url: str, town: Town) -> None:
    """Claim, check the wording, answer and resolve work with scripts switched off."""
    town.desk.advice = (
        Finding(rule="x", severity="info", start=0, end=5, message="name a time"),
    )  # fmt: skip
    page = await signed_in(browser, url, java_script_enabled=False)
    await page.click("#q1")
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
    await page.click("text=Resolve")
    await page.wait_for_selector("text=This conversation is resolved.")
    assert town.desk.said == [(1, "Hello Maria", None)]


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
async def test_words_can_be_read(browser: Any, url: str, town: Town, scheme: str) -> None:
    """Contrast of all text is 4.5 or more (WCAG 2.2, 1.4.3), by day and by night."""
    town.desk.advice = (
        Finding(rule="x", severity="error", start=0, end=5, message="m", suggestion="s"),
        Finding(rule="x", severity="warning", start=0, end=5, message="m"),
    )  # fmt: skip
    page = await signed_in(browser, url, color_scheme=scheme)
    assert await page.evaluate(CONTRAST) == []
    await at_maria(page, town)
    await page.keyboard.type("Great")
    await page.wait_for_selector(".advice li")
    assert await page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [390, 1000, 1440])
async def test_nothing_is_wider_than_the_screen(
    browser: Any, url: str, town: Town, width: int
) -> None:
    """No sideways scrolling at any width, with the longest words there are."""
    town.desk.add(1, "customer", "x" * 400)
    page = await signed_in(browser, url, viewport={"width": width, "height": 844})
    for path in ("/desk", "/desk/c/1", "/desk/c/1#card"):
        await page.goto(url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.querySelector('#history')?.scrollWidth ?? 0") <= width


async def test_landmarks_and_names(page: Any, town: Town, ana: Visit) -> None:
    """Every control has a name, ids are unique, and there is one main landmark."""
    await at_maria(page, town)
    nameless = await page.evaluate("""() =>
        [...document.querySelectorAll('a, button, textarea, select, input:not([type=hidden])')]
        .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel
            || e.labels?.length)).map((e) => e.outerHTML)""")
    assert nameless == []
    ids = await page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert await page.evaluate("document.querySelectorAll('main').length") == 1
