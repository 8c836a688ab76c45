"""A message on its way from the inbox to the customer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import brand_voice
from gateway import Fact, File, Reply, Turn
from gateway.testing import FakeChannel, FakeClock, FakeHandler, FakeUnderstander, running


async def test_a_customer_is_answered(tmp_path: Path) -> None:
    """A handler's reply reaches the customer once, also when a message arrives twice."""
    hello = FakeHandler(lambda turn: Reply(body=(f"You said {turn.message.text}.",)))
    fake = FakeChannel()
    policy = {"policy": str(_policy(tmp_path))}
    async with running(hello, fake, tmp_path=tmp_path, config=policy) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("hello")
        assert ana.heard == ["You said hello."]
        assert [m.text for m in fake.sent] == ["You said hello."]
        await ana.say("again", remote_id="1")
        await ana.say("again", remote_id="1")
        assert [m.text for m in fake.sent] == ["You said hello.", "You said again."]


def _policy(folder: Path) -> Path:
    file = folder / "policy.yaml"
    file.write_text("reasons:\n  low_confidence: {enabled: false}\n", "utf-8")
    return file


async def test_returning_is_false_in_the_first_conversation(tmp_path: Path) -> None:
    """`Turn.returning` is true as soon as the customer begins a second conversation."""
    seen: list[bool] = []

    def record(turn: Turn) -> Reply:
        seen.append(turn.returning)
        return Reply(body=("Hello.",))

    clock = FakeClock()
    policy = {"policy": str(_policy(tmp_path))}
    fakes = (FakeHandler(record), FakeChannel())
    async with running(*fakes, tmp_path=tmp_path, config=policy, clock=clock) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("hello")
        await ana.say("and another thing")
        await clock.advance(timedelta(days=30).total_seconds())
        await ana.say("something new")
        await ana.say("more of it")
    assert seen == [False, False, True, True]


async def test_what_has_no_words_goes_to_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Whatever the channel: a file alone, or what the channel says has no words. No engine reads
    it."""
    engine = FakeUnderstander()
    fakes = (FakeHandler(lambda turn: Reply(body=("Hello.",))), FakeChannel(), engine)
    async with running(*fakes, config=answer_all, tmp_path=tmp_path) as gw:
        picture = File(name="torn.png", media_type="image/png", data=b"\x89PNG")
        kept = await gw.services.files.keep(picture)
        await gw.customer("fake", "ana").say(" ", attachments=(kept,))
        await gw.customer("fake", "bo").say("(voice message, 0:05)", wordless=True)
        await gw.customer("fake", "cy").say("this one", attachments=(kept,))
        found = [await gw.services.desk.card(id) for id in (1, 2)]
        details = [card.handoff.reasons[0] for card in found if card.handoff]
        assert [(r.code, r.detail) for r in details] == [
            ("no_words", "torn.png"),
            ("no_words", "(voice message, 0:05)"),
        ]
        assert len(await gw.services.desk.queue()) == 2
        assert engine.texts == ["this one"]


async def test_a_test_says_how_a_text_is_understood(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A handler gets it through the whole gateway; a text without it is calm and unknown."""
    engine, handler = FakeUnderstander(), FakeHandler(lambda turn: Reply(body=("Hello.",)))
    engine.expect(
        "Wo bleibt A-12345?", intent="parcel", confidence=0.7, language="de", mood="anxious",
        intensity=0.4, signals=("not_helped",),
    )  # fmt: skip
    slots = {"slots": {"order": {"pattern": r"A-\d{5}"}}}
    fakes = (engine, handler, FakeChannel())
    async with running(*fakes, config=answer_all | slots, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("Wo bleibt A-12345?")
        await ana.say("Wo bleibt A-12345")
    known, unknown = (turn.understanding for turn in handler.turns)
    assert (known.intent.name, known.intent.confidence) == ("parcel", 0.7)
    assert (known.language.code, known.emotion.label) == ("de", "anxious")
    assert (known.emotion.intensity, known.emotion.distress) == (0.4, 0.4)
    assert [signal.kind for signal in known.signals] == ["not_helped"]
    assert [slot.value for slot in known.slots] == ["A-12345"]
    assert (unknown.intent.name, unknown.emotion.label) == ("none", "calm")
    assert (unknown.language.code, unknown.failed) == ("und", ())
    assert [slot.value for slot in unknown.slots] == ["A-12345"]


def test_a_mood_that_does_not_exist_is_refused() -> None:
    """At once, with those that exist, and not as a failed engine in the log."""
    with pytest.raises(ValueError, match=r"no mood is `furious`; take one of calm, pleased, .*"):
        FakeUnderstander().expect("What?!", mood="furious")  # type: ignore[arg-type]


async def test_a_fact_that_no_text_says_is_for_agents(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """One that a text says arrives as it is, though the voice would rewrite it; the other is kept
    with the message, where agents see it."""
    said, kept = Fact(name="model", value="GO!!! 3"), Fact(name="depot", value="Porto")
    reply = Reply(body=("Your GO!!! 3 left on Monday!!",), opener="", facts=(said, kept))
    fakes = (FakeHandler(lambda turn: reply), FakeChannel(), brand_voice)
    config = answer_all | {"brand_voice": {}}
    async with running(*fakes, config=config, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("hello")
        [heard] = await ana.messages()
    assert "Your GO!!! 3 left on Monday!" in heard.text
    assert "Monday!!" not in heard.text
    assert "Porto" not in heard.text
    assert heard.facts == (said, kept)
