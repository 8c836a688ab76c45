"""Conversations of another database, added to this one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class PastConversations(Protocol):
    """Conversations that took place elsewhere, such as in a simulated month."""

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
