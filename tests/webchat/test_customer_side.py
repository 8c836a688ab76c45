"""What a customer sees and does in the widget beside writing, in a real browser."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from channels.webchat import WidgetLook
from channels.webchat.channel import LogoFile, read_logo
from gateway import Address, File, WarmlineError
from tests.conftest import until
from tests.webchat.browser_page import open_page
from tests.webchat.conftest import ROOT, Start
from tests.webchat.fakes import ANA

if TYPE_CHECKING:
    from playwright.async_api import Browser

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ADA = Address(channel="email", value="ada@example.org")
THEME = (
    "document.querySelector('warmline-chat').shadowRoot.querySelector('.warmline').dataset.theme"
)


async def test_the_agents_name_shows_from_the_claim_on(browser: Browser, start: Start) -> None:
    """Before the first word, once, and after a reload; over plain requests too."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.write("A person, please")
        await until(lambda: widget.chat.gateway.accepted)
        here = await widget.address()
        widget.chat.gateway.claim(here, "Ana")
        await widget.page.get_by_text("Ana has joined the conversation").wait_for()
        await widget.find(".presence:has-text('You are talking with Ana')").wait_for()
        widget.chat.gateway.put(here, "Hello, I am Ana.", author="agent", agent=ANA)
        await widget.find(".agent .who:has-text('Ana')").wait_for()
        assert await widget.page.get_by_text("Ana has joined").count() == 1
        widget.chat.gateway.claim(here, None)
        widget.chat.gateway.put(here, "I am the assistant again.")
        await widget.find(".presence:has-text('Automated assistant')").wait_for()


async def test_starter_questions_are_one_click(browser: Browser, start: Start) -> None:
    """In the page's language, and only until something was said."""
    look = {"starters": {"en": ["Where is my order?", "When do you open?"], "de": ["Wo?"]}}
    async with open_page(browser, start, settings={"look": look}) as widget:
        await widget.visit()
        await widget.open()
        assert await widget.find(".choices button").all_inner_texts() == look["starters"]["en"]
        await widget.page.get_by_role("button", name="When do you open?").click()
        await until(lambda: widget.chat.gateway.accepted)
        assert widget.chat.gateway.accepted[0].text == "When do you open?"
        assert not await widget.find(".choices").is_visible()


async def test_titled_links_are_links_that_say_where_they_lead(
    browser: Browser, start: Start
) -> None:
    """Never one whose title names another place, nor a script, nor in the customer's own words."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.write("see [this](https://mine.example/x)")
        await until(lambda: widget.chat.gateway.accepted)
        here = await widget.address()
        text = (
            "Read [our page](https://shop.example/a_(b)), "
            "not [bank.example](https://evil.example/), "
            "[x](javascript:alert(1)) or [y](https://a@evil.example/)."
        )
        widget.chat.gateway.put(here, text)
        await widget.find(".bot .bubble").wait_for()
        shown = await widget.find(".bubble a").evaluate_all(
            "links => links.map((a) => [a.firstChild.data, a.href, a.rel])"
        )
        safe = "noopener noreferrer"
        assert shown == [
            ["https://mine.example/x", "https://mine.example/x", safe],
            ["our page", "https://shop.example/a_(b)", safe],
            ["https://evil.example/", "https://evil.example/", safe],
        ]
        assert (await widget.find(".place").inner_text()).strip() == "shop.example"


async def test_images_show_as_thumbnails(browser: Browser, start: Start) -> None:
    """A damaged one shows its name."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        here, gateway = await widget.address(), widget.chat.gateway
        kept = await gateway.keep(File(name="lamp.png", media_type="image/png", data=PIXEL))
        broken = await gateway.keep(File(name="bad.png", media_type="image/png", data=b"\x89PNG"))
        gateway.put(here, "Look", attachments=(kept, broken))
        await widget.find(".thumbnail").wait_for()
        assert await widget.find(".thumbnail").count() == 1
        assert await widget.find(".file").count() == 2
        assert await widget.page.get_by_role("button", name="Download lamp.png").is_visible()


