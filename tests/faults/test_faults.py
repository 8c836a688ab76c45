"""Whatever is killed, put to sleep or cut: accepted means answered once, or with a person."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.harness import Report, run, summary

SEED = int(os.environ.get("WARMLINE_FAULTS_SEED", random.randrange(10**6)))  # noqa: S311
SECONDS = 60.0
CHANNELS = {"rest", "webchat", "sms", "pigeon", "parrot"}


def tell(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{summary(report)}")  # noqa: T201


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("alone")
async def test_everything_fails_in_turn_and_nothing_is_lost_or_said_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A minute of faults under load on five channels, on one process; several are `make faults`.
    Repeat one with WARMLINE_FAULTS_SEED."""
    report = await run(SECONDS, SEED, tmp_path, crew=False, least=12)
    tell(report, capsys)
    assert {verdict.channel for verdict in report.verdicts} == CHANNELS
    assert all(verdict.accepted for verdict in report.verdicts)
    assert report.clean, summary(report)


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("alone")
async def test_a_door_that_acknowledges_too_early_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with a planted bug: a provider hears OK a second before the commit."""
    hasty = "tests.faults.hasty"
    report = await run(5.0, SEED, tmp_path, crew=False, planted=hasty, lines=False, least=6)
    tell(report, capsys)
    found = {verdict.channel: verdict for verdict in report.verdicts}
    assert found.pop("pigeon").lost, "messages that were acknowledged are gone"
    assert all(verdict.clean for verdict in found.values()), "and only those of that door"
