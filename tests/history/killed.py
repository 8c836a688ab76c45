"""Imports an mbox file and is killed on the way: `python -m tests.history.killed URL MBOX AT`.

It opens the database alone, without the plugins: a process starts in half the time.

``AT`` names where: ``begin``, ``within 2`` (in the second batch, between two statements of its
transaction), ``after 1`` (behind the commit of the first), ``finish``, or ``never``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway import NewImport
from gateway.adapters.history import SqlPastConversations
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.imported import adding
from gateway.adapters.sql.store import prepare
from gateway.adapters.standalone import SystemClock
from gateway.settings import PostgresSettings
from plugins.history.importing import importer
from plugins.history.importing.mailboxes.disk import disk_boxes
from plugins.history.importing.mailboxes.origin import MailOrigin
from plugins.history.importing.values import Progress
from plugins.history.importing.workers import Workers
from tests.history.kit import READER, SCOPE


def killed(work: Callable[..., Any], at: int, *, before: bool = False) -> Callable[..., Any]:
    """``work``, whose call number ``at`` is the last thing that this process does."""
    calls = 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if before and calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        found = work(*arguments)
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return counted


def arrange(where: str, number: int) -> None:
    importer.MESSAGES_AT_ONCE = 3
    if where == "within":
        # Customers are inserted, messages not yet.
        adding._customers = killed(adding._customers, number)
    elif where == "after":
        stored = SqlPastConversations.add_many
        calls = 0

        async def add_many(self: SqlPastConversations, id: int, batch: Any) -> Any:
            nonlocal calls
            found = await stored(self, id, batch)
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        SqlPastConversations.add_many = add_many  # type: ignore[method-assign]
    elif where in ("begin", "finish"):
        name = f"{where}_import"
        from gateway.adapters import history  # noqa: PLC0415

        setattr(history, name, killed(getattr(history, name), 1))


async def run(database: str, source: Path) -> None:
    opened = open_database(database, PostgresSettings())
    await prepare(opened)
    past = SqlPastConversations(opened, SystemClock())
    workers = Workers(SCOPE, READER, processes=False)
    try:
        new = NewImport(source=str(source), format="mbox", label="imported")
        record = await past.begin_import(new)
        origin = MailOrigin(disk_boxes(source), workers, SCOPE)
        await importer.run_import(origin, past, record, Progress())
    finally:
        await opened.stop()


if __name__ == "__main__":
    database, mbox, at = sys.argv[1:4]
    where, _, number = at.partition(" ")
    arrange(where, int(number or 1))
    asyncio.run(run(database, Path(mbox)))
