"""What an answer rests on, at the desk: the passage as it was, with the used sentence marked."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

import brand_voice
from gateway import NewDocument, NewPassage, NewSource, Reason, Reply, Turn, cited_spans
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins import agents_desk, escalation, knowledge
from tests.agents_desk.conftest import Visit, as_config, user
from tests.agents_desk.test_browser import CONTRAST, signed_in
from tests.insights.learning.shop import WordUnderstander

SAYS = "Gift cards are valid for three years."
OTHER = "A lost card is replaced once."
PAGE = "https://help.example/gift-cards"


class Drafts(FakeHandler):
    """Answers ``valid?`` out of the passage ``passages``; drafts the same for people."""

    def __init__(self) -> None:
        super().__init__(self._say, priority=20)
        self.passages: tuple[int, ...] = ()

    def _say(self, turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        if "person" in turn.message.text:
            return Reply(opener="", escalate=(Reason(code="test", detail=""),))
        return self._reply()

    async def suggest(self, turn: Turn) -> Reply | None:
        return self._reply()

    def _reply(self) -> Reply:
        return Reply(opener="", body=(SAYS,), sources=self.passages)


class EvidenceShop:
    """A desk, and one page of a help centre."""

    def __init__(self, gw: RunningGateway, handler: Drafts) -> None:
        self.gw, self.handler = gw, handler
        self.source = 0

    async def put(self, text: str) -> None:
        store = self.gw.services.knowledge
        assert store is not None
        if not self.source:
            new = NewSource(location="https://help.example/", title="Help")
            self.source = (await store.add_source(new)).id
        passage = NewPassage(headings=("Gift cards", "Validity"), text=text, anchor="validity")
        document = NewDocument(
            location=PAGE, title="Gift cards", language="en", digest=text, passages=(passage,)
        )
        stored = await store.put_document(self.source, document)
        self.document = stored.id
        self.handler.passages = tuple(p.id for p in await store.passages_of(stored.id))

    async def ask(self, text: str, customer: str = "mia") -> str:
        """The path of the conversation at the desk."""
        mia = self.gw.customer("webchat", customer)
        await mia.say(text)
        [conversation] = {
            m.conversation for m in await self.gw.services.mailbox.messages(mia.address, own=True)
        }
        return f"/desk/c/{conversation}"


@asynccontextmanager
async def evidence_shop(folder: Path) -> AsyncIterator[EvidenceShop]:
    handler = Drafts()
    users = [as_config(user("ana")), as_config(user("cleo", "agent"))]
    config: dict[str, Any] = {
        "brand_voice": {},
        "plugins": {"escalation": {}, "knowledge": {}, "agents_desk": {"users": users}},
    }
    async with running(
        WordUnderstander([("valid", "gift_cards")]),
        *(FakeChannel("webchat"), handler, brand_voice, escalation, agents_desk, knowledge),
        config=config,
        tmp_path=folder,
    ) as gw:
        yield EvidenceShop(gw, handler)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[EvidenceShop]:
    async with evidence_shop(tmp_path) as shop:
        await shop.put(f"{SAYS} {OTHER}")
        yield shop


@asynccontextmanager
async def visiting(shop: EvidenceShop, name: str = "ana") -> AsyncIterator[Visit]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        visit = Visit(http, shop.gw.url)
        await visit.sign_in(name)
        yield visit


def shown(visit: Visit) -> list[str]:
    """The parts of the page that say what something rests on."""
    return re.findall(r'<details class="evidence".*?</details>', visit.page, re.DOTALL)


def words(part: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", part)).split())


async def test_a_sent_answer_shows_its_passage_with_the_used_sentence(shop: EvidenceShop) -> None:
    """Title, heading, version and page; the agent who may not see all sources gets no link to
    them."""
    path = await shop.ask("valid?")
    async with visiting(shop) as ana:
        await ana.open(path)
        [part] = shown(ana)
        assert f"<mark>{SAYS}</mark> {OTHER}" in part
        assert "Gift cards › Validity" in words(part)
        assert "Version 1, read" in words(part)
        assert "Still current. Open the page All versions" in words(part)
        assert f'href="{PAGE}#validity"' in part
        assert f'href="/desk/sources/{shop.source}/{shop.document}?version=1"' in part
    async with visiting(shop, "cleo") as cleo:
        await cleo.open(path)
        assert all("/desk/sources" not in part for part in shown(cleo))


async def test_a_draft_shows_it_too(shop: EvidenceShop) -> None:
    """Before anything is sent."""
    path = await shop.ask("valid? person")
    async with visiting(shop) as ana:
        await ana.open(path)
        [part] = shown(ana)
        assert 'id="rests-draft"' in part
        assert f"<mark>{SAYS}</mark>" in part


async def test_it_stays_as_it_was_when_the_page_changes(shop: EvidenceShop) -> None:
    """The old words stay, and it is said that the page has others now; that it is gone; and that
    its source was removed."""
    path = await shop.ask("valid?")
    await shop.put(f"Gift cards are valid for two years. {OTHER}")
    async with visiting(shop) as ana:
        await ana.open(path)
        [part] = shown(ana)
        assert f"<mark>{SAYS}</mark>" in part
        assert "The page has changed since" in words(part)
        assert "two years" not in part
        store = shop.gw.services.knowledge
        assert store is not None
        await store.mark_gone(shop.document)
        await ana.open(path)
        assert "The page is gone since" in words(shown(ana)[0])
        other = await shop.ask("valid? person", "tom")
        await store.remove_source(shop.source)
        await ana.open(path)
        assert shown(ana) == []  # nothing of a removed source stays
        await ana.open(other)
        assert "no longer stored" in words(shown(ana)[0])


async def test_the_document_marks_what_an_answer_said(shop: EvidenceShop) -> None:
    """In the version that it rests on, for leads."""
    await shop.ask("valid?")
    await shop.put(f"Gift cards are valid for two years. {OTHER}")
    async with visiting(shop) as ana:
        await ana.open(f"/desk/sources/{shop.source}/{shop.document}")
        assert "<mark>" not in ana.page
        chosen = re.search(r'href="(\?turn=\d+)"', ana.page)
        assert chosen is not None
        await ana.open(f"/desk/sources/{shop.source}/{shop.document}{chosen[1]}")
        assert f"<mark>{SAYS}</mark> {OTHER}" in ana.page
        assert "of version 1" in words(ana.page)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("said", "marked"),
    [
        ("Hello! Returns are free. Bye.", ["Returns are free."]),
        (
            "Returns are free.\n\nSend it within 30 days.",
            ["Returns are free.", "Send it within 30 days."],
        ),
        ("You can send it back to us within 30 days of buying.", ["Send it within 30 days."]),
        ("We open at nine and close at five every day.", []),
        ("", []),
    ],
)
def test_sentences_are_found(said: str, marked: list[str]) -> None:
    """Word for word; else those with most of the words; nothing where nothing is the same."""
    text = "Returns are free.\n- Send it within 30 days.\n- Keep the receipt."
    assert [text[start:end] for start, end in cited_spans(text, said)] == marked


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(1440, 900, "light"), (1280, 720, "dark"), (390, 844, "light"), (390, 844, "dark")],
)
async def test_it_is_readable_in_a_browser(
    browser: Any, shop: EvidenceShop, width: int, height: int, scheme: str
) -> None:
    """Opened, with enough contrast and no sideways scrolling."""
    path = await shop.ask("valid?")
    await shop.put(f"Gift cards are valid for two years. {OTHER}")
    await shop.ask("valid? person")
    view = {"width": width, "height": height}
    page = await signed_in(browser, shop.gw.url, viewport=view, color_scheme=scheme)
    await page.goto(f"{shop.gw.url}{path}")
    await page.evaluate(
        "document.querySelectorAll('.evidence, #suggest').forEach((e) => e.open = true)"
    )
    assert await page.locator(".evidence mark").count() >= 1
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == []
    await page.context.close()
