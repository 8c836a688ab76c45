"""The audit on 100 simulated shops and on a mailbox of 10,000 mails.

How near two answers must be, and the spread between months, were set on the seeds `TUNING`; the
figures are of `HELD_OUT`, which nothing was set on.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from gateway.cli.common import open_services
from plugins.history.audit.audit import audit
from plugins.history.audit.writing import check_folder, write
from tests.bench.audit.mailbox import add
from tests.bench.audit.shops import simulate
from tests.bench.audit.withheld import FIGURES, Judged, Withheld, replayed, withheld_month
from tests.bench.report import Report, say

TUNING = range(1, 41)
HELD_OUT = range(1001, 1101)
QUICK = range(1, 6)
MONTHLY = (90, 260)
"""Conversations in a month, fewest and most."""
MAILBOX = 1000
"""Conversations in a month of the mailbox: 10,000 mails and more."""
COVER = 0.9
SECONDS = 300.0
SPEED = "audit.mailbox_seconds"
TARGETS = (*(f"audit.{name}_in_interval" for name in FIGURES), SPEED)


def measure_audit(report: Report) -> None:
    """Print how often the truth lies in the interval, how wide it is, and the speed."""
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    asyncio.run(_measure(report, QUICK if quick else HELD_OUT, MAILBOX // (10 if quick else 1)))


async def _measure(report: Report, seeds: Iterable[int], monthly: int) -> None:
    found: list[Withheld] = []
    judged: list[Judged] = []
    for seed in seeds:
        past = simulate(seed, monthly=MONTHLY)
        months, verdicts = withheld_month(past, *await replayed(past))
        found += months
        judged.append(verdicts)
        say(f"audit: shop {seed}: {len(past.cases)} conversations")
    for name in FIGURES:
        _figure(report, name, [each for each in found if each.figure == name])
    counts = {name: sum(getattr(each, name) for each in judged)
              for name in Judged.__struct_fields__}  # fmt: skip
    wrong, told = counts["found"] + counts["missed"], sum(counts.values()) - counts["untold"]
    report.figure("audit.wrong_found", counts["found"] / max(1, wrong), "", **counts)
    report.figure("audit.wrongly_accused", counts["accused"] / max(1, told - wrong), "")
    await _mailbox(report, monthly)


def _figure(report: Report, name: str, found: list[Withheld]) -> None:
    inside = sum(each.holds for each in found) / len(found)
    report.judge(f"audit.{name}_in_interval", inside, "", COVER, shops=len(found))
    width = statistics.median(each.width for each in found)
    plain = statistics.median(each.plain for each in found)
    error = statistics.fmean(each.forecast.value - each.truth for each in found)
    report.figure(f"audit.{name}_width", width, "", chance_alone=plain)
    report.figure(f"audit.{name}_error", error, "")


async def _mailbox(report: Report, monthly: int) -> None:
    past = simulate(7, monthly=(monthly, monthly))
    with tempfile.TemporaryDirectory(prefix="warmline-audit-") as folder:
        async with open_services(past.write(Path(folder))) as (services, _):
            mails = await add(services, past)
            out = Path(folder, "out")
            began = time.perf_counter()
            check_folder(out)
            write(await audit(services), out)
            took = time.perf_counter() - began
    report.cap(SPEED, took, "s", SECONDS, mails=mails, conversations=len(past.cases))
