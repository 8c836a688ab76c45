"""``python -m tests.bench [PART ...]``: how fast, how large, how soon, how well understood.

One JSON object a line on stdout; progress and tables on stderr. The parts are ``speed``,
``fairness``, ``capacity`` and those of `tests.bench.understanding`; without any, all. What is
compared is measured in turns (A, B, A, B, ...) and compared by the medians, so that whatever else
the machine does meets all alike. ``WARMLINE_BENCH_QUICK=1``: all of it, smaller.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import fairness
from tests.bench.capacity.figures import capacity
from tests.bench.plan import FULL, LEAST, MOST, QUICK
from tests.bench.report import Report, say
from tests.bench.stages import Bench

SPEED, FAIRNESS, CAPACITY = "speed", "fairness", "capacity"
SERVERS = (SPEED, FAIRNESS, CAPACITY)
UNDERSTANDING = ("intents", "neighbours", "emotion", "language")
TARGETS = {SPEED: (*LEAST, *MOST), FAIRNESS: (fairness.TARGET,), CAPACITY: ()}
SEMANTIC = Path(".semantic-venv")
"""Where `make test-semantic` installed the extra: there its figures can be had, too."""


async def servers(parts: list[str]) -> bool:
    """Whether every target of these parts was met."""
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    report = Report(sys.stdout, [name for part in parts for name in TARGETS[part]])
    try:
        with tempfile.TemporaryDirectory(prefix="warmline-bench-") as name:
            folder = Path(name)
            if SPEED in parts:
                await Bench(QUICK if quick else FULL, report, folder).run()
            if FAIRNESS in parts:
                spells = fairness.QUICK if quick else fairness.FULL
                await fairness.fairness(report, folder, spells)
            if CAPACITY in parts:
                await capacity(report, folder, await fairness.learnt(folder))
    finally:
        report.close()
    return report.good


def understanding(parts: list[str]) -> bool:
    """The same; in a process of its own, as the other environment has all that ours has."""
    whole = (SEMANTIC / "installed").is_file()
    python = str(SEMANTIC.absolute() / "bin/python") if whole else sys.executable
    own = os.environ | {"HF_HUB_OFFLINE": "1"}
    call = [python, "-m", "tests.bench.understanding", *parts]
    return subprocess.run(call, check=False, env=own).returncode == 0


def main() -> int:
    parts = sys.argv[1:] or [*SERVERS, *UNDERSTANDING]
    if unknown := set(parts) - {*SERVERS, *UNDERSTANDING}:
        say(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(SERVERS)}, "
            f"{', '.join(UNDERSTANDING)}")  # fmt: skip
        return 2
    ours = [part for part in SERVERS if part in parts]
    good = [asyncio.run(servers(ours))] if ours else []
    if others := [part for part in parts if part not in SERVERS]:
        good.append(understanding(others))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
