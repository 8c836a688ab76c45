"""Reminds people when what the shop learns from has not changed for a quarter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from gateway import Value, private_folder

QUARTER = timedelta(days=90)


class TrainingRecord(Value, frozen=True, kw_only=True):
    """A digest of the examples, and when they were first seen so."""

    digest: str
    since: datetime


class TrainingRecordFile:
    """Keeps the record in a small file, which ``warmline doctor`` can read while nothing runs."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "training.json"

    def note(self, examples: Sequence[tuple[str, str]], now: datetime) -> TrainingRecord:
        """Record the examples as they are ``now``. Blocks."""
        text = msgspec.json.encode(sorted(examples))
        digest = hashlib.sha256(text).hexdigest()
        known = self.read()
        if known is not None and known.digest == digest:
            return known
        record = TrainingRecord(digest=digest, since=now)
        private_folder(self._path.parent)
        self._path.write_bytes(msgspec.json.encode(record))
        return record

    def read(self) -> TrainingRecord | None:
        """The record; None before the first round of learning. Blocks."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=TrainingRecord)
        except (OSError, msgspec.DecodeError):
            return None


def overdue(record: TrainingRecord | None, now: datetime) -> str:
    """What to say when nothing was learnt for a quarter; empty otherwise."""
    if record is None or now - record.since < QUARTER:
        return ""
    days = (now - record.since).days
    return (
        f"Nothing has been added to the examples for {days} days. Customers' words change: look "
        "through the open proposals, or review some messages."
    )
