"""Engines side by side: what one does wrong costs the others nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import Cue, Emotion, Guess, Insight, MoodLabel, Reply, Turn
from gateway.pipeline.understanding import UnderstandingStage, join_insights
from gateway.pipeline.validation import InvalidInsight, validated_insight
from gateway.ports import TryLater
from gateway.runtime.breaker import FAILURES
from gateway.runtime.metrics import Metrics
from gateway.testing import FakeChannel, FakeHandler, running

from .making import Far, Local, about, turn


def service(*engines: Local, timeout: float = 5.0) -> UnderstandingStage:
    return UnderstandingStage(engines, timeout=timeout, metrics=Metrics())


def broken(text: str) -> Insight:
    raise ConnectionError(f"cannot be reached for {text}")


async def test_the_engine_believed_is_recorded() -> None:
    """The far engine's ranking is taken, the near one's mood is joined, and both are named."""
    near = Local(lambda _: about("b").replace(emotion=Emotion(label="angry", intensity=0.9)))
    made = await service(near, Far(lambda _: about("a"))).of(turn("hello"))
    assert made.intent.name == "a"
    assert made.emotion.label == "angry"
    assert made.engines == ("far", "local")
    assert made.ranked_by == "far"
    assert made.failed == ()


async def test_a_failing_engine_is_left_out() -> None:
    """After some failures in a row it is asked no more; the near engine answers throughout."""
    far = Far(broken)
    asked = service(far, Local(lambda _: about("b")))
    for number in range(FAILURES + 3):
        made = await asked.of(turn("hello", number))
        assert (made.intent.name, made.ranked_by) == ("b", "local")
        assert made.failed == ("far",)
    assert len(far.asked) == FAILURES


async def test_told_to_wait() -> None:
    """An engine that asks for a pause is left alone at once."""

    def later(text: str) -> Insight:
        raise TryLater("too many requests", after=30)

    far = Far(later)
    asked = service(far, Local(lambda _: about("b")))
    made = [await asked.of(turn("hello", number)) for number in range(4)]
    assert len(far.asked) == 1
    assert {one.ranked_by for one in made} == {"local"}


async def test_a_slow_answer_holds_up_nobody_else() -> None:
    """While one turn waits for a far engine, others are asked for and answered."""
    far = Far(lambda _: about("a"))
    far.slow = {"hard"}
    asked = service(far)
    hard = asyncio.create_task(asked.of(turn("hard", 1)))
    easy = await asyncio.gather(*(asked.of(turn("easy", n)) for n in range(2, 8)))
    assert {made.intent.name for made in easy} == {"a"}
    assert not hard.done()
    far.gate.set()
    assert (await hard).intent.name == "a"


async def test_no_more_than_it_says_at_once() -> None:
    """A far engine gets ``at_once`` calls; a turn that waits too long for one goes on without,
    and that is no failure of the engine."""
    far = Far(lambda _: about("a"))
    far.slow = {"hard"}
    asked = service(far, Local(lambda _: about("b")), timeout=0.2)
    far.at_once = 2
    made = await asyncio.gather(*(asked.of(turn("hard", n)) for n in range(3)))
    assert {one.ranked_by for one in made} == {"local"}
    assert far.asked == []
    far.gate.set()
    assert (await asked.of(turn("easy"))).ranked_by == "far"


async def test_too_slow_is_a_failure() -> None:
    """What hangs is cut off in time, and left out after some turns."""
    far = Far(lambda _: about("a"))
    far.slow = {"hard"}
    asked = service(far, Local(lambda _: about("b")), timeout=0.02)
    for number in range(FAILURES):
        assert (await asked.of(turn("hard", number))).ranked_by == "local"
    far.gate.set()
    assert (await asked.of(turn("easy"))).failed == ("far",)


async def test_one_message_spoils_no_batch() -> None:
    """When an engine of this machine chokes on one of the messages that wait, the others are
    understood all the same."""

    def choosy(text: str) -> Insight:
        if text == "poison":
            raise ValueError("cannot read it")
        return about("a")

    near = Local(choosy)
    asked = service(near)
    texts = ["hello", "poison", "good day"]
    made = await asyncio.gather(*(asked.of(turn(text, n)) for n, text in enumerate(texts)))
    assert [one.intent.name for one in made] == ["a", "none", "a"]
    assert [one.failed for one in made] == [(), ("local",), ()]


@pytest.mark.parametrize(("first", "second", "believed"), [
    (0.9, 1.0, "first"), (0.55, 1.0, "first"), (0.54, 0.9, "second"), (0.3, 0.5, "first"),
])  # fmt: skip
def test_the_first_that_is_sure(first: float, second: float, believed: str) -> None:
    """Who comes later is believed where those before are unsure and it is not."""
    heard = [("first", about("a", first)), ("second", about("b", second))]
    assert join_insights(heard).ranked_by == believed


@pytest.mark.parametrize(("moods", "label", "distress"), [
    ([("angry", 0.5, 0.4), ("anxious", 1.0, 0.7)], "angry", 0.7),
    ([("angry", 0.5, 0.4), ("calm", 0.0, 0.0)], "angry", 0.4),
    ([("calm", 0.0, 0.1), ("frustrated", 0.9, 0.8)], "frustrated", 0.8),
    ([("pleased", 1.0, 0.2), ("confused", 0.5, 0.3)], "confused", 0.3),
    ([], "calm", 0.0),
])  # fmt: skip
def test_no_mood_is_talked_away(
    moods: list[tuple[MoodLabel, float, float]], label: str, distress: float
) -> None:
    """A grave mood told first stands, whatever comes later; a later one adds to a harmless one."""
    heard = [
        (f"e{n}", Insight(emotion=Emotion(label=mood, intensity=much, distress=far)))
        for n, (mood, much, far) in enumerate(moods)
    ]
    emotion = join_insights(heard).emotion
    assert (emotion.label, emotion.distress) == (label, distress)


@pytest.mark.parametrize("told", [
    None,
    "angry",
    about("a", float("nan")),
    about("a", 1.7),
    Insight(emotion=Emotion(label="angry", intensity=-1.0)),
    Insight(signals=(Cue(kind="harm", text="fire", start=90, end=94),)),
])  # fmt: skip
def test_nonsense_is_refused(told: object) -> None:
    """What cannot be is an error of the engine and reaches no turn."""
    with pytest.raises(InvalidInsight):
        validated_insight(told, "hello")


def test_a_ranking_is_best_first() -> None:
    """Whatever order an engine tells its guesses in."""
    guesses = (Guess(name="a", confidence=0.1), Guess(name="b", confidence=0.8))
    assert [one.name for one in validated_insight(Insight(ranking=guesses), "x").ranking or ()] == [
        "b",
        "a",
    ]


async def test_nobody_understands(tmp_path: Path) -> None:
    """When every engine fails the message is kept and a person gets it, with the reason."""

    def answer(turn: Turn) -> Reply | None:
        return Reply(body=("An answer.",)) if turn.route.action == "automate" else None

    guests = (FakeChannel(), FakeHandler(answer), Far(broken), Local(broken))
    async with running(*guests, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("Where is my parcel?")
        card = await gw.desk_agent("mia").next_card()
        assert [m.text for m in card.messages if m.author == "customer"] == ["Where is my parcel?"]
        assert card.handoff is not None
        assert "plugin_failed" in {reason.code for reason in card.handoff.reasons}
        assert "An answer." not in ana.heard
