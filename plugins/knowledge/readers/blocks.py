"""What every reader makes of its format: a document as a row of blocks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from gateway import Value, WarmlineError, count_words

BlockKind = Literal["heading", "paragraph", "list", "steps", "table", "question"]

_SPACES = re.compile(r"[^\S\n]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\x00-\x08\x0b\x0c\x0e-\x1f]")
_PILCROW = re.compile(r" ?[¶§#🔗]$")


class UnreadableDocument(WarmlineError):
    """A document cannot be read: the message says why, for the person who added it."""


class Block(Value, frozen=True, kw_only=True):
    """A heading, or a piece of text that is never split.

    ``text`` is as in `NewPassage.text`. ``level`` is a heading's, from 1. ``anchor`` leads to it
    within the document. ``question`` is what a block of kind ``question`` answers.
    """

    kind: BlockKind
    text: str
    level: int = 0
    anchor: str = ""
    question: str = ""

    @property
    def words(self) -> int:
        return count_words(self.text)


class ReadDocument(Value, frozen=True, kw_only=True):
    """A document as a reader read it. Empty fields: it does not tell.

    ``part`` is its name within a file that holds several, such as an article's id in an export.
    ``location`` is its own address, where it tells one: a page's canonical link, an article's page.
    ``links`` are the addresses that it leads to. ``unlisted``: it asks not to be indexed.
    """

    title: str
    blocks: tuple[Block, ...]
    language: str = ""
    updated_at: datetime | None = None
    part: str = ""
    location: str = ""
    links: tuple[str, ...] = ()
    unlisted: bool = False


def clean_line(text: str) -> str:
    """``text`` on one line, without what nobody sees."""
    return " ".join(_INVISIBLE.sub("", text).split())


def clean_lines(text: str) -> str:
    """``text`` with its line breaks, and without empty lines."""
    lines = (_SPACES.sub(" ", line).strip() for line in _INVISIBLE.sub("", text).splitlines())
    return "\n".join(line for line in lines if line)


def heading_text(text: str) -> str:
    """A heading without the sign that links to it."""
    return _PILCROW.sub("", clean_line(text))


def table_text(rows: list[list[str]]) -> str:
    """A table's rows, a row per line, without the empty ones."""
    lines = (" | ".join(clean_line(cell) for cell in row).strip() for row in rows)
    return "\n".join(line for line in lines if line.strip(" |"))
