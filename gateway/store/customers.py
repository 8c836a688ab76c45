"""Data of customers: receipts, export, erasure, linked addresses, retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from gateway.model import Address, Agent, Conversation, Json, LinkedAddress, Message, Receipt, Value


class UpdatedMessage(Value, frozen=True, kw_only=True):
    """The lane and the conversation of a message that a receipt changed."""

    lane: str
    conversation: int
    survey: bool = False
    """It asked a survey's question, or was a part of it."""


class Customers(Protocol):
    """Receipts, and the export and erasure of a customer's data."""

    async def report(self, receipt: Receipt) -> tuple[UpdatedMessage, ...] | None:
        """Record a provider's receipt. Returns the messages it changed; None when no message has
        such an id (yet)."""
        ...

    async def addresses(self, address: Address) -> tuple[Address, ...]:
        """All addresses of the customer of ``address``. Raises NotFound."""
        ...

    async def at_support_addresses(self, address: Address) -> tuple[Address, ...]:
        """The known addresses with the channel and value of ``address``, at every support address:
        the same person, as a rule."""
        ...

    async def assign_brands(self, brands: Mapping[str, str]) -> None:
        """Give customers and conversations the brand of their support address, after the settings
        have changed. ``brands``: `Address.channel_key` -> brand, empty for none."""
        ...

    async def export(self, address: Address) -> Json: ...

    async def erase(self, address: Address) -> tuple[int, tuple[str, ...]]:
        """Erase the customer of ``address``. Returns the number of deleted rows, and the digests of
        files that no row refers to any more. Raises NotFound."""
        ...

    async def finish_erasures(self) -> bool:
        """Remove erased text from the database's log. Returns whether none is left there: what
        reads the database just now may need the log."""
        ...


ANSWERED_ELSEWHERE = "answered_elsewhere"
"""The event of a conversation whose answer went to another address, for a line to the customer."""


class ProvenAddress(Value, frozen=True, kw_only=True):
    """An address that is certainly the customer's of ``conversation``. ``asked``: they named it
    themselves, so that the answer reaches them there; else an agent asked for a proof."""

    address: Address
    conversation: int
    asked: bool


class NamedMail(Value, frozen=True, kw_only=True):
    """A mail to an address that a customer has named. ``subject`` is that of its conversation, if
    one begins with it."""

    message: Message
    subject: str
    language: str


class ProofMail(NamedMail, frozen=True, kw_only=True):
    """The first one. ``digest`` is that of its code."""

    digest: str
    expires: datetime


class Links(Protocol):
    """Several addresses of one customer. Methods raise NotFound, NotAccepted or Conflict, with a
    text for agents."""

    async def link(
        self, conversation: int, address: Address, at: datetime, *, how: str, agent: Agent | None
    ) -> int:
        """Give ``address`` and its conversations to the customer of ``conversation``. Returns the
        id of the link, for `unlink`."""
        ...

    async def unlink(self, link: int, at: datetime) -> None: ...
    async def linked_addresses(self, conversation: int) -> tuple[LinkedAddress, ...]: ...

    async def send_code(
        self,
        conversation: int,
        address: Address,
        digest: str,
        message: Message,
        expires: datetime,
        *,
        mailbox: bool,
    ) -> None:
        """Queue ``message``, which contains the code with this digest, to ``address``. An earlier
        code of the conversation becomes invalid."""
        ...

    async def redeem(self, conversation: int, digest: str, at: datetime) -> ProvenAddress | None:
        """Link the address to which this code was sent, and return it; None for a wrong code."""
        ...

    async def continue_at(
        self, conversation: int, address: Address, agent: Agent, at: datetime
    ) -> Conversation:
        """Continue at another linked address: the agent gets the conversation of the same history
        there, else the open one, else a new one, with the reasons of the handoff."""
        ...

    async def answer_address(self, conversation: int, at: datetime) -> Address | None:
        """Where an answer goes, if that is not the conversation's own address: the customer has
        proven another one in it, and does not write here any more."""
        ...

    async def open_elsewhere(self, conversation: int) -> Conversation | None:
        """The conversation of the same history that a person has, or will get, at another
        address."""
        ...


class NamedAddresses(Protocol):
    """Addresses that customers name themselves, so that an answer can reach them there."""

    async def ask(
        self, conversation: int, address: Address, mail: ProofMail, *, per_hour: int
    ) -> bool:
        """Queue ``mail`` to ``address``, unless the same was asked for a moment ago. True when the
        address is the customer's already: nothing is sent, and it is part of the history. Raises
        NotAccepted when nothing may be sent there: too many mails (``per_hour`` bounds those of
        all customers), an opt-out, a dead mailbox, another brand."""
        ...

    async def by_reply(
        self, address: Address, thread: tuple[str, ...], at: datetime
    ) -> ProvenAddress | None:
        """Link ``address``, from which somebody answered our mail (its id is in ``thread``); None
        when no such mail waits for an answer. The same again changes nothing."""
        ...

    async def mailable(self, address: Address) -> Address | None:
        """The e-mail address that the customer at ``address`` proved last, and still has."""
        ...

    async def write(self, conversation: int, address: Address, mail: NamedMail) -> None:
        """Queue ``mail`` to ``address`` in the history of ``conversation``."""
        ...

    async def is_pending(self, conversation: int) -> bool:
        """Whether the customer named an address in this conversation."""
        ...


class RetentionStep(Value, frozen=True, kw_only=True):
    """The result of one small step: the number of rows that it deleted (or found), and the
    ``after`` of the next step; None when no older row is left."""

    count: int = 0
    after: int | None = None


class RetentionStore(Protocol):
    """Deletes what is older than the settings allow, oldest first, in small steps of one
    transaction each.
    ``after`` is the id at which the last step stopped, 0 at the beginning."""

    async def find_inactive(
        self,
        before: datetime,
        after: int,
        limit: int,
        *,
        now: datetime | None = None,
        correct: bool = False,
    ) -> tuple[list[int], RetentionStep]:
        """Conversations without a message since ``before``, waiting rows or need of a person.

        A message that is more than a day later than ``now`` was stored while the clock was wrong:
        it counts as one of now, and if ``correct`` is stored as such, so that it ages."""
        ...

    async def export_conversation(self, conversation: int) -> Json:
        """All data of a conversation, for the archive."""
        ...

    async def delete_conversations(self, conversations: Sequence[int], before: datetime) -> int:
        """Delete these conversations unless they have newer messages, and customers who have no
        data left but an address. Returns the number of deleted conversations."""
        ...

    async def finished_rows(
        self,
        kind: Literal["attachments", "inbox", "outbox", "hooks"],
        before: datetime,
        after: int,
        limit: int,
        *,
        delete: bool,
        now: datetime | None = None,
    ) -> RetentionStep:
        """Rows that are no longer needed; deleted if ``delete``. One that is more than a day later
        than ``now`` ends no walk; if ``delete`` it is stored as one of now."""
        ...

    async def unreferenced_files(self, digests: Sequence[str]) -> set[str]:
        """Those of ``digests`` that no row refers to."""
        ...

    async def vacuum(self) -> None:
        """Return the space of deleted rows to the file system, where the database does not do so
        itself. Blocks writes meanwhile."""
        ...
