"""A gateway with our plugins, an engine that knows a few words, and a handler for one intent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

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
from plugins import context_history, escalation, followup

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOURS = {"hours": {"timezone": "Europe/Berlin"}}


class WordEngine:
    """Understands single words. It is also the plugin that registers itself."""

    name, priority = "words", 1

    async def understand(self, turns: Sequence[Turn]) -> list[Insight]:
        return [insight(turn.message.text.casefold()) for turn in turns]

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


HARM_WORDS = {
    "fire": "en",
    "brennt": "de",
    "brûle": "fr",
    "quema": "es",
    "حريق": "ar",
    "brucia": "it",
    "燃え": "ja",
}
"""Words of harm that the engine knows, with their languages."""


def insight(text: str) -> Insight:
    known = [name for name in ("delivery", "refund", "stock") if name in text]
    ranking = [Guess(name=name, confidence=0.9) for name in known[:1]]
    unsure = [Guess(name="delivery", confidence=0.3), Guess(name="refund", confidence=0.2)]
    emotion = Emotion(label="angry", intensity=0.9, distress=0.9) if "furious" in text else None
    harm = [word for word in HARM_WORDS if word in text]
    code = HARM_WORDS[harm[0]] if harm else "de" if "bitte" in text else "en"
    signals = [("asked_for_person", "human"), ("legal", "lawyer"), *(("harm", w) for w in harm)]
    return Insight(
        language=Language(code=code, confidence=0.99),
        ranking=tuple(ranking or unsure),
        emotion=emotion or Emotion(),
        signals=tuple(
            Cue(kind=kind, text=word, start=text.find(word), end=text.find(word) + len(word))
            for kind, word in signals
            if word in text
        ),
    )


def answers(turn: Turn) -> Reply | None:
    if turn.route.action != "automate" or turn.kind != "message":
        return None
    if turn.understanding.intent.name == "stock":
        return None
    if turn.message.text == "delivery crash":
        raise RuntimeError
    return Reply(body=("Two days.",))


@asynccontextmanager
async def shop(
    tmp_path: Path,
    *more: Any,
    at: datetime = MONDAY,
    policy: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    **plugins: Any,
) -> AsyncIterator[RunningGateway]:
    """A gateway whose clock stands at ``at`` until a test advances it. ``more`` are further
    plugins, ``config`` further settings."""
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy or {}), "utf-8")
    enabled = {"escalation": {}, "followup": {"quiet": None}, "context_history": {}} | plugins
    installed = (
        escalation,
        followup,
        context_history,
        WordEngine(),
        FakeHandler(answers),
        FakeChannel(),
        *more,
    )
    settings = {"policy": str(file), "plugins": enabled} | (config or {})
    clock = FakeClock(at)
    async with running(
        *installed, config=settings, tmp_path=tmp_path, clock=clock, environ=environ
    ) as gw:
        yield gw
