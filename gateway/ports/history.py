"""Conversations that took place elsewhere, added to this database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gateway.model import AddedHistory, HistoryImport, ImportedConversation, NewImport


class PastConversations(Protocol):
    """Conversations that took place elsewhere: in a simulated month, or in the mailbox and the
    ticket system that a team had before."""

    async def has_customers(self) -> bool:
        """Return whether anybody has written yet."""
        ...

    async def add(self, database: Path, *, label: str) -> int:
        """Add all conversations of the SQLite file ``database`` in one transaction, each with
        ``label``, and return how many there were.

        They are like those that took place here: lists, search, reports, export and erasure know
        them. Nothing is sent for them: timers, outbox rows and events for other systems are left
        behind, and so are files and what is in ``audit``. Raises WarmlineError for a file that has
        another schema or encrypted texts.
        """
        ...

    async def begin_import(self, new: NewImport) -> HistoryImport:
        """Begin an import, or go on with the one of the same source, format, brand and masking that
        was not finished."""
        ...

    async def add_many(self, id: int, batch: Sequence[ImportedConversation]) -> AddedHistory:
        """Add ``batch`` to the import ``id`` in one transaction: after a crash all of it is there
        or nothing. Raises NotFound.

        Each becomes a resolved conversation that nobody can change (`Conversation.imported`). A
        customer is found by the address alone, else new. Messages that are known by their key, from
        any import or from our own channels, are left out. A conversation with a key (of a message,
        or ``related``) that another import has stored is extended, in the order of time. Lists,
        search, the customer's history, export and erasure know them; `Records` gives them where
        asked. Nothing is sent for them. A few hundred conversations at a time are best.
        """
        ...

    async def known_keys(self, channel: str, keys: Collection[str]) -> frozenset[str]:
        """Those of ``keys`` that are stored for ``channel``, from any import or from here."""
        ...

    async def finish_import(self, id: int, skipped: Mapping[str, int]) -> HistoryImport:
        """Note that the import is complete, and what was left out. Raises NotFound."""
        ...

    async def imports(self) -> tuple[HistoryImport, ...]:
        """All imports, oldest first."""
        ...

    async def remove_import(self, id: int) -> int:
        """Delete the next conversations of import ``id``, with customers who have nothing else,
        and return how many; 0: there were none left, and the import itself is deleted. Call it
        until then. Raises NotFound."""
        ...
