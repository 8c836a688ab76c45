"""The pages of lists: what each shows, to whom, and that rows stay in place while they move."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway import Address
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    JULES,
    MARIA,
    NOUR,
    PHONE,
    PRIYA,
    TOM,
    WAITING,
    DeskGateway,
)

ROW = re.compile(r'<li class="list-row [a-z]+" id="r(\d+)">')


def shown(visit: Visit) -> list[int]:
    """The conversations of the page, in order."""
    return [int(id) for id in ROW.findall(visit.page)]


@pytest.fixture
async def cleo(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("cleo")
    return visit


@pytest.mark.parametrize(("path", "expected"), [
    ("waiting", list(WAITING)),
    ("mine", [JULES]),
    ("colleagues", [PRIYA]),
    ("resolved", [2, 1]),
    ("bot", []),
    ("snoozed", []),
    ("all?channel=sms", [PHONE]),
    ("all?state=person", [JULES, PRIYA]),
    ("all?person=desk:ben&state=resolved", [2, 1]),
    ("waiting?skill=safety", [TOM]),
    ("all?language=fr", [JULES]),
    ("all?mood=angry&channel=email", []),
    ("all?since=2026-11-20&state=resolved", []),
    ("all?until=2026-11-20", [2, 1]),
])  # fmt: skip
async def test_each_list_and_filter_shows_its_conversations(
    ana: Visit, path: str, expected: list[int]
) -> None:
    """The waiting ones in the order of the queue, the others newest first."""
    assert (await ana.open(f"/desk/list/{path}")).status == 200
    assert shown(ana) == expected


async def test_a_row_says_who_waits_for_whom(ana: Visit, gw: DeskGateway) -> None:
    """In words, not by a colour."""
    await ana.open("/desk/list/all")
    for whom in ("a person", "you", "Ben"):
        assert f"Customer waits for {whom}" in ana.page
    await ana.open(f"/desk/c/{JULES}")
    await ana.send(
        f"/desk/c/{JULES}/answer", epoch=ana.field("epoch"), text="Here is how.", key="k1"
    )
    await gw.running.settled()
    await ana.open("/desk/list/mine")
    assert "You wait for the customer" in ana.page
    assert "Here is how." in ana.page
    jules = (await gw.desk.card(JULES)).conversation.address
    for said, row, queue in (
        ("Merci, c'est tout", "You wait for the customer", "last message"),
        ("Merci, et pour la facture ?", "Customer waits for you", "waiting"),
    ):
        await gw.write(jules, said)
        await ana.open("/desk/list/mine")
        assert row in ana.page
        await ana.open("/desk?filter=mine")
        line = ana.page[ana.page.index(f'id="q{JULES}"') :]
        assert f'class="hidden">{queue} <' in line[: line.index("</a>")]


async def test_a_conversation_keeps_its_list_beside_it(ana: Visit, gw: DeskGateway) -> None:
    """Opened from a list, a resolved or bot-held one shows that list on the left, also after an
    action and a refresh; the way back leads to it."""
    await gw.write(Address(channel="webchat", value="v-bot"), "When do you open?")
    await ana.open("/desk/list/resolved?person=desk:ben")
    link = re.findall(r'href="(/desk/c/2\?from=[^"]+)"', ana.page)[0]
    await ana.open(link)
    assert 'aria-label="Resolved"' in ana.page
    assert 'id="q1"' in ana.page
    assert 'href="/desk/list/resolved?person=desk%3Aben"' in ana.page
    await ana.open(link.replace("/desk/c/2?", "/desk/queue?current=2&"))
    assert 'id="q1"' in ana.page
    await ana.open("/desk/list/bot")
    assert len(shown(ana)) == 1


async def test_every_list_is_one_click_away(ana: Visit) -> None:
    """With how many there are in it."""
    await ana.open("/desk")
    assert re.search(r'href="/desk/list/colleagues"[^>]*>With colleagues <b>1</b>', ana.page)
    for name in ("bot", "snoozed", "resolved", "all"):
        assert f'href="/desk/list/{name}"' in ana.page


@pytest.mark.parametrize("desk_settings", [{"read_colleagues": False}])
async def test_lists_keep_what_a_person_may_not_see(cleo: Visit) -> None:
    """Where agents do not read colleagues' conversations, no list has them."""
    await cleo.open("/desk/list/all")
    assert shown(cleo) == [TOM, NOUR, MARIA, PHONE, 2, 1]
    await cleo.open("/desk/list/colleagues")
    assert shown(cleo) == []


async def test_an_unknown_list_is_not_found(ana: Visit) -> None:
    """And values of no page of ours filter nothing."""
    assert (await ana.open("/desk/list/none")).status == 404
    await ana.open("/desk/list/waiting?mood=jolly&since=yesterday&after=x-1&brand=none")
    assert shown(ana) == list(WAITING)


async def test_older_ones_follow_on_the_next_page(
    ana: Visit, gw: DeskGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each conversation once, by the links of the pages."""
    monkeypatch.setattr("plugins.agents_desk.lists.navigation.SHOWN", 3)
    path, found = "/desk/list/all", list[int]()
    for _ in range(3):
        await ana.open(path)
        found += shown(ana)
        path = ana.page.split('id="older"')[-1].split('href="')[1].split('"')[0]
    assert found == [TOM, NOUR, MARIA, PHONE, JULES, PRIYA, 2, 1]
    assert 'id="older"' not in ana.page
    monkeypatch.undo()
    await ana.open("/desk/list/all")
    assert shown(ana) == found


async def test_what_is_typed_into_an_address_is_escaped(ana: Visit) -> None:
    """A filter is words, never markup."""
    await ana.open("/desk/list/all?label=%3Cb%3E&channel=%22%3E%3Cscript%3E")
    assert "<script>" not in ana.page.split("<main")[1]
