"""A shop whose answers are reviewed: its bot, its agents, and a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, CookieJar

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
from plugins import agents_desk, insights
from plugins.insights.review.storage import ReviewSheet, ReviewStorage
from tests.agents_desk.conftest import Visit, as_config, user
from tests.conftest import until

MONDAY = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
INTENTS = {"refund": "refund", "parcel": "order_status", "open": "opening_hours"}
ANSWERS = {
    "refund": "Hello. Your refund takes 5 days. We will write to you when it is done.",
    "order_status": "Your parcel is on its way.",
    "opening_hours": "We open at nine.",
}
SUGGESTED = "I am sorry. I will look for it today."
SCRIPT = [
    ("webchat", "eva", "How long does a refund take?"),
    ("email", "finn", "Hello, when do I get my refund?"),
    ("sms", "gus", "refund??"),
    ("webchat", "hana", "When do you open? Call me at +49 170 1234567, I am Hana"),
    ("email", "ida", "Wo ist mein parcel?"),
]


class KeywordReader:
    """Reads the intent from one word, German from ``mein``, and that a person is wanted."""

    name, priority = "keywords", 1

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [self._insight(turn.message.text) for turn in turns]

    def _insight(self, text: str) -> Insight:
        intent = next((INTENTS[word] for word in INTENTS if word in text), "other")
        guesses = (Guess(name=intent, confidence=0.9), Guess(name="billing", confidence=0.05))
        language = Language(code="de" if "mein" in text else "en", confidence=1.0)
        at = text.find("person")
        person = Cue(kind="asked_for_person", text="person", start=at, end=at + 6)
        return Insight(
            language=language,
            ranking=guesses,
            emotion=Emotion(),
            signals=(person,) if at >= 0 else (),
        )

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


class ShopBot(FakeHandler):
    """Answers what it knows, and suggests the same sentence to agents."""

    def __init__(self) -> None:
        super().__init__(self._reply)

    def _reply(self, turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        if turn.route.action == "escalate":
            return Reply(
                body=("A colleague will answer you.",),
                purpose="handover",
                escalate=turn.route.reasons,
            )
        return Reply(body=(ANSWERS.get(turn.understanding.intent.name, "I do not know."),))

    async def suggest(self, turn: Turn) -> Reply | None:
        return Reply(body=(SUGGESTED,))


class ReviewedShop:
    """The running shop. Ana and Ben are leads, Cleo is an agent who reviews, Dan one who does
    not; Lea is a lead of the brand `south` only. Ben has the skill `german`."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway, self.services, self.url = gateway, gateway.services, gateway.url
        self._sessions: list[ClientSession] = []

    async def write(self, *script: tuple[str, str, str]) -> None:
        """Customers write: channel, name and text."""
        for channel, name, text in script:
            await self.gateway.customer(channel, name).say(text)

    async def next_day(self) -> None:
        """The day ends, and what it holds is drawn."""
        drawn = len(await ReviewStorage(self.services.storage).draws())
        now = self.services.clock.now()
        morning = (now + timedelta(days=1)).replace(hour=0, minute=20)
        await self.gateway.pass_time((morning - now).total_seconds())
        await until(lambda: self._drawn(drawn + 1))

    async def _drawn(self, count: int) -> bool:
        return len(await ReviewStorage(self.services.storage).draws()) >= count

    async def sheet(self) -> ReviewSheet:
        return await ReviewStorage(self.services.storage).sheet(date(2026, 3, 1))

    async def visit(self, name: str) -> Visit:
        """A browser without scripts, in which ``name`` is signed in."""
        self._sessions.append(ClientSession(cookie_jar=CookieJar(unsafe=True)))
        visit = Visit(self._sessions[-1], self.url)
        assert (await visit.sign_in(name)).status == 200
        return visit

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


ALL_RIGHT = {
    "action": "save",
    "intent_right": "yes",
    "mood_right": "yes",
    "facts": "yes",
    "tone": "yes",
    "opener": "right",
    "explanation": "right",
    "next_step": "right",
}
"""The fields of a review that finds nothing wrong."""


async def review(visit: Visit, **fields: str) -> str:
    """Review the next answer; ``fields`` differ from `ALL_RIGHT`. Returns the item's id."""
    await visit.open("/desk/review")
    item = visit.field("item")
    response = await visit.send("/desk/review", item=item, **{**ALL_RIGHT, **fields})
    assert response.status == 200, visit.page
    return item


@asynccontextmanager
async def open_shop(folder: Path, **settings: Any) -> AsyncIterator[ReviewedShop]:
    """Run the shop; ``settings`` are of the section ``plugins.insights.review``."""
    policy = folder / "policy.yaml"
    policy.write_text(
        "reasons: {language: {enabled: false}, low_confidence: {enabled: false},"
        " out_of_scope: {enabled: false}, bot_failed: {enabled: false}}",
        "utf-8",
    )
    people = [
        as_config(user("ana")),
        as_config(user("ben")) | {"skills": ["german"]},
        as_config(user("cleo", "agent")),
        as_config(user("dan", "agent")),
        as_config(user("lea")) | {"brands": ["south"]},
    ]
    review = {"per_week": 700, "double_share": 0, "reviewers": ["desk:cleo"], **settings}
    config = {
        "policy": str(policy),
        "brands": {"south": {"support_addresses": ["sms/south"]}},
        "plugins": {"agents_desk": {"users": people}, "insights": {"review": review}},
    }
    parts = (agents_desk, insights, KeywordReader(), ShopBot())
    channels = [FakeChannel(name) for name in ("webchat", "email", "sms")]
    channels.append(FakeChannel("sms", support_address="south"))
    async with running(
        *parts, *channels, config=config, tmp_path=folder, clock=FakeClock(MONDAY)
    ) as gateway:
        shop = ReviewedShop(gateway)
        try:
            yield shop
        finally:
            await shop.close()
