"""The widget in a real browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import Attachment, Button, Event, SurveyQuestion
from tests.conftest import until
from tests.webchat.browser_page import WidgetPage, open_page
from tests.webchat.conftest import SITE_SECRET, Start
from tests.webchat.fakes import ANA
from tests.webchat.test_sessions import identity

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

WATCH_ROWS = """() => {
  window.rows = [];
  const log = document.querySelector("warmline-chat").shadowRoot.querySelector("[role=log]");
  const note = ({ addedNodes }) => addedNodes.forEach((node) => rows.push(node.innerText));
  new MutationObserver((all) => all.forEach(note)).observe(log, { childList: true });
}"""
ASK = """([lang, question]) => {
  const chat = document.querySelector("warmline-chat");
  chat.lang = lang;
  chat.ask(question);
}"""
IMPORTED = "url => import(url).then(() => new Promise((done) => setTimeout(done)))"
"""Resolves when the module is there and whoever waited for it before has gone on."""
NO_SOCKETS = "window.WebSocket = class { constructor() { throw new Error('blocked'); } };"

CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")


async def test_a_conversation(browser: Browser, start: Start) -> None:
    """Question, answer, quick reply, and an agent who joins by name."""
    async with open_page(browser, start) as widget:
        await widget.visit(lang="en-GB")
        await widget.open()
        await widget.write("Where is my order?")
        await widget.find(".customer .meta:has-text('Sent')").wait_for()
        assert widget.chat.gateway.accepted[0].language == "en"
        here = await widget.address()
        track = Button(title="Track a parcel", payload="track_it")
        widget.chat.gateway.put(here, "On its way.", buttons=(track,))
        await widget.find(".bot .who:has-text('Automated')").wait_for()
        await widget.page.get_by_role("button", name="Track a parcel").click()
        await until(lambda: len(widget.chat.gateway.accepted) == 2)
        assert widget.chat.gateway.accepted[1].text == "track_it"
        await widget.find(".customer .bubble:has-text('Track a parcel')").wait_for()
        assert await widget.find(".choices").count() == 0
        widget.chat.gateway.put(here, "Hello, Ana here.", author="agent", agent=ANA)
        await widget.page.get_by_text("Ana has joined the conversation").wait_for()
        await widget.find(".presence:has-text('You are talking with Ana')").wait_for()
        await widget.find(".customer .meta:has-text('Seen')").first.wait_for(state="attached")
        await until(lambda: [m.status for m in widget.chat.gateway.everything(here)][-1] == "read")
        event = Event(topic=here.lane, name="typing", data={"author": "agent", "name": "Ana"})
        widget.chat.gateway.publish(event)
        await widget.page.get_by_role("img", name="Ana is typing").wait_for()


async def test_offline_messages_wait_and_are_sent_once(browser: Browser, start: Start) -> None:
    """Messages written offline are sent once and in order; missed ones arrive in order."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.write("one")
        await until(lambda: widget.chat.gateway.accepted)
        here = await widget.address()
        await widget.context.set_offline(True)
        await widget.page.get_by_text("You are offline").wait_for()
        await widget.write("two")
        await widget.write("three")
        assert await widget.find(".waits").count() == 2
        widget.chat.gateway.put(here, "missed A")
        widget.chat.gateway.put(here, "missed B")
        assert len(widget.chat.gateway.accepted) == 1
        widget.chat.gateway.cuts = 1  # the first answer after the reconnect is lost as well
        await widget.context.set_offline(False)
        await until(lambda: len(widget.chat.gateway.accepted) == 3, 20)
        await widget.live()
        await widget.find(".waits").first.wait_for(state="detached")
        assert [message.text for message in widget.chat.gateway.accepted] == ["one", "two", "three"]
        assert await widget.texts() == ["one", "missed A", "missed B", "two", "three"]


