"""Customers opt out in their own words, on every channel and in every served language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import Message, Reply, SurveyQuestion, Traits, Turn
from gateway.pipeline.consent import CONFIRMED, RESUMED
from gateway.routing.opt_out import asks_for_no_messages, is_stop_word, languages_of
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running

from .conftest import echo

CASES = Path(__file__).parent.parent / "opt_outs"
SENTENCES = [
    "do not text me again",
    "stop sending me messages",
    "Bitte keine SMS mehr",
    "no me escribas más",
    "ne m'envoyez plus de SMS",
    "Smettetela di mandarmi messaggi",
    "não me enviem mais mensagens",
    "stuur me geen berichten meer",
    "Nie wysyłajcie mi więcej SMS-ów",
    "sluta skicka meddelanden till mig",
    "bana bir daha mesaj göndermeyin",
    "لا ترسلوا لي المزيد من الرسائل",
    "もうメッセージを送らないでください",
]


async def messages(gw: RunningGateway) -> list[Message]:
    return list((await gw.services.desk.card(1)).messages)


@pytest.mark.parametrize("text", SENTENCES)
async def test_a_sentence_opts_out_and_is_confirmed_once(
    tmp_path: Path, answer_all: dict[str, Any], text: str
) -> None:
    """No other text of the bot; a second such sentence is not answered at all."""
    fake, handler = FakeChannel(), FakeHandler(echo)
    async with running(fake, handler, config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say(text)
        assert len(fake.sent) == 1
        assert "START" in fake.sent[0].text
        await carla.say(text)
        assert len(fake.sent) == 1
        assert handler.turns == []
        assert (await gw.services.desk.card(1)).customer.opted_out
        assert await gw.services.desk.queue() == ()


@pytest.mark.parametrize(
    "text",
    [
        "stop sending me the wrong size",
        "please don't write the name on the parcel",
        "don't call me, write me",
        "Why did you stop sending me updates?",
        "Bitte nicht anrufen, lieber schreiben",
        "no me manden otra talla, quiero mi dinero",
        "ne m'envoyez plus la mauvaise taille",
    ],
)
async def test_other_uses_of_the_words_are_ordinary_messages(
    tmp_path: Path, answer_all: dict[str, Any], text: str
) -> None:
    """They are answered, and nobody is opted out."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say(text)
        assert [m.text for m in fake.sent] == [f"You said {text}."]
        assert not (await gw.services.desk.card(1)).customer.opted_out


