"""Drafts from how people answered before: useful, with their source, and nobody's own data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import Reason, Reply, Turn
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins import precedents
from plugins.precedents.likeness import Likeness
from plugins.precedents.masking import GAP, masked, shared

KETTLE = "My kettle from you leaks at the bottom, what now?"
ANSWER = "Hello Ana Weber, please send the kettle to Box 44, and we replace it. Your Mia"


def to_a_person(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    return Reply(body=("A person will answer.",), escalate=(Reason(code="left", detail="test"),))


async def resolve(
    gw: RunningGateway, name: str, asked: str, answer: str, *, called: str = ""
) -> None:
    await gw.customer("fake", name).say(asked, name=called or None, language="en")
    mia = gw.desk_agent("mia")
    card = await mia.claim()
    await mia.answer(card, answer)
    card = await gw.services.desk.card(card.conversation.id)
    await mia.resolve(card)


@pytest.fixture
def config() -> dict[str, Any]:
    return {"plugins": {"precedents": {"look_every": 0}}}


def guests() -> Sequence[Any]:
    return (precedents, FakeHandler(to_a_person), FakeChannel())


async def test_a_similar_case_is_offered_without_the_other_customer(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    """The answer to the most similar resolved conversation is drafted, with where it is from;
    the other customer's name and numbers, the agent's name and the address are gaps in it."""
    async with running(*guests(), tmp_path=tmp_path, config=config) as gw:
        await resolve(gw, "ana", KETTLE, ANSWER, called="Ana Weber")
        other = "Hello, please send the parcel back to our Box and we replace it."
        await resolve(gw, "ben", "The wrong parcel came to my house today", other)
        await gw.customer("fake", "cleo").say(
            "the kettle you sold me leaks at its bottom", language="en"
        )
        card = await gw.desk_agent("mia").next_card()
    assert card.suggestion is not None
    assert card.suggestion.text == (
        f"Hello {GAP}, please send the kettle to Box {GAP}, and we replace it. {GAP}"
    )
    assert card.suggestion.source == "precedents: conversation 1"


@pytest.mark.parametrize(
    ("asked", "language"), [("Do you sell umbrellas for children?", "en"), (KETTLE, "de")]
)
async def test_nothing_alike_nothing_offered(
    tmp_path: Path, config: dict[str, Any], asked: str, language: str
) -> None:
    """Another matter, and another language, get no draft."""
    async with running(*guests(), tmp_path=tmp_path, config=config) as gw:
        await resolve(gw, "ana", KETTLE, ANSWER)
        await gw.customer("fake", "cleo").say(asked, language=language)
        card = await gw.desk_agent("mia").next_card()
    assert card.suggestion is None


async def test_what_is_open_is_no_precedent(tmp_path: Path, config: dict[str, Any]) -> None:
    """Only resolved conversations count: what a person said may still turn out wrong."""
    async with running(*guests(), tmp_path=tmp_path, config=config) as gw:
        mia = gw.desk_agent("mia")
        await gw.customer("fake", "ana").say(KETTLE, language="en")
        await mia.answer(await mia.claim(), ANSWER)
        await gw.customer("fake", "cleo").say(KETTLE, language="en")
        cards = [
            await gw.services.desk.card(one.conversation.id)
            for one in await gw.services.desk.queue()
        ]
    assert [card.suggestion for card in cards] == [None, None]


def test_who_is_erased_is_forgotten() -> None:
    """Words are shown that several customers were told: when one of them is gone, they are gaps."""
    two = [(1, "Ask for Dorothea"), (2, "Dorothea helps, ask her")]
    assert "dorothea" in shared(two)
    assert masked("Ask for Dorothea", (), shared(two)) == "Ask for Dorothea"
    assert masked("Ask for Dorothea", (), shared(two[:1])) == f"{GAP} for {GAP}"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("write to ana@example.org, or call +49 30 1234", f"write to {GAP}, or call {GAP}"),
        ("see https://shop.example/t?id=7 and A-10293.", f"see {GAP} and {GAP}."),
        ("dear ana, the O'Neill parcel", f"dear {GAP}, the {GAP} parcel"),
        ("we send it to Hauptstraße 7b in Köln", f"we send it to {GAP} in {GAP}"),
    ],
)
def test_what_is_personal_is_a_gap(said: str, left: str) -> None:
    """Addresses, links, numbers, names we know in any case, and what could be a name."""
    assert masked(said, ["Ana"], frozenset()) == left


def test_likeness() -> None:
    """Rare words in common count more than common ones, and one alone never counts."""
    found = Likeness(["the kettle leaks", "the parcel is late", "the lamp is broken"])
    near = found.of("is the kettle leaking")
    assert near[0] == max(near)
    assert near[0] > 0.5
    assert found.of("kettle") == [0.0, 0.0, 0.0]
    assert Likeness([]).of("anything") == []
