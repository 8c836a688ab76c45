"""The page that searches conversations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import DeskGateway


async def test_a_person_finds_a_conversation_by_its_words(gw: DeskGateway, ana: Visit) -> None:
    """The match is marked, and the hit leads to its message."""
    await gw.running.gateway.indexer.catch_up()
    await ana.open("/desk/search?q=order")
    assert "<mark>" in ana.page
    assert 'href="/desk/c/' in ana.page


async def test_words_of_a_customer_are_escaped(gw: DeskGateway, ana: Visit) -> None:
    """Those that were typed, and those of the hits."""
    await gw.running.gateway.indexer.catch_up()
    await ana.open("/desk/search?q=%3Cscript%3Ealert(1)")
    assert "<script>alert" not in ana.page
    assert "&lt;script&gt;alert(1)" in ana.page


async def test_nothing_found_says_so(gw: DeskGateway, ana: Visit) -> None:
    await gw.running.gateway.indexer.catch_up()
    await ana.open("/desk/search?q=xylophonequake")
    assert "No conversation has all of these words." in ana.page


@pytest.mark.parametrize(
    ("desk_settings", "found"), [({}, True), ({"read_colleagues": False}, False)]
)
async def test_who_finds_a_colleagues_conversation(
    gw: DeskGateway, ana: Visit, visitor: Callable[[], Visit], found: bool
) -> None:
    """Ben has Priya's: Ana, a lead, finds it; Cleo, an agent, where agents read what colleagues
    have."""
    await gw.running.gateway.indexer.catch_up()
    cleo = visitor()
    await cleo.sign_in("cleo")
    await ana.open("/desk/search?q=priya")
    assert 'href="/desk/c/3#' in ana.page
    await cleo.open("/desk/search?q=priya")
    assert ('href="/desk/c/3#' in cleo.page) is found


async def test_a_stranger_is_asked_to_sign_in(visitor: Callable[[], Visit]) -> None:
    response = await visitor().open("/desk/search?q=invoice")
    assert response.url.path == "/desk/sign-in"
