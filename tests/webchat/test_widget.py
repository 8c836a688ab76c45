"""The widget in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gateway import Attachment, Button, Event, SurveyQuestion
from tests.conftest import until
from tests.webchat.conftest import SITE_SECRET, Start
from tests.webchat.house import ANA
from tests.webchat.page import Shop, window
from tests.webchat.test_sessions import identity

if TYPE_CHECKING:
    from playwright.async_api import Browser

WATCH_ROWS = """() => {
  window.rows = [];
  const log = document.querySelector("warmline-chat").shadowRoot.querySelector("[role=log]");
  const note = ({ addedNodes }) => addedNodes.forEach((node) => rows.push(node.innerText));
  new MutationObserver((all) => all.forEach(note)).observe(log, { childList: true });
}"""
NO_SOCKETS = "window.WebSocket = class { constructor() { throw new Error('blocked'); } };"

CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")


async def test_a_conversation(browser: Browser, start: Start) -> None:
    """Question, answer, quick reply, a person who joins by name: all as it happens."""
    async with window(browser, start) as shop:
        await shop.visit(lang="en-GB")
        await shop.open()
        await shop.write("Where is my order?")
        await shop.find(".customer .meta:has-text('Sent')").wait_for()
        assert shop.chat.small.accepted[0].language == "en"
        here = await shop.address()
        track = Button(title="Track a parcel", payload="track_it")
        shop.chat.small.put(here, "On its way.", buttons=(track,))
        await shop.find(".bot .who:has-text('Automated')").wait_for()
        await shop.page.get_by_role("button", name="Track a parcel").click()
        await until(lambda: len(shop.chat.small.accepted) == 2)
        assert shop.chat.small.accepted[1].text == "track_it"
        await shop.find(".customer .bubble:has-text('Track a parcel')").wait_for()
        assert await shop.find(".choices").count() == 0
        shop.chat.small.put(here, "Hello, Ana here.", author="agent", agent=ANA)
        await shop.page.get_by_text("Ana has joined the conversation").wait_for()
        await shop.find(".presence:has-text('You are talking with Ana')").wait_for()
        await shop.find(".customer .meta:has-text('Seen')").first.wait_for(state="attached")
        await until(lambda: [m.status for m in shop.chat.small.everything(here)][-1] == "read")
        event = Event(topic=here.lane, name="typing", data={"author": "agent", "name": "Ana"})
        shop.chat.small.publish(event)
        await shop.page.get_by_role("img", name="Ana is typing").wait_for()


async def test_offline_words_wait_and_nothing_doubles(browser: Browser, start: Start) -> None:
    """Offline words wait and are sent once and in order; what was missed comes in order."""
    async with window(browser, start) as shop:
        await shop.visit()
        await shop.open()
        await shop.write("one")
        await until(lambda: shop.chat.small.accepted)
        here = await shop.address()
        await shop.context.set_offline(True)
        await shop.page.get_by_text("You are offline").wait_for()
        await shop.write("two")
        await shop.write("three")
        assert await shop.find(".waits").count() == 2
        shop.chat.small.put(here, "missed A")
        shop.chat.small.put(here, "missed B")
        assert len(shop.chat.small.accepted) == 1
        shop.chat.small.cut = 1  # and the first answer after the break is lost as well
        await shop.context.set_offline(False)
        await until(lambda: len(shop.chat.small.accepted) == 3, 20)
        await shop.live()
        await shop.find(".waits").first.wait_for(state="detached")
        assert [one.text for one in shop.chat.small.accepted] == ["one", "two", "three"]
        assert await shop.texts() == ["one", "missed A", "missed B", "two", "three"]


async def test_words_survive_a_reload(browser: Browser, start: Start) -> None:
    """What the server had not taken when the page was left is sent by the next page, once."""
    async with window(browser, start) as shop:
        await shop.visit()
        await shop.open()
        shop.chat.small.broken = True
        await shop.write("Do not forget me")
        await shop.find(".customer .bubble").wait_for()
        shop.chat.small.broken = False
        await shop.visit(attributes="open")
        await until(lambda: shop.chat.small.accepted)
        await shop.find(".customer .meta:has-text('Sent')").wait_for()
        assert await shop.texts() == ["Do not forget me"]
        assert len(shop.chat.small.accepted) == 1


async def test_where_sockets_are_blocked_it_polls(browser: Browser, start: Start) -> None:
    """Without sockets the same conversation goes on by plain requests."""
    async with window(browser, start) as shop:
        await shop.context.add_init_script(NO_SOCKETS)
        await shop.visit()
        await shop.open()
        await shop.write("one")
        await shop.write("two")
        await until(lambda: len(shop.chat.small.accepted) == 2)
        shop.chat.small.put(await shop.address(), "heard both")
        await shop.find(".bot .bubble:has-text('heard both')").wait_for()
        assert await shop.texts() == ["one", "two", "heard both"]


async def test_two_tabs_are_one_conversation(browser: Browser, start: Start) -> None:
    """A second tab shows the same conversation; what is read in one is read in both."""
    async with window(browser, start) as shop:
        await shop.visit()
        await shop.open()
        await shop.write("From the first tab")
        await until(lambda: shop.chat.small.accepted)
        other = Shop(shop.chat, await shop.context.new_page(), shop.context)
        await other.visit()
        shop.chat.small.put(await shop.address(), "Seen in the first")
        await shop.find(".bot .bubble").wait_for()
        here = await shop.address()
        await until(lambda: shop.chat.small.everything(here)[-1].status == "read")
        await other.find(".badge").wait_for(state="hidden")
        await other.open()
        await other.write("From the second tab")
        await shop.find(".bubble:has-text('From the second tab')").wait_for()
        said = ["From the first tab", "Seen in the first", "From the second tab"]
        assert await shop.texts() == await other.texts() == said
        assert await other.address() == here
        assert other.errors == []


async def test_by_keyboard_alone(browser: Browser, start: Start) -> None:
    """Open, write, rate with the stars and close again without a mouse; focus is never lost."""
    async with window(browser, start) as shop:
        await shop.visit()
        keyboard = shop.page.keyboard
        await keyboard.press("Tab")
        await keyboard.press("Tab")
        assert await shop.focused() == "Open the chat"
        await keyboard.press("Enter")
        await shop.live()
        assert await shop.focused() == "Write a message"
        await keyboard.type("Thank you")
        await keyboard.press("Shift+Enter")
        await keyboard.type("all")
        await keyboard.press("Enter")
        await until(lambda: shop.chat.small.accepted)
        assert shop.chat.small.accepted[0].text == "Thank you\nall"
        shop.chat.small.put(await shop.address(), "Did you feel heard?", survey=SurveyQuestion())
        await shop.page.get_by_role("radiogroup", name="Your rating").wait_for()
        for _ in range(2):
            await keyboard.press("Shift+Tab")
        assert await shop.focused() == "5 of 5"
        await keyboard.press("ArrowLeft")
        assert await shop.focused() == "4 of 5"
        await keyboard.press("Tab")
        assert await shop.focused() == "Send rating"
        await keyboard.press("Enter")
        await until(lambda: len(shop.chat.small.accepted) == 2)
        assert shop.chat.small.accepted[1].text == "4"
        await shop.page.get_by_role("img", name="4 of 5").wait_for()
        assert await shop.focused() == "Write a message"
        await keyboard.press("Escape")
        assert await shop.focused() == "Open the chat"
        assert not await shop.find("dialog").is_visible()


async def test_what_a_screen_reader_hears(browser: Browser, start: Start) -> None:
    """A log that says new rows once and with their author, and is quiet while the past loads."""
    async with window(browser, start) as shop:
        await shop.visit()
        await shop.open()
        log = shop.page.get_by_role("log", name="Conversation")
        assert await log.get_attribute("aria-busy") == "false"
        shop.chat.small.put(await shop.address(), "Hello")
        await shop.find(".bot").wait_for()
        await shop.page.evaluate(WATCH_ROWS)
        await shop.write("Hi")
        await shop.find(".customer .meta:has-text('Sent')").wait_for()
        [row] = await shop.page.evaluate("rows")
        assert row.startswith("You:")
        assert "Hi" in row
        assert "Assistant" in (await log.inner_text())


async def test_words_are_only_words(browser: Browser, start: Start) -> None:
    """Markup is shown as text; only http addresses become links, and safe ones."""
    async with window(browser, start) as shop:
        await shop.visit()
        await shop.open()
        hostile = (
            "<img src=x onerror=alert(1)> javascript:alert(1) "
            "https://shop.example/a?b=(c)&d, http://x.example/%22%3E."
        )
        shop.chat.small.put(await shop.address(), hostile)
        bubble = shop.find(".bot .bubble")
        await bubble.wait_for()
        assert (await bubble.inner_text()).startswith("<img src=x onerror=alert(1)> javascript:")
        assert await bubble.locator("img").count() == 0
        links = await bubble.locator("a").evaluate_all("all => all.map((a) => [a.href, a.rel])")
        assert links == [
            ["https://shop.example/a?b=(c)&d", "noopener noreferrer"],
            ["http://x.example/%22%3E", "noopener noreferrer"],
        ]


async def test_files(browser: Browser, start: Start) -> None:
    """A file is sent with a message; one too large or of a wrong kind is refused in words."""
    async with window(browser, start, settings={"file_size": 2000}) as shop:
        await shop.visit()
        await shop.open()
        picker = shop.find("input[type=file]")
        program = {"name": "setup.exe", "mimeType": "image/png", "buffer": b"MZ\0\0"}
        await picker.set_input_files([program])
        await shop.page.get_by_text("setup.exe is not a kind of file we can take.").wait_for()
        shop.errors.clear()  # the browser notes the 415
        large = {"name": "large.txt", "mimeType": "text/plain", "buffer": b"x" * 3000}
        await picker.set_input_files([large])
        await shop.page.get_by_text("large.txt is too large. The most is 2 kB.").wait_for()
        note = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"my note"}
        await picker.set_input_files([note])
        await shop.find(".chip:not(.busy)").wait_for()
        await shop.find(".send").click()
        await until(lambda: shop.chat.small.accepted)
        assert shop.chat.small.accepted[0].attachments[0].name == "note.txt"
        async with shop.page.expect_download() as download:
            await shop.page.get_by_role("button", name="Download note.txt").click()
        path = await (await download.value).path()
        assert path.read_bytes() == b"my note"


async def test_contrast_and_motion(browser: Browser, start: Start) -> None:
    """Every word has the contrast of WCAG AA on all that can be behind it, by day and by night;
    who asked for less motion gets none."""
    async with window(browser, start, reduced_motion="reduce") as shop:
        await shop.visit()
        await shop.open()
        here, put = await shop.address(), shop.chat.small.put
        file = Attachment(name="a.pdf", media_type="application/pdf", size=1, digest="0" * 64)
        await shop.write("A question https://shop.example")
        put(here, "An answer https://shop.example", attachments=(file,))
        put(here, "Ana here", author="agent", agent=ANA)
        button = Button(title="Yes", payload="yes")
        put(here, "How was it?", survey=SurveyQuestion(), buttons=(button,))
        await shop.find(".stars").wait_for()
        shop.chat.small.publish(Event(topic=here.lane, name="typing", data={"author": "bot"}))
        await shop.find(".typing").wait_for()
        assert await shop.page.evaluate("document.getAnimations().length") == 0
        await shop.find(".stars label").nth(2).click()
        await assert_contrast(shop)
        await shop.context.set_offline(True)
        await shop.write("Waiting")
        await shop.page.get_by_text("You are offline").wait_for()
        await assert_contrast(shop)


async def assert_contrast(shop: Shop) -> None:
    for scheme in ("light", "dark"):
        await shop.page.emulate_media(color_scheme=scheme)
        checked, found = await shop.page.evaluate(CONTRAST)
        assert checked > 20
        assert found == [], scheme


async def test_it_speaks_the_pages_language(browser: Browser, start: Start) -> None:
    """The page's language decides; one we do not know gets English."""
    async with window(browser, start) as shop:
        for lang, hello in (
            ("de", "Guten Tag"),
            ("fr-CA", "Bonjour"),
            ("es", "Hola"),
            ("xx", "Hello"),
        ):
            await shop.visit(lang=lang, attributes="open")
            await shop.find(f".hello:has-text('{hello}')").wait_for()


