"""Drafts from earlier answers: useful, with their source, without personal data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import GAP, Reason, Reply, Turn, common_words, mask_text
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins import precedents
from plugins.precedents.suggester import TextSimilarity

KETTLE = "My kettle from you leaks at the bottom, what now?"
ANSWER = "Hello Ana Weber, please send the kettle to Box 44, and we replace it. Your Mia"


def escalate(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    return Reply(body=("A person will answer.",), escalate=(Reason(code="left", detail="test"),))


async def resolve(
    gw: RunningGateway, name: str, asked: str, answer: str, *, called: str = ""
) -> None:
    """A conversation with one question, a person's answer, and its end."""
    await gw.customer("fake", name).say(asked, name=called or None, language="en")
    mia = gw.desk_agent("mia")
    card = await mia.claim()
    await mia.answer(card, answer)
    card = await gw.services.desk.card(card.conversation.id)
    await mia.resolve(card)


@pytest.fixture
def config() -> dict[str, Any]:
    return {"plugins": {"precedents": {"look_every": 0}}}


def plugins() -> Sequence[Any]:
    return (precedents, FakeHandler(escalate), FakeChannel())


async def test_the_draft_has_no_data_of_the_other_customer(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    """The answer of the most similar resolved conversation is drafted, with its source; it has gaps
    for the other customer's name and numbers, the agent's name and the address."""
    async with running(*plugins(), tmp_path=tmp_path, config=config) as gw:
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
async def test_without_a_similar_conversation_there_is_no_draft(
    tmp_path: Path, config: dict[str, Any], asked: str, language: str
) -> None:
    """Neither on another topic nor in another language."""
    async with running(*plugins(), tmp_path=tmp_path, config=config) as gw:
        await resolve(gw, "ana", KETTLE, ANSWER)
        await gw.customer("fake", "cleo").say(asked, language=language)
        card = await gw.desk_agent("mia").next_card()
    assert card.suggestion is None


async def test_an_open_conversation_is_no_precedent(tmp_path: Path, config: dict[str, Any]) -> None:
    """Its answer may still turn out to be wrong."""
    async with running(*plugins(), tmp_path=tmp_path, config=config) as gw:
        mia = gw.desk_agent("mia")
        await gw.customer("fake", "ana").say(KETTLE, language="en")
        await mia.answer(await mia.claim(), ANSWER)
        await gw.customer("fake", "cleo").say(KETTLE, language="en")
        cards = [
            await gw.services.desk.card(item.conversation.id)
            for item in await gw.services.desk.queue()
        ]
    assert [card.suggestion for card in cards] == [None, None]


def test_a_word_becomes_a_gap_when_a_customer_is_erased() -> None:
    """A word is kept only while several customers were told it."""
    two = [(1, "Ask for Dorothea"), (2, "Dorothea helps, ask her")]
    assert "dorothea" in common_words(two)
    assert mask_text("Ask for Dorothea", (), common_words(two)) == "Ask for Dorothea"
    assert mask_text("Ask for Dorothea", (), common_words(two[:1])) == f"{GAP} for {GAP}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to ana@example.org, or call +49 30 1234", f"write to {GAP}, or call {GAP}"),
        ("see https://shop.example/t?id=7 and A-10293.", f"see {GAP} and {GAP}."),
        ("dear ana, the O'Neill parcel", f"dear {GAP}, the {GAP} parcel"),
        ("we send it to Hauptstraße 7b in Köln", f"we send it to {GAP} in {GAP}"),
    ],
)
def test_personal_data_becomes_a_gap(text: str, masked: str) -> None:
    """Addresses, links, numbers, known names in any spelling, and words that could be names."""
    assert mask_text(text, ["Ana"], frozenset()) == masked


def test_similarity_counts_rare_words_more() -> None:
    """A single common word never counts."""
    similarity = TextSimilarity(["the kettle leaks", "the parcel is late", "the lamp is broken"])
    scores = similarity.scores("is the kettle leaking")
    assert scores[0] == max(scores)
    assert scores[0] > 0.5
    assert similarity.scores("kettle") == [0.0, 0.0, 0.0]
    assert TextSimilarity([]).scores("anything") == []
