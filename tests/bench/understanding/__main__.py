"""Measures understanding on public data and on sentences of our own, side by side with other
engines.

``python -m tests.bench.understanding [PART] ...`` prints a line of JSON for each data set and
engine on stdout, then one for each target, and a table on stderr. The parts are those of `PARTS`;
without arguments all of them.
Figures of few examples are the mean of five draws. Missing data and engines are skipped by name; a
target without a figure is a missed target.
"""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Callable, Iterator, Mapping

import structlog

from tests.bench.report import Report, guarded, say

from .answers import answers
from .cross_lingual import cross_lingual
from .data import Figures
from .emotion_and_language import emotion, language
from .intents import intents
from .moods import harm, moods, tweets
from .near_intents import neighbours
from .results import judge, report_unmeasured, show_table

PARTS: Mapping[str, Callable[[], Iterator[Figures]]] = {
    "intents": intents,
    "neighbours": neighbours,
    "cross_lingual": cross_lingual,
    "emotion": emotion,
    "moods": moods,
    "harm": harm,
    "tweets": tweets,
    "answers": answers,
    "language": language,
}


def main() -> int:
    parts = sys.argv[1:] or list(PARTS)
    if unknown := set(parts) - PARTS.keys():
        say(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    report, lines = Report(sys.stdout), []
    for part in parts:
        for line in PARTS[part]():
            report.line(line)
            judge(line, report)
            lines.append(line)
    report_unmeasured(parts, lines, report)
    show_table(lines)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say(f"peak memory: {most // 1024} MB, with scikit-learn and the data")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(guarded(main))
