"""STOP, START and HELP."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.sms.words import HELP, START, STOP, Words
from gateway import Reply, SurveyQuestion, Turn
from gateway.testing import FakeHandler

from .conftest import ANA, Line, texting
from .server import SERVICE, Twilio


@pytest.mark.parametrize("word", STOP)
def test_words_that_mean_stop(word: str) -> None:
    """In any case, with blanks and marks around."""
    for text in (word, word.lower(), f" {word.title()}. ", f"{word}!!!", f'"{word}"'):
        assert Words().meaning(text) == "out", text


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
def test_a_word_counts_alone(text: str, meaning: str | None) -> None:
    """Whoever says more says something else."""
    assert Words().meaning(text) == meaning


def test_a_shop_may_have_words_of_its_own() -> None:
    """Besides ours; its STOP goes before another meaning."""
    words = Words(more_out=["Genug", "info"], more_in=["Weiter"])
    assert [words.meaning(w) for w in ("genug", "INFO", "weiter", "stop")] == [
        "out",
        "out",
        "in",
        "out",
    ]


async def test_after_stop_nothing_is_sent_until_start(line: Line) -> None:
    """No answer to STOP, none to what follows; START is not answered, the next message is."""
    await line.text("hello")
    for said in ("Stop!", "where is my parcel?", "really?"):
        assert (await line.text(said))[0] == 200
    assert (line.heard, line.twilio.calls) == (["You said hello"], 1)
    [item] = await line.queue()
    assert (item.handoff.reasons[0].code, item.customer.opted_out) == ("opted_out", True)
    ana = line.gw.desk_agent("ana")
    card = await ana.claim()
    await ana.answer(card, "It comes tomorrow.")
    assert line.twilio.calls == 1
    await line.text("YES")
    await ana.answer(card, "It comes tomorrow.", key="again")
    assert line.heard == ["You said hello", "It comes tomorrow."]


async def test_yes_is_an_answer_from_anybody_else(line: Line) -> None:
    """Only who opted out opts in with it."""
    await line.text("yes")
    await line.text("start")
    assert line.heard == ["You said yes", "You said start"]


async def test_help_is_twilios_to_answer(twilio: Twilio, tmp_path: Path) -> None:
    """On SMS; on WhatsApp only when it says that it did; nowhere when it is switched off."""
    async with texting(twilio, tmp_path / "on") as line:
        await line.text("HELP")
        await line.text("info", sender="+15550108888")
        await line.text("help", sender=f"whatsapp:{ANA}")
        await line.text("hilfe", sender=f"whatsapp:{ANA}", OptOutType="HELP")
        assert line.heard == ["You said help"]
    async with texting(twilio, tmp_path / "off", help_by_twilio=False) as line:
        await line.text("HELP")
        assert line.heard == ["You said help", "You said HELP"]


async def test_twilios_own_word_goes_first(line: Line) -> None:
    """Advanced Opt-Out tells what the message meant, in words that we do not know."""
    await line.text("ya basta", OptOutType="STOP")
    assert (await line.gw.services.desk.card(1)).customer.opted_out
    await line.text("otra vez", OptOutType="START")
    assert line.heard == []
    await line.text("hello")
    assert line.heard == ["You said hello"]


async def test_a_stop_that_only_twilio_knows(line: Line) -> None:
    """Error 21610: refused once, recorded, and not tried again."""
    line.twilio.refusals[ANA] = (400, 21610)
    await line.text("one")
    await line.text("two")
    assert line.twilio.calls == 1
    [item] = await line.queue()
    assert item.customer.opted_out
    assert any("STOP" in note for note in await line.notes())


async def test_a_stop_that_a_messaging_service_tells_later(twilio: Twilio, tmp_path: Path) -> None:
    """It takes the message and says 21610 by the callback."""
    async with texting(twilio, tmp_path, **{"from": SERVICE}) as line:
        await line.text("one")
        await line.tell("failed", ErrorCode="21610")
        await line.text("two")
        assert twilio.calls == 1
        [item] = await line.queue()
        assert item.customer.opted_out


async def test_stop_on_one_channel_is_no_stop_on_the_other(line: Line) -> None:
    """They are different addresses, and maybe different people."""
    await line.text("STOP")
    await line.text("hello", sender=f"whatsapp:{ANA}")
    assert line.heard == ["You said hello"]


def asks(turn: Turn) -> Reply | None:
    """Asks how it went when a person closes the case."""
    if turn.kind == "event":
        return Reply(opener="", body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    return Reply(opener="", body=("Hello.",)) if turn.kind == "message" else None


@pytest.mark.parametrize(("said", "heard"), [("thanks", 2), ("STOP", 1), ("Arrêt", 1)])
async def test_no_follow_up_after_stop(
    said: str, heard: int, twilio: Twilio, tmp_path: Path
) -> None:
    """Nor is STOP taken for an answer to it."""
    async with texting(twilio, tmp_path, FakeHandler(asks)) as line:
        await line.text("hello")
        ana = line.gw.desk_agent("ana")
        card = await ana.claim(await line.gw.services.desk.card(1))
        await line.text(said)
        await ana.resolve(card)
        assert len(line.heard) == heard
