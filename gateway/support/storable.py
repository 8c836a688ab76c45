"""Texts and ids as every database stores them, whatever a provider sends."""

from __future__ import annotations

LONGEST_ID = 2000
"""Bytes of an id in UTF-8. PostgreSQL indexes ids, and a B-tree entry may have at most a third of
a page, 2,704 bytes (PostgreSQL's documentation, "B-Tree Indexes")."""


def storable(text: str) -> str:
    """``text`` with a replacement character for each NUL, which PostgreSQL does not store, and for
    each lone surrogate, which JSON can hold (RFC 8259, section 8.2) and UTF-8 cannot."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def storable_id(id: object) -> str | None:
    """A provider's id, a text or a whole number, as text; None when it is empty or cannot be
    stored unchanged."""
    if isinstance(id, int) and not isinstance(id, bool) and id.bit_length() <= 64:
        return str(id)
    if not isinstance(id, str) or not id or storable(id) != id:
        return None
    return id if len(id.encode()) <= LONGEST_ID else None
