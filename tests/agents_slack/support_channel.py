"""A support channel in a Slack workspace, and a gateway whose agents answer from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import brand_voice
import channels.rest
import channels.slack.agents
import channels.slack.customers
from channels.slack import PATH
from gateway import (
    Cue,
    Emotion,
    Guess,
    Insight,
    Language,
    Reply,
    Settings,
    Turn,
    Understander,
    hookimpl,
)
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.slack.server import SlackServer

SUPPORT = "C0SUPPORT"
ANSWERS = {"When do you open?": "We open at nine."}
CUES = {
    "FRUSTRATED": ("shouting", "frustrated", 0.9),
    "third time": ("repetition", "angry", 0.95),
}


def answer_faq(turn: Turn) -> Reply | None:
    """Knows one answer; everything else goes to a person."""
    answer = ANSWERS.get(turn.message.text) if turn.kind == "message" else None
    return Reply(body=(answer,)) if answer else None


class SuggestingHandler(FakeHandler):
    """Also suggests an answer to agents."""

    async def suggest(self, turn: Turn) -> Reply | None:
        return Reply(opener="", body=("I am looking into your order now.",))


class KeywordUnderstander:
    """Knows two cues."""

    name, priority = "keywords", 1

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [self._insight(turn.message.text) for turn in turns]

    def _insight(self, text: str) -> Insight:
        known = [(word, *CUES[word]) for word in CUES if word in text]
        cues = tuple(
            Cue(kind=kind, text=word, start=text.index(word), end=text.index(word) + len(word))
            for word, kind, _, _ in known
        )
        ranking = (Guess(name="refund", confidence=0.9),)
        english = Language(code="en", confidence=1.0)
        at = text.find("on fire")
        harm = (Cue(kind="harm", text="on fire", start=at, end=at + 7),) if at >= 0 else ()
        if not known:
            return Insight(language=english, ranking=ranking, emotion=Emotion(), signals=harm)
        label, strength = known[-1][2], known[-1][3]
        felt = Emotion(label=label, intensity=strength, distress=0.2, cues=cues)  # type: ignore[arg-type]
        return Insight(language=english, ranking=ranking, emotion=felt, signals=harm)

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


class SupportChannel:
    """What customers and agents do, and what stands in Slack, of a running gateway."""

    def __init__(
        self, gw: RunningGateway, slack: SlackServer, clock: FakeClock, *, channel: str = SUPPORT
    ) -> None:
        self.gw, self.slack, self.clock, self.channel = gw, slack, clock, channel

    # -- what stands in Slack

    def cards(self) -> list[dict[str, Any]]:
        """Cards in the channel, oldest first."""
        return [m for m in self.slack.said(self.channel) if not m.get("thread_ts")]

    async def card(self, count: int = 1) -> dict[str, Any]:
        """The newest card, when there are ``count``."""
        await self.until(lambda: len(self.cards()) >= count)
        return self.cards()[count - 1]

    def thread(self, card: dict[str, Any]) -> list[str]:
        """What we wrote in the thread of ``card``, as text."""
        return [shown(m) for m in self.slack.said(self.channel, card["ts"])]

    def notices(self, user: str) -> list[str]:
        """The notices that only ``user`` was shown."""
        return [shown(m) for m in self.slack.ephemeral if m["user"] == user]

    def reactions(self, ts: str) -> list[str]:
        [message] = [m for m in self.slack.messages[self.channel] if m["ts"] == ts]
        return [reaction["name"] for reaction in message.get("reactions", ())]

    # -- what agents do

    async def reply(
        self, card: dict[str, Any], user: str, text: str, *, deliver: bool = True, **more: Any
    ) -> dict[str, Any]:
        """``user`` writes into the thread of ``card``."""
        event = self.slack.message(self.channel, user, text, thread_ts=card["ts"], **more)
        if deliver:
            status, _ = await self.slack.event(event)
            assert status == 200
        return event

    async def click(self, card: dict[str, Any], user: str, action: str) -> None:
        """``user`` presses a button of ``card``, once it is there."""
        [found] = [m for m in self.slack.messages[self.channel] if m["ts"] == card["ts"]]
        await self.until(lambda: f"'{action}'" in str(found["blocks"]))
        status, _ = await self.slack.click(self.channel, user, found, action)
        assert status == 200

    async def click_notice(self, user: str, action: str) -> None:
        """Press a button of the newest notice of ``user``."""
        last = [m for m in self.slack.ephemeral if m["user"] == user][-1]
        status, _ = await self.slack.click(self.channel, user, last, action)
        assert status == 200

    async def slash(self, user: str, text: str) -> str:
        status, answer = await self.slack.command(
            "/warmline", text, user=user, channel=self.channel
        )
        assert status == 200
        assert answer["response_type"] == "ephemeral"
        return str(answer["text"])

    async def received(self, name: str, count: int, channel: str = "rest") -> list[str]:
        """All that people wrote to the customer ``name``, once there are ``count`` messages."""

        async def enough() -> list[str]:
            person = self.gw.customer(channel, name)
            found = [m.text for m in await person.messages() if m.author == "agent"]
            return found if len(found) >= count else []

        if count:
            await self.until(enough)
        return await self.settled_received(name, channel)

    async def settled_received(self, name: str, channel: str = "rest") -> list[str]:
        await self.gw.settled()
        person = self.gw.customer(channel, name)
        return [m.text for m in await person.messages() if m.author == "agent"]

    async def until(self, condition: Callable[[], Any], timeout: float = 30.0) -> Any:
        """Wait for ``condition``; a tenth of a second passes at each look."""

        async def looked() -> Any:
            found = condition()
            found = await found if hasattr(found, "__await__") else found
            if not found:
                await self.clock.advance(0.1)
            return found

        return await until(looked, timeout)

    async def quiet(self, seconds: float = 5.0) -> None:
        """Let ``seconds`` pass, until everything that was due has happened."""
        for _ in range(int(seconds / 0.5)):
            await self.clock.advance(0.5)
            await self.gw.settled()
            await self.gw.services.desk.queue()  # one hop through the database
        if not self.slack.away:
            await self.until(self.nothing_waits, 30)

    async def nothing_waits(self) -> bool:
        """No reply is being worked on, and no notice is still to be shown."""
        scan = self.gw.services.storage.scan
        live = [e for e in await scan("agents_slack", "live/") if '"stage"' not in e.value]
        return not live and not await scan("agents_slack", "tell/")


def shown(message: dict[str, Any]) -> str:
    """The text of a message: that of its blocks, else its own."""
    return "\n".join(texts(message.get("blocks"))) or str(message.get("text", ""))


def texts(found: Any) -> list[str]:
    if isinstance(found, list):
        return [text for item in found for text in texts(item)]
    if not isinstance(found, dict):
        return []
    own = found.get("text")
    mine = [own] if isinstance(own, str) else []
    return mine + [t for k, v in found.items() if k != "value" for t in texts(v)]


@asynccontextmanager
async def opened(
    slack: SlackServer,
    clock: FakeClock,
    folder: Path,
    *plugins: Any,
    fake: FakeChannel | None = None,
    **settings: Any,
) -> AsyncIterator[SupportChannel]:
    """A gateway with REST customers, a fake channel if given, and agents in Slack."""
    config = {
        "brand_voice": {},
        "channels": {
            "rest": {"open": True},
            "slack": {
                "bot_token": slack.bot_token,
                "signing_secret": slack.signing_secret,
                "api_base": slack.api_base,
            },
        },
        "plugins": {
            "agents_slack": {
                "channel": SUPPORT,
                "bot_token": slack.bot_token,
                "api_base": slack.api_base,
                "pace": 0,
                "grace": 0,
                "timeout": 2.0,
                **settings,
            }
        },
    }
    modules = (
        brand_voice,
        channels.rest,
        channels.slack.customers,
        channels.slack.agents,
        KeywordUnderstander(),
        *(plugins or (SuggestingHandler(answer_faq),)),
        *((fake,) if fake else ()),
    )
    async with running(*modules, config=config, tmp_path=folder, clock=clock) as gw:
        slack.events_url = gw.url + PATH
        yield SupportChannel(gw, slack, clock)


def workspace(clock: FakeClock) -> SlackServer:
    """Ana and Ben are agents. A guest, a bot and a stranger are in the channel too; Zoe is not."""
    slack = SlackServer(now=lambda: clock.now().timestamp())
    slack.add_user("UANA", "Ana")
    slack.add_user("UBEN", "Ben")
    slack.add_user("UGUEST", "Guest", is_restricted=True)
    slack.add_user("UROBOT", "Robot", is_bot=True)
    slack.add_user("USTRANGE", "Stranger", team_id="T9OTHER", is_stranger=True)
    slack.add_user("UZOE", "Zoe")
    members = ("UANA", "UBEN", "UGUEST", "UROBOT", "USTRANGE")
    slack.add_channel(SUPPORT, name="support", members=members)
    return slack
