"""What is stored about customers: receipts, export, erasure, linked addresses, retention."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from gateway.model import Address, Agent, Conversation, Json, LinkedAddress, Message, Receipt, Value


class UpdatedMessage(Value, frozen=True, kw_only=True):
    """A message that a receipt changed: its lane and its conversation."""

    lane: str
    conversation: int


class Customers(Protocol):
    async def report(self, receipt: Receipt) -> tuple[UpdatedMessage, ...] | None:
        """Record what a provider says of messages; gives those it changed, None when no
        message has such an id (yet)."""
        ...

    async def export(self, address: Address) -> Json: ...
    async def erase(self, address: Address) -> tuple[int, tuple[str, ...]]:
        """Erase the customer behind ``address``: the number of rows gone and the digests of
        files that nothing names any more. Raises NotFound."""
        ...


class Links(Protocol):
    """One person, several addresses. Raise NotFound, NotAccepted or Conflict, in words."""

    async def link(
        self, conversation: int, address: Address, at: datetime, *, how: str, agent: Agent | None
    ) -> int:
        """``address``, and what was said there, is the customer's of ``conversation``; the id of
        the link, by which it can be undone."""
        ...

    async def unlink(self, link: int, at: datetime) -> None: ...
    async def of(self, conversation: int) -> tuple[LinkedAddress, ...]: ...

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
        """Queue ``message``, which holds a code of that digest, to ``address``. An earlier code
        of the conversation is void."""
        ...

    async def redeem(self, conversation: int, digest: str, at: datetime) -> Address | None:
        """The address that is proven by the code, and linked now; None for a wrong one."""
        ...

    async def go_on(
        self, conversation: int, address: Address, agent: Agent, at: datetime
    ) -> Conversation:
        """The conversation at another linked address, the agent's: an open one, or a new one."""
        ...


class RetentionStep(Value, frozen=True, kw_only=True):
    """What one small step of the retention looked at and took away. ``after`` is where the next
    step begins, None when there is nothing older left to look at."""

    gone: int = 0
    after: int | None = None


class RetentionStore(Protocol):
    """Taking away what is older than it may be: in small steps, each a transaction, oldest first.
    ``after`` is the id at which the last step stopped, 0 at the beginning."""

    async def silent(
        self, before: datetime, after: int, limit: int
    ) -> tuple[list[int], RetentionStep]:
        """Conversations that are over and in which nothing was said since ``before``."""
        ...

    async def whole(self, conversation: int) -> Json:
        """All that is held of it, for the archive."""
        ...

    async def end(self, conversations: Sequence[int], before: datetime) -> int:
        """Delete these, unless somebody spoke in them meanwhile, and customers of whom nothing is
        left but an address."""
        ...

    async def old(
        self,
        kind: Literal["attachments", "inbox", "outbox", "hooks"],
        before: datetime,
        after: int,
        limit: int,
        *,
        delete: bool,
    ) -> RetentionStep:
        """Rows that have done their work."""
        ...

    async def unnamed(self, digests: Sequence[str]) -> set[str]:
        """Those of ``digests`` that no row names."""
        ...

    async def squeeze(self) -> None:
        """Give the space of what is gone back to the disk, where the database does not do so by
        itself. Nothing can be written meanwhile."""
        ...
