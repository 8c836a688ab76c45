"""The audit on 100 simulated shops and on a mailbox of 10,000 mails.

How near two answers must be, and the spread between months, were set on the seeds `TUNING`; the
figures are of `HELD_OUT`, which nothing was set on.

Shops are measured side by side, ``WARMLINE_BENCH_JOBS`` at a time (by default one for each
processor). With ``WARMLINE_BENCH_KEEP``, a folder, each shop is written there when it is done, and
a later run of the same code reads it instead: what was stopped goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import msgspec

from gateway import Value
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
ROOT = Path(__file__).parents[3]
SHOPS_OF_PROCESS = 10
"""Shops that a process measures before another one takes its place."""
CODE = ("gateway", "plugins", "brand_voice", "tests/bench/audit", "requirements.txt")
"""What the figures of a shop depend on."""
TARGETS = (*(f"audit.{name}_in_interval" for name in FIGURES), SPEED)


class MeasuredShop(Value, frozen=True, kw_only=True):
    """A shop's forecasts with what came, and how its answers were judged."""

    conversations: int
    months: tuple[Withheld, ...]
    judged: Judged


def measure_audit(report: Report) -> None:
    """Print how often the truth lies in the interval, how wide it is, and the speed."""
    quick = os.environ.get("WARMLINE_BENCH_QUICK") == "1"
    _measure_shops(report, QUICK if quick else HELD_OUT)
    asyncio.run(_mailbox(report, MAILBOX // (10 if quick else 1)))


def measure_shop(seed: int) -> MeasuredShop:
    """The figures of one shop. It runs in a process of its own."""
    past = simulate(seed, monthly=MONTHLY)
    months, judged = withheld_month(past, *asyncio.run(replayed(past)))
    return MeasuredShop(conversations=len(past.cases), months=tuple(months), judged=judged)


def measured(seeds: Sequence[int]) -> Iterator[tuple[int, MeasuredShop]]:
    """Each shop as it is done, those that were kept first."""
    keep = _kept_folder()
    left = []
    for seed in seeds:
        if keep and (file := keep / f"{seed}.json").is_file():
            yield seed, msgspec.json.decode(file.read_bytes(), type=MeasuredShop)
        else:
            left.append(seed)
    jobs = int(os.environ.get("WARMLINE_BENCH_JOBS") or os.cpu_count() or 1)
    fresh = multiprocessing.get_context("spawn")
    # New processes now and then, as theirs grow. `max_tasks_per_child` does the same, but with
    # it an executor can wait for ever when workers end (cpython issue 115634).
    for start in range(0, len(left), jobs * SHOPS_OF_PROCESS):
        with ProcessPoolExecutor(jobs, mp_context=fresh) as pool:
            chosen = left[start : start + jobs * SHOPS_OF_PROCESS]
            waiting = {pool.submit(measure_shop, seed): seed for seed in chosen}
            for done in as_completed(waiting):
                seed, shop = waiting[done], done.result()
                if keep:
                    draft = keep / f".{seed}.json"
                    draft.write_bytes(msgspec.json.encode(shop))
                    draft.replace(keep / f"{seed}.json")
                yield seed, shop


def _kept_folder() -> Path | None:
    """Where shops of exactly this code are kept."""
    if not (folder := os.environ.get("WARMLINE_BENCH_KEEP")):
        return None
    code = hashlib.sha256()
    for name in CODE:
        for file in sorted([ROOT / name, *(ROOT / name).rglob("*")]):
            if file.is_file() and "__pycache__" not in file.parts:
                code.update(f"{file.relative_to(ROOT)}\0".encode())
                code.update(file.read_bytes())
    kept = Path(folder, code.hexdigest()[:16])
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def _measure_shops(report: Report, seeds: Sequence[int]) -> None:
    found: list[Withheld] = []
    judged: list[Judged] = []
    for count, (seed, shop) in enumerate(measured(seeds), 1):
        found += shop.months
        judged.append(shop.judged)
        say(f"audit: shop {seed}: {shop.conversations} conversations ({count} of {len(seeds)})")
    for name in FIGURES:
        _figure(report, name, [each for each in found if each.figure == name])
    counts = {name: sum(getattr(each, name) for each in judged)
              for name in Judged.__struct_fields__}  # fmt: skip
    wrong, told = counts["found"] + counts["missed"], sum(counts.values()) - counts["untold"]
    report.figure("audit.wrong_found", counts["found"] / max(1, wrong), "", **counts)
    report.figure("audit.wrongly_accused", counts["accused"] / max(1, told - wrong), "")


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
