"""Several engines: a failure of one costs the others nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import Cue, Emotion, Guess, Insight, MoodLabel, Reply, SentenceIntent, Turn
from gateway.pipeline.understanding import UnderstandingStage, join_insights
from gateway.pipeline.validation import InvalidValue, validated_insight
from gateway.ports import TryLater
from gateway.runtime.metrics import Metrics
from gateway.support.backoff import FAILURES
from gateway.testing import FakeChannel, FakeHandler, running
from tests.conftest import until

from .helpers import LocalEngine, ParallelEngine, RemoteEngine, insight, make_turn


def service(*engines: LocalEngine, timeout: float = 5.0) -> UnderstandingStage:
    return UnderstandingStage(engines, timeout=timeout, metrics=Metrics())


def broken(text: str) -> Insight:
    raise ConnectionError(f"cannot be reached for {text}")


async def test_the_engines_of_an_understanding_are_recorded() -> None:
    """The remote engine's ranking is used with the local one's mood, and both are named."""
    local = LocalEngine(
        lambda _: insight("b").replace(emotion=Emotion(label="angry", intensity=0.9))
    )
    understanding = await service(local, RemoteEngine(lambda _: insight("a"))).understand(
        make_turn("hello")
    )
    assert understanding.intent.name == "a"
    assert understanding.emotion.label == "angry"
    assert understanding.engines == ("remote", "local")
    assert understanding.ranked_by == "remote"
    assert understanding.failed == ()


async def test_an_engine_that_keeps_failing_is_skipped() -> None:
    """After some failures in a row it is not called; the local engine answers throughout."""
    remote = RemoteEngine(broken)
    understandings = service(remote, LocalEngine(lambda _: insight("b")))
    for number in range(FAILURES + 3):
        understanding = await understandings.understand(make_turn("hello", number))
        assert (understanding.intent.name, understanding.ranked_by) == ("b", "local")
        assert understanding.failed == ("remote",)
    assert len(remote.calls) == FAILURES


async def test_an_engine_that_asks_for_a_pause_gets_one() -> None:
    """From the first request on."""

    def later(text: str) -> Insight:
        raise TryLater("too many requests", after=30)

    remote = RemoteEngine(later)
    understandings = service(remote, LocalEngine(lambda _: insight("b")))
    results = [await understandings.understand(make_turn("hello", number)) for number in range(4)]
    assert len(remote.calls) == 1
    assert {result.ranked_by for result in results} == {"local"}


async def test_a_slow_answer_delays_no_other_turn() -> None:
    """While one turn waits for a remote engine, others are sent and answered."""
    remote = RemoteEngine(lambda _: insight("a"))
    remote.slow = {"hard"}
    understandings = service(remote)
    hard = asyncio.create_task(understandings.understand(make_turn("hard", 1)))
    easy = await asyncio.gather(
        *(understandings.understand(make_turn("easy", n)) for n in range(2, 8))
    )
    assert {result.intent.name for result in easy} == {"a"}
    assert not hard.done()
    remote.released.set()
    assert (await hard).intent.name == "a"


async def test_a_parallel_engine_is_called_while_it_works() -> None:
    """Up to ``parallel_calls`` times; the turns after that wait, and are understood together."""
    engine = ParallelEngine(lambda _: insight("a"))
    engine.slow = {"hard"}
    understandings = service(engine)
    hard = asyncio.create_task(understandings.understand(make_turn("hard", 1)))
    await until(lambda: engine.held == 1)
    assert (await understandings.understand(make_turn("easy", 2))).intent.name == "a"
    hard_too = asyncio.create_task(understandings.understand(make_turn("hard", 3)))
    await until(lambda: engine.held == 2)
    waiting = [asyncio.create_task(understandings.understand(make_turn("easy", n))) for n in (4, 5)]
    assert engine.calls == [["easy"]]
    engine.released.set()
    results = await asyncio.gather(hard, hard_too, *waiting)
    assert {result.intent.name for result in results} == {"a"}
    assert ["easy", "easy"] in engine.calls


async def test_a_remote_engine_limits_its_calls() -> None:
    """It gets ``at_once`` calls. A turn that waits too long for one goes on without it, which is
    no failure of the engine."""
    remote = RemoteEngine(lambda _: insight("a"))
    remote.slow = {"hard"}
    understandings = service(remote, LocalEngine(lambda _: insight("b")), timeout=0.2)
    remote.at_once = 2
    results = await asyncio.gather(
        *(understandings.understand(make_turn("hard", n)) for n in range(3))
    )
    assert {result.ranked_by for result in results} == {"local"}
    assert remote.calls == []
    remote.released.set()
    assert (await understandings.understand(make_turn("easy"))).ranked_by == "remote"


async def test_a_timeout_is_a_failure() -> None:
    """An engine that hangs is cut off, and skipped after some turns."""
    remote = RemoteEngine(lambda _: insight("a"))
    remote.slow = {"hard"}
    understandings = service(remote, LocalEngine(lambda _: insight("b")), timeout=0.02)
    for number in range(FAILURES):
        assert (await understandings.understand(make_turn("hard", number))).ranked_by == "local"
    remote.released.set()
    assert (await understandings.understand(make_turn("easy"))).failed == ("remote",)


async def test_a_failing_message_does_not_fail_its_batch() -> None:
    """When a local engine fails for one message of a batch, the others are understood."""

    def fail_for_poison(text: str) -> Insight:
        if text == "poison":
            raise ValueError("cannot read it")
        return insight("a")

    local = LocalEngine(fail_for_poison)
    understandings = service(local)
    texts = ["hello", "poison", "good day"]
    results = await asyncio.gather(
        *(understandings.understand(make_turn(text, n)) for n, text in enumerate(texts))
    )
    assert [result.intent.name for result in results] == ["a", "none", "a"]
    assert [result.failed for result in results] == [(), ("local",), ()]


@pytest.mark.parametrize(("first", "second", "used"), [
    (0.9, 1.0, "first"), (0.55, 1.0, "first"), (0.54, 0.9, "second"), (0.3, 0.5, "first"),
])  # fmt: skip
def test_the_first_sure_ranking_is_used(first: float, second: float, used: str) -> None:
    """A later engine's is used when the earlier ones are unsure and it is sure."""
    insights = [("first", insight("a", first)), ("second", insight("b", second))]
    assert join_insights(insights).ranked_by == used


