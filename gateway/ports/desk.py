"""What agents can do with a conversation."""

from __future__ import annotations

from typing import Protocol

from gateway.model import (
    Accepted,
    Address,
    Agent,
    Attachment,
    ContextCard,
    Conversation,
    Finding,
    HeldAnswer,
    Message,
    QueueItem,
    QueuePage,
    QueuePosition,
)


class Desk(Protocol):
    """What agents can do with a conversation.

    A change takes the ``epoch`` that the agent saw and raises `Conflict` when another person
    changed the conversation first. Every method raises `NotFound` for an unknown conversation.
    """

    async def queue(self) -> tuple[QueueItem, ...]:
        """Return all waiting and all claimed conversations, most urgent first."""
        ...

    async def queue_page(
        self,
        *,
        after: QueuePosition | None = None,
        most: int = 50,
        brands: tuple[str, ...] = (),
    ) -> QueuePage:
        """Return all claimed conversations and at most ``most`` waiting ones, which come after
        ``after``: see `QueueItem.position`. With ``brands`` only conversations of these count; an
        empty name is no brand."""
        ...

    async def card(self, conversation: int) -> ContextCard: ...
    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard: ...

    async def answer(
        self,
        conversation: int,
        agent: Agent,
        text: str,
        *,
        key: str,
        suggestion: int | None = None,
        attachments: tuple[Attachment, ...] = (),
        via: Address | None = None,
        hold: float = 0.0,
    ) -> Accepted:
        """Send ``text`` to the customer.

        A repeated call with the same ``key`` sends nothing more. ``suggestion`` is the id of the
        draft that was used: it is recorded as sent, or as edited if the text differs. ``via``
        sends to another linked address of the customer (see `ContextCard.identities`), in a
        conversation there. ``hold`` is for how many seconds (0 to 60) the agent can `take_back` the
        answer before it is sent; it is stored at once. Raises NotAccepted if that address is not
        the customer's, or for a titled link that is not safe to follow (see `why_unsafe_link`).
        """
        ...

    async def held_answers(self, conversation: int) -> tuple[HeldAnswer, ...]:
        """Return the answers in this conversation that wait to be sent, oldest first."""
        ...

    async def take_back(self, conversation: int, agent: Agent, *, turn: int) -> HeldAnswer:
        """Take back the agent's own answer of this turn. It is as if it was never sent. Raises
        NotAccepted when it is on its way already."""
        ...

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        """Add a note, which only agents see."""
        ...

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation: ...
    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        """Return the conversation to the bot."""
        ...

    async def transfer(
        self,
        conversation: int,
        agent: Agent,
        *,
        epoch: int,
        tier: str,
        skills: tuple[str, ...] = (),
        reason: str = "",
    ) -> Conversation:
        """Return the conversation to the queue, for agents of ``tier`` who have ``skills``."""
        ...

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None: ...

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        """Record the agent's decision that ``address`` is this customer's too. The card then has
        the conversations there as well. `unlink` undoes it."""
        ...

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard: ...

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        """Send a one-time code to an address that the customer says is theirs. If they repeat it
        in this conversation within ten minutes, the address is linked."""
        ...

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]:
        """Return the brand voice's advice on ``text`` as an answer in this conversation."""
        ...
