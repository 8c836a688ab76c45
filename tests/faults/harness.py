"""Load, faults, quiet; then the ledger is held against the database."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

from gateway.runtime.tasks import cancel_all
from tests.crash.customers import Customer, WebchatCustomer
from tests.crash.harness import fetch
from tests.crash.ledger import QUERIES, Ledger, Stored, Verdict, judge, plain
from tests.faults.cellars import Postgres, Sqlite
from tests.faults.customers import customers, keep_pace
from tests.faults.far_ends import FarEnds
from tests.faults.layout import LEASE, SWEEP, TIMEOUT, Layout
from tests.faults.plan import LONG, Done, play

BOUND = 180.0
"""Seconds within which everything has recovered, after the last fault, on a busy machine."""
TICK = 0.1
LEFT = (
    "SELECT 'inbox', lane, id, attempts, error FROM inbox WHERE state = 'ready'"
    " UNION ALL SELECT 'outbox: ' || state, lane, id, attempts, error FROM outbox"
    " WHERE state IN ('ready', 'sending')"
)
NEAR = LEASE + TIMEOUT + LONG + SWEEP
"""Seconds between an act and what it may still do to a send: call, lease, sleep and sweep."""
UNSURE = (
    "SELECT o.channel, o.lane, m.text, o.created_at, o.error FROM outbox o"
    " JOIN messages m ON m.id = o.message_id"
    " WHERE m.status = 'unsure' AND o.state IN ('unsure', 'discarded')"
)


@dataclass
class Report:
    seed: int
    verdicts: list[Verdict]
    done: list[Done]
    recovered: float
    """Seconds from the last fault until nothing waited any more."""
    untraced: list[str] = field(default_factory=list)
    """Unsure sends that no kill or cut explains."""
    traced: dict[str, int] = field(default_factory=dict)
    overdue: dict[str, int] = field(default_factory=dict)
    """Who did not end in time when it was asked to, and how often."""

    @property
    def clean(self) -> bool:
        return all(one.clean for one in self.verdicts) and not self.untraced


async def run(
    seconds: float,
    seed: int,
    folder: Path,
    *,
    crew: bool,
    each: int = 2,
    planted: str | None = None,
    lines: bool = True,
    least: int = 0,
) -> Report:
    """Hurt everything for ``seconds``, and ``least`` times, under the load of ``each`` customers
    on five channels; without ``lines`` the processes alone."""
    rng = random.Random(seed)  # noqa: S311  (the acts must be repeatable, not secret)
    ledger = Ledger()
    far_ends = FarEnds(ledger)
    async with far_ends.serving():
        layout = Layout(folder, rng, crew=crew, planted=planted)
        try:
            await layout.open(far_ends)
            stop = asyncio.Event()
            everybody = customers(ledger, stop, far_ends.twilio, layout.urls, each)
            living = [asyncio.create_task(one.live()) for one in everybody]
            pace = asyncio.create_task(keep_pace(everybody, layout.waiting))
            wires = layout.wires if lines else {}
            done = await play(layout.programs, wires, seconds=seconds, least=least, rng=rng)
            await cancel_all((pace,))
            recovered = await _quiet(layout, stop, living)
            await _hear_all(layout, ledger, everybody)
            report = await _judged(layout.cellar, ledger, done, seed, recovered)
            report.overdue = {n: one.overdue for n, one in layout.programs.items() if one.overdue}
            return report
        finally:
            await layout.close()


async def _quiet(layout: Layout, stop: asyncio.Event, living: list[asyncio.Task[None]]) -> float:
    """Nothing fails any more: wait until all is said and sent; gives the seconds it took."""
    stop.set()
    await layout.well()
    everybody = asyncio.gather(*living)
    # By ticks and not by the clock: a machine that held us up held up everything else as well.
    for tick in range(int(BOUND / TICK)):
        await asyncio.sleep(TICK)
        if everybody.done() and not await layout.waiting():
            everybody.result()
            return tick * TICK
    everybody.cancel()
    waiting = [tuple(row) for row in await layout.cellar.ask(LEFT)]
    raise AssertionError(f"not settled within {BOUND:g} s; waiting are {waiting}")


async def _hear_all(layout: Layout, ledger: Ledger, everybody: list[Customer]) -> None:
    """What those heard who fetch it themselves."""
    await fetch(layout.urls[0], ledger)
    for one in everybody:
        if isinstance(one, WebchatCustomer):
            await one.look_again()


async def _judged(
    cellar: Sqlite | Postgres, ledger: Ledger, done: list[Done], seed: int, recovered: float
) -> Report:
    stored = Stored.of(*[await cellar.ask(query) for query in QUERIES])
    report = Report(seed, judge(ledger, stored), done, recovered)
    for channel, lane, text, created, error in await cellar.ask(UNSURE):
        at = ledger.at.get((channel, lane.partition(":")[2], plain(text)))
        if any(_explains(act, channel, at, created / 1000) for act in done):
            report.traced[channel] = report.traced.get(channel, 0) + 1
        else:
            report.untraced.append(f"{lane}: {text!r}: {error}")
    return report


def _explains(done: Done, channel: str, at: float | None, created: float) -> bool:
    """Whether ``done`` lies between the provider's acceptance (``at``) and our commit, or, when
    nothing arrived, between the reply's commit and the end of its call."""
    theirs = "pigeons" if channel == "sms" else "twilio"
    if done.act.target in (theirs, "engine", "redis", "to redis"):
        return False  # nothing of this reply went that way
    if at is None:
        return created <= done.ended and done.begun <= created + NEAR
    return done.begun - TIMEOUT <= at <= done.ended + 1


def table(report: Report) -> str:
    """Markdown, for people and for the docs."""
    head = (
        "| channel | accepted | answered once | escalated | unsure | of these traced "
        "| sent again, same key | lost | doubled | misordered |\n" + "|---" * 10 + "|"
    )
    rows = [
        f"| {v.channel} | {v.accepted} | {v.answered} | {v.escalated} | {v.unsure} "
        f"| {report.traced.get(v.channel, 0)} | {v.resent} "
        f"| {len(v.lost)} | {len(v.doubled)} | {len(v.misordered)} |"
        for v in report.verdicts
    ]
    return "\n".join([head, *rows])


def summary(report: Report) -> str:
    """The table, and what it was made of."""
    acts: dict[str, int] = {}
    for one in report.done:
        acts[one.act.what] = acts.get(one.act.what, 0) + 1
    what = ", ".join(f"{count} {name}" for name, count in sorted(acts.items()))
    lines = [
        f"seed {report.seed}; {len(report.done)} acts: {what}",
        f"all was settled {report.recovered:.1f} s after the last act (bound: {BOUND:g} s)",
        table(report),
    ]
    for verdict in report.verdicts:
        lines += [f"{verdict.channel}: {what}" for what in
                  (*verdict.lost, *verdict.doubled, *verdict.misordered)]  # fmt: skip
    lines += [f"{name} did not end in time {n} times" for name, n in report.overdue.items()]
    lines += [f"unsure, and nothing explains it: {what}" for what in report.untraced]
    return "\n".join(lines)
