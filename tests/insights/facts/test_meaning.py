"""Two conversations with other intents are the same matter when their words mean the same."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest

from gateway import Embedding, WarmlineError
from plugins.insights.facts.case_facts import Contact
from plugins.insights.facts.meaning import first_words, same_matter, unlike_pairs
from tests.insights.measures.made_up import CaseMaker

A = Contact(conversation=1, opened=0, intent="refund")
B = Contact(conversation=2, opened=3_600, intent="return_item")
C = Contact(conversation=3, opened=86_400 * 40, intent="none")


class Encoder:
    """Puts texts that begin with the same word at a cosine of 1, others at 0."""

    embedding_model: str | None = "fake 1"

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        return [
            array("f", [float(text.startswith("money")), float(text.startswith("size"))])
            for text in texts
        ]


class BrokenEncoder(Encoder):
    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        raise WarmlineError("out of memory")


def test_only_pairs_whose_intents_differ_need_their_words() -> None:
    """And only those that are a month or less apart."""
    same = Contact(conversation=4, opened=7_200, intent="refund")
    assert unlike_pairs([C, same, B, A]) == [(A, B), (B, same)]


async def test_near_texts_are_the_same_matter() -> None:
    texts = {1: "money back please", 2: "money where is it", 3: "size of shoes"}
    judge = await same_matter(Encoder(), [(A, B), (B, C)], texts)
    assert judge(A, B)
    assert not judge(B, C)
    assert not judge(A, C)


@pytest.mark.parametrize("encoder", [None, BrokenEncoder()])
async def test_without_an_encoder_the_intents_decide(encoder: Encoder | None) -> None:
    judge = await same_matter(encoder, [(A, B)], {1: "money back now", 2: "money back now"})
    assert not judge(A, B)
    assert judge(A, A)


def test_the_first_words_say_something() -> None:
    case = CaseMaker().customer(0, text="Hello").customer(5, text="my order is late").done()
    assert first_words(case) == "my order is late"
    assert first_words(CaseMaker().bot(0, text="We are here for you").done()) == ""
