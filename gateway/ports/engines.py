"""Engines that understand messages, and sources of context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from gateway.model import Context, Insight, Turn
from gateway.ports.services import Records


class Understander(Protocol):
    """An engine that finds language, intent and emotion.

    Findings are joined in the order of ``priority``, lowest first: the first language counts, the
    first ranking that is confident enough (else the first), and the first serious emotion (else
    the worst). Cues and signals of all engines are kept.
    """

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        """Return one `Insight` for each of ``turns``, in order. ``turns`` are all that wait at
        the moment; their messages are of different conversations."""
        ...


@runtime_checkable
class Warmable(Protocol):
    """An understander that must load or train before its first call."""

    async def warm(self) -> None:
        """Get ready. Turns wait for it before the first call of ``understand``, without a
        timeout. If it raises, the engine counts as failed."""
        ...


@runtime_checkable
class RemoteUnderstander(Protocol):
    """An understander that calls another machine.

    Each call has one turn, and up to ``at_once`` calls run at the same time, so that a slow
    response delays no other turn. It may raise `TryLater`: it is then left out for so long.
    """

    @property
    def at_once(self) -> int: ...


@runtime_checkable
class Trainable(Protocol):
    """An understander whose intents can be trained, for ``warmline eval intents``."""

    def train(self, rows: Sequence[tuple[str, str]]) -> Understander:
        """Return a new engine that is trained with ``rows`` of text and intent."""
        ...


class ContextSource(Protocol):
    """Finds what is known about a customer before the message is read (history, a CRM)."""

    @property
    def name(self) -> str: ...

    async def gather(self, turn: Turn, records: Records) -> Context: ...


Phrases: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Phrases of a company's own customers: language -> what they show -> phrases.

They show a mood, a signal such as ``harm``, or ``names`` (words in capitals that are not
shouting). A phrase is a sequence of words: ``a|b`` is one of the two, ``word*`` has any ending,
``word?`` may be absent.
"""


@runtime_checkable
class PhraseSource(Protocol):
    """A brand voice whose guide also lists phrases of customers."""

    def phrases(self) -> Phrases: ...


@runtime_checkable
class PhraseConsumer(Protocol):
    """An understander that can look for the phrases of the guide."""

    def hear(self, phrases: Phrases) -> None:
        """Look for ``phrases``, too. Called once at start-up, before all else, if the brand voice
        is a `PhraseSource`."""
        ...
