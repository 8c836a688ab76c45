"""Measures in a process of its own: BLAS reads its number of threads when it is loaded."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path

import structlog

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.bench.knowledge import figures, indexing, turns
from tests.bench.report import Report

if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    report = Report(sys.stdout, (*figures.TARGETS, turns.COST))
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    with report.closing(), tempfile.TemporaryDirectory(prefix="warmline-bench-") as folder:
        asyncio.run(turns.measure_sources(report, Path(folder)))
        figures.measure_queries(report, 2_000 if quick else figures.PASSAGES)
        asyncio.run(indexing.measure_turns(report, 50 if quick else indexing.PAGES))
    sys.exit(report.exit_code)
