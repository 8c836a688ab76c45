"""Trials: what something would do if it were adopted. Nothing is changed or sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

from gateway.model import (
    AdoptedChange,
    Json,
    KeyPath,
    Overlay,
    Reply,
    Route,
    Turn,
    VersionKind,
)
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

    async def answer(
        self, turn: Turn, changes: Sequence[AdoptedChange] = (), *, drafted: bool = False
    ) -> Reply | None:
        """Return the bot's reply to ``turn`` whatever its route, or with ``drafted`` its draft for
        a person; None: it has none."""
        ...

    async def voice(self, changes: Sequence[AdoptedChange] = ()) -> Voice:
        """Return a brand voice with a changed guide."""
        ...

    async def route(
        self, turns: Sequence[Turn], changes: Sequence[AdoptedChange] = ()
    ) -> tuple[Route, ...]:
        """Return the route of each of ``turns`` by a changed policy."""
        ...


@runtime_checkable
class TriedConsumer(Protocol):
    """A `VersionConsumer` that can show what an overlay would do."""

    async def trial(self, overlay: Overlay) -> Self:
        """Return another one that applies ``overlay``. This one stays as it is."""
        ...

    async def in_force(self, at: KeyPath) -> Json:
        """Return what applies at ``at``, in the format of the team's files, with what was adopted;
        None: nothing."""
        ...


@runtime_checkable
class ExampleOwner(Protocol):
    """A `Trainable` that tells what it learns from."""

    def examples_of_shop(self) -> Sequence[tuple[str, str]]:
        """Return the examples (text, intent) of the team's files and the adopted ones."""
        ...

    def packaged_examples(self) -> Sequence[tuple[str, str]]:
        """Return the examples that join those."""
        ...
