"""An import that was killed goes on: nothing twice, nothing missing."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from gateway.adapters.history import SqlPastConversations
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.queries import SqlQueries
from gateway.adapters.sql.store import prepare
from gateway.adapters.standalone import SystemClock
from gateway.settings import PostgresSettings
from tests.history.kit import ANNA, OURS, mail, mbox

POINTS = ("begin", "after 1", "within 1", "finish")


async def run(database: str, source: Path, at: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.history.killed", database, str(source), at),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def stored(database: str) -> list[list[tuple[str, str]]]:
    opened = open_database(database, PostgresSettings())
    await prepare(opened)
    try:
        found = await SqlQueries(opened).cases(imported=True, limit=500)
        [record] = await SqlPastConversations(opened, SystemClock()).imports()
    finally:
        await opened.stop()
    assert record.finished_at
    assert not record.secret
    return sorted([(m.author, m.text) for m in case.messages] for case in found)


def many(folder: Path) -> Path:
    """Nine mails of four conversations, some of the same customer."""
    mails = [
        mail(f"{n}", f"Question {n}", hours=n, subject=f"S{n}", sender=f"C <c{n % 3}@x.example>")
        for n in range(4)
    ]
    mails += [
        mail(f"a{n}", f"Answer {n}", hours=n + 10, sender=OURS, to=ANNA, answers=(f"{n}",))
        for n in range(4)
    ]
    mails.append(mail("t", "Thanks", hours=30, sender="C <c0@x.example>", answers=("a0", "0")))
    return mbox(folder / "m.mbox", *mails)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stored_in", ["sqlite", "postgresql"])
async def test_killed_at_every_step_and_resumed(tmp_path: Path, database_url: str) -> None:
    """Each run dies at a step, the last one completes what one whole run would store."""
    source, database = many(tmp_path), database_url
    for point in POINTS:
        code, said = await run(database, source, point)
        assert code == -signal.SIGKILL, said
    code, said = await run(database, source, "never")
    assert code == 0, said
    assert await stored(database) == [
        [("customer", "Question 0"), ("agent", "Answer 0"), ("customer", "Thanks")],
        *([("customer", f"Question {n}"), ("agent", f"Answer {n}")] for n in (1, 2, 3)),
    ]