async def test_the_theme_follows_the_page(browser: Browser, start: Start) -> None:
    """What the element says comes first, then the page, then the visitor's system; each as it
    changes."""
    async with open_page(browser, start, color_scheme="dark") as widget:
        await widget.visit()
        page = widget.page
        assert await page.evaluate(THEME) == "dark"
        await page.emulate_media(color_scheme="light")
        await until(lambda: _is(page, "light"))
        await page.evaluate("document.documentElement.dataset.theme = 'dark'")
        await until(lambda: _is(page, "dark"))
        await page.evaluate("document.querySelector('warmline-chat').dataset.theme = 'light'")
        await until(lambda: _is(page, "light"))


async def _is(page: Any, theme: str) -> bool:
    return bool(await page.evaluate(THEME) == theme)


async def test_a_new_conversation_hides_the_old_one(browser: Browser, start: Start) -> None:
    """Also after a reload; it can be shown again. An open hand-over goes on, and the page says
    so."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.write("One")
        await widget.find(".customer .meta:has-text('Sent')").wait_for()
        await _choose(widget, "New conversation")
        await widget.page.get_by_text("This is a new conversation.").wait_for()
        assert await widget.texts() == []
        widget.chat.gateway.put(await widget.address(), "Two")
        await widget.find(".bot .bubble").wait_for()
        await widget.visit(attributes="open")
        await widget.live()
        assert await widget.texts() == ["Two"]
        widget.chat.gateway.waits_for_a_person = True
        await _choose(widget, "New conversation")
        await widget.page.get_by_text("A person in our team has your earlier request.").wait_for()
        await widget.page.get_by_role("button", name="Show earlier messages").click()
        assert await widget.texts() == ["One", "Two"]


async def test_a_transcript_is_saved_or_mailed(browser: Browser, start: Start) -> None:
    """By mail only to a proven address, of which the page shows enough to know it by."""
    async with open_page(browser, start) as widget:
        await widget.visit()
        await widget.open()
        await widget.write("Where is it?")
        await widget.find(".customer .meta:has-text('Sent')").wait_for()
        async with widget.page.expect_download() as download:
            await _choose(widget, "Save as a file")
        file = await (await download.value).path()
        saved = await asyncio.to_thread(file.read_text, "utf-8")
        assert saved.endswith("You:\nWhere is it?")
        await _choose(widget, "Send by e-mail")
        await widget.page.get_by_text("There is no confirmed e-mail address").wait_for()
        widget.chat.gateway.proven = ADA
        await _choose(widget, "Send by e-mail")
        await widget.page.get_by_text("on its way to a…@example.org").wait_for()


async def _choose(widget: Any, item: str) -> None:
    await widget.find(".more summary").click()
    await widget.page.get_by_role("button", name=item).click()


def test_a_logo_is_an_image(tmp_path: Path) -> None:
    """Of its kind by content; anything else is an error that names the file."""
    (tmp_path / "logo.png").write_bytes(PIXEL)
    (tmp_path / "page.png").write_bytes(b"<html>")
    settings: Any = SimpleNamespace(path=lambda path: tmp_path / path)
    look = WidgetLook(logo="logo.png")
    assert read_logo(look, settings) == LogoFile("image/png", PIXEL)
    assert read_logo(WidgetLook(logo="https://cdn.example/logo.png"), settings) is None
    for name in ("page.png", "none.png"):
        with pytest.raises(WarmlineError, match=name):
            read_logo(WidgetLook(logo=name), settings)
    for bad in ("http://cdn.example/l.png", "https://u@cdn.example/l.png", "logo.svg"):
        with pytest.raises(ValidationError):
            WidgetLook(logo=bad)


async def test_the_logo_stands_in_the_heading(browser: Browser, start: Start) -> None:
    """Served by us, also to pages of other origins."""
    logo = LogoFile("image/png", PIXEL)
    look = {"logo": "logo.png"}
    async with open_page(browser, start, logo=logo, settings={"look": look}) as widget:
        await widget.visit(attributes="open")
        await widget.find(".mark.logo img").wait_for()
        async with widget.chat.http.get(f"{widget.chat.url}{ROOT}/logo") as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert await answer.read() == PIXEL
