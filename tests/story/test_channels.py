"""The dialogue of the foundation, the same on every channel: through the providers' own protocols,
signatures and SDKs, with the demo's own packages behind."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import brand_voice
from gateway.testing import FakeClock, FarEnd, Running, running
from plugins import context_history, escalation, faq, followup, nlu_local
from tests.conftest import until
from tests.demo.test_visit import ready, the_demo
from tests.story.far_ends import FAR_ENDS

PLUGINS = ("nlu_local", "faq", "context_history", "followup", "escalation")
UPSET = "I am so FRUSTRATED, this is the third time!!!"
ANSWER = "I have read all of it, and I am looking into it now."


class Heard:
    """What a customer reads, piece by piece."""

    def __init__(self, far: FarEnd) -> None:
        self._far, self._known, self._said = far, 0, 0

    async def after(self, text: str) -> str:
        """The customer writes ``text``; what they read then."""
        self._said += 1
        assert await self._far.say(text, id=f"story{self._said}") == 200
        return await self.next()

    async def next(self) -> str:
        """What has come since the last time, as one text."""
        await self._far.gw.settled()
        everything = await self._far.heard()
        fresh, self._known = everything[self._known :], len(everything)
        return " ".join(" ".join(fresh).split())


@pytest.fixture
async def far(
    request: pytest.FixtureRequest, tmp_path: Path, models: Path
) -> AsyncIterator[FarEnd]:
    """The far end of the channel that the test is given, and the demo behind it."""
    clock = FakeClock()

    @asynccontextmanager
    async def opened(channel: ModuleType, **sections: Any) -> AsyncIterator[Running]:
        shutil.copytree(models, tmp_path / "var" / "nlu_local")
        config = the_demo(tmp_path, 0)
        if public_url := sections.pop("public_url", None):
            config["public_url"] = public_url
        config["channels"] = sections
        config["plugins"] = {name: config["plugins"][name] for name in PLUGINS}
        guests = (channel, brand_voice, nlu_local, faq, context_history, followup, escalation)
        async with running(*guests, config=config, tmp_path=tmp_path, clock=clock) as gw:
            await until(lambda: ready(gw), 120, every=0.2)
            yield gw

    async with FAR_ENDS[request.param](opened, clock) as there:
        yield there


@pytest.mark.parametrize("far", FAR_ENDS, indirect=True)
async def test_the_dialogue(far: FarEnd) -> None:
    """Answered, then upset and heard by a person, asked how it went, and the answer stored."""
    gw, heard = far.gw, Heard(far)
    assert "€4.90" in await heard.after("what will the postage be?")
    assert await gw.house.desk.queue() == ()

    told = await heard.after(UPSET)
    assert "sorry" in told
    assert "!" not in told

    una = gw.desk_agent("una")
    card = await una.claim()
    assert card.handoff is not None
    assert "strong_emotion" in {one.code for one in card.handoff.reasons}
    asked, upset = (one for one in card.messages if one.author == "customer")
    assert (asked.text, upset.text) == ("what will the postage be?", UPSET)
    assert upset.understanding is not None
    assert {"FRUSTRATED", "!!!"} <= {cue.text for cue in upset.understanding.emotion.cues}
    await una.answer(card, ANSWER)
    assert await heard.next() == ANSWER

    assert await heard.after("Thank you. It is about my pannier.") == ""
    await una.resolve(await gw.house.desk.card(card.conversation.id))
    assert await heard.next() == ""
    await gw.pass_time(30)
    assert "1 to 5" in await heard.next()

    assert "Thank you" in await heard.after("5")
    held: Any = await gw.gateway.store.customers.export(far.address("carla"))
    [survey] = held["surveys"]
    assert (survey["score"], survey["answered_at"] is not None) == (5, True)
    assert len(held["conversations"]) == 1
    assert await gw.house.desk.queue() == ()
