"""An import that was killed goes on: nothing twice, nothing missing."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from gateway.cli.common import open_services
from tests.history.kit import ANNA, OURS, mail, mbox

POINTS = ("begin", "within 1", "after 1", "within 1", "after 1", "finish")
CONFIG = """
data_dir: {folder}/var
channels:
  email: {{address: help@shop.example, smtp_port: 0, maildir: out}}
"""


async def run(config: Path, source: Path, at: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.history.killed", str(config), str(source), at),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def stored(config: Path) -> list[list[tuple[str, str]]]:
    async with open_services(config) as (services, _):
        found = await services.records.cases(imported=True, limit=500)
        assert services.past_conversations is not None
        [record] = await services.past_conversations.imports()
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


@pytest.mark.sqlite
async def test_killed_at_every_step_and_resumed(tmp_path: Path) -> None:
    """Each run dies at a step, the last one completes what one whole run would store."""
    source = many(tmp_path)
    config = tmp_path / "w.yaml"
    config.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    for point in POINTS:
        code, said = await run(config, source, point)
        assert code == -signal.SIGKILL, said
    code, said = await run(config, source, "never")
    assert code == 0, said
    assert await stored(config) == [
        [("customer", "Question 0"), ("agent", "Answer 0"), ("customer", "Thanks")],
        *([("customer", f"Question {n}"), ("agent", f"Answer {n}")] for n in (1, 2, 3)),
    ]
