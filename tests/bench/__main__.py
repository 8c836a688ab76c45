"""``python -m tests.bench``: how fast, how large, how soon; one JSON object a line on stdout.

What is compared is measured in turns (A, B, A, B, ...) and compared by the medians, so that
whatever else the machine does meets all alike. ``WARMLINE_BENCH_QUICK=1``: all of it, smaller.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.bench.plan import FULL, QUICK
from tests.bench.report import Report
from tests.bench.stages import Bench


async def main() -> int:
    plan = QUICK if os.environ.get("WARMLINE_BENCH_QUICK") == "1" else FULL
    report = Report(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="warmline-bench-") as folder:
        await Bench(plan, report, Path(folder)).run()
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
