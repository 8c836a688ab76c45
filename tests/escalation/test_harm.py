"""Dialogues through the whole gateway with customers who speak of harm."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import brand_voice
from gateway import ContextCard
from gateway.settings import DAYS
from gateway.testing import FakeChannel, RunningGateway
from plugins.escalation.texts import TEXTS
from plugins.followup.texts import TEXTS as SURVEY
from tests.routing.dialogue import HOURS, shop
from tests.webhooks.receiver import WebhookReceiver, webhook_receiver
from tests.webhooks.test_webhooks import send_due

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SAFE, TOLD = (TEXTS[kind]["en"] for kind in ("handover_harm", "harm_told"))
SAFE = SAFE.format(number="your local emergency number")
QUESTION = SURVEY.questions["felt_heard"]["en"]


async def alarms(gw: RunningGateway, conversation: int) -> list[str]:
    card = await gw.services.desk.card(conversation)
    return [message.text for message in card.messages if message.purpose == "alarm"]


async def only_card(gw: RunningGateway) -> ContextCard:
    (item,) = await gw.services.desk.queue()
    return await gw.services.desk.card(item.conversation.id)


@pytest.mark.parametrize(
    ("message", "language", "number"),
    [
        ("delivery? the lamp caught fire", "en", "your local emergency number"),
        ("die Lampe brennt, wann kommt delivery", "de", "112"),
        ("la lampe brûle", "fr", "112"),
        ("la lámpara se quema", "es", "112"),
        ("هناك حريق", "ar", TEXTS["harm_number"]["ar"]),
        ("la lampada brucia, delivery", "it", "112"),
        ("ランプが燃えています", "ja", TEXTS["harm_number"]["ja"]),
    ],
)
async def test_harm_is_answered_in_the_customers_language(
    tmp_path: Path, message: str, language: str, number: str
) -> None:
    """Also where the bot serves the language in nothing else, and where it knows the intent."""
    async with shop(tmp_path, policy=HOURS) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say(message)
        safe, told = TEXTS["handover_harm"][language], TEXTS["harm_told"][language]
        assert mia.heard == [safe.format(number=number), told]
        card = await only_card(gw)
        assert card.handoff
        assert (card.handoff.reasons[0].code, card.handoff.priority) == ("harm", 3)


async def test_harm_is_neither_clarified_nor_answered(tmp_path: Path) -> None:
    """Not as an unclear message, not with a mood, not after a clarifying question."""
    async with shop(tmp_path) as gw:
        for number, talk in enumerate([["fire"], ["I am furious, fire"], ["blorp", "fire blimp"]]):
            mia = gw.customer("fake", f"mia{number}")
            for message in talk:
                await mia.say(message)
            assert mia.heard[-2:] == [SAFE, TOLD]


async def test_harm_after_a_hand_over(tmp_path: Path) -> None:
    """A case that waits moves to the front; the customer is told once what to do, and the bot is
    silent again."""
    async with shop(tmp_path) as gw:
        first, mia = gw.customer("fake", "first"), gw.customer("fake", "mia")
        await first.say("I am furious")
        await mia.say("a human please")
        await mia.say("there is fire now")
        assert mia.heard == [TEXTS["handover"]["en"], SAFE, TOLD]
        await mia.say("the fire grows")
        await mia.say("delivery?")
        assert len(mia.heard) == 3
        queue = await gw.services.desk.queue()
        assert [item.preview for item in queue] == ["delivery?", "I am furious"]
        handoff = queue[0].handoff
        assert handoff.priority == 3
        assert [reason.code for reason in handoff.reasons][:2] == ["harm", "asked_for_person"]


async def test_nobody_comes_by_waiting_before_who_is_in_danger(tmp_path: Path) -> None:
    """However long a furious customer has waited: the case moves up, and stays below."""
    async with shop(tmp_path) as gw:
        angry, mia = gw.customer("fake", "angry"), gw.customer("fake", "mia")
        await angry.say("I am furious")
        for _ in range(4):
            await gw.pass_time(3600)
        await mia.say("there is fire now")
        queue = await gw.services.desk.queue()
        assert [item.preview for item in queue] == ["there is fire now", "I am furious"]
        assert [item.handoff.priority for item in queue] == [3, 2]
        assert queue[1].handoff.tier == "specialist"


async def test_harm_while_a_person_has_the_conversation(tmp_path: Path) -> None:
    """The bot stays silent, and the case gains the reason and the highest priority."""
    async with shop(tmp_path, policy=HOURS) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("a human please")
        await ana.claim()
        before = len(mia.heard)
        await mia.say("now it is on fire")
        assert len(mia.heard) == before
        card = await only_card(gw)
        assert card.handoff
        assert card.handoff.priority == 3
        assert card.handoff.reasons[0].code == "harm"
        await gw.pass_time(3600)
        assert await alarms(gw, card.conversation.id) == []


async def test_a_transferred_case_keeps_its_harm(tmp_path: Path) -> None:
    """The colleague sees it first, and it stays at the front of the queue."""
    async with shop(tmp_path) as gw:
        ana = gw.desk_agent("ana")
        await gw.customer("fake", "mia").say("fire")
        now = (await ana.claim()).conversation
        await gw.services.desk.transfer(now.id, ana.agent, epoch=now.epoch, tier="specialist")
        handoff = (await only_card(gw)).handoff
        assert handoff
        assert (handoff.tier, handoff.priority) == ("specialist", 3)
        assert [reason.code for reason in handoff.reasons] == [
            "harm",
            "low_confidence",
            "transferred",
        ]


async def test_other_urgent_reasons_raise_the_priority_too(tmp_path: Path) -> None:
    """Of a case that waits: a threat with a lawyer comes before plain requests."""
    async with shop(tmp_path) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say("a human please")
        await mia.say("or my lawyer will write to you")
        handoff = (await only_card(gw)).handoff
        assert handoff
        assert handoff.priority == 2
        assert [reason.code for reason in handoff.reasons][:2] == ["asked_for_person", "legal"]


@pytest.mark.parametrize("answer", ["5, but the lamp caught fire", "no, it is on fire"])
async def test_harm_in_a_survey_answer(tmp_path: Path, answer: str) -> None:
    """It is the hand-over about harm, not a thank-you; no second survey follows."""
    async with shop(tmp_path) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("a human please")
        await ana.resolve(await ana.claim())
        await gw.pass_time(1800)
        await mia.listen()
        assert QUESTION in mia.heard
        before = len(mia.heard)
        await mia.say(answer)
        assert mia.heard[before:] == [SAFE, TOLD]
        card = await ana.claim()
        assert card.handoff
        assert card.handoff.reasons[0].code == "harm"
        await ana.resolve(card)
        await gw.pass_time(90_000)
        await mia.listen()
        assert QUESTION not in mia.heard[before:]


async def test_no_survey_after_harm(tmp_path: Path) -> None:
    """Not after a hand-over for it, and not after harm in a conversation that a person had."""
    async with shop(tmp_path) as gw:
        mia, tom, ana = gw.customer("fake", "mia"), gw.customer("fake", "tom"), gw.desk_agent("ana")
        await mia.say("fire")
        await ana.resolve(await ana.claim())
        await tom.say("a human please")
        card = await ana.claim()
        await tom.say("it is on fire")
        await ana.answer(card, "Are you well?")
        await ana.resolve(card)
        await gw.pass_time(90_000)
        for customer in (mia, tom):
            await customer.listen()
            assert QUESTION not in customer.heard


async def test_no_survey_however_long_ago_the_harm_was(tmp_path: Path) -> None:
    """A turn sees forty messages; the handoff remembers its reasons."""
    async with shop(tmp_path) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("fire")
        card = await ana.claim()
        for number in range(45):
            await mia.say(f"more {number}")
        await ana.resolve(card)
        await gw.pass_time(90_000)
        await mia.listen()
        assert QUESTION not in mia.heard


async def test_a_policy_without_harm(tmp_path: Path) -> None:
    """The words change nothing: the bot answers, and the survey comes."""
    policy = {"reasons": {"harm": {"enabled": False}}}
    async with shop(tmp_path, policy=policy, at=SATURDAY) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery of a fire blanket?")
        assert mia.heard == ["Two days."]
        await mia.say("a human please, about the fire blanket")
        await ana.resolve(await ana.claim())
        await gw.pass_time(1800)
        await mia.listen()
        assert QUESTION in mia.heard


# -- the alarm -------------------------------------------------------------------------------------


async def test_outside_opening_hours_the_alarm_is_at_once(tmp_path: Path) -> None:
    """Where nothing passes it on, the customer is not told that somebody was alerted."""
    async with shop(tmp_path, policy=HOURS, at=SATURDAY) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say("the lamp is on fire")
        number = "your local emergency number"
        when = "Monday 23 November at 09:00"
        closed = TEXTS["harm_closed"]["en"].format(when=when, number=number)
        assert mia.heard == [SAFE, closed]
        await gw.pass_time(1)
        card = await only_card(gw)
        assert await alarms(gw, card.conversation.id) == [
            "Alarm: a customer speaks of harm, and nobody is at work"
        ]
        await mia.say("fire everywhere")
        await gw.pass_time(3600)
        assert len(await alarms(gw, card.conversation.id)) == 1


@pytest.mark.parametrize(("minutes", "policy"), [(5, {}), (2, {"harm": {"alarm_minutes": 2}})])
async def test_in_opening_hours_the_alarm_waits_for_a_claim(
    tmp_path: Path, minutes: int, policy: dict[str, Any]
) -> None:
    """It sounds if nobody claims in time, and never in a case that was claimed."""
    async with shop(tmp_path, policy=HOURS | {"reasons": policy}) as gw:
        mia, tom, ana = gw.customer("fake", "mia"), gw.customer("fake", "tom"), gw.desk_agent("ana")
        await mia.say("the lamp is on fire")
        claimed = await ana.claim()
        await tom.say("fire here too")
        waiting = (await ana.next_card()).conversation.id
        await gw.pass_time(60 * minutes - 5)
        assert await alarms(gw, waiting) == []
        await gw.pass_time(10)
        assert await alarms(gw, waiting) == [
            "Alarm: a customer speaks of harm, and nobody has claimed the conversation"
        ]
        assert await alarms(gw, claimed.conversation.id) == []


async def test_at_night_an_alarm_also_for_a_case_that_a_person_has(tmp_path: Path) -> None:
    """The person is not at work either."""
    friday = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    async with shop(tmp_path, policy=HOURS, at=friday) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("a human please")
        card = await ana.claim()
        await gw.pass_time(8 * 3600)
        await mia.say("it is on fire")
        await gw.pass_time(1)
        (alarm,) = await alarms(gw, card.conversation.id)
        assert "the person who has the conversation is not at work" in alarm


async def test_a_case_that_moved_up_still_sounds_its_alarm(tmp_path: Path) -> None:
    """The alarm belongs to the conversation, not to one of its handoffs."""
    policy = HOURS | {
        "reasons": {"harm": {"alarm_minutes": 20}},
        "tiers": {"front": {"claim_minutes": 1, "next": "boss"}, "boss": {}},
    }
    async with shop(tmp_path, policy=policy) as gw:
        await gw.customer("fake", "mia").say("fire")
        await gw.pass_time(90)
        await gw.pass_time(20 * 60)
        card = await only_card(gw)
        assert card.conversation.tier == "boss"
        assert len(await alarms(gw, card.conversation.id)) == 1


@pytest.fixture
async def crm() -> Any:
    async with webhook_receiver() as receiver:
        yield receiver


async def test_another_system_gets_the_alarm(tmp_path: Path, crm: WebhookReceiver) -> None:
    """By ids and codes, once. Because it does, the customer is told that somebody is alerted."""
    config = crm.config(events=["handoff.alarm"])
    now = datetime.now(UTC)  # the receiver's library refuses old signatures
    in_three_days = DAYS[(now.weekday() + 3) % 7]
    policy = {"hours": {"week": {in_three_days: "09:00-17:00"}}}
    async with shop(tmp_path, policy=policy, at=now, config=config) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say("delivery? my zanzibar lamp is on fire")
        number = "your local emergency number"
        assert mia.heard == [SAFE, TEXTS["harm_alerted"]["en"].format(number=number)]
        await gw.pass_time(1)
        await gw.pass_time(60)
        await send_due(gw)
        (event,) = crm.accepted
        card = await only_card(gw)
        assert card.handoff
        assert event["type"] == "handoff.alarm"
        assert event["data"] == {
            "conversation": card.conversation.id,
            "channel": "fake",
            "customer": card.customer.id,
            "customer_ref": None,
            "handoff": card.handoff.id,
            "reasons": ["harm"],
            "priority": 3,
            "tier": "front",
            "why": "closed",
        }
        assert "zanzibar" not in crm.received_text()


# -- the voice -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "first", "last"),
    [
        ("sms", "Are you safe?", "answer you here."),
        ("telegram", "Are you safe?", "This is an automatic message."),
        ("webchat", "Are you safe?", "This is an automatic message."),
        ("email", "Are you safe?", "The automated assistant"),
    ],
)
async def test_the_voice_begins_with_the_matter(
    tmp_path: Path, channel: str, first: str, last: str
) -> None:
    """No greeting and no opener; that a machine wrote it is said at the end, where there is room
    for it."""
    made = FakeChannel(channel)
    async with shop(tmp_path, brand_voice, made, policy=HOURS) as gw:
        await gw.customer(channel, "mia").say("hello, my lamp caught fire", name="Mia Blum")
        (sent,) = made.sent
        assert sent.text.startswith(first)
        assert sent.text.endswith(last)


@pytest.mark.parametrize("channel", ["sms", "telegram"])
async def test_italian_has_no_word_of_another_language(tmp_path: Path, channel: str) -> None:
    """Also the last line is in the customer's language."""
    made = FakeChannel(channel)
    async with shop(tmp_path, brand_voice, made, policy=HOURS, at=SATURDAY) as gw:
        await gw.customer(channel, "mia").say("la lampada brucia")
        text = "\n".join(message.text for message in made.sent)
        assert text.startswith("È al sicuro? Se qualcuno è ferito")
        assert "chiami prima il 112." in made.sent[0].text
        assert "lunedì 23 novembre alle 09:00" in text
        assert ("Questo è un messaggio automatico." in text) == (channel == "telegram")


async def test_a_legal_threat_gets_no_hello(tmp_path: Path) -> None:
    """In a chat the hand-over begins with the matter and ends with what wrote it."""
    made = FakeChannel("webchat")
    async with shop(tmp_path, brand_voice, made) as gw:
        await gw.customer("webchat", "mia").say("you will hear from my lawyer")
        (sent,) = made.sent
        assert sent.text.startswith("I am passing you to a person")
        assert sent.text.endswith("This is an automatic message.")
        assert "Hello" not in sent.text
