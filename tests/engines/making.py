"""Turns and small engines, as the tests here need them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gateway import Address, Conversation, Customer, Guess, Insight, Message, Turn
from gateway.hookspecs import hookimpl
from gateway.ports import Understander
from gateway.settings import Settings

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def turn(text: str, number: int = 1, **more: object) -> Turn:
    """A turn of a fresh customer who wrote ``text``."""
    address = Address(channel="fake", value=f"c{number}")
    return Turn(
        id=number,
        at=NOW,
        message=Message(id=0, conversation=0, author="customer", text=text, at=NOW),
        customer=Customer(),
        conversation=Conversation(address=address, opened_at=NOW),
    ).replace(**more)


def about(intent: str, confidence: float = 0.9) -> Insight:
    return Insight(ranking=(Guess(name=intent, confidence=confidence),))


class Local:
    """An engine on this machine: ``tell`` makes an insight of each text."""

    def __init__(
        self, tell: Callable[[str], Insight], *, name: str = "local", priority: int = 50
    ) -> None:
        self.name, self.priority = name, priority
        self._tell = tell
        self.asked: list[list[str]] = []

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        self.asked.append([one.message.text for one in turns])
        return [self._tell(one.message.text) for one in turns]

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


class Far(Local):
    """An engine on another machine: a text in ``slow`` waits until it is let go."""

    at_once = 2

    def __init__(self, tell: Callable[[str], Insight], *, name: str = "far") -> None:
        super().__init__(tell, name=name, priority=10)
        self.gate = asyncio.Event()
        self.slow: set[str] = set()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        if {one.message.text for one in turns} & self.slow:
            await self.gate.wait()
        return await super().understand(turns)
