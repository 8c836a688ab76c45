"""The whole story in Chromium: a customer on the shop's page, a person at the desk, one server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import until
from tests.story.conftest import Serve
from tests.story.pages import DeskPage, Shop, window
from tests.story.serving import Server

if TYPE_CHECKING:
    from playwright.async_api import Browser

UPSET = "I am so FRUSTRATED, this is the third time!!!"


@pytest.fixture
async def server(serve: Serve) -> Server:
    made = serve(WARMLINE_PLUGINS__FOLLOWUP__DELAY_MINUTES="0.02")
    await made.start()
    return made


class People:
    """Who takes part: a customer on the shop's page, and an agent at the desk."""

    def __init__(self, shop: Shop, desk: DeskPage) -> None:
        self.shop, self.desk = shop, desk

    async def taken_over(self, words: str) -> None:
        """The customer says ``words``; the agent claims the conversation."""
        await self.shop.visit()
        await self.shop.write(words)
        await self.shop.find(".row.bot").first.wait_for()
        await self.desk.sign_in()
        await self.desk.open_waiting(words)
        await self.desk.claim()


@asynccontextmanager
async def both(browser: Browser, server: Server, shots: Path) -> AsyncIterator[People]:
    async with (
        window(Shop, browser, server, shots) as shop,
        window(DeskPage, browser, server, shots) as desk,
    ):
        yield People(shop, desk)


def said(held: dict[str, Any], author: str) -> list[str]:
    return [one["text"] for one in held["messages"] if one["author"] == author]


GAP = re.compile(r"\[[^\]]*\]")


async def test_a_question_is_answered(browser: Browser, server: Server, tmp_path: Path) -> None:
    """The widget on the shop's page answers a question that stands in no file so."""
    async with window(Shop, browser, server, tmp_path) as shop:
        await shop.visit()
        await shop.write("what will the postage be?")
        await shop.heard("€4.90")
        await shop.shoot("widget-answered")


