"""Dialogues with a shop whose answers from sources a language model words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import NewPassage
from plugins.knowledge.phrasing.answers import PhrasedAnswers
from tests.bench.grounding.model_server import WritingModel
from tests.knowledge.answering.sources import SourceShop, shop_with_sources, text

SOURCE = "Gift cards are valid for three years. A lost card is replaced by us."
SAID = "A gift card is valid for 3 years."


@pytest.fixture
def says(fake: WritingModel) -> None:
    fake.says = {"enough": True, "sentences": [
        {"text": SAID, "passage": 1, "support": ["Gift cards are valid for three years."]}
    ]}  # fmt: skip


@asynccontextmanager
async def shop(tmp_path: Path, answers: PhrasedAnswers) -> AsyncIterator[SourceShop]:
    async with shop_with_sources(tmp_path) as found:
        found.answers._phrasing = answers
        await found.put("Gift cards", text(SOURCE, "Validity"))
        yield found


async def test_customers_get_the_models_words_only_when_told_so(
    tmp_path: Path, answers: PhrasedAnswers, says: None
) -> None:
    """Else the source's own; the agent sees on which words of which page they rest."""
    async with shop(tmp_path, answers) as running:
        mia = running.gw.customer("fake", "mia")
        await mia.say("Are gift cards valid?")
        assert mia.heard[-1].startswith("Gift cards are valid for three years.")
        answers.customers = True
        noa = running.gw.customer("fake", "noa")
        await noa.say("Are gift cards valid?")
        assert noa.heard == [SAID]
        [_, message] = await running.gw.services.mailbox.messages(noa.address, own=True)
        facts = {fact.name: fact.value for fact in message.facts}
        assert facts["worded_by"] == "language model"
        assert facts["source"].endswith("»Gift cards are valid for three years.«")
        assert facts["tokens"] == "120"


async def test_what_does_not_hold_leaves_the_sources_words(
    tmp_path: Path, answers: PhrasedAnswers, fake: WritingModel, says: None
) -> None:
    """As do a failure of the model and a case for a person."""
    answers.customers = True
    async with shop(tmp_path, answers) as running:
        whole = fake.says
        for number, (invented, failure, asked) in enumerate((
            (True, None, "Are gift cards valid?"), (False, "error", "Are gift cards valid?"),
            (False, None, "Please cancel: are gift cards valid?"),
        )):  # fmt: skip
            fake.says, fake.failure = whole, failure
            if invented:
                fake.says = {"enough": True, "sentences": [
                    {"text": "A gift card is valid for 9 years.", "passage": 1,
                     "support": ["Gift cards are valid for three years."]}
                ]}  # fmt: skip
            customer = running.gw.customer("fake", f"c{number}")
            await customer.say(asked)
            assert all(SAID not in heard and "9 years" not in heard for heard in customer.heard)


async def test_a_person_gets_it_as_a_draft(
    tmp_path: Path, answers: PhrasedAnswers, says: None
) -> None:
    """With the page and the words it rests on."""
    async with shop(tmp_path, answers) as running:
        mia = running.gw.customer("fake", "mia")
        await mia.say("a human please, are gift cards valid?")
        card = await running.gw.desk_agent("ana").next_card()
        assert card.suggestion is not None
        assert SAID in card.suggestion.text
        assert card.suggestion.source.startswith("knowledge: Gift cards, updated 3 March 2026")


async def test_a_refused_answer_has_its_cost_too(
    tmp_path: Path, answers: PhrasedAnswers, fake: WritingModel
) -> None:
    """The customer gets the source's words, and the message says what the model took."""
    answers.customers = True
    fake.says = {"enough": True, "sentences": [
        {"text": "A gift card is valid for 9 years.", "passage": 1,
         "support": ["Gift cards are valid for three years."]}
    ]}  # fmt: skip
    async with shop(tmp_path, answers) as running:
        mia = running.gw.customer("fake", "mia")
        await mia.say("Are gift cards valid?")
        [_, message] = await running.gw.services.mailbox.messages(mia.address, own=True)
        assert message.text.startswith("Gift cards are valid for three years.")
        assert [fact.value for fact in message.facts if fact.name == "tokens"] == ["120"]


async def test_the_cost_of_a_draft_is_with_the_message_that_it_answers(
    tmp_path: Path, answers: PhrasedAnswers, says: None
) -> None:
    """Also when nobody sends the draft; and it is no fact of the customer's."""
    async with shop(tmp_path, answers) as running:
        mia = running.gw.customer("fake", "mia")
        await mia.say("a human please, are gift cards valid?")
        card = await running.gw.desk_agent("ana").next_card()
        [case] = await running.gw.services.records.cases()
        [asked] = [message for message in case.messages if message.author == "customer"]
        assert [(fact.name, fact.value) for fact in asked.facts] == [("draft_tokens", "120")]
        assert not {"tokens", "draft_tokens"} & {fact.name for fact in card.facts}


async def test_a_passage_that_changed_meanwhile_is_not_answered_from(
    tmp_path: Path, answers: PhrasedAnswers, fake: WritingModel, says: None
) -> None:
    """Another process may have read its page again."""
    async with shop(tmp_path, answers) as running:
        real = answers.phrase

        async def phrase(*args: Any) -> Any:
            phrased = await real(*args)
            await running.put("Gift cards", NewPassage(text="Gift cards are valid for one year."))
            return phrased

        answers.phrase = phrase  # type: ignore[method-assign]
        mia = running.gw.customer("fake", "mia")
        await mia.say("a human please, are gift cards valid?")
        card = await running.gw.desk_agent("ana").next_card()
        assert card.suggestion is None or SAID not in card.suggestion.text
