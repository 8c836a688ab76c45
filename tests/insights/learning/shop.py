"""A small shop on a real gateway: two answers, a word-matching understander, an agents' desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

import brand_voice
from gateway import (
    AdoptedExample,
    CaseRecord,
    Emotion,
    Guess,
    Insight,
    Language,
    Overlay,
    OverlayProblem,
    Settings,
    Turn,
    Understander,
    VersionKind,
    hookimpl,
)
from gateway.testing import FakeChannel, FakeClock, RunningGateway, SimulatedCustomer, running
from plugins import agents_desk, escalation, faq, insights
from plugins.insights.learning.loop import Learning
from plugins.insights.review.storage import ITEMS, JUDGEMENTS, PLUGIN, ReviewStorage
from plugins.insights.review.values import DayDraw, Judgement, ReviewItem

ANSWERS = """
answers:
  refund:
    facts: {days: "5"}
    say:
      en:
        body: ["A refund is back in your account within {days} working days."]
        next_step: Is it urgent? Just say so.
  opening_hours:
    say:
      en: {body: ["We are open from nine to five."]}
      de: {body: ["Wir haben von neun bis fünf geöffnet."]}
"""
EXAMPLES = (
    ("when do I get my refund", "refund"),
    ("where is my refund", "refund"),
    ("I want my money back", "refund"),
    ("has my refund been paid", "refund"),
    ("when are you open", "opening_hours"),
    ("are you open on sunday", "opening_hours"),
    ("what are your opening hours", "opening_hours"),
    ("wann haben sie geöffnet", "opening_hours"),
)


class WordUnderstander:
    """Knows a message by the words that it shares with an example. A plugin, too."""

    name, priority = "words", 10
    version_kinds: frozenset[VersionKind] = frozenset({"answers"})

    def __init__(self, rows: Sequence[tuple[str, str]] = EXAMPLES) -> None:
        self._own, self._adopted = tuple(rows), tuple[AdoptedExample, ...]()

    def train(self, rows: Sequence[tuple[str, str]]) -> WordUnderstander:
        return WordUnderstander(rows)

    def examples_of_shop(self) -> Sequence[tuple[str, str]]:
        return (*self._own, *((each.text, each.intent) for each in self._adopted))

    def packaged_examples(self) -> Sequence[tuple[str, str]]:
        return ()

    def __reduce__(self) -> Any:
        raise TypeError("trained in a thread: that takes no time")

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        return ()

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        self._adopted = overlay.examples
        return ()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [self._insight(turn.message.text) for turn in turns]

    def _insight(self, text: str) -> Insight:
        words, scores = _words(text), dict[str, float]()
        for example, intent in self.examples_of_shop():
            known = _words(example)
            score = (len(words & known) / (len(words | known) or 1)) ** 0.5
            scores[intent] = max(score, scores.get(intent, 0.0))
        ranking = sorted(scores.items(), key=lambda item: -item[1])
        german = bool(words & {"ich", "wann", "sie", "haben"})
        upset = "furious" in words
        return Insight(
            language=Language(code="de" if german else "en", confidence=0.9),
            ranking=tuple(Guess(name=name, confidence=score) for name, score in ranking),
            emotion=Emotion(label="angry", intensity=0.9, distress=0.9) if upset else Emotion(),
        )

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


@dataclass
class Shop:
    """The running shop and its loop."""

    running: RunningGateway
    learning: Learning
    words: WordUnderstander

    def customer(self, name: str) -> SimulatedCustomer:
        return self.running.customer("webchat", name)

    async def case(self, number: int) -> CaseRecord:
        """The conversation ``number``."""
        found = await self.running.services.records.cases_by_id([number])
        return found[0]

    async def review(self, number: int, *, reviewer: str = "desk:ben", **said: Any) -> None:
        """A reviewer judges the first answer of conversation ``number``: ``said`` are fields of
        `Judgement`."""
        case = await self.case(number)
        asked = next(m for m in case.messages if m.author == "customer")
        answer = next((m for m in case.messages if m.author == "bot"), asked)
        read = asked.understanding.intent.name if asked.understanding else "none"
        item = ReviewItem(
            day=date(2026, 2, 20),  # the sampling job draws for the day before
            conversation=number,
            message=answer.id,
            asked=asked.id,
            kind="bot",
            channel="webchat",
            language="en",
            intent=read,
            mood="calm",
            probability=0.5,
        )
        judgement = Judgement(
            item=item.id,
            reviewer=reviewer,
            at=self.running.clock.now(),
            **{"intent": read, **said},
        )
        reviews = ReviewStorage(self.running.services.storage)
        await reviews.keep_draw(DayDraw(day=item.day, answers=1, drawn=1, message=0), [])
        await self._put(ITEMS + item.id, item, number)
        await self._put(f"{JUDGEMENTS}{item.id}/{reviewer}", judgement, number)

    async def _put(self, key: str, value: Any, conversation: int) -> None:
        storage, text = self.running.services.storage, msgspec.json.encode(value).decode()
        known = await storage.get(PLUGIN, key)
        version = known.version if known else 0
        await storage.put(PLUGIN, key, text, version=version, conversation=conversation)


@asynccontextmanager
async def open_shop(
    folder: Path,
    *,
    users: Iterable[Any] = (),
    clock: FakeClock | None = None,
    brand: str = "",
) -> AsyncIterator[Shop]:
    """The shop, with its files in ``folder``. With ``brand`` its web chat is of that brand."""
    (folder / "answers.yaml").write_text(ANSWERS, "utf-8")
    words = WordUnderstander()
    config: dict[str, Any] = {
        "brand_voice": {},
        "plugins": {
            "faq": {"answers": ["answers.yaml"], "packaged": False},
            "escalation": {},
            "insights": {},
            "agents_desk": {"users": list(users)},
        },
    }
    if brand:
        config["brands"] = {brand: {"support_addresses": ["webchat"]}}
    async with running(
        words,
        FakeChannel("webchat"),
        brand_voice,
        faq,
        escalation,
        agents_desk,
        insights,
        config=config,
        tmp_path=folder,
        clock=clock or FakeClock(),
    ) as gateway:
        learning = Learning(services=gateway.services, least=5)
        yield Shop(gateway, learning, words)


def _words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() else " " for c in text.casefold()).split())