async def test_an_unsent_message_survives_a_reload(browser: Browser, start: Start) -> None:
    """A message that was not accepted when the page was left is sent by the next page, once."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        widget.chat.gateway.broken = True
        await widget.write("Do not forget me")
        await widget.find(".customer .bubble").wait_for()
        widget.chat.gateway.broken = False
        await widget.visit(attributes="open")
        await until(lambda: widget.chat.gateway.accepted)
        await widget.find(".customer .meta:has-text('Sent')").wait_for()
        assert await widget.texts() == ["Do not forget me"]
        assert len(widget.chat.gateway.accepted) == 1


async def test_the_widget_polls_where_sockets_are_blocked(browser: Browser, start: Start) -> None:
    """Without sockets the conversation works over plain requests."""
    async with open_page(browser, start) as widget:
        await widget.context.add_init_script(NO_SOCKETS)
        await widget.visit()
        await widget.open()
        await widget.write("one")
        await widget.write("two")
        await until(lambda: len(widget.chat.gateway.accepted) == 2)
        widget.chat.gateway.put(await widget.address(), "heard both")
        await widget.find(".bot .bubble:has-text('heard both')").wait_for()
        assert await widget.texts() == ["one", "two", "heard both"]


async def test_two_tabs_are_one_conversation(browser: Browser, start: Start) -> None:
    """A second tab shows the same conversation; a message read in one is read in both."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.write("From the first tab")
        await until(lambda: widget.chat.gateway.accepted)
        other = WidgetPage(widget.chat, await widget.context.new_page(), widget.context)
        await other.visit()
        widget.chat.gateway.put(await widget.address(), "Seen in the first")
        await widget.find(".bot .bubble").wait_for()
        here = await widget.address()
        await until(lambda: widget.chat.gateway.everything(here)[-1].status == "read")
        await other.find(".badge").wait_for(state="hidden")
        await other.open()
        await other.write("From the second tab")
        await widget.find(".bubble:has-text('From the second tab')").wait_for()
        texts = ["From the first tab", "Seen in the first", "From the second tab"]
        assert await widget.texts() == await other.texts() == texts
        assert await other.address() == here
        assert other.errors == []


async def test_the_chat_works_by_keyboard(browser: Browser, start: Start) -> None:
    """Open, write, rate with the stars and close again without a mouse; focus is never lost."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        keyboard = widget.page.keyboard
        await keyboard.press("Tab")
        await keyboard.press("Tab")
        assert await widget.focused() == "Open the chat"
        await keyboard.press("Enter")
        await widget.live()
        assert await widget.focused() == "Write a message"
        await keyboard.type("Thank you")
        await keyboard.press("Shift+Enter")
        await keyboard.type("all")
        await keyboard.press("Enter")
        await until(lambda: widget.chat.gateway.accepted)
        assert widget.chat.gateway.accepted[0].text == "Thank you\nall"
        widget.chat.gateway.put(
            await widget.address(), "Did you feel heard?", survey=SurveyQuestion()
        )
        await widget.page.get_by_role("radiogroup", name="Your rating").wait_for()
        for _ in range(2):
            await keyboard.press("Shift+Tab")
        assert await widget.focused() == "5 of 5"
        await keyboard.press("ArrowLeft")
        assert await widget.focused() == "4 of 5"
        await keyboard.press("Tab")
        assert await widget.focused() == "Send rating"
        await keyboard.press("Enter")
        await until(lambda: len(widget.chat.gateway.accepted) == 2)
        assert widget.chat.gateway.accepted[1].text == "4"
        await widget.page.get_by_role("img", name="4 of 5").wait_for()
        assert await widget.focused() == "Write a message"
        await keyboard.press("Escape")
        assert await widget.focused() == "Open the chat"
        assert not await widget.find("dialog").is_visible()


async def test_screen_readers_announce_each_message_once(browser: Browser, start: Start) -> None:
    """The log announces a new row once, with its author, and is silent while the past loads."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        log = widget.page.get_by_role("log", name="Conversation")
        assert await log.get_attribute("aria-busy") == "false"
        widget.chat.gateway.put(await widget.address(), "Hello")
        await widget.find(".bot").wait_for()
        await widget.page.evaluate(WATCH_ROWS)
        await widget.write("Hi")
        await widget.find(".customer .meta:has-text('Sent')").wait_for()
        [row] = await widget.page.evaluate("rows")
        assert row.startswith("You:")
        assert "Hi" in row
        assert "Assistant" in (await log.inner_text())


