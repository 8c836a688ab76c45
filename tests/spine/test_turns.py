"""A message on its way from the inbox to the customer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gateway import Reply, Turn
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running


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
