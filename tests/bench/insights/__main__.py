"""Measures in a process of its own, so that its memory is that of a report's."""

from __future__ import annotations

import os
import sys

from tests.bench.insights.figures import FULL, QUICK, TARGETS, measure_insights
from tests.bench.report import Report


def main() -> int:
    report = Report(sys.stdout, TARGETS)
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    with report.closing():
        measure_insights(report, QUICK if quick else FULL)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
