"""Turns and small engines for these tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gateway import Address, Conversation, Customer, Guess, Insight, Message, Turn
from gateway.hookspecs import hookimpl
from gateway.ports import Understander
from gateway.settings import Settings

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def make_turn(text: str, number: int = 1, **changes: object) -> Turn:
    """A turn of a new customer who wrote ``text``."""
    address = Address(channel="fake", value=f"c{number}")
    return Turn(
        id=number,
        at=NOW,
        message=Message(id=0, conversation=0, author="customer", text=text, at=NOW),
        customer=Customer(),
        conversation=Conversation(address=address, opened_at=NOW),
    ).replace(**changes)


def insight(intent: str, confidence: float = 0.9) -> Insight:
    """One guess."""
    return Insight(ranking=(Guess(name=intent, confidence=confidence),))


class LocalEngine:
    """An engine on this machine: ``understand`` makes an insight of each text."""

    def __init__(
        self, understand: Callable[[str], Insight], *, name: str = "local", priority: int = 50
    ) -> None:
        self.name, self.priority = name, priority
        self._understand = understand
        self.calls: list[list[str]] = []

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        self.calls.append([turn.message.text for turn in turns])
        return [self._understand(turn.message.text) for turn in turns]

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


class WaitingEngine(LocalEngine):
    """A text in ``slow`` waits for ``released``; ``held`` counts the calls that do."""

    def __init__(
        self, understand: Callable[[str], Insight], *, name: str = "local", priority: int = 50
    ) -> None:
        super().__init__(understand, name=name, priority=priority)
        self.released = asyncio.Event()
        self.held = 0
        self.slow: set[str] = set()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        if {turn.message.text for turn in turns} & self.slow:
            self.held += 1
            await self.released.wait()
        return await super().understand(turns)


class ParallelEngine(WaitingEngine):
    """An engine on this machine that works on two calls at the same time."""

    parallel_calls = 2


class RemoteEngine(WaitingEngine):
    """An engine on another machine."""

    at_once = 2

    def __init__(self, understand: Callable[[str], Insight], *, name: str = "remote") -> None:
        super().__init__(understand, name=name, priority=10)
