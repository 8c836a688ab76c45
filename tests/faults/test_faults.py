"""Each accepted message is answered once or handed to a person, whatever fails."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.harness import Report, run, summary

SEED = int(os.environ.get("WARMLINE_FAULTS_SEED", random.randrange(10**6)))  # noqa: S311
SECONDS = 60.0
CHANNELS = {"rest", "webchat", "sms", "ask", "resend"}


def print_summary(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{summary(report)}")  # noqa: T201


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("alone")
async def test_faults_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A minute of faults under load on five channels, with one process; `make faults` runs several.
    WARMLINE_FAULTS_SEED repeats a run."""
    report = await run(SECONDS, SEED, tmp_path, cluster=False, at_least=12)
    print_summary(report, capsys)
    assert {verdict.channel for verdict in report.verdicts} == CHANNELS
    assert all(verdict.accepted for verdict in report.verdicts)
    assert report.clean, summary(report)


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("alone")
async def test_the_harness_finds_a_channel_that_acknowledges_too_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a planted bug, a provider gets OK a second before the commit."""
    planted = "tests.faults.early_ack"
    report = await run(
        5.0, SEED, tmp_path, cluster=False, planted=planted, break_connections=False, at_least=6
    )
    print_summary(report, capsys)
    found = {verdict.channel: verdict for verdict in report.verdicts}
    assert found.pop("ask").lost, "the harness must report the lost messages"
    assert all(verdict.clean for verdict in found.values()), "the other channels must be clean"
