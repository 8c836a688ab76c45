"""Trials: what something would do if it were adopted. Nothing is changed or sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model import AdoptedChange, Json, KeyPath, Reply, Route, Turn, VersionKind
from gateway.ports.turns import Trainable, Voice


class Trials(Protocol):
    """What is in force, and what changes to it would do.

    ``changes`` are laid over the newest version of their kind; none: what is in force. They raise
    `ChangeRefused` when they would not load.
    """

    @property
    def trainable(self) -> Trainable | None:
        """The understander whose intents are trained here; None: there is none."""
        ...

    async def examples_of_shop(self) -> tuple[tuple[str, str], ...]:
        """Return the examples (text, intent) that the team wrote or adopted."""
        ...

    async def packaged_examples(self) -> tuple[tuple[str, str], ...]:
        """Return the examples (text, intent) that join those, such as packaged ones."""
        ...

    async def in_force(self, kind: VersionKind, at: KeyPath) -> Json:
        """Return what applies at ``at``, in the format of the team's files; None: nothing."""
        ...

    async def answer(self, turn: Turn, changes: Sequence[AdoptedChange] = ()) -> Reply | None:
        """Return the bot's reply to ``turn`` whatever its route; None: it has no answer."""
        ...

    async def voice(self, changes: Sequence[AdoptedChange] = ()) -> Voice:
        """Return a brand voice with a changed guide."""
        ...

    async def route(
        self, turns: Sequence[Turn], changes: Sequence[AdoptedChange] = ()
    ) -> tuple[Route, ...]:
        """Return the route of each of ``turns`` by a changed policy."""
        ...