async def test_the_upset_are_heard_by_a_person(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    """Escalated at once, calmly; the agent sees why, answers, and the customer's page shows it
    with the agent's name, without a reload."""
    async with both(browser, server, tmp_path) as people:
        shop, desk = people.shop, people.desk
        await shop.visit()
        await shop.write(UPSET)
        await shop.find(".row.bot").first.wait_for()
        heard = " ".join(await shop.find(".row.bot .bubble").all_inner_texts())
        assert heard
        assert "!" not in heard
        assert "sorry" in heard.lower()
        await shop.shoot("widget-escalated")

        await desk.sign_in()
        await desk.shoot("desk-queue")
        await desk.open_waiting(UPSET)
        card = await desk.page.inner_text("#card")
        assert "Visitor" in await desk.page.inner_text("#head")
        assert "frustrated" in card.lower()
        assert "FRUSTRATED" in card
        assert "!!!" in card
        assert await desk.page.locator("#card .reasons li").count() >= 1
        await desk.shoot("desk-waiting")
        await desk.claim()
        await desk.page.keyboard.type("I have read all of it, and I am looking into it now.")
        await desk.shoot("desk-writing")
        await desk.send()
        await shop.heard("I have read all of it", by="agent")
        assert await shop.page.evaluate("window.stayed")
        assert "Una" in await shop.find(".row.agent").last.inner_text()
        await shop.shoot("widget-agent")

        await shop.write("Thank you. It is about my pannier.")
        await desk.page.locator("#messages .m.customer >> text=my pannier").wait_for()
        await desk.shoot("desk-live")
        held = await shop.held()
        assert said(held, "agent") == ["I have read all of it, and I am looking into it now."]
        assert len(said(held, "bot")) == 1


async def test_a_draft_is_edited_and_sent(browser: Browser, server: Server, tmp_path: Path) -> None:
    """The suggestion is put into the box, changed and sent; what became of it is recorded."""
    async with both(browser, server, tmp_path) as people:
        shop, desk = people.shop, people.desk
        await people.taken_over("tracking claims it was delivered but I have nothing")
        await desk.shoot("desk-suggestion")
        await desk.page.keyboard.press("Escape")
        await desk.page.keyboard.press("e")
        suggested = await desk.page.input_value("#answer")
        assert suggested
        draft = GAP.sub("yesterday", suggested)  # what it says was done is a gap, to be filled in
        await desk.page.fill("#answer", draft)
        await desk.page.keyboard.press("Control+End")
        await desk.page.keyboard.type(" I will write again tomorrow.")
        await desk.send()
        await shop.heard("I will write again tomorrow.", by="agent")
        await shop.shoot("widget-edited")
        (suggestion,) = (await shop.held())["suggestions"]
        assert suggestion["outcome"] == "edited"
        assert suggestion["final"] == f"{draft} I will write again tomorrow."


async def test_a_cut_network_loses_and_doubles_nothing(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    """What is typed offline arrives once and in order; what was said meanwhile is shown once."""
    async with both(browser, server, tmp_path) as people:
        shop, desk = people.shop, people.desk
        await people.taken_over(UPSET)
        await shop.cut_off(True)
        for words in ("one, offline", "two, offline", "three, offline"):
            await shop.write(words)
        await shop.shoot("widget-offline")
        await desk.page.keyboard.type("Said while you were away.")
        await desk.send()
        await desk.page.locator(".m.agent >> text=Said while you were away.").wait_for()
        await shop.cut_off(False)
        await shop.heard("Said while you were away.", by="agent")
        await shop.sent(4)
        shop.forgive_the_cut()
        expected = [UPSET, "one, offline", "two, offline", "three, offline"]
        assert await shop.said() == expected
        assert said(await shop.held(), "customer") == expected
        assert await shop.find(".row.agent").count() == 1
        await desk.page.locator(".m.customer >> text=three, offline").wait_for()


async def test_a_killed_server_loses_and_doubles_nothing(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    """SIGKILL in the middle of it: what was typed before the restart arrives once, in order, the
    page finds its conversation again, and the agent goes on."""
    async with both(browser, server, tmp_path) as people:
        shop, desk = people.shop, people.desk
        await people.taken_over(UPSET)
        await shop.write("the last words before")
        await shop.sent(2)
        await server.kill()
        for words in ("typed one", "typed two"):
            await shop.write(words)
        await shop.shoot("widget-server-gone")
        await desk.page.keyboard.type("half an answer")
        await server.start()
        await shop.sent(4)
        shop.forgive_the_cut()
        expected = [UPSET, "the last words before", "typed one", "typed two"]
        assert await shop.said() == expected

        desk.forgive_the_cut()
        await desk.page.goto(f"{server.url}/desk")  # still signed in: sessions outlive the server
        await desk.open_waiting("typed two")
        assert await desk.page.input_value("#answer") == "half an answer"
        await desk.page.focus("#answer")
        await desk.page.keyboard.press("Control+End")
        await desk.page.keyboard.type(", and the rest of it")
        await desk.send()
        await shop.heard("half an answer, and the rest of it", by="agent")
        held = await shop.held()
        assert said(held, "customer") == expected
        assert said(held, "agent") == ["half an answer, and the rest of it"]
        assert len(said(held, "bot")) == await shop.find(".row.bot").count() == 1
        desk.forgive_the_cut()
        shop.forgive_the_cut()


async def test_resolved_asked_and_thanked(browser: Browser, server: Server, tmp_path: Path) -> None:
    """After the person closes the case one question comes; stars are clicked, stored, thanked
    for, and the agent sees them."""
    async with both(browser, server, tmp_path) as people:
        shop, desk = people.shop, people.desk
        await people.taken_over(UPSET)
        await desk.page.keyboard.type("It is mended, and on its way to you.")
        await desk.send()
        await shop.heard("It is mended", by="agent")
        await desk.do("Resolve")
        await desk.page.wait_for_selector("text=This conversation is resolved.")
        await desk.shoot("desk-resolved")
        survey = shop.find("form.survey")
        await survey.wait_for(timeout=60_000)
        await shop.shoot("widget-survey")
        await survey.get_by_role("radio").nth(3).check(force=True)
        await survey.get_by_role("button").click()
        await survey.wait_for(state="detached")

        async def stored() -> bool:
            (asked,) = (await shop.held())["surveys"]
            return asked["answered_at"] is not None

        await until(stored, 60, every=0.5)
        held = await shop.held()
        (asked,) = held["surveys"]
        assert asked["score"] == 4
        assert len(held["conversations"]) == 1
        thanks = said(held, "bot")[-1]
        await shop.heard(thanks)
        assert "thank" in thanks.lower()
        await shop.shoot("widget-thanks")
