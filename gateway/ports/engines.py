"""What understands messages and knows customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from gateway.model import Context, Insight, Turn
from gateway.ports.services import Records


class Understander(Protocol):
    """Tells what messages mean. Called with all messages waiting at that moment, off the hot
    path; gives one `Insight` for each, in order. Lower ``priority`` goes first. The first
    language is believed, the first ranking that is sure (else the first), and the first grave
    mood (else the worst); cues and signals are joined."""

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]: ...


@runtime_checkable
class Warmable(Protocol):
    """An understander that must load or train first. Turns wait for ``warm`` before the first
    call (not in ``understand``'s time-out); if it raises, the engine counts as failed."""

    async def warm(self) -> None: ...


@runtime_checkable
class RemoteUnderstander(Protocol):
    """An understander that waits for another machine. It is called with one turn at a time, up
    to ``at_once`` calls side by side, so that one slow answer holds up no other turn. It may
    raise `TryLater` when it is asked to wait: then it is left out that long."""

    @property
    def at_once(self) -> int: ...


@runtime_checkable
class Trainable(Protocol):
    """An understander whose intents can be trained from rows, for `warmline eval`."""

    def train(self, rows: Sequence[tuple[str, str]]) -> Understander: ...


class ContextSource(Protocol):
    """Knows something of a customer before the message is read (history, a CRM)."""

    @property
    def name(self) -> str: ...

    async def gather(self, turn: Turn, records: Records) -> Context: ...


Phrases: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]
"""How a house's own customers say things: language -> what it shows (a mood, a signal such as
``harm``, or ``names``: words whose capitals are no shouting) -> phrases. A phrase is words in a
row, with ``a|b`` for either, ``word*`` for any ending and ``word?`` for perhaps."""


@runtime_checkable
class PhraseSource(Protocol):
    """A voice whose guide tells phrases to listen for, too."""

    def phrases(self) -> Phrases: ...


@runtime_checkable
class PhraseConsumer(Protocol):
    """An understander that can be told phrases to listen for. ``hear`` is called once, at the
    start-up and before anything else, when the voice is a `PhraseSource`."""

    def hear(self, phrases: Phrases) -> None: ...