async def test_markup_is_shown_as_text(browser: Browser, start: Start) -> None:
    """Only http and https addresses become links, with safe attributes."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        hostile = (
            "<img src=x onerror=alert(1)> javascript:alert(1) "
            "https://shop.example/a?b=(c)&d, http://x.example/%22%3E."
        )
        widget.chat.gateway.put(await widget.address(), hostile)
        bubble = widget.find(".bot .bubble")
        await bubble.wait_for()
        assert (await bubble.inner_text()).startswith("<img src=x onerror=alert(1)> javascript:")
        assert await bubble.locator("img").count() == 0
        links = await bubble.locator("a").evaluate_all("all => all.map((a) => [a.href, a.rel])")
        assert links == [
            ["https://shop.example/a?b=(c)&d", "noopener noreferrer"],
            ["http://x.example/%22%3E", "noopener noreferrer"],
        ]


async def test_files_are_sent_or_refused_with_a_reason(browser: Browser, start: Start) -> None:
    """A file is sent with a message; one that is too large or of a wrong type is refused."""
    async with open_page(browser, start, settings={"file_size": 2000}) as widget:
        await widget.visit()
        await widget.open()
        picker = widget.find("input[type=file]")
        program = {"name": "setup.exe", "mimeType": "image/png", "buffer": b"MZ\0\0"}
        await picker.set_input_files([program])
        await widget.page.get_by_text("setup.exe is not a supported file type.").wait_for()
        widget.errors.clear()  # the browser logs the 415
        large = {"name": "large.txt", "mimeType": "text/plain", "buffer": b"x" * 3000}
        await picker.set_input_files([large])
        await widget.page.get_by_text("large.txt is too large. The maximum is 2 kB.").wait_for()
        note = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"my note"}
        await picker.set_input_files([note])
        await widget.find(".chip:not(.busy)").wait_for()
        await widget.find(".send").click()
        await until(lambda: widget.chat.gateway.accepted)
        assert widget.chat.gateway.accepted[0].attachments[0].name == "note.txt"
        async with widget.page.expect_download() as download:
            await widget.page.get_by_role("button", name="Download note.txt").click()
        path = await (await download.value).path()
        assert path.read_bytes() == b"my note"


async def test_contrast_and_reduced_motion(browser: Browser, start: Start) -> None:
    """All text has the contrast of WCAG AA, in light and dark mode, and there are no animations
    when the user prefers reduced motion."""
    async with open_page(browser, start, reduced_motion="reduce") as widget:
        await widget.visit()
        await widget.open()
        here, put = await widget.address(), widget.chat.gateway.put
        file = Attachment(name="a.pdf", media_type="application/pdf", size=1, digest="0" * 64)
        await widget.write("A question https://shop.example")
        put(here, "An answer https://shop.example", attachments=(file,))
        put(here, "Ana here", author="agent", agent=ANA)
        button = Button(title="Yes", payload="yes")
        put(here, "How was it?", survey=SurveyQuestion(), buttons=(button,))
        await widget.find(".stars").wait_for()
        widget.chat.gateway.publish(Event(topic=here.lane, name="typing", data={"author": "bot"}))
        await widget.find(".typing").wait_for()
        assert await widget.page.evaluate("document.getAnimations().length") == 0
        await widget.find(".stars label").nth(2).click()
        await assert_contrast(widget)
        await widget.context.set_offline(True)
        await widget.write("Waiting")
        await widget.page.get_by_text("You are offline").wait_for()
        await assert_contrast(widget)


async def assert_contrast(widget: WidgetPage) -> None:
    for scheme in ("light", "dark"):
        await widget.page.emulate_media(color_scheme=scheme)
        checked, found = await widget.page.evaluate(CONTRAST)
        assert checked > 20
        assert found == [], scheme


async def test_the_widget_uses_the_pages_language(browser: Browser, start: Start) -> None:
    """And tells it to the bot. An unknown language falls back to English. One whose texts do not
    arrive is shown in English, and stays the customer's."""
    async with open_page(browser, start) as widget:
        for lang, hello in (
            ("de", "Guten Tag"),
            ("fr-CA", "Bonjour"),
            ("es", "Hola"),
            ("pl", "Dzień dobry"),
            ("ja", "こんにちは"),
            ("xx", "Hello"),
        ):
            await widget.visit(lang=lang, attributes="open")
            await widget.find(f".hello:has-text('{hello}')").wait_for()
        await widget.visit(lang="sv", attributes="open")
        await widget.live()
        await widget.write("Hej")
        await until(lambda: widget.chat.gateway.accepted)
        assert widget.chat.gateway.accepted[0].language == "sv"
        await widget.page.route("**/texts-tr.js", lambda route: route.abort())
        await widget.visit(lang="tr", attributes="open")
        await widget.find(".hello:has-text('Hello')").wait_for()
        await widget.live()
        await widget.write("Merhaba")
        await until(lambda: len(widget.chat.gateway.accepted) == 2)
        assert widget.chat.gateway.accepted[1].language == "tr"


async def test_the_last_language_counts(browser: Browser, start: Start) -> None:
    """A page that changes its language while the texts of another are on their way shows one chat,
    in the last language."""
    async with open_page(browser, start) as widget:
        release = await hold(widget, "**/texts-nl.js")
        await widget.visit(lang="en", attributes="open")
        await widget.find(".hello:has-text('Hello')").wait_for()
        await widget.page.evaluate("""() => {
          const chat = document.querySelector("warmline-chat");
          for (const lang of ["nl", "it", "pt"]) chat.lang = lang;
        }""")
        await widget.find(".hello:has-text('Olá')").wait_for()
        async with widget.page.expect_response("**/texts-nl.js") as late:
            release.set()
        await widget.page.evaluate(IMPORTED, (await late.value).url)
        assert await widget.find(".hello").all_inner_texts() == ["Olá. Como podemos ajudar?"]