async def test_a_bare_stop_is_confirmed_by_us_only_where_no_provider_does(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Twilio confirms it on SMS; nobody does in a mail."""
    sms = FakeChannel("sms", traits=Traits(confirms_opt_out=True))
    mail = FakeChannel("mail")
    async with running(sms, mail, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        for channel in ("sms", "mail"):
            await gw.customer(channel, "carla").say("STOP")
        assert sms.sent == []
        assert len(mail.sent) == 1
        for channel in ("sms", "mail"):
            await gw.customer(channel, "carla").say("START")
        assert sms.sent == []
        assert [m.text for m in mail.sent][1:] == [RESUMED["en"]]
        await gw.customer("mail", "carla").say("hello")
        assert mail.sent[-1].text == "You said hello."


async def test_a_question_beside_an_opt_out_goes_to_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It is not lost, and the customer hears nothing but the confirmation."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("Where is my refund for order 4711? And stop texting me.")
        assert [m.text for m in fake.sent] == [CONFIRMED["en"]]
        [item] = await gw.services.desk.queue()
        assert [r.code for r in item.handoff.reasons] == ["opted_out"]


async def test_a_person_sees_the_opt_out_and_the_customer_its_confirmation(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Also while the person has the conversation; what they write is not sent."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("hello")
        card = await ana.claim(await gw.services.desk.card(1))
        await carla.say("Please stop texting me.")
        await ana.answer(card, "Are you there?")
        assert [m.text for m in fake.sent] == ["You said hello.", CONFIRMED["en"]]


async def test_after_start_the_bot_answers_what_only_the_opt_out_brought_to_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """START itself is not answered; the next message is, by the bot."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("STOP", consent="out")
        await carla.say("where is my parcel?")
        assert len(await gw.services.desk.queue()) == 1
        await carla.say("START", consent="in")
        assert fake.sent == []
        assert await gw.services.desk.queue() == ()
        await carla.say("where is my parcel?")
        assert [m.text for m in fake.sent] == ["You said where is my parcel?."]


async def test_a_question_from_before_start_is_not_lost(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """When the customer writes nothing more, a person gets it."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("STOP", consent="out")
        await carla.say("where is my parcel?")
        await carla.say("START", consent="in")
        await gw.pass_time(601)
        [item] = await gw.services.desk.queue()
        assert [r.code for r in item.handoff.reasons] == ["unanswered"]


async def test_a_case_that_a_person_has_stays_with_them_after_start(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """So does one that another reason brought to a person."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("STOP", consent="out")
        await carla.say("where is my parcel?")
        await ana.claim(await gw.services.desk.card(1))
        await carla.say("START", consent="in")
        await carla.say("hello?")
        assert fake.sent == []
        assert (await gw.services.desk.card(1)).conversation.state == "person"


def asks_how_it_was(turn: Turn) -> Reply | None:
    if turn.kind == "event":
        return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    return Reply(body=("Done.",)) if turn.kind == "message" else None


async def test_an_opt_out_after_a_survey_is_confirmed_and_nothing_else(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It opts out of all messages and leaves the case closed."""
    fake = FakeChannel()
    async with running(
        fake, FakeHandler(asks_how_it_was), config=answer_all, tmp_path=tmp_path
    ) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("hello")
        await ana.resolve(await ana.claim(await gw.services.desk.card(1)))
        await carla.say("do not text me again")
        assert [m.text for m in fake.sent][-2:] == ["How was it?", CONFIRMED["en"]]
        assert (await gw.services.desk.card(1)).conversation.state == "resolved"


@pytest.mark.parametrize(
    ("text", "language"), list(zip(SENTENCES, ("en", "en", "de", "es", "fr", "it", "pt", "nl",
                                               "pl", "sv", "tr", "ar", "ja"), strict=True))
)  # fmt: skip
def test_the_language_of_a_sentence_is_the_one_of_its_confirmation(
    text: str, language: str
) -> None:
    """Whatever an engine makes of a short message."""
    assert languages_of(text)[0] == language


def test_the_confirmation_exists_in_every_served_language() -> None:
    """It says how to come back."""
    assert set(CONFIRMED) == set(RESUMED)
    assert len(CONFIRMED) == 12
    assert all("START" in text and "!" not in text for text in CONFIRMED.values())


@pytest.mark.parametrize("file", ["first", "second"])
def test_our_sentences_are_told_apart(file: str) -> None:
    """Opt-outs and other sentences with the same words, in twelve languages."""
    for line in (CASES / f"{file}.txt").read_text("utf-8").splitlines():
        _, kind, text = line.split("|", 2)
        assert asks_for_no_messages(text) == (kind == "out"), line


@pytest.mark.parametrize(
    "text",
    [
        "I don't want this",
        "I do not want this anymore, please refund me",
        "I don't like this",
        "dont need these",
        "I don't want anything else",
        "pas de message",
        "pas de mail",
        "ningún mensaje",
        "ni un correo",
    ],
)
def test_a_refused_product_or_a_message_that_never_came_is_no_opt_out(text: str) -> None:
    """Such a customer wants an answer; an opt-out would give them silence."""
    assert not asks_for_no_messages(text)


@pytest.mark.parametrize(
    "text",
    ["I don't want to receive this anymore", "pas de pub", "pas de mail de votre part",
     "ningún mensaje más", "no más mensajes", "I don't want any more messages"],
)  # fmt: skip
def test_the_same_words_about_messages_are_one(text: str) -> None:
    assert asks_for_no_messages(text)


@pytest.mark.parametrize("text", ["stop it please", "the end", "bus stop", "cancel", "x" * 5000])
def test_other_words_are_no_stop(text: str) -> None:
    assert not is_stop_word(text)
