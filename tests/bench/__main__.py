"""``python -m tests.bench [PART ...]``: speed, memory, start-up, fairness, desks, understanding,
replies to mail, a month's figures, the findings of the report, care for people, the search in
sources, answers in a language model's words, the audit.

Prints one JSON object a line on stdout, and progress and tables on stderr. The parts are ``speed``,
``fairness``, ``desks``, ``desk_speed``, ``capacity``, ``replies``, ``insights``, ``findings``,
``care``, ``knowledge``, ``grounding``, ``audit`` and those of `tests.bench.understanding`, for all
of which ``understanding`` stands. Without arguments everything is measured.
Things that are compared are measured in turn (A, B, A, B, ...) and compared by the medians, so that
other load on the machine affects all alike. With ``WARMLINE_BENCH_QUICK=1`` everything is smaller.

The exit code is 0 if every target was met, 1 if one was missed, and 3 if the benchmark itself
failed (`BenchError`).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import desks, fairness
from tests.bench.audit import figures as audit
from tests.bench.capacity.figures import capacity
from tests.bench.care import figures as care
from tests.bench.desk_speed import figures as desk_speed
from tests.bench.findings import figures as findings
from tests.bench.grounding import figures as grounding
from tests.bench.plan import FULL, LEAST, MOST, QUICK
from tests.bench.replies import figures as replies
from tests.bench.report import BROKEN, HELD, MISSED, Report, say, say_outcome
from tests.bench.stages import Bench

SPEED, FAIRNESS, DESKS, CAPACITY = "speed", "fairness", "desks", "capacity"
DESK_SPEED = "desk_speed"
SERVERS = (SPEED, FAIRNESS, DESKS, DESK_SPEED, CAPACITY)
UNDERSTANDING = (
    *("intents", "neighbours", "cross_lingual", "emotion", "moods", "harm", "tweets"),
    *("answers", "language"),
)
REPLIES, INSIGHTS, FINDINGS, CARE = "replies", "insights", "findings", "care"
KNOWLEDGE, GROUNDING, AUDIT = "knowledge", "grounding", "audit"
WHOLE = "understanding"
"""The name of all parts of `UNDERSTANDING`."""
TARGETS = {
    SPEED: (*LEAST, *MOST),
    FAIRNESS: (fairness.TARGET,),
    DESKS: (desks.TARGET,),
    DESK_SPEED: desk_speed.targets(),
    CAPACITY: (),
}
SEMANTIC = Path(".semantic-venv")
"""Where `make test-semantic` installed the extra, so that its figures can be measured, too."""


def measure_servers(parts: list[str]) -> int:
    """Measure ``parts`` and return the exit code."""
    report = Report(sys.stdout, [name for part in parts for name in TARGETS[part]])
    with report.closing():
        asyncio.run(_measure(parts, report))
    return report.exit_code


async def _measure(parts: list[str], report: Report) -> None:
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    with tempfile.TemporaryDirectory(prefix="warmline-bench-") as name:
        folder = Path(name)
        if SPEED in parts:
            await Bench(QUICK if quick else FULL, report, folder).run()
        if FAIRNESS in parts:
            plan = fairness.QUICK if quick else fairness.FULL
            await fairness.fairness(report, folder, plan)
        if DESKS in parts:
            await desks.desks(report, folder, desks.QUICK if quick else desks.FULL)
        if DESK_SPEED in parts:
            many = desk_speed.QUICK if quick else desk_speed.FULL
            await desk_speed.desk_speed(report, folder, many)
        if CAPACITY in parts:
            await capacity(report, folder, await fairness.trained_model(folder))


def measure_replies() -> int:
    """As `measure_servers`."""
    report = Report(sys.stdout, replies.TARGETS)
    with report.closing():
        replies.measure_replies(report)
    return report.exit_code


def measure_insights() -> int:
    """As `measure_servers`, in a process of its own: its memory is measured."""
    code = subprocess.run([sys.executable, "-m", "tests.bench.insights"], check=False).returncode
    return code if code in (HELD, MISSED) else BROKEN


def measure_knowledge() -> int:
    """As `measure_servers`, in a process of its own: matrices then use one thread."""
    code = subprocess.run([sys.executable, "-m", "tests.bench.knowledge"], check=False).returncode
    return code if code in (HELD, MISSED) else BROKEN


def measure_findings() -> int:
    """As `measure_servers`."""
    report = Report(sys.stdout, findings.TARGETS)
    with report.closing():
        findings.measure_findings(report)
    return report.exit_code


def measure_care() -> int:
    """As `measure_servers`."""
    report = Report(sys.stdout, care.TARGETS)
    with report.closing():
        care.measure_care(report)
    return report.exit_code


def measure_grounding() -> int:
    """As `measure_servers`."""
    report = Report(sys.stdout, grounding.TARGETS)
    with report.closing():
        grounding.measure_grounding(report)
    return report.exit_code


def measure_audit() -> int:
    """As `measure_servers`."""
    report = Report(sys.stdout, audit.TARGETS)
    with report.closing():
        audit.measure_audit(report)
    return report.exit_code


def measure_understanding(parts: list[str]) -> int:
    """As `measure_servers`, in a process of its own: with the extra `semantic` it runs in another
    environment, which has everything that this one has."""
    complete = (SEMANTIC / "installed").is_file()
    python = str(SEMANTIC.absolute() / "bin/python") if complete else sys.executable
    command = [python, "-m", "tests.bench.understanding", *parts]
    environ = os.environ | {"HF_HUB_OFFLINE": "1"}
    code = subprocess.run(command, check=False, env=environ).returncode
    return code if code in (HELD, MISSED) else BROKEN


def main() -> int:
    others = (*SERVERS, REPLIES, INSIGHTS, FINDINGS, CARE, KNOWLEDGE, GROUNDING, AUDIT)
    parts = sys.argv[1:] or [*others, *UNDERSTANDING]
    if unknown := set(parts) - {*others, WHOLE, *UNDERSTANDING}:
        say(f"no such part: {', '.join(sorted(unknown))}; choose from {', '.join(others)}, "
            f"{WHOLE}, {', '.join(UNDERSTANDING)}")  # fmt: skip
        return 2
    codes = [HELD]
    if of_servers := [part for part in SERVERS if part in parts]:
        codes.append(measure_servers(of_servers))
    measured_here = {
        REPLIES: measure_replies,
        INSIGHTS: measure_insights,
        FINDINGS: measure_findings,
        CARE: measure_care,
        KNOWLEDGE: measure_knowledge,
        GROUNDING: measure_grounding,
        AUDIT: measure_audit,
    }
    codes += [measure() for part, measure in measured_here.items() if part in parts]
    wanted = UNDERSTANDING if WHOLE in parts else parts
    if of_understanding := [part for part in UNDERSTANDING if part in wanted]:
        codes.append(measure_understanding(of_understanding))
    say_outcome(max(codes))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
