"""What answers a turn, and the voice that chooses the words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from gateway.model import (
    ContextCard,
    Finding,
    Json,
    RenderContext,
    Rendered,
    Reply,
    SurveyAnswer,
    Turn,
)


class Handler(Protocol):
    """May answer a turn: a Reply, or None to let the next one try. Lower ``priority`` first.

    It may raise or hang: the turn then goes to a person and the customer is told so.
    """

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...

    async def handle(self, turn: Turn) -> Reply | None: ...


@runtime_checkable
class SurveyReader(Protocol):
    """A handler that can tell an answer to a survey from a new question."""

    def read_answer(self, turn: Turn) -> SurveyAnswer | None: ...


@runtime_checkable
class Suggester(Protocol):
    """A handler that can draft an answer for an agent."""

    async def suggest(self, turn: Turn) -> Reply | None: ...


@runtime_checkable
class Summariser(Protocol):
    """A handler that can sum up a conversation for the person who takes it over: a few lines, or
    None. Nobody waits for it: the card has a summary of its own meanwhile."""

    async def summarise(self, card: ContextCard) -> tuple[str, ...] | None: ...


class Voice(Protocol):
    """The brand voice: pure. For the bot it changes words, for an agent it advises."""

    @property
    def name(self) -> str: ...

    def render(self, reply: Reply, context: RenderContext) -> Rendered: ...
    def lint(self, text: str, context: RenderContext) -> tuple[Finding, ...]: ...
    def schema(self) -> Mapping[str, Json]: ...
    def check_guide(self, path: Path) -> tuple[str, ...]:
        """Problems of the guide at ``path``, each ``file:line: key: what; what to do``."""
        ...
