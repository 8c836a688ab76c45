"""Opt-out keywords: STOP, START and HELP."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.sms.parse import HELP, START, STOP, OptOutKeywords
from gateway import Reply, SurveyQuestion, Turn
from gateway.testing import FakeHandler

from .conftest import ANA, SmsGateway, running_sms
from .fake_twilio import SERVICE, FakeTwilio


@pytest.mark.parametrize("word", STOP)
def test_stop_keywords_opt_out(word: str) -> None:
    """Case, spaces and punctuation do not matter."""
    for text in (word, word.lower(), f" {word.title()}. ", f"{word}!!!", f'"{word}"'):
        assert OptOutKeywords().meaning(text) == "out", text


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Stop all", "out"),
        ("opt-out", "out"),
        ("arrêt", "out"),
        ("arre\u0302t", "out"),
        *((word, "in") for word in START),
        *((word, "help") for word in HELP),
        ("", None),
        ("…", None),
        ("stop it please", None),
        ("please cancel my order", None),
        ("the end", None),
        ("yes please", None),
        ("help me", None),
        ("bus stop", None),
        ("endlich", None),
        ("x" * 5000, None),
    ],
)
def test_only_a_lone_keyword_counts(text: str, meaning: str | None) -> None:
    """A keyword within a longer message means nothing."""
    assert OptOutKeywords().meaning(text) == meaning


def test_the_settings_add_keywords() -> None:
    """They add to ours; opting out goes before any other meaning."""
    keywords = OptOutKeywords(opt_out=["Genug", "info"], opt_in=["Weiter"])
    assert [keywords.meaning(word) for word in ("genug", "INFO", "weiter", "stop")] == [
        "out",
        "out",
        "in",
        "out",
    ]


async def test_after_stop_nothing_is_sent_until_start(sms: SmsGateway) -> None:
    """Neither STOP nor later messages are answered. START is not answered, the next message is."""
    await sms.text("hello")
    for text in ("Stop!", "where is my parcel?", "really?"):
        assert (await sms.text(text))[0] == 200
    assert (sms.sent_texts, sms.twilio.send_calls) == (["You said hello"], 1)
    [item] = await sms.queue()
    assert (item.handoff.reasons[0].code, item.customer.opted_out) == ("opted_out", True)
    ana = sms.gw.desk_agent("ana")
    card = await ana.claim()
    await ana.answer(card, "It comes tomorrow.")
    assert sms.twilio.send_calls == 1
    await sms.text("YES")
    await ana.answer(card, "It comes tomorrow.", key="again")
    assert sms.sent_texts == ["You said hello", "It comes tomorrow."]


async def test_start_keywords_are_messages_without_an_opt_out(sms: SmsGateway) -> None:
    """Only a customer who opted out opts in with them."""
    await sms.text("yes")
    await sms.text("start")
    assert sms.sent_texts == ["You said yes", "You said start"]


async def test_twilio_answers_help(twilio: FakeTwilio, tmp_path: Path) -> None:
    """On SMS; on WhatsApp only when Twilio says so; nowhere when the setting is off."""
    async with running_sms(twilio, tmp_path / "on") as sms:
        await sms.text("HELP")
        await sms.text("info", sender="+15550108888")
        await sms.text("help", sender=f"whatsapp:{ANA}")
        await sms.text("hilfe", sender=f"whatsapp:{ANA}", OptOutType="HELP")
        assert sms.sent_texts == ["You said help"]
    async with running_sms(twilio, tmp_path / "off", help_by_twilio=False) as sms:
        await sms.text("HELP")
        assert sms.sent_texts == ["You said help", "You said HELP"]


async def test_opt_out_type_goes_before_our_keywords(sms: SmsGateway) -> None:
    """Advanced Opt-Out says what a message means, also for keywords that we do not know."""
    await sms.text("ya basta", OptOutType="STOP")
    assert (await sms.gw.services.desk.card(1)).customer.opted_out
    await sms.text("otra vez", OptOutType="START")
    assert sms.sent_texts == []
    await sms.text("hello")
    assert sms.sent_texts == ["You said hello"]


async def test_error_21610_opts_the_customer_out(sms: SmsGateway) -> None:
    """Twilio refuses once. We record the opt-out and do not try again."""
    sms.twilio.refusals[ANA] = (400, 21610)
    await sms.text("one")
    await sms.text("two")
    assert sms.twilio.send_calls == 1
    [item] = await sms.queue()
    assert item.customer.opted_out
    assert any("STOP" in note for note in await sms.notes())


async def test_error_21610_in_a_callback_opts_the_customer_out(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """A Messaging Service accepts the message and reports 21610 later."""
    async with running_sms(twilio, tmp_path, **{"from": SERVICE}) as sms:
        await sms.text("one")
        await sms.send_status("failed", ErrorCode="21610")
        await sms.text("two")
        assert twilio.send_calls == 1
        [item] = await sms.queue()
        assert item.customer.opted_out


async def test_an_opt_out_is_for_one_channel(sms: SmsGateway) -> None:
    """SMS and WhatsApp are different addresses, perhaps of different people."""
    await sms.text("STOP")
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    assert sms.sent_texts == ["You said hello"]


def ask_for_feedback(turn: Turn) -> Reply | None:
    """Send a survey when a person resolves the conversation."""
    if turn.kind == "event":
        return Reply(opener="", body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    return Reply(opener="", body=("Hello.",)) if turn.kind == "message" else None


@pytest.mark.parametrize(("text", "sent"), [("thanks", 2), ("STOP", 1), ("Arrêt", 1)])
async def test_no_survey_after_stop(
    text: str, sent: int, twilio: FakeTwilio, tmp_path: Path
) -> None:
    """STOP is not read as an answer to the survey either."""
    async with running_sms(twilio, tmp_path, FakeHandler(ask_for_feedback)) as sms:
        await sms.text("hello")
        ana = sms.gw.desk_agent("ana")
        card = await ana.claim(await sms.gw.services.desk.card(1))
        await sms.text(text)
        await ana.resolve(card)
        assert len(sms.sent_texts) == sent
