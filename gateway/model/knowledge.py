"""What a team's own sources say: documents, their passages, and how they changed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Value

PassageKind = Literal["text", "table", "steps", "list", "question"]
"""How a passage is laid out. ``question``: the answer to a question that the source asks."""

DocumentState = Literal["current", "gone"]
"""``gone``: the source does not have the document any more, and nothing is answered from it."""

ChangeKind = Literal["added", "changed", "gone", "returned", "removed"]
"""What happened to a document. ``removed``: people removed its source."""


class NewSource(Value, frozen=True, kw_only=True):
    """A place that a team's knowledge is read from.

    ``location`` is a URL, or the absolute path of a folder or a file. ``private``: it may be in a
    network that is not public. ``owner`` is who answers for what it says: a name or an address.
    ``language`` (ISO 639-1) is that of documents that do not tell theirs; empty: their words show
    it.
    """

    location: str
    title: str = ""
    brand: str = ""
    owner: str = ""
    private: bool = False
    language: str = ""


class KnowledgeSource(NewSource, frozen=True, kw_only=True):
    """A stored source. ``checked_at`` is when it was last read; None: not yet to the end."""

    id: int
    added_at: datetime
    checked_at: datetime | None = None


class NewPassage(Value, frozen=True, kw_only=True):
    """A piece of a document, as it is found and shown.

    ``headings`` are those it stands under, the outermost first. ``text`` is plain: a paragraph per
    line, a table's row per line with cells between `` | ``, steps numbered, items of a list after
    ``- ``. ``anchor`` leads to it within the document: a fragment, or ``page=3``.
    """

    headings: tuple[str, ...] = ()
    text: str
    kind: PassageKind = "text"
    question: str = ""
    anchor: str = ""


class Passage(NewPassage, frozen=True, kw_only=True):
    """A stored passage, with what it inherits of its document and source as they are now."""

    id: int
    document: int
    version: int
    source: int
    title: str
    """The document's."""
    location: str
    """The document's: a URL, or a path within the source's folder."""
    language: str
    """ISO 639-1."""
    brand: str = ""
    updated_at: datetime | None = None
    """As the document tells; None: it does not."""
    current: bool = True
    """False for passages of earlier versions, and of documents that are gone."""


class CitedPassage(Value, frozen=True, kw_only=True):
    """A passage that an answer rests on, as it was then. ``read_at``: when its version was first
    read. ``changed_at``: when the document changed after it, or went; None: it still stands so.
    ``gone``: its source has it no more."""

    passage: Passage
    read_at: datetime | None = None
    gone: bool = False
    changed_at: datetime | None = None


class NewDocument(Value, frozen=True, kw_only=True):
    """A document as it was read. ``digest`` (SHA-256, hexadecimal) tells whether it changed;
    ``etag`` and ``last_modified`` are what the server said, for the next request."""

    location: str
    title: str
    language: str
    digest: str
    passages: tuple[NewPassage, ...]
    updated_at: datetime | None = None
    etag: str = ""
    last_modified: str = ""


class KnowledgeDocument(Value, frozen=True, kw_only=True):
    """A stored document. ``version`` counts its changes, from 1."""

    id: int
    source: int
    location: str
    title: str
    language: str
    digest: str
    version: int
    state: DocumentState = "current"
    passages: int = 0
    read_at: datetime
    updated_at: datetime | None = None
    etag: str = ""
    last_modified: str = ""


class DocumentChange(Value, frozen=True, kw_only=True):
    """A change of a document. ``id`` grows with every change of any document."""

    id: int
    at: datetime
    kind: ChangeKind
    source: int
    document: int
    title: str
    location: str
    version: int
    differences: tuple[str, ...] = ()
    """What changed, as people read it: ``price: €4.90 → €5.90``."""
    settled_by: str = ""
    """Who has looked at the answers that rest on it; empty: nobody yet."""


class SourceUse(Value, frozen=True, kw_only=True):
    """An answer that rests on a passage: a message that was sent."""

    passage: int
    document: int
    version: int
    conversation: int
    turn: int
    at: datetime


class DecidedDraft(Value, frozen=True, kw_only=True):
    """A draft that rests on passages, and what an agent made of it.

    ``question`` is the customer's last message before it; ``draft`` its text, ``final`` what the
    agent sent in its place: None when that is not known. ``ignored`` is also a draft that stayed
    open while an agent answered. ``agent`` is an id, empty where it is not known; ``customer`` is
    an id, too.
    """

    id: int
    customer: int
    question: str
    language: str
    brand: str
    passages: tuple[int, ...]
    outcome: Literal["sent", "edited", "ignored"]
    draft: str
    final: str | None = None
    agent: str = ""
