"""Proposals of every kind and in every state, for pages and commands."""

from __future__ import annotations

from datetime import timedelta

from plugins.insights.learning.drafting import draft_of
from plugins.insights.learning.model import EffectMeasure, ProposalEffect
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


async def prepare(shop: Shop) -> None:
    """Proposals 1 (a new intent), 2 (an answer) and 3 (a phrase) are open; 4 was declined; 5 was
    adopted and is evaluated."""
    await conversations(shop)
    learning, services = shop.learning, shop.running.services
    drafts = [await draft_of(each, services.trials) for each in discoveries()]
    await shop.running.pass_time(3600)
    now = services.clock.now()
    for draft in drafts:
        assert draft is not None
        await learning.store.add(draft, now)
    more = [
        Discovery(
            kind="phrase_hurts",
            title="After “as I said” moods fall.",
            draft=PhraseDraft(phrase="as I said", language="en", hurts=True),
        ),
        Discovery(
            kind="rewritten_answer",
            title="Agents rewrite the answer to opening hours every second time.",
            draft=WordingDraft(
                intent="opening_hours",
                language="en",
                old="We are open from nine to five.",
                new=MaskedExample(
                    conversation=7, text="We are here from nine to five, Monday to Friday."
                ),
            ),
        ),
    ]
    for found in more:
        draft = await draft_of(found, services.trials)
        assert draft is not None
        await learning.store.add(draft, now)
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
