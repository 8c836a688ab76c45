"""Trials: what something would do if it were adopted. Nothing is changed or sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, Self, runtime_checkable

from gateway.model import (
    AdoptedChange,
    Json,
    KeyPath,
    Overlay,
    Rendered,
    Reply,
    Route,
    Turn,
    Understanding,
    Value,
    VersionKind,
)
from gateway.ports.channels import Traits
from gateway.ports.turns import Trainable, Voice

ChangesByKind = Mapping[VersionKind, Sequence[AdoptedChange]]


class TrialMessage(Value, frozen=True, kw_only=True):
    """What a new customer might write. ``channel`` is a channel's key (`Address.channel_key`);
    ``at`` None is now. With ``language`` (ISO 639-1) that of the text is not asked for, and with
    ``route`` the policy is not."""

    text: str
    channel: str = "webchat"
    brand: str = ""
    at: datetime | None = None
    language: str | None = None
    route: Route | None = None


class TrialAnswer(Value, frozen=True, kw_only=True):
    """What a `TrialMessage` would lead to. ``turn`` has what was understood and the route;
    ``rendered`` is the reply as the channel would send it."""

    turn: Turn
    handler: str | None = None
    reply: Reply | None = None
    rendered: Rendered = Rendered(parts=())


class Trials(Protocol):
    """What is in force, and what changes to it would do.

    ``changes`` are laid over the newest version of their kind; none: what is in force. They raise
    `ChangeRefused` when they would not load.
    """

    @property
    def trainable(self) -> Trainable | None:
        """The understander whose intents are trained here; None: there is none."""
        ...

    @property
    def channels(self) -> Mapping[str, Traits]:
        """The channels that are awake, with the providers' limits, by `Address.channel_key`."""
        ...

    async def respond(
        self, message: TrialMessage, changes: ChangesByKind | None = None
    ) -> TrialAnswer:
        """Return what the gateway would say to ``message`` with these changes of every kind: it is
        understood, routed, answered by the handlers and put into words as a customer's, and nothing
        is stored or sent. Changes of examples train a copy first, which may take a minute."""
        ...

    async def understand(self, turns: Sequence[Turn]) -> tuple[Understanding, ...]:
        """Return what the engines make of the message of each of ``turns``. Many at once are
        cheaper than one after the other."""
        ...

    async def replay(self, turn: Turn) -> TrialAnswer:
        """Return what the gateway would make of ``turn`` if it came now, by what is in force: it is
        routed with its history and context, answered by the handlers and put into words, and
        nothing is stored or sent. A turn whose understanding names engines keeps it; context
        sources are not asked."""
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


class EvaluatedShare(Value, frozen=True, kw_only=True):
    """One share of an `ExampleEvaluation`, as people read it. ``enough``: there were enough
    messages to tell."""

    group: str
    measure: str
    before: str
    after: str
    change: str
    messages: int
    enough: bool = True


class ExampleEvaluation(Value, frozen=True, kw_only=True):
    """What new examples of an intent would do to the understanding of other messages, measured on
    messages that the models were not trained with."""

    verdict: str
    sentence: str
    shares: tuple[EvaluatedShare, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class ExampleEvaluator(Protocol):
    """A plugin that evaluates examples before they are adopted: one that registers routes."""

    async def evaluate_examples(self, intent: str, texts: Sequence[str]) -> ExampleEvaluation:
        """Evaluate ``texts`` as further examples of ``intent``, which may be a new one. Takes a
        minute and more; cancelling it stops the training."""
        ...
