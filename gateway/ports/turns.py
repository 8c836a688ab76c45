"""The plugins that a turn passes: context sources, understanders, handlers, the brand voice."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from gateway.model import (
    Context,
    ContextCard,
    Finding,
    Insight,
    Json,
    RenderContext,
    Rendered,
    Reply,
    SurveyAnswer,
    Turn,
)

if TYPE_CHECKING:
    from gateway.ports.services import Records

Embedding: TypeAlias = "array[float]"
"""What a text means, as 32-bit floats (``array("f")``; numpy reads it without a copy)."""


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
class ParallelUnderstander(Protocol):
    """An understander on this machine that can work on several calls at the same time, as with
    several processes. Without this a call waits until the one before has returned."""

    @property
    def parallel_calls(self) -> int:
        """The most calls at the same time, at least 1."""
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


@runtime_checkable
class TextEncoder(Protocol):
    """An understander that offers its sentence encoder to other plugins, as `Services.encoder`."""

    @property
    def embedding_model(self) -> str | None:
        """The name of the encoder and its version; None: it has none. Embeddings of different
        models cannot be compared: store this beside what you keep."""
        ...

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """An embedding of each text, in order: its norm is 1, so the scalar product of two is
        their cosine. Long texts are cut. Many texts are encoded in parts, and messages of
        customers go between. Raises WarmlineError when the encoder fails."""
        ...


class ContextSource(Protocol):
    """Finds what is known about a customer before the message is read (history, a CRM)."""

    @property
    def name(self) -> str: ...

    async def gather(self, turn: Turn, records: Records) -> Context: ...


@runtime_checkable
class SelectiveSource(Protocol):
    """A `ContextSource` that has something for some kinds of turns, and is asked only then."""

    @property
    def turn_kinds(self) -> frozenset[str]:
        """Among ``message``, ``timer`` and ``event``: see `Turn.kind`."""
        ...


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
class LimitSource(Protocol):
    """A brand voice whose guide may set a limit for a channel."""

    def limits(self) -> Mapping[str, int]:
        """Return by channel the highest ``max_length`` that a guide itself writes for it, in UTF-16
        code units. A channel without one is left out. `warmline check` compares them with
        `Traits.max_length`."""
        ...


@runtime_checkable
class PhraseConsumer(Protocol):
    """An understander that can look for the phrases of the guide."""

    def use_phrases(self, phrases: Phrases) -> None:
        """Look for ``phrases``, too, instead of those given before. Called at start-up, before all
        else, if the brand voice is a `PhraseSource`, and when the guide changes. Return quickly."""
        ...


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
class MatterHandler(Protocol):
    """A handler that can tell by itself whether it knows the matter, whatever the intents say."""

    async def knows(self, turn: Turn) -> Reply | None:
        """Return the answer if you are sure of it, a clarifying question of your own (purpose
        ``clarify``), or None.

        Asked before the gateway asks a clarifying question or hands over only because the
        understanders did not recognise the matter (``low_confidence``, ``out_of_scope``) of a
        customer who is calm; and when the customer answers your own clarifying question. Never
        when another reason to step back holds. ``turn.route`` is what happens otherwise. A
        question counts only where ``turn.route.action`` is ``clarify``. A failure or a timeout is
        counted and changes nothing.
        """
        ...


@runtime_checkable
class PassageFinder(Protocol):
    """A handler that finds what may help the person who takes a conversation over."""

    async def passages_for(self, turn: Turn) -> Sequence[str]:
        """Return a few lines for the agent, the best first: what a source says, and where. They
        become an internal line beside the hand-over. A failure is counted and changes nothing."""
        ...


@runtime_checkable
class SurveyReader(Protocol):
    """A handler that recognises answers to surveys."""

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        """Return the answer to ``turn.survey``; None if the message is something else."""
        ...


@runtime_checkable
class NeedsSlots(Protocol):
    """A handler that knows what the customer must state before an intent is dealt with."""

    async def needed_slots(self, turn: Turn) -> Sequence[str]:
        """Return the names of the slots, stated or not. The customer is asked once for those that
        they have not stated, before the answer or the hand-over, unless they are upset."""
        ...


@runtime_checkable
class WaitingNotifier(Protocol):
    """A handler that reassures customers while they wait for a person."""

    def still_waiting(self, turn: Turn) -> Reply | None:
        """Return what to say to the customer's first message after the hand-over, while nobody has
        claimed the conversation. Called at most once for each hand-over. Must not block."""
        ...


AddressStep = Literal["ask", "sent", "refused", "wrong", "proven", "answered"]
"""A customer who may leave is asked for an e-mail address; a code was sent there, or cannot be;
what they wrote is not the code; the address is proven; a person has answered there."""


@runtime_checkable
class AddressAsker(Protocol):
    """A handler with the words around a customer's e-mail address: where nobody can take over now,
    the answer can come there."""

    def about_address(self, turn: Turn, step: AddressStep, address: str = "") -> Reply | None:
        """Return what to say; None for silence. ``address`` is the customer's, but for ``ask``.
        ``turn.history`` ends with what the customer has just been told. Must not block."""
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

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        """Return ``reply`` as it is sent, with the rules that changed it."""
        ...

    def lint(self, text: str, context: RenderContext) -> tuple[Finding, ...]:
        """Return advice on an agent's ``text``."""
        ...

    def schema(self) -> Mapping[str, Json]:
        """Return the JSON Schema of the guide."""
        ...

    def check_guide(self, path: Path) -> tuple[str, ...]:
        """Return the problems of the guide at ``path``, each as ``file:line: key: what is wrong;
        what to do``."""
        ...
