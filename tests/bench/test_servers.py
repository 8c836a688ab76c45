"""The servers that are measured: their limits, and what is reported if one fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import load
from tests.bench.load import Burst, check_burst
from tests.bench.processes import WAITING, environment, server
from tests.bench.report import BenchError


def test_servers_accept_more_than_a_burst_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark sets `limits.waiting` itself, whatever the caller's environment says: 10 s of
    accepts pass the default on a fast machine."""
    monkeypatch.setenv("WARMLINE_LIMITS__WAITING", "5")
    settings = load(None, [], environment(tmp_path))
    assert settings.core.limits.waiting == WAITING > 20 * 100_000


async def test_a_server_that_does_not_start_breaks_the_benchmark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code of the server is in the error, and its last words are on stderr."""
    failing = ("-c", "import sys; print('no such port', flush=True); sys.exit(7)")
    with pytest.raises(BenchError, match="ended with exit code 7"):
        async with server(tmp_path, *failing):
            pass
    assert "no such port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("good", "bad", "broken"), [(100, 1, 0), (100, 0, 1), (0, 0, 0)], ids=["bad", "broken", "none"]
)
def test_a_burst_with_bad_answers_breaks_the_benchmark(good: int, bad: int, broken: int) -> None:
    """Its rate would mean nothing. The error counts the responses of each kind."""
    burst = Burst(good=good, bad=bad, broken=broken, seconds=1.0, p50=0.1, p99=0.2)
    with pytest.raises(BenchError, match=f"accept: {good} good responses, {bad} bad ones"):
        check_burst("accept", burst)


def test_other_programs_may_leave_requests_unanswered() -> None:
    """Their number is reported with the rate."""
    burst = Burst(good=9, bad=0, broken=1, seconds=1.0, p50=0.1, p99=0.2)
    check_burst("rasa_turn", burst, allow_broken=True)
