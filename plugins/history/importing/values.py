"""What the parts of an import pass to one another."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from gateway import ImportedConversation, Value

SPAM = "spam"
AUTOMATIC = "automatic"
BOUNCE = "reports on other mail"
EMPTY = "empty"
TOO_LARGE = "too large"
UNREADABLE = "undecodable"
DUPLICATE = "twice in the source"
KNOWN = "here already"
NO_CUSTOMER = "nobody outside takes part"
NO_DATE = "without a time"
TOO_OLD = "older than your retention"
DELETED = "deleted in the source"

EXAMPLES = 3
"""Places that the summary names for each reason."""

OLDEST = datetime.fromisoformat("1990-01-01T00:00:00+00:00")
"""What says it is older has a broken clock."""


class Skipped(Value, frozen=True, kw_only=True):
    """Why something was left out, and where it stands in the source."""

    reason: str
    place: str


@dataclass
class SkipCount:
    """What was left out so far, by reason, with a few places each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, place: str, count: int = 1) -> None:
        self.counts[reason] += count
        known = self.examples.setdefault(reason, [])
        if place and len(known) < EXAMPLES:
            known.append(place)


class Scope(Value, frozen=True, kw_only=True):
    """Whose conversations are imported, and how.

    ``own`` are our addresses, lower-case, or ``@`` and a domain of ours. ``places`` are the support
    addresses that ours stand for. ``secret`` makes placeholders; empty: nothing is masked.
    """

    own: frozenset[str] = frozenset()
    places: Mapping[str, str] = {}
    support_address: str = ""
    brand: str = ""
    brands: Mapping[str, str] = {}
    """The brand of each support address of the mail channel."""
    secret: str = ""
    oldest: datetime = OLDEST
    newest: datetime = datetime.max.replace(tzinfo=OLDEST.tzinfo)

    def brand_of(self, support_address: str) -> str:
        return self.brand or self.brands.get(support_address, "")


class Converted(Value, frozen=True, kw_only=True):
    """What became of a batch. ``again`` are the numbers of items to be read whole."""

    conversations: tuple[ImportedConversation, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    again: tuple[int, ...] = ()


class Progress(msgspec.Struct):
    """How far an import is. ``unit`` is what is counted; ``total`` is 0 while it is not known."""

    stage: str = ""
    unit: str = "mails"
    done: int = 0
    total: int = 0


def masked_key(key: str) -> str:
    """What stands for the key of a message whose people are masked: the same in every import."""
    return f"masked:{hashlib.sha256(key.encode()).hexdigest()[:40]}"
