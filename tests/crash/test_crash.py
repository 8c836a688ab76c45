"""Each accepted message is answered exactly once or handed to a person, in order."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.crash.harness import run, table

SEED = int(os.environ.get("WARMLINE_CRASH_SEED", random.randrange(10**6)))  # noqa: S311
KILLS = 20


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("alone")
async def test_kills_at_random_instants_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty SIGKILLs under load on four channels. WARMLINE_CRASH_SEED repeats a run."""
    verdicts = await run(KILLS, SEED, tmp_path)
    with capsys.disabled():
        print(f"\nseed {SEED}, {KILLS} kills\n{table(verdicts)}")  # noqa: T201
    assert {verdict.channel for verdict in verdicts} == {"rest", "webchat", "ask", "resend"}
    for verdict in verdicts:
        assert verdict.accepted > 0
        assert verdict.clean, verdict
