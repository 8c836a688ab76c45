"""Erasing a customer leaves none of their words in proposals, examples or files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ops.customer_data import CustomerData
from plugins.insights.learning.deciding import NotAdoptable
from plugins.insights.learning.drafting import draft_of
from plugins.insights.learning.printing import write_all
from plugins.insights.model import Discovery, IntentDraft, MaskedExample
from tests.insights.learning.shop import Shop
from tests.traces import in_database, in_files

MARKS = ("quokka", "numbat", "wombat")
"""Words that only one customer each said."""


async def _propose(shop: Shop) -> None:
    texts = [f"do you sell {mark} toys" for mark in MARKS]
    for number, text in enumerate(texts, 1):
        await shop.customer(f"c{number}").say(text)
    examples = tuple(MaskedExample(conversation=n, text=t) for n, t in enumerate(texts, 1))
    found = Discovery(
        kind="unanswered_question",
        title="Three customers asked about toys.",
        examples=examples,
        draft=IntentDraft(
            name="toys",
            language="en",
            examples=examples,
            answer=MaskedExample(conversation=1, text="Yes, a quokka costs nine euros."),
        ),
    )
    draft = await draft_of(found, shop.running.services.trials)
    assert draft is not None
    await shop.learning.store.add(draft, shop.running.clock.now())
    await shop.learning.learn()


async def _erase(shop: Shop, name: str) -> None:
    gateway = shop.running.gateway
    assert isinstance(gateway.customer_data, CustomerData)
    await gateway.customer_data.erase(shop.customer(name).address)


async def test_nothing_is_left_of_an_erased_customer(shop: Shop, tmp_path: Path) -> None:
    await _propose(shop)
    assert await in_database(shop.running, "quokka")
    await _erase(shop, "c1")
    await write_all(shop.learning.decisions, tmp_path / "out")
    assert await in_database(shop.running, "quokka") == []
    assert in_files(tmp_path, "quokka") == []
    assert in_files(tmp_path / "out", "numbat")


async def test_a_proposal_says_what_was_erased_and_must_be_evaluated_again(shop: Shop) -> None:
    await _propose(shop)
    await _erase(shop, "c1")
    whole = await shop.learning.decisions.current("1")
    assert (whole.erased, whole.stale) == (3, True)  # a sentence, an example, the drafted answer
    assert [each.text for each in whole.sentences] == [
        "do you sell numbat toys",
        "do you sell wombat toys",
    ]
    with pytest.raises(NotAdoptable, match="drafted answer was erased"):
        await shop.learning.decisions.adopt(
            "1", row=whole.proposal.row, after=0, author="desk:ana", why="yes"
        )
    assert "1" in (await shop.learning.learn()).evaluated
    assert not (await shop.learning.decisions.current("1")).stale


async def test_adopted_examples_go_with_their_customer(shop: Shop, tmp_path: Path) -> None:
    await _propose(shop)
    row = (await shop.learning.decisions.current("1")).proposal.row
    await shop.learning.decisions.adopt("1", row=row, after=0, author="desk:ana", why="yes")
    await _erase(shop, "c2")
    overlay = await shop.running.services.versions.overlay("answers")
    assert [each.text for each in overlay.examples] == [
        "do you sell quokka toys",
        "do you sell wombat toys",
    ]
    assert await in_database(shop.running, "numbat") == []
    assert in_files(tmp_path, "numbat") == []
