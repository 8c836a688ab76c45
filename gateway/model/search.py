"""What a search over the conversations finds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Agent, Author, State, Value

Searchable = Literal["words", "names", "addresses"]
"""``words``: messages, notes, subjects and names of files; ``names``: of customers; ``addresses``:
of customers."""


class SearchHit(Value, frozen=True, kw_only=True):
    """A message that was found: the newest one of its conversation that matches."""

    message: int
    conversation: int
    at: datetime
    author: Author
    internal: bool
    """A note."""
    excerpt: str
    """At most 200 characters of the message, around the first words that match."""
    matches: tuple[tuple[int, int], ...] = ()
    """Start and end of the words in ``excerpt`` that match; none when the name or the address of
    the customer, the subject or a file matched."""
    files: tuple[str, ...] = ()
    customer_name: str | None = None
    address: str = ""
    """The customer's lane."""
    brand: str = ""
    state: State = "bot"
    owner: Agent | None = None


class SearchPage(Value, frozen=True, kw_only=True):
    """A part of what was found, newest first."""

    hits: tuple[SearchHit, ...] = ()
    before: int = 0
    """For the next part; 0 when there is none."""
    searchable: frozenset[Searchable] = frozenset()
    """What is searched at all: where the database is encrypted, addresses alone."""
    behind: int = 0
    """Messages that are not in the index yet; they are within seconds, after an import later."""
