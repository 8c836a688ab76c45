"""Runs an import: what an origin yields is stored batch by batch, and counted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from gateway import (
    AddedHistory,
    HistoryImport,
    ImportedConversation,
    NewImport,
    PastConversations,
    Value,
)
from plugins.history.importing.mailboxes.origin import Known
from plugins.history.importing.values import KNOWN, Progress, SkipCount

MESSAGES_AT_ONCE = 500
"""In one commit: some tens of milliseconds, for which a customer's message waits on SQLite."""


class Batches(Protocol):
    """Yields conversations; see `values.Origin`."""

    channel: str

    def batches(
        self, known: Known, count: SkipCount, progress: Progress
    ) -> AsyncGenerator[Sequence[ImportedConversation], None]: ...
    async def close(self) -> None: ...


class ImportResult(Value, frozen=True, kw_only=True):
    """What an import did, in this run. ``record`` is None for a trial run."""

    record: HistoryImport | None = None
    added: AddedHistory = AddedHistory()
    skipped: Mapping[str, int] = {}
    examples: Mapping[str, tuple[str, ...]] = {}
    no_answers: bool = False
    """No message is ours: most likely our addresses are not known."""


async def run_import(
    origin: Batches,
    past: PastConversations,
    record: HistoryImport | None,
    progress: Progress,
    told: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Store all that ``origin`` has under ``record``; without one, only count. ``told`` is called
    after each batch."""
    count = SkipCount()
    total, ours = AddedHistory(), 0
    try_only = record is None

    async def known(keys: Sequence[str]) -> frozenset[str]:
        return frozenset() if try_only else await past.known_keys(origin.channel, keys)

    try:
        async with aclosing(origin.batches(known, count, progress)) as batches:
            async for conversations in batches:
                for batch in _in_steps(conversations):
                    ours += sum(m.author != "customer" for one in batch for m in one.messages)
                    if record is None:
                        messages = sum(len(one.messages) for one in batch)
                        added = AddedHistory(conversations=len(batch), messages=messages)
                    else:
                        added = await past.add_many(record.id, batch)
                    total = _sum(total, added)
                    told()
    finally:
        await origin.close()
    if total.known:
        count.add(KNOWN, "", total.known)
    skipped = dict(count.counts)
    if record is not None:
        record = await past.finish_import(record.id, skipped)
    return ImportResult(
        record=record,
        added=total,
        skipped=skipped,
        examples={reason: tuple(places) for reason, places in count.examples.items()},
        no_answers=bool(total.messages) and not ours,
    )


def new_import(source: str, kind: str, *, label: str, brand: str, masked: bool) -> NewImport:
    return NewImport(source=source, format=kind, label=label, brand=brand, masked=masked)


def _in_steps(conversations: Sequence[ImportedConversation]) -> list[list[ImportedConversation]]:
    steps: list[list[ImportedConversation]] = []
    messages = MESSAGES_AT_ONCE
    for one in conversations:
        if messages >= MESSAGES_AT_ONCE:
            steps.append([])
            messages = 0
        steps[-1].append(one)
        messages += len(one.messages)
    return steps


def _sum(one: AddedHistory, other: AddedHistory) -> AddedHistory:
    return AddedHistory(
        conversations=one.conversations + other.conversations,
        extended=one.extended + other.extended,
        messages=one.messages + other.messages,
        known=one.known + other.known,
    )
