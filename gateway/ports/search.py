"""Search over the conversations."""

from __future__ import annotations

from typing import Protocol

from gateway.model import SearchPage


class ConversationSearch(Protocol):
    """Finds conversations by what was written in them, and by whom."""

    async def find(
        self, query: str, *, brands: tuple[str, ...] = (), before: int = 0, limit: int = 50
    ) -> SearchPage:
        """Return the newest ``limit`` conversations with a message that matches all of ``query``.

        Every word must occur in the message, its subject, its files' names, or the customer's name
        or address, whatever the case and the accents; the last word may be a beginning, and words
        in double quotes must follow one another. ``brands`` as in `Desk.queue_page`; ``before`` is
        that of the page before. A query without a letter or a digit finds nothing.
        """
        ...
