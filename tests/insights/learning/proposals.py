"""Proposals of every kind and in every state, for pages and commands."""

from __future__ import annotations

from datetime import timedelta

from plugins.insights.learning.answers import as_sentences, with_placeholders
from plugins.insights.learning.drafting import (
    answer_target,
    answer_title,
    draft_of,
    stated_facts,
)
from plugins.insights.learning.model import (
    DraftedText,
    EffectMeasure,
    ProposalDraft,
    ProposalEffect,
)
from plugins.insights.measures.values import Comparison
from plugins.insights.model import (
    Discovery,
    Figure,
    IntentDraft,
    MaskedExample,
    PhraseDraft,
    WordingDraft,
)
from tests.insights.learning.shop import Shop

BETTER = "You have your money within 5 working days. We write to you when it is on its way."
GIFTS = (
    "can you wrap it as a gift",
    "do you offer gift wrapping",
    "please wrap it for a present",
    "is gift paper possible",
    "could you wrap the bag for a birthday",
)


async def conversations(shop: Shop) -> None:
    """1 to 5 ask for gift wrapping, 6 for a refund, 7 for the opening hours."""
    for number, text in enumerate(GIFTS, 1):
        await shop.customer(f"gift{number}").say(text)
    await shop.customer("kim").say("When do I get my refund?")
    await shop.customer("lea").say("when are you open tomorrow")


def figure(value: float, low: float, high: float, n: int = 200) -> Figure:
    return Figure(value=value, low=low, high=high, n=n, enough=True)


def discoveries() -> list[Discovery]:
    """What the report could have found in them."""
    gifts = tuple(MaskedExample(conversation=n, text=text) for n, text in enumerate(GIFTS, 1))
    return [
        Discovery(
            kind="unanswered_question",
            title="Five customers asked about gift wrapping, and the bot had no answer.",
            evidence={"messages": 5, "languages": ["en"]},
            examples=gifts[:3],
            draft=IntentDraft(
                name="gift wrapping",
                language="en",
                examples=gifts,
                languages=("en",) * 5,
                answer=MaskedExample(
                    conversation=2, text="We wrap any bag for free. Tell us with your order."
                ),
            ),
        ),
        Discovery(
            kind="rewritten_answer",
            title="Agents rewrite the answer to refund 7 times out of 10.",
            evidence={"suggestions": 40, "edited": 0.7},
            examples=(MaskedExample(conversation=6, text="When do I get my refund?"),),
            draft=WordingDraft(
                intent="refund",
                language="en",
                old="A refund is back in your account within 5 working days.",
                new=MaskedExample(
                    conversation=6,
                    text="I have just looked: it leaves us today. Your bank needs 5 working days.",
                ),
            ),
        ),
        Discovery(
            kind="phrase_hurts",
            title="After “open from nine” moods fall more than after our other words.",
            evidence={"uses": 34, "speakers": 3, "z": -3.4},
            examples=(MaskedExample(conversation=7, text="We are open from nine to five."),),
            draft=PhraseDraft(phrase="open from nine", language="en", hurts=True),
        ),
    ]


async def add(shop: Shop, found: Discovery) -> None:
    """The proposal of a finding."""
    draft = await draft_of(found, shop.running.services.trials)
    assert draft is not None
    await shop.learning.store.add(draft, shop.running.clock.now())


async def better_answer(shop: Shop, intent: str, found: str, body: str, number: int) -> None:
    """A proposal of another text, which an agent wrote in conversation ``number``."""
    learning, trials = shop.learning, shop.running.services.trials
    target = await answer_target(trials, intent, "en", "", drafted=False)
    asked = (await shop.case(number)).messages[0].text
    draft = ProposalDraft(
        kind="answer",
        title=answer_title(target),
        found=found,
        target=target,
        source="rewritten_answer",
        evidence={"answers": 40, "wrong": 0.7},
        text=DraftedText(
            body=with_placeholders(as_sentences(body), await stated_facts(trials, target)),
            conversation=number,
        ),
        examples=(MaskedExample(conversation=number, text=asked),),
    )
    await learning.store.add(draft, shop.running.clock.now())


async def prepare(shop: Shop) -> None:
    """Proposals 1 (a new intent), 2 (an answer) and 3 (a phrase) are open; 4 was declined; 5 was
    adopted and is evaluated."""
    await conversations(shop)
    learning, services = shop.learning, shop.running.services
    await shop.running.pass_time(3600)
    intent, _, phrase = discoveries()
    other = Discovery(
        kind="phrase_hurts",
        title="After “as I said” moods fall.",
        draft=PhraseDraft(phrase="as I said", language="en", hurts=True),
    )
    await add(shop, intent)
    await better_answer(
        shop,
        "refund",
        "Reviewers find 7 of 10 answers about refund wrong.",
        "I have just looked: it leaves us today. Your bank needs 5 working days.",
        6,
    )
    await add(shop, phrase)
    await add(shop, other)
    await better_answer(
        shop,
        "opening_hours",
        "Reviewers miss the days.",
        "We are here from nine to five, Monday to Friday.",
        7,
    )
    now = services.clock.now()
    await learning.learn()
    four, five = [(await learning.decisions.current(id)).proposal for id in ("4", "5")]
    await learning.decisions.decline(
        "4", row=four.row, author="desk:ben", why="we hardly ever say it"
    )
    adopted, _ = await learning.decisions.adopt(
        "5", row=five.row, after=0, author="desk:ana", why="says the days, too"
    )
    measure = EffectMeasure(
        measure="suggestion_edited",
        title="Suggestions edited",
        change=Comparison(
            figure=figure(0.31, 0.25, 0.38),
            other=figure(0.62, 0.55, 0.69),
            difference=figure(-0.31, -0.40, -0.21),
            p=0.0001,
        ),
        better=True,
        rest=Comparison(
            figure=figure(0.4, 0.35, 0.45),
            other=figure(0.42, 0.37, 0.47),
            difference=figure(-0.02, -0.09, 0.05),
        ),
        beyond_rest=figure(-0.29, -0.40, -0.17),
    )
    heard = EffectMeasure(
        measure="felt_heard",
        title="Felt heard",
        change=Comparison(
            figure=figure(4.1, 3.8, 4.4, 40),
            other=figure(4.0, 3.6, 4.3, 38),
            difference=figure(0.1, -0.4, 0.6, 38),
        ),
        better=None,
    )
    at = now + timedelta(days=29)
    effect = ProposalEffect(at=at, days=28, measures=(measure, heard))
    await learning.store.change(adopted.replace(effect=effect))
