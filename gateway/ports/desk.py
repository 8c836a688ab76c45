"""What agents can do with a conversation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.model import (
    Accepted,
    Address,
    Agent,
    Attachment,
    BlockedAddress,
    ConfirmedFact,
    ContextCard,
    Conversation,
    ConversationFilter,
    ConversationHeading,
    ConversationList,
    DuePromise,
    FileLimits,
    Finding,
    HeldAnswer,
    ListName,
    ListPosition,
    Message,
    Promise,
    QueueItem,
    QueuePage,
    QueuePosition,
    SupportAddress,
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

    async def conversations(
        self, chosen: ConversationFilter, *, after: ListPosition | None = None, most: int = 50
    ) -> ConversationList:
        """Return at most ``most`` of the conversations that ``chosen`` names, those behind
        ``after``: see `ListedConversation.position`.

        A conversation that gets a message while a person turns the pages moves to the front of
        its list; no other one is left out or shown twice by that.
        """
        ...

    async def list_counts(
        self, chosen: ConversationFilter, *, most: int = 100
    ) -> Mapping[ListName, int]:
        """Return how many conversations are in the lists ``mine``, ``bot``, ``colleagues`` and
        ``snoozed`` as ``chosen.agent`` sees them, of ``chosen.brands``; other fields do not count.
        No more than ``most`` are counted, so ``most`` also stands for more."""
        ...

    async def card(self, conversation: int) -> ContextCard: ...

    async def cards(self, conversations: Sequence[int]) -> tuple[ContextCard, ...]:
        """Return the cards of these conversations, in this order; unknown ones are left out. They
        take as many statements as one."""
        ...

    async def headings(self, conversations: Sequence[int]) -> Mapping[int, ConversationHeading]:
        """Return these conversations with their customers, by id; unknown ones are missing."""
        ...

    async def messages(self, ids: Sequence[int]) -> Mapping[int, Message]:
        """Return these messages of any conversations, by id; unknown ones are missing."""
        ...

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
        copies: tuple[str, ...] = (),
        hold: float = 0.0,
    ) -> Accepted:
        """Send ``text`` to the customer.

        A repeated call with the same ``key`` sends nothing more. ``suggestion`` is the id of the
        draft that was used: it is recorded as sent, or as edited if the text differs. ``via``
        sends to another linked address of the customer (see `ContextCard.identities`), in a
        conversation there. ``copies``: who else gets it, on a channel that sends copies. ``hold``
        is for how many seconds (0 to 60) the agent can `take_back` the answer before it is sent; it
        is stored at once. An answer that goes to `ContextCard.answer_address` is not held, because
        the customer's chat ends with it. Raises NotAccepted if the address of ``via`` is not the
        customer's, or for a titled link that is not safe to follow (see `why_unsafe_link`);
        `Unfilled` while ``text`` has a placeholder (see `unfilled`); and `RefusedByChannel`, having
        changed nothing, when the channel cannot carry ``attachments`` or ``copies``.
        """
        ...

    def file_limits(self, address: Address) -> FileLimits:
        """Return which files a message to ``address`` may carry: none if ``most`` is 0, and its
        ``hint`` is then the reason."""
        ...

    def takes_copies(self, address: Address) -> bool:
        """Whether a message to ``address`` may go to further addresses (a mail's Cc)."""
        ...

    def writing_places(self, agent: Agent) -> tuple[SupportAddress, ...]:
        """Return our addresses from which ``agent`` may write first."""
        ...

    async def begin(
        self,
        address: Address,
        agent: Agent,
        text: str,
        *,
        key: str,
        subject: str = "",
        attachments: tuple[Attachment, ...] = (),
        copies: tuple[str, ...] = (),
    ) -> Accepted:
        """Write to a customer first, in the returned conversation, which ``agent`` has.

        ``address`` names the support address to write from. Where conversations have subjects this
        begins a new one with ``subject``; elsewhere an open conversation there is continued. A
        repeated call with the same ``key`` sends nothing more. Raises `RefusedByChannel` when
        nothing may be sent there (an opt-out, a customer who never wrote, a rule of the provider),
        and `Conflict` when a colleague has the open conversation. The message is in the history
        when its turn is done: `Mailbox.answer` waits for that.
        """
        ...

    async def forward(
        self,
        conversation: int,
        agent: Agent,
        to: str,
        note: str = "",
        *,
        key: str,
        messages: tuple[int, ...] = (),
        files: bool = True,
    ) -> Accepted:
        """Send messages of a conversation to the mail address ``to`` of somebody outside. Their
        answers come into the returned conversation.

        It is the agent's, and never the customer's: nothing of it reaches them. ``messages`` are
        ids; none: all. Notes are never forwarded. ``files``: with the messages' files. Raises
        `RefusedByChannel` for an address that cannot be written to, or is the customer's own.
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

    async def put_back(
        self, conversation: int, agent: Agent, *, epoch: int, reason: str = ""
    ) -> Conversation:
        """Undo the claim of ``agent``: the conversation waits again with the reasons, the priority,
        the tier and the skills that it had, and since when it had them. ``reason`` is for
        colleagues."""
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
        """Return advice on ``text`` as an answer in this conversation: the brand voice's, and for
        each fact that it asks for and the customer has given, what they gave (`told_once`)."""
        ...

    async def promises_due(
        self, *, brands: tuple[str, ...] = (), most: int = 500
    ) -> tuple[DuePromise, ...]:
        """Return the open promises of which somebody is to be reminded now, the first due first;
        with ``brands`` only of conversations of these."""
        ...

    async def settle_promise(
        self, conversation: int, promise: int, agent: Agent, *, kept: bool
    ) -> Promise:
        """Record that a promise is kept, or (``kept`` False) that it is none or no longer
        matters."""
        ...

    async def confirm_fact(
        self, conversation: int, agent: Agent, *, name: str, value: str, message: int
    ) -> ConfirmedFact:
        """Confirm a fact that the customer gave in ``message`` as theirs. A ``name`` becomes the
        customer's name. Raises NotAccepted when the case does not have that fact."""
        ...

    async def label(
        self,
        conversation: int,
        agent: Agent,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
    ) -> Conversation:
        """Put labels on the conversation and take others off.

        A label is a key of small letters, digits and hyphens, 48 at most: how it reads is the
        desk's affair, so a label that is renamed keeps its conversations. Two people who label at
        once both succeed, so this takes no ``epoch``. Raises NotAccepted for a key that is none,
        and for more than 20 labels.
        """
        ...

    async def snooze(
        self, conversation: int, agent: Agent, *, until: datetime | None, epoch: int
    ) -> Conversation:
        """Take the conversation out of the queue until ``until`` or the customer's next message,
        whichever comes first; None: until they write, and 30 days at most.

        It then comes back before the agent's others, with a system line; `Conversation.woken_at`
        says when. A claim, transfer, hand-back or resolution ends the snooze. An automatic message
        does not. The epoch stays: the same person has the conversation, and its timers (an alarm
        about harm) go on. Raises Conflict when ``agent`` does not have the conversation, so one
        that waits for a claim is never hidden, and NotAccepted when its customer spoke of harm or
        ``until`` is past or more than a year away.
        """
        ...

    async def wake(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        """End the snooze now. A conversation that is not snoozed stays as it is. Raises Conflict
        when ``agent`` does not have it."""
        ...

    async def mark_spam(
        self, conversation: int, agent: Agent, *, epoch: int, block: bool = False
    ) -> Conversation:
        """Resolve the conversation with the label ``spam``: no survey follows, and measures leave
        it out. ``block`` also blocks its address, as `block` does."""
        ...

    async def block(self, conversation: int, agent: Agent) -> None:
        """Block the address of the conversation, at its support address.

        Later messages from there are stored and labelled ``spam``, and neither answered nor handed
        over. One that speaks of harm is handled like anybody's. What waits to be sent there is
        discarded. `unblock` lifts it.
        """
        ...

    async def unblock(self, address: Address, agent: Agent) -> None:
        """Raises NotFound for an address that is not blocked."""
        ...

    async def blocked(
        self, agent: Agent, *, after: int = 0, most: int = 50
    ) -> tuple[BlockedAddress, ...]:
        """Return the next ``most`` blocked addresses with ids above ``after``, of the brands for
        which ``agent`` works."""
        ...

    async def labelled(
        self, label: str, agent: Agent, *, before: int = 0, most: int = 50
    ) -> tuple[Conversation, ...]:
        """Return the newest ``most`` conversations with ``label`` and ids below ``before`` (0: the
        newest), of the brands for which ``agent`` works."""
        ...