def test_the_sentences_of_all_engines_are_kept() -> None:
    """A sensitive one counts whichever engine ranks the message."""
    told = SentenceIntent(start=0, end=9, guess=Guess(name="fraud", confidence=0.9))
    again = told.replace(guess=Guess(name="b", confidence=0.9))
    named = [("first", insight("b")), ("second", insight("a").replace(sentences=(told, again)))]
    assert join_insights(named).ranked_by == "first"
    assert join_insights(named).sentences == (told,)


@pytest.mark.parametrize(("moods", "label", "distress"), [
    ([("angry", 0.5, 0.4), ("anxious", 1.0, 0.7)], "angry", 0.7),
    ([("angry", 0.5, 0.4), ("calm", 0.0, 0.0)], "angry", 0.4),
    ([("calm", 0.0, 0.1), ("frustrated", 0.9, 0.8)], "frustrated", 0.8),
    ([("pleased", 1.0, 0.2), ("confused", 0.5, 0.3)], "confused", 0.3),
    ([], "calm", 0.0),
])  # fmt: skip
def test_a_grave_mood_is_kept(
    moods: list[tuple[MoodLabel, float, float]], label: str, distress: float
) -> None:
    """A later engine cannot take a grave mood back, but can add one to a harmless mood."""
    insights = [
        (f"e{n}", Insight(emotion=Emotion(label=mood, intensity=intensity, distress=distress)))
        for n, (mood, intensity, distress) in enumerate(moods)
    ]
    emotion = join_insights(insights).emotion
    assert (emotion.label, emotion.distress) == (label, distress)


@pytest.mark.parametrize("result", [
    None,
    "angry",
    insight("a", float("nan")),
    insight("a", 1.7),
    Insight(emotion=Emotion(label="angry", intensity=-1.0)),
    Insight(signals=(Cue(kind="harm", text="fire", start=90, end=94),)),
])  # fmt: skip
def test_an_impossible_result_is_refused(result: object) -> None:
    """It is an error of the engine and reaches no turn."""
    with pytest.raises(InvalidValue):
        validated_insight(result, "hello")


def test_a_ranking_is_sorted_best_first() -> None:
    """Whatever the engine's order."""
    guesses = (Guess(name="a", confidence=0.1), Guess(name="b", confidence=0.8))
    assert [
        guess.name for guess in validated_insight(Insight(ranking=guesses), "x").ranking or ()
    ] == [
        "b",
        "a",
    ]


async def test_a_person_gets_what_no_engine_understands(tmp_path: Path) -> None:
    """When every engine fails, the message is kept and handed over, with the reason."""

    def answer(turn: Turn) -> Reply | None:
        return Reply(body=("An answer.",)) if turn.route.action == "automate" else None

    plugins = (FakeChannel(), FakeHandler(answer), RemoteEngine(broken), LocalEngine(broken))
    async with running(*plugins, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("Where is my parcel?")
        card = await gw.desk_agent("mia").next_card()
        assert [m.text for m in card.messages if m.author == "customer"] == ["Where is my parcel?"]
        assert card.handoff is not None
        assert "plugin_failed" in {reason.code for reason in card.handoff.reasons}
        assert "An answer." not in ana.heard
