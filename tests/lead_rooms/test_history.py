"""Every version with its author, what it changed, and the way back."""

from __future__ import annotations

from typing import Any

from gateway import AddExamples, ExampleText, SetValue
from gateway.testing import RunningGateway
from tests.lead_rooms.conftest import Enter
from tests.lead_rooms.shop import hears

DAYS = ("answers", "refund", "facts", "days")


async def adopt(shop: RunningGateway, kind: Any, *changes: Any, **more: Any) -> int:
    """As proposals and other pages do."""
    versions = shop.services.versions
    after = (await versions.overlay(kind)).number
    given = {"author": "desk:ben", "why": "asked for", "after": after} | more
    return (await versions.adopt(kind, changes, **given)).version.number


async def test_versions_of_all_kinds_are_listed_and_rolled_back(
    shop: RunningGateway, enter: Enter
) -> None:
    """The next customer gets the old answer again."""
    await adopt(shop, "answers", SetValue(at=DAYS, value={"*": "9"}), proposal="12")
    await adopt(shop, "policy", SetValue(at=("clarify", "times"), value=0))
    await adopt(shop, "answers", SetValue(at=DAYS, value={"*": "3"}))
    ana = await enter()
    await ana.open("/desk/history")
    assert "Version 3: asked for Knowledge ben" in ana.words
    assert "proposal 12" in ana.words
    await ana.open("/desk/history?kind=policy")
    assert "Version 2: asked for Policy" in ana.words
    assert "Version 1" not in ana.words
    await ana.open("/desk/history/1")
    assert "1 later version of knowledge would be taken back, too: 3 (asked for)." in ana.words
    seen = ana.field("newest")
    await ana.send("/desk/history/1", newest=seen, to="this", why="nine is right")
    assert "back to version 1" in ana.words
    assert "goes: 3 comes: 9" in ana.words
    assert "within 9 working days" in await hears(shop, "kim")
    await ana.send("/desk/history/4", newest="4", to="before", why="three is right")
    assert "within 3 working days" in await hears(shop, "mia")
    await ana.send("/desk/history/5", newest="5", to="files", why="start again")
    assert "back to your files" in ana.words
    assert "within 5 working days" in await hears(shop, "lea")


async def test_a_version_that_came_meanwhile_is_not_overwritten(
    shop: RunningGateway, enter: Enter
) -> None:
    number = await adopt(shop, "answers", SetValue(at=DAYS, value={"*": "9"}))
    ana = await enter()
    await ana.open(f"/desk/history/{number}")
    await adopt(shop, "answers", SetValue(at=DAYS, value={"*": "3"}))
    late = await ana.send(f"/desk/history/{number}", newest="1", to="files", why="x")
    assert late.status == 409
    assert "Another version was saved meanwhile" in ana.words
    again = await ana.send(f"/desk/history/{number}", newest="2", to="files", why="")
    assert (again.status, "Say why" in ana.words) == (422, True)


async def test_sentences_of_customers_are_masked(shop: RunningGateway, enter: Enter) -> None:
    text = "refund for kim@example.com"
    example = ExampleText(text=text)
    number = await adopt(shop, "answers", AddExamples(intent="refund", examples=(example,)))
    ana = await enter()
    await ana.open(f"/desk/history/{number}")
    assert "comes: refund for […]" in ana.words


async def test_a_lead_of_a_brand_sees_and_takes_back_what_is_theirs(
    shop: RunningGateway, enter: Enter
) -> None:
    own = ("brands", "north", "answers", "parking", "say", "en")
    first = await adopt(shop, "answers", SetValue(at=own, value={"body": ["In front."]}))
    other = ("brands", "south", "lexicon", "allow")
    await adopt(shop, "guide", SetValue(at=other, value=["secret word"]))
    nora = await enter("nora")
    await nora.open("/desk/history/2")
    assert "secret word" not in nora.words
    refused = await nora.send("/desk/history/2", newest="2", to="files", why="x")
    assert refused.status == 403
    await nora.open(f"/desk/history/{first}")
    assert "In front." in nora.words
    done = await nora.send(f"/desk/history/{first}", newest="1", to="files", why="x")
    assert done.status == 200
    assert (await nora.open("/desk/history/99")).status == 404
