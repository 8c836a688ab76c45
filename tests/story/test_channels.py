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
import channels.slack.agents
import channels.slack.customers
from channels.slack import PATH
from gateway.testing import FakeClock, ProviderSimulator, RunningGateway, running
from plugins import context_history, escalation, faq, followup
from plugins.nlu_local import plugin as nlu_local
from tests.agents_slack.support_channel import SUPPORT, SupportChannel, workspace
from tests.conftest import until
from tests.demo.test_visit import ready, the_demo
from tests.slack.server import SlackServer
from tests.story.far_ends import FAR_ENDS

GUESTS = (
    *(brand_voice, nlu_local, faq, context_history, followup, escalation),
    *(channels.slack.agents, channels.slack.customers),
)
PLUGINS = ("nlu_local", "faq", "context_history", "followup", "escalation")
UPSET = "I am so FRUSTRATED, this is the third time!!!"
ANSWER = "I have read all of it, and I am looking into it now."


class Heard:
    """What a customer reads, piece by piece."""

    def __init__(self, far: ProviderSimulator) -> None:
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


class Opener:
    """Opens the demo's packages behind one channel, with agents in a Slack workspace."""

    def __init__(self, folder: Path, models: Path, clock: FakeClock, slack: SlackServer) -> None:
        self.workspace = slack
        self._folder, self._models, self._clock = folder, models, clock

    @asynccontextmanager
    async def __call__(self, channel: ModuleType, **sections: Any) -> AsyncIterator[RunningGateway]:
        shutil.copytree(self._models, self._folder / "var" / "nlu_local")
        config = the_demo(self._folder, 0)
        if public_url := sections.pop("public_url", None):
            config["public_url"] = public_url
        config["channels"] = {**sections, "slack": self._door(customers="slack" in sections)}
        config["plugins"] = {name: config["plugins"][name] for name in PLUGINS}
        config["plugins"]["agents_slack"] = {
            "channel": SUPPORT,
            "bot_token": self.workspace.bot_token,
            "api_base": self.workspace.api_base,
            "pace": 0,
            "grace": 0,
        }
        guests = (*GUESTS, channel) if channel is not channels.slack.customers else GUESTS
        async with running(*guests, config=config, tmp_path=self._folder, clock=self._clock) as gw:
            self.workspace.events_url = gw.url + PATH
            await until(lambda: ready(gw), 120, every=0.2)
            yield gw

    def _door(self, *, customers: bool) -> dict[str, Any]:
        return {
            "bot_token": self.workspace.bot_token,
            "signing_secret": self.workspace.signing_secret,
            "api_base": self.workspace.api_base,
            "customers": customers,
        }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def workspace_(clock: FakeClock) -> AsyncIterator[SlackServer]:
    """Where the agents are; at the end no call was wrong, and nobody was pinged."""
    async with workspace(clock) as server:
        yield server
        assert (server.faults, server.pings) == ([], [])


@pytest.fixture
async def far(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    models: Path,
    clock: FakeClock,
    workspace_: SlackServer,
) -> AsyncIterator[ProviderSimulator]:
    """The far end of the channel that the test is given, and the demo behind it."""
    opener = Opener(tmp_path, models, clock, workspace_)
    async with FAR_ENDS[request.param](opener, clock) as there:
        yield there


@pytest.mark.parametrize("far", FAR_ENDS, indirect=True)
async def test_the_dialogue(
    far: ProviderSimulator, clock: FakeClock, workspace_: SlackServer
) -> None:
    """Answered, then upset and heard by a person who answers from a Slack thread, asked how it
    went, and the answer stored."""
    gw, heard = far.gw, Heard(far)
    support = SupportChannel(gw, workspace_, clock)
    assert "€4.90" in await heard.after("what will the postage be?")
    assert await gw.services.desk.queue() == ()

    told = await heard.after(UPSET)
    assert "sorry" in told
    assert "!" not in told

    posted = await support.card()
    assert "FRUSTRATED" in str(posted)
    [item] = await gw.services.desk.queue()
    card = await gw.services.desk.card(item.conversation.id)
    assert card.handoff is not None
    assert "strong_emotion" in {one.code for one in card.handoff.reasons}
    asked, upset = (one for one in card.messages if one.author == "customer")
    assert (asked.text, upset.text) == ("what will the postage be?", UPSET)
    assert upset.understanding is not None
    assert {"FRUSTRATED", "!!!"} <= {cue.text for cue in upset.understanding.emotion.cues}
    await support.click(posted, "UANA", "agents:claim")
    await support.until(lambda: "With *Ana*" in str(support.cards()[0]))
    await support.reply(posted, "UANA", ANSWER)

    async def arrived() -> bool:
        return ANSWER in " ".join(await far.heard())

    await support.until(arrived)
    assert await heard.next() == ANSWER

    assert await heard.after("Thank you. It is about my pannier.") == ""
    await support.until(lambda: any("about my pannier" in one for one in support.thread(posted)))
    await support.click(posted, "UANA", "agents:resolve")
    await support.until(lambda: "Resolved" in str(support.cards()[0]))
    assert await heard.next() == ""
    await gw.pass_time(30)
    assert "Did you feel heard?" in await heard.next()

    assert "Thank you" in await heard.after("5")
    held: Any = await gw.gateway.store.customers.export(far.address("carla"))
    [survey] = held["surveys"]
    assert (survey["score"], survey["answered_at"] is not None) == (5, True)
    assert len(held["conversations"]) == 1
    assert await gw.services.desk.queue() == ()
