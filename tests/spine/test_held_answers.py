"""An answer that is held for some seconds can be taken back until it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import Agent, NotAccepted, Reply, Turn
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running
from tests.spine.test_claims import ANA, BEN, echo, first_contact

HOLD = 5.0


def heard(channel: FakeChannel) -> list[str]:
    return [message.text for message in channel.sent][1:]


async def test_a_held_answer_is_sent_when_it_is_due(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Until then nothing of it is in the history, and the desk shows that it waits."""
    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(echo), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        accepted = await desk.answer(id, ANA, "Hello Carla.", key="k", hold=HOLD)
        assert accepted.conversation == id
        await gw.pass_time(HOLD - 1)
        [held] = await desk.held_answers(id)
        assert (held.text, held.agent, (held.due - held.at).total_seconds()) == (
            "Hello Carla.",
            ANA,
            HOLD,
        )
        assert heard(fake) == []
        assert "Hello Carla." not in [m.text for m in (await desk.card(id)).messages]
        await gw.pass_time(1)
        assert heard(fake) == ["Hello Carla."]
        assert await desk.held_answers(id) == ()


async def test_an_answer_that_was_taken_back_is_never_sent(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The text comes back, the audit log has both acts, and the same key sends anew."""
    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(echo), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        accepted = await desk.answer(id, ANA, "Dear Carlo.", key="k", hold=HOLD)
        taken = await desk.take_back(id, ANA, turn=accepted.turn)
        assert taken.text == "Dear Carlo."
        await gw.pass_time(3600)
        assert heard(fake) == []
        done = [entry.what for entry in await gw.services.audit.lines(who=ANA.id)]
        assert done == ["taken_back", "answered"]
        again = await desk.answer(id, ANA, "Dear Carlo.", key="k")
        await gw.settled()
        assert not again.duplicate
        assert heard(fake) == ["Dear Carlo."]


@pytest.mark.parametrize(("who", "wait"), [(BEN, 0.0), (ANA, HOLD)])
async def test_only_ones_own_answer_and_only_in_time(
    tmp_path: Path, answer_all: dict[str, Any], who: Agent, wait: float
) -> None:
    """A colleague's answer, or one that is on its way, cannot be taken back: it is sent, once."""
    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(echo), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        accepted = await desk.answer(id, ANA, "Hello Carla.", key="k", hold=HOLD)
        await gw.pass_time(wait)
        with pytest.raises(NotAccepted, match="on its way"):
            await desk.take_back(id, who, turn=accepted.turn)
        await gw.pass_time(HOLD)
        assert heard(fake) == ["Hello Carla."]


async def test_a_crash_while_an_answer_is_held_loses_nothing(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The next process sends it, when it is due; until then it can still be taken back."""
    clock = FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(FakeChannel(), FakeHandler(echo), **setup) as gw:
        id = await first_contact(gw)
        await gw.services.desk.answer(id, ANA, "Hello Carla.", key="k", hold=HOLD)
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), **setup) as gw:
        await gw.settled()
        assert fake.sent == []
        assert len(await gw.services.desk.held_answers(id)) == 1
        await gw.pass_time(HOLD)
        assert [message.text for message in fake.sent] == ["Hello Carla."]


async def test_order_holds_behind_a_held_answer(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """What the agent does afterwards waits for the answer: a second answer, and what follows the
    resolution."""

    def survey(turn: Turn) -> Reply | None:
        resolved = turn.kind == "event" and turn.name == "resolved"
        return Reply(body=("How was it?",)) if resolved else echo(turn)

    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(survey), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        await desk.answer(id, ANA, "One.", key="1", hold=HOLD)
        await desk.answer(id, ANA, "Two.", key="2")
        epoch = (await desk.card(id)).conversation.epoch
        await desk.resolve(id, ANA, epoch=epoch)
        await gw.settled()
        assert heard(fake) == []
        await gw.pass_time(HOLD)
        assert heard(fake) == ["One.", "Two.", "How was it?"]


async def test_a_customer_who_writes_meanwhile_is_seen_at_once(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The agent sees the message while the answer can still be taken back, and the answer follows
    without another event."""
    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(echo), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        await desk.answer(id, ANA, "It leaves today.", key="k", hold=HOLD)
        await gw.customer("fake", "carla").write("Please cancel it")
        await gw.settled()
        texts = [m.text for m in (await desk.card(id)).messages if m.author != "system"]
        assert texts[-1] == "Please cancel it"
        await gw.pass_time(HOLD)
        assert heard(fake) == ["It leaves today."]


@pytest.mark.parametrize("hold", [HOLD, 0.0])
async def test_two_answers_delay_no_customer(
    tmp_path: Path, answer_all: dict[str, Any], hold: float
) -> None:
    """Nor does one that waits for another one; both follow in their order."""
    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(echo), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        await desk.answer(id, ANA, "It leaves today.", key="1", hold=HOLD)
        await desk.answer(id, ANA, "By post.", key="2", hold=hold)
        await gw.customer("fake", "carla").write("Please cancel it")
        await gw.settled()
        said = [m.text for m in (await desk.card(id)).messages if m.author != "system"]
        assert said[-1] == "Please cancel it"
        await gw.pass_time(HOLD)
        assert heard(fake) == ["It leaves today.", "By post."]


async def test_a_customer_does_not_overtake_a_resolution(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """What is written after it begins anew, behind the held answer."""
    fake, clock = FakeChannel(), FakeClock()
    setup = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with running(fake, FakeHandler(echo), **setup) as gw:
        id, desk = await first_contact(gw), gw.services.desk
        await desk.answer(id, ANA, "It leaves today.", key="1", hold=HOLD)
        await desk.resolve(id, ANA, epoch=(await desk.card(id)).conversation.epoch)
        await gw.customer("fake", "carla").write("Thank you")
        await gw.settled()
        assert "Thank you" not in [m.text for m in (await desk.card(id)).messages]
        await gw.pass_time(HOLD)
        assert heard(fake)[0] == "It leaves today."


@pytest.mark.parametrize(
    "text",
    [
        "[Track it](javascript:alert(1))",
        "[www.bank.example](https://evil.example/login)",
        "[Track it](https://bank.example@evil.example/)",
    ],
)
async def test_an_unsafe_link_is_not_accepted(
    tmp_path: Path, answer_all: dict[str, Any], text: str
) -> None:
    """From whatever desk it comes."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        id = await first_contact(gw)
        with pytest.raises(NotAccepted, match="the link"):
            await gw.services.desk.answer(id, ANA, text, key="k")
        await gw.settled()
        assert heard(fake) == []