async def test_a_question_of_the_page_waits_for_the_chat(browser: Browser, start: Start) -> None:
    """It is asked once, though the texts are on their way: at first, and in another language."""
    async with open_page(browser, start) as widget:
        release = await hold(widget, "**/texts-de.js")
        async with widget.page.expect_request("**/texts-de.js"):
            await widget.page.goto(f"{widget.chat.url}/?lang=de")
        await widget.page.evaluate(ASK, ["de", "Wo ist mein Paket?"])
        release.set()
        await until(lambda: widget.chat.gateway.accepted)
        await widget.page.evaluate(ASK, ["fr", "Où est mon colis ?"])
        await widget.find(".hello:has-text('Bonjour')").wait_for()
        await until(lambda: len(widget.chat.gateway.accepted) == 2)
        said = [(message.text, message.language) for message in widget.chat.gateway.accepted]
        assert said == [("Wo ist mein Paket?", "de"), ("Où est mon colis ?", "fr")]
        await widget.find(".bubble").nth(1).wait_for()
        assert await widget.texts() == ["Wo ist mein Paket?", "Où est mon colis ?"]


async def hold(widget: WidgetPage, pattern: str) -> asyncio.Event:
    """Hold back what the page loads by ``pattern`` until the event is set."""
    released = asyncio.Event()

    async def later(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await widget.page.route(pattern, later)
    return released


async def test_arabic_on_a_phone(browser: Browser, start: Start) -> None:
    """On a phone the chat fills the screen; in Arabic it runs from right to left."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with open_page(browser, start, reduced_motion="reduce", **phone) as widget:
        await widget.visit(lang="de", attributes='lang="ar"')
        await widget.open()
        box = await widget.find("dialog").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
        assert (
            await widget.find("dialog").evaluate("element => getComputedStyle(element).direction")
            == "rtl"
        )
        assert await widget.find("dialog").evaluate("element => element.matches(':modal')")
        close, title = (
            await widget.find(".shut").bounding_box(),
            await widget.find("h2").bounding_box(),
        )
        assert close["x"] < title["x"]
        assert await widget.page.evaluate("document.documentElement.scrollWidth") == 390


async def test_the_next_user_sees_nothing_of_the_last_one(browser: Browser, start: Start) -> None:
    """After a logout the widget starts a new session and drops unsent messages."""
    async with open_page(browser, start, settings={"identity_secret": SITE_SECRET}) as widget:
        await widget.visit(attributes=f'open token="{identity()}"')
        await widget.live()
        await widget.write("My order, please")
        await until(lambda: widget.chat.gateway.accepted)
        assert widget.chat.gateway.accepted[0].ref == "customer-7"
        await widget.find(".customer .meta:has-text('Sent')").wait_for()
        await widget.context.set_offline(True)
        await widget.write("never to be sent by others")
        await widget.context.set_offline(False)
        await widget.page.evaluate("document.querySelector('warmline-chat').remove()")
        await widget.visit(attributes="open")
        await widget.live()
        assert await widget.texts() == []
        refs = {message.ref for message in widget.chat.gateway.accepted}
        assert refs == {"customer-7"}


async def test_an_expired_sign_in_is_shown(browser: Browser, start: Start) -> None:
    """The customer is asked to reload; the site can set a new token instead."""
    async with open_page(browser, start, settings={"identity_secret": SITE_SECRET}) as widget:
        await widget.visit(attributes=f'token="{identity(exp=1)}"')
        await widget.page.evaluate(
            "addEventListener('warmline-identity', () => (document.title = 'asked'))"
        )
        await widget.launcher.click()
        await widget.page.get_by_text("Your sign-in has expired").wait_for()
        assert await widget.page.title() == "asked"
        await widget.page.evaluate(
            "token => document.querySelector('warmline-chat').setAttribute('token', token)",
            identity(),
        )
        await widget.live()


async def test_the_closed_button_counts_unread_messages(browser: Browser, start: Start) -> None:
    """The button shows and names the number of new messages until they are read."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.page.keyboard.press("Escape")
        widget.chat.gateway.put(await widget.address(), "Still there?")
        await widget.find(".badge:has-text('1')").wait_for()
        assert await widget.focused() == "Open the chat. New messages: 1"
        await widget.launcher.click()
        await widget.find(".badge").wait_for(state="hidden")
