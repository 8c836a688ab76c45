"""A shop whose agents practise: a reader of moods, hard conversations, and a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, CookieJar

from gateway import Emotion, Insight, Language, Reply, Settings, Turn, hookimpl
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from plugins import agents_desk, practice
from plugins.practice.choosing import ScenarioChoice
from plugins.practice.settings import PracticeSettings
from plugins.practice.storage import PracticeStorage
from tests.agents_desk.conftest import Visit, as_config, user

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANGRY = (
    "I have been waiting for my new lamp and it is still not here",
    "this is the third time that I ask and nobody answers me",
)
"""What several customers write, each with words of their own around it."""


class MoodReader:
    """Everybody writes English. Whoever says `waiting` or `third` is angry."""

    name, priority = "moods", 1

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [self._insight(turn.message.text) for turn in turns]

    def _insight(self, text: str) -> Insight:
        upset = "waiting" in text or "third" in text
        angry = Emotion(label="angry", intensity=0.9, distress=0.9)
        return Insight(
            language=Language(code="en", confidence=1.0),
            ranking=(),
            emotion=angry if upset else Emotion(),
        )

    @hookimpl
    def register_understanders(self, register: Any, settings: Settings) -> None:
        register(self)


def hands_over(turn: Turn) -> Reply | None:
    """The bot gives every message to a person."""
    if turn.kind != "message":
        return None
    return Reply(
        body=("A colleague will answer you.",), purpose="handover", escalate=turn.route.reasons
    )


class PractisingShop:
    """Ana and Ben are leads, Cleo and Dan agents; Lea leads, and Sam works for, `south` only."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway, self.services, self.url = gateway, gateway.services, gateway.url
        self.storage = PracticeStorage(self.services.storage)
        self._sessions: list[ClientSession] = []

    async def hard_conversation(self, name: str, *more: str, channel: str = "webchat") -> int:
        """A customer is angry, an agent answers, the customer is still angry. Returns its id."""
        customer = self.gateway.customer(channel, name)
        await customer.say(f"{ANGRY[0]} {' '.join(more)}")
        worker = self.gateway.desk_agent("cleo")
        card = await worker.claim()
        await worker.answer(card, "Please wait.")
        await customer.say(ANGRY[1])
        return card.conversation.id

    async def choose(self) -> None:
        """A day's choice of scenarios."""
        await ScenarioChoice(settings=PracticeSettings()).choose(self.services)

    async def visit(self, name: str) -> Visit:
        """A browser without scripts, in which ``name`` is signed in."""
        self._sessions.append(ClientSession(cookie_jar=CookieJar(unsafe=True)))
        visit = Visit(self._sessions[-1], self.url)
        assert (await visit.sign_in(name)).status == 200
        return visit

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


@asynccontextmanager
async def open_shop(folder: Path) -> AsyncIterator[PractisingShop]:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {language: {enabled: false}}", "utf-8")
    people = [
        as_config(user("ana")),
        as_config(user("ben")),
        as_config(user("cleo", "agent")),
        as_config(user("dan", "agent")),
        as_config(user("lea")) | {"brands": ["south"]},
        as_config(user("sam", "agent")) | {"brands": ["south"]},
    ]
    config = {
        "policy": str(policy),
        "brands": {"south": {"title": "South", "support_addresses": ["sms/south"]}},
        "plugins": {"agents_desk": {"users": people}, "practice": {}},
    }
    parts = (agents_desk, practice, MoodReader(), FakeHandler(hands_over))
    channels = [FakeChannel("webchat"), FakeChannel("sms", support_address="south")]
    async with running(
        *parts, *channels, config=config, tmp_path=folder, clock=FakeClock(NOON)
    ) as gateway:
        shop = PractisingShop(gateway)
        try:
            yield shop
        finally:
            await shop.close()


GOOD = (
    "Three messages without an answer: I am sorry, that should not have happened. The parcel got "
    "stuck in the depot because the label tore. I am sending it by express today, and I will "
    "write to you tomorrow at 1 pm to check that it came."
)
BAD = "Please be patient. Your request has been forwarded to the relevant department."


async def begin(visit: Visit, scenario: str = "shipped-late_parcel", language: str = "en") -> str:
    """Begin a practice; returns its id."""
    await visit.open(f"/desk/practice?language={language}")
    fields = {"scenario": scenario, "language": language}
    response = await visit.send("/desk/practice", **fields)
    assert response.status == 200, visit.page
    return response.url.name


async def reply(visit: Visit, id: str, text: str) -> None:
    number = visit.field("replies")
    response = await visit.send(f"/desk/practice/{id}", do="reply", replies=number, reply=text)
    assert response.status == 200, visit.page
