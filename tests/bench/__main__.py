"""``python -m tests.bench [PART ...]``: how fast, how large, how soon, how well understood.

One JSON object a line on stdout; progress and a table on stderr. The parts are ``speed`` and those
of `tests.bench.understanding`; without any, all. What is compared is measured in turns (A, B, A,
B, ...) and compared by the medians, so that whatever else the machine does meets all alike.
``WARMLINE_BENCH_QUICK=1``: all of it, smaller.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.plan import FULL, LEAST, MOST, QUICK
from tests.bench.report import Report, say
from tests.bench.stages import Bench

SPEED = "speed"
UNDERSTANDING = ("intents", "neighbours", "emotion", "language")
SEMANTIC = Path(".semantic-venv")
"""Where `make test-semantic` installed the extra: there its figures can be had, too."""


async def speed() -> bool:
    """Whether every target was met."""
    plan = QUICK if os.environ.get("WARMLINE_BENCH_QUICK") == "1" else FULL
    report = Report(sys.stdout, (*LEAST, *MOST))
    try:
        with tempfile.TemporaryDirectory(prefix="warmline-bench-") as folder:
            await Bench(plan, report, Path(folder)).run()
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
    parts = sys.argv[1:] or [SPEED, *UNDERSTANDING]
    if unknown := set(parts) - {SPEED, *UNDERSTANDING}:
        say(f"no such part: {', '.join(sorted(unknown))}; there are {SPEED}, "
            f"{', '.join(UNDERSTANDING)}")  # fmt: skip
        return 2
    good = [asyncio.run(speed())] if SPEED in parts else []
    if others := [part for part in parts if part != SPEED]:
        good.append(understanding(others))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
