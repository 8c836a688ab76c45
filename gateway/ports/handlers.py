"""Handlers, which answer turns, and the brand voice, which chooses the words."""

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
    """May answer a turn. Handlers are tried in the order of ``priority``, lowest first."""

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...

    async def handle(self, turn: Turn) -> Reply | None:
        """Return a `Reply`, or None to leave the turn to the next handler. If this raises or runs
        into ``worker.handler_timeout``, the turn goes to a person and the customer is informed."""
        ...


@runtime_checkable
class SurveyReader(Protocol):
    """A handler that recognises answers to surveys."""

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        """Return the answer to ``turn.survey``; None if the message is something else."""
        ...


@runtime_checkable
class Suggester(Protocol):
    """A handler that can draft answers for agents."""

    async def suggest(self, turn: Turn) -> Reply | None:
        """Return a draft; None if there is none."""
        ...


@runtime_checkable
class Summariser(Protocol):
    """A handler that can sum up a conversation for the agent who takes it over."""

    async def summarise(self, card: ContextCard) -> tuple[str, ...] | None:
        """Return a few sentences, or None. Nobody waits for it: until then the card shows the
        gateway's own summary."""
        ...


class Voice(Protocol):
    """The brand voice: pure functions. It changes the bot's words and advises agents on
    theirs."""

    @property
    def name(self) -> str: ...

    def render(self, reply: Reply, occasion: RenderContext) -> Rendered:
        """Return ``reply`` as it is sent, with the rules that changed it."""
        ...

    def lint(self, text: str, occasion: RenderContext) -> tuple[Finding, ...]:
        """Return advice on an agent's ``text``."""
        ...

    def schema(self) -> Mapping[str, Json]:
        """Return the JSON Schema of the guide."""
        ...

    def check_guide(self, path: Path) -> tuple[str, ...]:
        """Return the problems of the guide at ``path``, each as ``file:line: key: what is wrong;
        what to do``."""
        ...
