"""``/desk/sources``: a lead adds a site, sees what changed, and which answers rest on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

import brand_voice
from gateway import NewSource
from gateway.testing import FakeChannel, FakeClock, RunningGateway, running
from plugins import agents_desk, escalation, faq, knowledge
from plugins.knowledge.sources import recheck
from plugins.knowledge.sources.requests import ReadRequests
from tests.agents_desk.conftest import as_config, user
from tests.conftest import until
from tests.knowledge.sources.conftest import NoProcess, Site
from tests.lead_rooms.shop import Lead

ANSWERS = """
answers:
  cost:
    links: [{title: Delivery, url: "URL/help/"}]
    say:
      en: {opener: "", body: ["A parcel costs what our page says."]}
  price:
    say:
      en: {opener: "", body: ["A parcel costs €4.90."]}
"""


@asynccontextmanager
async def open_shop(folder: Path, site: Site) -> AsyncIterator[RunningGateway]:
    (folder / "answers.yaml").write_text(ANSWERS.replace("URL", site.url), "utf-8")
    people = [
        as_config(user("ana", "admin")),
        as_config(user("ben")),
        as_config(user("nora").model_copy(update={"brands": ("north",)})),
        as_config(user("cleo", "agent")),
    ]
    config: dict[str, Any] = {
        "brand_voice": {},
        "brands": {"north": {"support_addresses": ["sms"]}},
        "plugins": {
            "faq": {"answers": ["answers.yaml"], "packaged": False},
            "escalation": {},
            "knowledge": {},
            "agents_desk": {"users": people},
        },
    }
    async with running(
        FakeChannel("webchat"),
        FakeChannel("sms"),
        brand_voice,
        faq,
        escalation,
        agents_desk,
        knowledge,
        config=config,
        tmp_path=folder,
        clock=FakeClock(),
    ) as gateway:
        yield gateway


@pytest.fixture
async def shop(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningGateway]:
    monkeypatch.setattr(recheck, "ReadingProcess", NoProcess)
    async with open_shop(tmp_path, site) as gateway:
        yield gateway


Enter = Callable[..., Awaitable[Lead]]


@pytest.fixture
async def enter(shop: RunningGateway) -> AsyncIterator[Enter]:
    sessions: list[ClientSession] = []

    async def enter_as(name: str = "ana") -> Lead:
        http = ClientSession(cookie_jar=CookieJar(unsafe=True))
        sessions.append(http)
        lead = Lead(http, shop.url)
        await lead.sign_in(name)
        return lead

    yield enter_as
    for http in sessions:
        await http.close()


async def read_through(shop: RunningGateway) -> None:
    """Wait until nothing waits to be read."""
    requests = ReadRequests(shop.services)

    async def done() -> bool:
        return not await requests.waiting()

    await until(done, 30)


async def test_from_an_added_site_to_a_settled_change(
    shop: RunningGateway, enter: Enter, site: Site
) -> None:
    """The whole way of a changed price, as a lead walks it."""
    site.page("/help/", "A parcel costs €4.90 to send.", "a")
    site.page("/help/a", "The page A of the help.")
    ana = await enter("ana")
    await ana.open("/desk/sources")
    assert "There are no sources yet" in ana.words
    await ana.send(
        "/desk/sources", act="add", location=f"{site.url}/help/", title="Help", private="1"
    )
    await read_through(shop)
    await ana.open("/desk/sources")
    assert "Help" in ana.words
    assert "2 documents 2 passages" in ana.words
    assert "Look at what changed" not in ana.words
    await ana.open("/desk/sources/1")
    assert "Page /help/" in ana.words
    await ana.open("/desk/sources/1/1")
    assert "A parcel costs €4.90 to send." in ana.words
    site.page("/help/", "A parcel costs €5.90 to send.", "a")
    await ana.open("/desk/sources/1")
    await ana.send("/desk/sources/1", act="refresh")
    await read_through(shop)
    await ana.open("/desk/sources")
    assert "price: €4.90 → €5.90" in ana.words
    assert "cost links to this page" in ana.words.lower()
    assert "price says €4.90" in ana.words.lower()
    change = ana.field("change")
    await ana.send("/desk/sources", act="settle", change=change)
    assert "Look at what changed" not in ana.words
    await ana.open("/desk/sources/1/1?version=1")
    assert "This is an earlier version" in ana.words
    assert "€4.90" in ana.words
    await ana.open("/desk/sources/1")
    await ana.send("/desk/sources/1", act="remove")
    assert "There are no sources yet" in ana.words


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("ana", {"location": "/etc"}, "Write a URL that begins with https://"),
        ("ben", {"location": "http://127.0.0.1/x", "private": "1"}, "Only admins add sources"),
        ("nora", {"location": "https://a.example/", "brand": "south"}, "Please choose one of your"),
        ("ana", {"location": "https://a.example/", "brand": "west"}, "There is no brand 'west'"),
    ],
)
async def test_what_cannot_be_added(
    enter: Enter, name: str, fields: dict[str, str], says: str
) -> None:
    """The page says why, and keeps what was typed."""
    lead = await enter(name)
    await lead.open("/desk/sources")
    response = await lead.send("/desk/sources", act="add", **fields)
    assert response.status == 422
    assert says in lead.words
    assert fields["location"] in lead.page


async def test_who_sees_what(shop: RunningGateway, enter: Enter) -> None:
    """Agents see no sources; who is limited to brands sees those of theirs alone."""
    store = shop.services.knowledge
    assert store is not None
    await store.add_source(NewSource(location="https://all.example/"))
    await store.add_source(NewSource(location="https://north.example/", brand="north"))
    cleo, nora = await enter("cleo"), await enter("nora")
    assert (await cleo.open("/desk/sources")).status == 403
    await nora.open("/desk/sources")
    assert "north.example" in nora.words
    assert "all.example" not in nora.words
    assert (await nora.open("/desk/sources/1")).status == 404
    assert (await nora.open("/desk/sources/2")).status == 200
    assert (await nora.open("/desk/sources/2/9")).status == 404
