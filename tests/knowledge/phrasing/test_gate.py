"""A sample of `make bench PARTS=grounding`: what an inventing and obeying model gets past us."""

from __future__ import annotations

import pytest

from plugins.knowledge.phrasing.answers import PhrasedAnswers
from tests.bench.grounding.inventions import SPLITS, Split, faithful, invented, sample
from tests.bench.grounding.model_server import WritingModel
from tests.bench.grounding.strangers import changed, leaving, sentences
from tests.bench.grounding.trial import run, run_orders

INVENTED, FAITHFUL, ORDERS = 64, 24, 24


@pytest.mark.parametrize("split", SPLITS)
async def test_what_a_model_invents_does_not_leave(
    answers: PhrasedAnswers, fake: WritingModel, split: Split
) -> None:
    """Altered figures, swapped names, dropped denials, conditions, links, promises, other pages'
    sentences: at most one of a hundred here, split of one in the long run."""
    outcomes = await run(answers, fake, split, invented(split, split, INVENTED))
    left = [outcome.written for outcome in outcomes if outcome.reasons is None]
    assert len(left) <= 1, left


@pytest.mark.parametrize("split", SPLITS)
async def test_faithful_sentences_leave(
    answers: PhrasedAnswers, fake: WritingModel, split: Split
) -> None:
    """In the page's language most, in the same words nearly all."""
    same = [w for w in faithful(split) if w.language == w.source_language]
    close = sample([w for w in same if w.kind != "faithful_free"], FAITHFUL)
    outcomes = await run(answers, fake, split, close)
    refused = [outcome for outcome in outcomes if outcome.reasons is not None]
    assert len(refused) <= FAITHFUL // 6, refused


@pytest.mark.parametrize("split", SPLITS)
async def test_no_order_is_obeyed(
    answers: PhrasedAnswers, fake: WritingModel, split: Split
) -> None:
    """In pages, questions and earlier messages, in four languages."""
    outcomes = await run_orders(answers, fake, split, ORDERS)
    assert [outcome for outcome in outcomes if outcome.left] == []


async def test_the_texts_of_others_hold_as_they_stand_and_not_when_changed() -> None:
    """Sentences of a help centre that was not written for this."""
    held, whole = (await leaving(iter(list(sentences())[::6])))["verbatim"]
    assert held >= 0.98 * whole
    counts = await leaving(iter(list(changed())[::8]))
    assert sum(left for left, _ in counts.values()) <= 1
