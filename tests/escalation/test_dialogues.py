"""Dialogues through the whole gateway: the bot answers, asks back and hands over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import brand_voice
from plugins.escalation.texts import TEXTS
from tests.routing.dialogue import HOURS, shop
from tests.routing.stated import CHANNELS, stating_shop

HANDOVER = TEXTS["handover"]["en"]
UPSET = TEXTS["handover_upset"]["en"]
CLARIFY = TEXTS["clarify"]["en"]
FALLBACK = TEXTS["fallback"]["en"]
IN_LINE = TEXTS["in_line"]["en"]
SAFE = TEXTS["handover_harm"]["en"].format(number=TEXTS["harm_number"]["en"])
FAILED = TEXTS["failed"]["en"]


@pytest.mark.parametrize(
    "talk",
    [
        [("delivery?", ["Two days."]), ("delivery of two?", ["Two days."])],
        [("a human please", [HANDOVER]), ("hello?", [IN_LINE]), ("delivery?", [])],
        [("I am furious", [UPSET]), ("delivery?", [IN_LINE]), ("delivery?", [])],
        [("blorp", [CLARIFY]), ("blimp", [HANDOVER])],
        [("blorp", [CLARIFY]), ("Delivery", ["Two days."]), ("blimp", [HANDOVER])],
        [("stock?", [FALLBACK]), ("stock of bags?", [HANDOVER])],
        [("delivery?", ["Two days."]), ("DELIVERY???", [HANDOVER])],
        [("delivery crash", [FAILED]), ("delivery?", [IN_LINE]), ("delivery?", [])],
        [("bitte human", [TEXTS["handover"]["de"]])],
    ],
)
async def test_the_bot_answers_asks_back_or_hands_over(
    tmp_path: Path, talk: list[tuple[str, list[str]]]
) -> None:
    """Each message of the customer gets the replies listed beside it."""
    async with shop(tmp_path) as gw:
        mia = gw.customer("fake", "mia")
        for message, replies in talk:
            before = len(mia.heard)
            await mia.say(message)
            assert mia.heard[before:] == replies


async def test_the_card_shows_every_reason(tmp_path: Path) -> None:
    """The deciding reason comes first, with the customer's words."""
    async with shop(tmp_path) as gw:
        await gw.customer("fake", "mia").say("I am furious, give me a human")
        card = await gw.desk_agent("ana").next_card()
        assert card.handoff
        found = [(reason.code, reason.detail) for reason in card.handoff.reasons]
        assert found[:2] == [("asked_for_person", "“human”"), ("strong_emotion", "angry 0.90")]
        assert card.handoff.priority == 2


async def test_the_next_opening_is_given_once(tmp_path: Path) -> None:
    """On Saturday the customer is told about Monday morning, once."""
    saturday = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    async with shop(tmp_path, at=saturday, policy=HOURS) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("a human please")
        assert mia.heard[0] == HANDOVER
        assert "Monday 23 November at 09:00" in mia.heard[1]
        card = await ana.claim()
        now = card.conversation
        await gw.services.desk.hand_back(now.id, ana.agent, epoch=now.epoch)
        await mia.say("still a human please")
        assert mia.heard[2:] == [HANDOVER]


async def test_the_third_contact_goes_to_a_person(tmp_path: Path) -> None:
    """A third contact about the same matter goes to a person, with that as the reason."""
    async with shop(tmp_path) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        for _ in range(2):
            await mia.say("delivery, and a human please")
            await ana.resolve(await ana.claim())
            await gw.pass_time(86_400)
            await mia.say("STOP")
        before = len(mia.heard)
        await mia.say("delivery?")
        assert mia.heard[before:] == [HANDOVER]
        card = await ana.next_card()
        assert card.handoff
        assert [(r.code, r.detail) for r in card.handoff.reasons] == [
            ("repeat_contact", "third contact about delivery in 2 days")
        ]
        assert {f.name for m in card.messages for f in m.facts} >= {"earlier contacts", "last mood"}


def matter(code: str, text: str) -> str:
    return TEXTS["matter"][code].format(matter=text)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("talk", "heard"),
    [
        (["I was charged twice: A-1234"], matter("en", "A wrong charge, order number A-1234")),
        (
            ["abgebucht, und zwar für ja A-1234"],
            matter("de", "Eine falsche Abbuchung, Bestellnummer A-1234"),
        ),
        (["human pour mon remboursement"], matter("fr", "Mon remboursement")),
        (["my refund?", "a human please"], matter("en", "My refund")),
        (["parcel A-1234?", "a human please"],
         matter("en", "Where is my parcel, order number A-1234")),
        (["I am furious about my refund"], matter("en", "My refund")),
        # Nothing to name: not sure, no title in the language, small talk.
        (["a human please"], None),
        (["human, la paquete"], None),
        (["thanks, a human please"], None),
    ],
)  # fmt: skip
async def test_a_hand_over_names_the_matter(
    tmp_path: Path, channel: str, talk: list[str], heard: str | None
) -> None:
    """By its title in the customer's language and what they stated; else it names nothing."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer(channel, "mia")
        for said in talk:
            before = len(mia.heard)
            await mia.say(said)
        assert mia.heard[before + 1 :] == ([heard] if heard else [])


@pytest.mark.parametrize("said", ["I burnt my hand on my refund A-1234", "I burnt my hand"])
async def test_harm_is_filed_under_no_title(tmp_path: Path, said: str) -> None:
    """What the shop calls it does not matter now."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer("webchat", "mia")
        await mia.say(said)
        assert mia.heard == [SAFE, TEXTS["harm_told"]["en"]]


@pytest.mark.parametrize("channel", ["webchat", "sms", "telegram"])
@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("my lawyer will write to you", HANDOVER),
        ("mein anwalt schreibt Ihnen", TEXTS["handover"]["de"]),
        ("I burnt my hand", SAFE),
        ("Hand verbrannt", TEXTS["handover_harm"]["de"].format(number="112")),
    ],
)
async def test_nobody_grave_is_greeted(tmp_path: Path, channel: str, said: str, first: str) -> None:
    """ "Hello, this is the automated assistant" is no answer to a legal threat."""
    async with stating_shop(tmp_path, brand_voice) as gw:
        mia = gw.customer(channel, "mia")
        await mia.say(said)
        assert " ".join(" ".join(mia.heard).split()).startswith(first)
        assert "Hello" not in " ".join(mia.heard)
        assert "Guten Tag" not in " ".join(mia.heard)
