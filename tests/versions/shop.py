"""A small shop whose words, voice and routing people change while it is open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

import brand_voice
from gateway import Emotion, Guess, Insight, Language, Turn, hookimpl
from gateway.testing import FakeChannel, RunningGateway, running
from plugins import faq

ANSWERS = """\
answers:
  # What the till says.
  parking:
    facts: {spaces: "12"}
    say:
      en: {opener: "", body: "There are {spaces} spaces behind the shop."}
      de: {opener: "", body: "Hinter dem Laden sind {spaces} Plätze."}
  returns:
    say:
      en: {opener: "", body: "Send it back."}
"""
POLICY = """\
reasons:
  low_confidence: {below: 0.5}   # for the old model
clarify: {times: 0}
tiers:
  front: {claim_minutes: 10}
"""
GUIDE = """\
# Our voice.
lexicon:
  use:
    en:
      lot: [car park]
"""
ANA = "desk:ana"


class WordReader:
    """Understands a message by one of its words. ``surest`` is its confidence."""

    name = "words"
    priority = 10

    def __init__(self, surest: float = 0.9) -> None:
        self.surest = surest
        self.hold: Callable[[], Any] | None = None

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        if self.hold is not None:
            await self.hold()
        return [self._insight(turn.message.text) for turn in turns]

    def _insight(self, text: str) -> Insight:
        intent = next((name for name in ("parking", "returns", "warranty") if name in text), "oos")
        return Insight(
            language=Language(code="de" if "bitte" in text else "en", confidence=0.9),
            ranking=(Guess(name=intent, confidence=self.surest),),
            emotion=Emotion(),
        )

    @hookimpl
    def register_understanders(self, register: Any, settings: Any) -> None:
        register(self)


def write_files(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answers.yaml").write_text(ANSWERS, "utf-8")
    (folder / "policy.yaml").write_text(POLICY, "utf-8")
    (folder / "guide.yaml").write_text(GUIDE, "utf-8")


def configuration(**more: Any) -> dict[str, Any]:
    return {
        "policy": "policy.yaml",
        "brand_voice": {"guide": "guide.yaml"},
        "plugins": {"faq": {"answers": "answers.yaml", "packaged": False, "look_every": 0}},
        "versions": {"look_every": 0.05},
        **more,
    }


@asynccontextmanager
async def open_shop(
    folder: Path, *modules: Any, config: dict[str, Any] | None = None, fresh: bool = True
) -> AsyncIterator[RunningGateway]:
    """The shop, with its data in ``folder``; ``fresh`` writes its files first."""
    if fresh:
        write_files(folder)
    channels = [FakeChannel("sms"), FakeChannel("email")]
    plugins = modules or (WordReader(),)
    async with running(
        *channels, *plugins, faq, brand_voice, tmp_path=folder, config=config or configuration()
    ) as gw:
        yield gw


async def ask(gw: RunningGateway, text: str, *, channel: str = "sms") -> list[str]:
    """What a new customer hears."""
    customer = gw.customer(channel, f"c{next(_NUMBERS)}")
    await customer.say(text)
    return customer.heard


async def newest(gw: RunningGateway, kind: Any) -> int:
    """The number of the newest version of ``kind``."""
    return (await gw.services.versions.overlay(kind)).number


async def adopt(gw: RunningGateway, kind: Any, *changes: Any, **more: Any) -> Any:
    """Adopt ``changes`` as Ana, after the newest version."""
    given = {"author": ANA, "why": "customers asked", "after": await newest(gw, kind)} | more
    return await gw.services.versions.adopt(kind, changes, **given)


async def roll_back(gw: RunningGateway, number: int, kind: Any = None) -> Any:
    return await gw.services.versions.roll_back(
        number, kind=kind, author=ANA, why="it was better before"
    )


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


_NUMBERS = iter(range(1_000_000))
