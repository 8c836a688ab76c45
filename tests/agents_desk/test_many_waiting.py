"""A desk over many conversations: what a page shows, and what it asks of the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from gateway import Address
from plugins.agents_desk.queue import SHOWN
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import ANA, JULES, MARIA, PHONE, WAITING, DeskGateway

MORE = 60
"""Additional conversations that wait."""


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of every connection that opens from now on."""
    seen: list[str] = []

    def trace(connection: object, _: object) -> None:
        if hasattr(connection, "set_trace_callback"):
            connection.set_trace_callback(seen.append)

    event.listen(Engine, "connect", trace)
    yield seen
    event.remove(Engine, "connect", trace)


async def let_wait(gw: DeskGateway) -> None:
    for number in range(MORE):
        await gw.write(Address(channel="webchat", value=f"many-{number}"), f"a person, {number}")


@pytest.mark.parametrize(("path", "most"), [
    ("/desk", 7),
    ("/desk/queue?current=0", 3),
    (f"/desk/c/{MARIA}", 26),
])  # fmt: skip
async def test_a_page_asks_the_same_however_many_wait(
    statements: list[str], gw: DeskGateway, ana: Visit, path: str, most: int
) -> None:
    """The statements of a page are counted, with 4 conversations that wait and with 64."""
    counts = []
    for _ in range(2):
        await ana.open(path)
        statements.clear()
        await ana.open(path)
        asked = [text for text in statements if text.lstrip().upper().startswith("SELECT")]
        counts.append(len(asked))
        await let_wait(gw)
    assert max(counts) <= most


async def test_own_conversations_come_before_any_number_of_waiting_ones(
    gw: DeskGateway, ana: Visit
) -> None:
    """The first page has the agent's own ones, the most urgent, and how many wait."""
    await let_wait(gw)
    await ana.open("/desk")
    assert ana.page.index(f'id="q{JULES}"') < ana.page.index(f'id="q{WAITING[0]}"')
    assert f"{MORE + len(WAITING)} customers are waiting" in ana.page
    assert ana.page.count('class="item"') == SHOWN
    await ana.open("/desk?show=mine")
    assert f'id="q{JULES}"' in ana.page


async def test_the_next_page_of_the_queue_goes_on(gw: DeskGateway, ana: Visit) -> None:
    """Every waiting conversation is on one of the pages, the agent's own ones on each."""
    await let_wait(gw)
    found: list[str] = []
    path = "/desk?show=all"
    for _ in range(2):
        await ana.open(path)
        found += [part.split('"')[0] for part in ana.page.split('class="item" id="q')[1:]]
        assert f'id="q{JULES}"' in ana.page
        path = ana.page.split(">Next<")[0].rpartition('href="')[2].split('"')[0]
    assert len(found) == len(set(found)) == MORE + len(WAITING)
    assert 'href="/desk">Most urgent' in ana.page


@pytest.mark.parametrize("after", ["", "1", "1-", "-1", "x-2", "1-2-3", "9999-1", "1-²"])
async def test_a_strange_position_is_the_beginning(ana: Visit, after: str) -> None:
    """A page's address that no page of ours has shows the most urgent ones."""
    assert (await ana.open("/desk", params={"after": after})).status == 200
    assert f'id="q{WAITING[0]}"' in ana.page


async def test_the_part_of_the_queue_shows_what_the_page_shows(ana: Visit) -> None:
    """A page that fetches only the queue has the same list as one that was opened now."""
    for path, part in (
        ("/desk", "/desk/queue?current=0"),
        ("/desk?show=waiting", "/desk/queue?show=waiting&current=0"),
        (f"/desk/c/{PHONE}", f"/desk/queue?current={PHONE}"),
    ):
        shown = []
        for address in (path, part):
            await ana.open(address)
            start = ana.page.index('<nav class="queue"')
            shown.append(ana.page[start : ana.page.index("</nav>", start)])
        assert shown[0] == shown[1]


async def test_an_action_is_on_the_next_page(gw: DeskGateway, ana: Visit) -> None:
    """The queue that desks share never lacks what the person has just done."""
    await ana.open(f"/desk/c/{PHONE}")
    await ana.send(f"/desk/c/{PHONE}/claim", epoch=ana.field("epoch"))
    mine = ana.page[ana.page.index("<h2>Yours</h2>") : ana.page.index("<h2>Waiting</h2>")]
    assert f'id="q{PHONE}"' in mine
    assert await gw.owner(PHONE) == ANA.id