async def test_arabic_on_a_phone(browser: Browser, start: Start) -> None:
    """On a phone the chat fills the screen; in Arabic it runs from right to left."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with window(browser, start, reduced_motion="reduce", **phone) as shop:
        await shop.visit(lang="de", attributes='lang="ar"')
        await shop.open()
        box = await shop.find("dialog").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
        assert await shop.find("dialog").evaluate("one => getComputedStyle(one).direction") == "rtl"
        assert await shop.find("dialog").evaluate("one => one.matches(':modal')")
        close, title = await shop.find(".shut").bounding_box(), await shop.find("h2").bounding_box()
        assert close["x"] < title["x"]
        assert await shop.page.evaluate("document.documentElement.scrollWidth") == 390


async def test_the_next_user_does_not_see_the_last_ones_words(
    browser: Browser, start: Start
) -> None:
    """After a logout, and for another user, the widget begins anew, unsent words included."""
    async with window(browser, start, settings={"identity_secret": SITE_SECRET}) as shop:
        await shop.visit(attributes=f'open token="{identity()}"')
        await shop.live()
        await shop.write("My order, please")
        await until(lambda: shop.chat.small.accepted)
        assert shop.chat.small.accepted[0].ref == "customer-7"
        await shop.find(".customer .meta:has-text('Sent')").wait_for()
        await shop.context.set_offline(True)
        await shop.write("never to be sent by others")
        await shop.context.set_offline(False)
        await shop.page.evaluate("document.querySelector('warmline-chat').remove()")
        await shop.visit(attributes="open")
        await shop.live()
        assert await shop.texts() == []
        refs = {one.ref for one in shop.chat.small.accepted}
        assert refs == {"customer-7"}


async def test_an_expired_sign_in_is_told(browser: Browser, start: Start) -> None:
    """The customer hears that the sign-in is over; the site can give a new token in place."""
    async with window(browser, start, settings={"identity_secret": SITE_SECRET}) as shop:
        await shop.visit(attributes=f'token="{identity(exp=1)}"')
        await shop.page.evaluate(
            "addEventListener('warmline-identity', () => (document.title = 'asked'))"
        )
        await shop.launcher.click()
        await shop.page.get_by_text("Your sign-in has expired").wait_for()
        assert await shop.page.title() == "asked"
        await shop.page.evaluate(
            "token => document.querySelector('warmline-chat').setAttribute('token', token)",
            identity(),
        )
        await shop.live()


async def test_an_answer_is_counted_while_closed(browser: Browser, start: Start) -> None:
    """Closed, the button tells of new messages, by sight and by name, until they are read."""
    async with window(browser, start) as shop:
        await shop.visit()
        await shop.open()
        await shop.page.keyboard.press("Escape")
        shop.chat.small.put(await shop.address(), "Still there?")
        await shop.find(".badge:has-text('1')").wait_for()
        assert await shop.focused() == "Open the chat. New messages: 1"
        await shop.launcher.click()
        await shop.find(".badge").wait_for(state="hidden")
