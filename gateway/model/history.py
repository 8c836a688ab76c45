"""Conversations that took place elsewhere, as they are imported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from gateway.model.base import Address, Fact, Value

ImportedAuthor: TypeAlias = Literal["customer", "agent", "bot"]
"""Who wrote an imported message. ``bot``: a machine of ours, such as an automatic first answer."""

IMPORTED_LANE = "imported/"
"""How the lane of an imported conversation begins. What lives finds nothing there: nothing is
received, sent or continued in such a lane."""


class ImportedMessage(Value, frozen=True, kw_only=True):
    """One message of an imported conversation.

    ``key`` names it in the system that it comes from: a mail's Message-ID, or
    ``zendesk:comment:7``. It is stored once within a channel, whatever the import. ``name`` is the
    agent's, or that of a further person on the customer's side. ``internal``: a note that the
    customer never saw.
    """

    key: str
    author: ImportedAuthor
    text: str
    at: datetime
    name: str = ""
    internal: bool = False
    subject: str | None = None
    facts: tuple[Fact, ...] = ()


class ImportedConversation(Value, frozen=True, kw_only=True):
    """A conversation to store, or what is new of one that is stored.

    ``address`` is the customer's; with it they are found among those that we know. ``messages`` are
    in the order of time. ``related`` are keys of further messages of the same conversation, which
    may be stored already. ``score`` is the customer's judgement, 1..5, 5 is best.
    """

    address: Address
    messages: tuple[ImportedMessage, ...]
    name: str = ""
    subject: str | None = None
    language: str | None = None
    brand: str = ""
    labels: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    score: int | None = None


class NewImport(Value, frozen=True, kw_only=True):
    """What is imported: ``source`` is a path, or a URL without a password; ``label`` is put on each
    conversation. ``masked``: names and addresses were replaced."""

    source: str
    format: str
    label: str
    brand: str = ""
    masked: bool = False


class HistoryImport(NewImport, frozen=True, kw_only=True):
    """An import. ``finished_at`` is None until it is complete. ``skipped`` counts what was left
    out, by reason. ``secret`` makes placeholders the same when it goes on after an interruption;
    it is forgotten once the import is complete."""

    id: int
    started_at: datetime
    finished_at: datetime | None = None
    conversations: int = 0
    messages: int = 0
    skipped: Mapping[str, int] = {}
    secret: str = ""


class AddedHistory(Value, frozen=True, kw_only=True):
    """What one batch added. ``conversations`` are new, ``extended`` had messages already, and
    ``known`` messages were stored before, by an import or by our own channels."""

    conversations: int = 0
    extended: int = 0
    messages: int = 0
    known: int = 0


def imported_lane(address: Address) -> str:
    """The lane of an imported conversation with the customer at ``address``."""
    return f"{IMPORTED_LANE}{address.lane}"
