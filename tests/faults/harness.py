"""Load, faults, recovery; then the ledger is compared with the database."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gateway.runtime.tasks import cancel_all
from tests.crash.customers import Customer, WebchatCustomer
from tests.crash.harness import fetch_rest_messages
from tests.crash.ledger import QUERIES, Ledger, Stored, Verdict, bare_answer, judge
from tests.faults.customers import customers, throttle
from tests.faults.databases import PostgresProgram, SqliteFile
from tests.faults.deployment import LEASE, SWEEP, TIMEOUT, Deployment
from tests.faults.incidents import Incidents
from tests.faults.plan import LONG, InjectedFault, inject
from tests.faults.providers import ProviderServer

BOUND = 180.0
"""Seconds for the recovery after the last fault, on a busy machine."""
TICK = 0.1
WAITING_ROWS = (
    "SELECT 'inbox', lane, id, attempts, error FROM inbox WHERE state = 'ready'"
    " UNION ALL SELECT 'outbox: ' || state, lane, id, attempts, error FROM outbox"
    " WHERE state IN ('ready', 'sending')"
)
NEAR = LEASE + TIMEOUT + LONG + SWEEP
"""Seconds for which a fault may still affect a send: call, lease, pause and sweep."""
UNSURE = (
    "SELECT o.channel, o.lane, m.text, o.created_at, o.error FROM outbox o"
    " JOIN messages m ON m.id = o.message_id"
    " WHERE m.status = 'unsure' AND o.state IN ('unsure', 'discarded')"
)


@dataclass
class Report:
    """The result of one run."""

    seed: int
    verdicts: list[Verdict]
    faults: list[InjectedFault]
    recovery: float
    """Seconds from the last fault until no row waited."""
    untraced: list[str] = field(default_factory=list)
    """Unsure sends that no fault explains."""
    traced: dict[str, int] = field(default_factory=dict)
    """Channel -> unsure sends that a fault explains."""
    broken: list[str] = field(default_factory=list)
    """What did not hold for the victims of incidents."""
    overdue: dict[str, int] = field(default_factory=dict)
    """Program -> how often it did not end in time after SIGTERM."""

    @property
    def clean(self) -> bool:
        clean = all(verdict.clean for verdict in self.verdicts)
        return clean and not self.untraced and not self.broken


async def run(
    seconds: float,
    seed: int,
    folder: Path,
    *,
    cluster: bool,
    each: int = 2,
    planted: str | None = None,
    break_connections: bool = True,
    at_least: int = 0,
) -> Report:
    """Inject faults for ``seconds`` and ``at_least`` so many, under the load of ``each`` customers
    on five channels. Without ``break_connections`` only processes fail."""
    rng = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    ledger = Ledger()
    providers = ProviderServer(ledger)
    async with providers.serving():
        deployment = Deployment(folder, rng, cluster=cluster, planted=planted)
        try:
            await deployment.start(providers)
            stop = asyncio.Event()
            everybody = customers(ledger, stop, providers.twilio, deployment.urls, each)
            running = [asyncio.create_task(customer.run()) for customer in everybody]
            throttling = asyncio.create_task(throttle(everybody, deployment.waiting))
            proxies = deployment.proxies if break_connections else {}
            incidents = Incidents(deployment, rng)
            faults = await inject(
                deployment.programs,
                proxies,
                incidents,
                seconds=seconds,
                at_least=at_least,
                rng=rng,
            )
            await cancel_all((throttling,))
            recovery = await _recover(deployment, stop, running)
            await _fetch_messages(deployment, ledger, everybody)
            report = await _report(deployment.database, ledger, faults, seed, recovery)
            report.broken = await incidents.broken_promises()
            programs = deployment.programs.items()
            report.overdue = {name: p.overdue for name, p in programs if p.overdue}
            return report
        finally:
            await deployment.close()


async def _recover(
    deployment: Deployment, stop: asyncio.Event, running: list[asyncio.Task[None]]
) -> float:
    """Wait until all messages are accepted and no row waits. Returns the seconds that it took."""
    stop.set()
    await deployment.ready()
    everybody = asyncio.gather(*running)
    # The bound counts ticks, not the clock: a slow machine slows everything else down as well.
    for tick in range(int(BOUND / TICK)):
        await asyncio.sleep(TICK)
        if everybody.done() and not await deployment.waiting():
            everybody.result()
            return tick * TICK
    everybody.cancel()
    waiting = [tuple(row) for row in await deployment.database.query(WAITING_ROWS)]
    raise AssertionError(f"not recovered within {BOUND:g} s; these rows wait: {waiting}")


async def _fetch_messages(
    deployment: Deployment, ledger: Ledger, everybody: list[Customer]
) -> None:
    """Record the messages of customers who fetch them."""
    await fetch_rest_messages(deployment.urls[0], ledger)
    for customer in everybody:
        if isinstance(customer, WebchatCustomer):
            await customer.reload()


async def _report(
    database: SqliteFile | PostgresProgram,
    ledger: Ledger,
    faults: list[InjectedFault],
    seed: int,
    recovery: float,
) -> Report:
    stored = Stored.from_rows(*[await database.query(query) for query in QUERIES])
    report = Report(seed, judge(ledger, stored), faults, recovery)
    for channel, lane, text, created, error in await database.query(UNSURE):
        arrived = ledger.received_at.get((channel, lane.partition(":")[2], bare_answer(text)))
        if any(_explains(fault, channel, arrived, created / 1000) for fault in faults):
            report.traced[channel] = report.traced.get(channel, 0) + 1
        else:
            report.untraced.append(f"{lane}: {text!r}: {error}")
    return report


def _explains(injected: InjectedFault, channel: str, arrived: float | None, created: float) -> bool:
    """Whether the fault came between the provider's acceptance (``arrived``) and our commit; for a
    reply that never arrived, between its commit and the end of its call."""
    other_provider = "provider" if channel == "sms" else "twilio"
    if injected.fault.target in (other_provider, "engine", "redis", "to redis"):
        return False  # this reply does not pass there
    if arrived is None:
        return created <= injected.ended and injected.started <= created + NEAR
    return injected.started - TIMEOUT <= arrived <= injected.ended + 1


def table(report: Report) -> str:
    """The verdicts as a Markdown table, for the terminal and for docs/faults.md."""
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
    """The table, the injected faults, and all problems."""
    counts = Counter(injected.fault.what for injected in report.faults)
    what = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    lines = [
        f"seed {report.seed}; {len(report.faults)} faults: {what}",
        f"recovered {report.recovery:.1f} s after the last fault (bound: {BOUND:g} s)",
        table(report),
    ]
    for verdict in report.verdicts:
        lines += [f"{verdict.channel}: {what}" for what in
                  (*verdict.lost, *verdict.doubled, *verdict.misordered)]  # fmt: skip
    lines += [f"an incident: {what}" for what in report.broken]
    lines += [f"{name} did not end in time, {n} times" for name, n in report.overdue.items()]
    lines += [f"unsure, and no fault explains it: {what}" for what in report.untraced]
    return "\n".join(lines)
