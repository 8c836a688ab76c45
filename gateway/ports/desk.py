"""What people do with a conversation."""

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
    Message,
    QueueItem,
)


class Desk(Protocol):
    """What people do. Every change takes the ``epoch`` the person saw and raises `Conflict` when
    someone was faster; raises `NotFound` for an unknown conversation."""

    async def queue(self) -> tuple[QueueItem, ...]:
        """Waiting and claimed conversations, most pressing first."""
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
    ) -> Accepted:
        """Say ``text`` to the customer. ``key`` makes a repeated call one message. With
        ``suggestion`` it is recorded as sent, or as edited when the text differs. ``via``
        goes on at another linked address of the customer (see `ContextCard.identities`), in a
        conversation there; raises NotAccepted for an address that is not theirs."""
        ...

    async def note(self, conversation: int, agent: Agent, text: str) -> Message: ...
    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation: ...
    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation: ...

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
        """Give it back to the queue, at ``tier``, for people with ``skills``."""
        ...

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None: ...

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        """A person's decision that ``address`` is this customer's too. What was said there is
        on the card then, and `unlink` takes it back."""
        ...

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard: ...

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        """Send a one-time code to an address that the customer says is theirs. When they repeat
        it in this conversation within ten minutes, the two are linked."""
        ...

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]: ...
