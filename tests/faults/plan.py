"""Which faults are injected and when, repeatable by a seed."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tests.faults.incidents import Incidents
from tests.faults.programs import Program
from tests.faults.proxy import FAULTS, FaultyProxy

SIGNALS = ("SIGKILL", "SIGTERM", "SIGSTOP")
"""SIGCONT follows a SIGSTOP after `LONG` seconds, which is longer than any lease."""
LONG = 12.0
EVERYTHING = "everything"
"""The target of an incident."""
GRACE = 20.0
"""Seconds to end after SIGTERM. Then the process is killed, as container runtimes do."""
SHORT = (0.3, 3.0)
"""Seconds that a fault of a connection lasts, chosen at random."""
PAUSE = (0.5, 2.0)
"""Seconds before each fault, chosen at random."""


class Fault(NamedTuple):
    """``what`` happens to the program or proxy ``target``, for so many seconds."""

    target: str
    what: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.what} {self.target} ({self.seconds:.1f} s)"


class InjectedFault(NamedTuple):
    """A fault, and when it happened, in seconds since 1970."""

    fault: Fault
    started: float
    ended: float


def faults(
    programs: Iterable[str], proxies: Iterable[str], incidents: Iterable[str], rng: random.Random
) -> Iterator[Fault]:
    """All faults in random order, then again in another order, without end."""
    every = [(name, what) for name in programs for what in SIGNALS]
    every += [(name, what) for name in proxies for what in FAULTS]
    every += [(EVERYTHING, what) for what in incidents]
    while True:
        for target, what in rng.sample(every, len(every)):
            yield Fault(target, what, LONG if what == "SIGSTOP" else rng.uniform(*SHORT))


async def inject(
    programs: Mapping[str, Program],
    proxies: Mapping[str, FaultyProxy],
    incidents: Incidents,
    *,
    seconds: float,
    at_least: int,
    rng: random.Random,
) -> list[InjectedFault]:
    """Inject one fault after another, for ``seconds`` and ``at_least`` so many. When this returns,
    every program runs and every proxy works."""
    injected: list[InjectedFault] = []
    end = time.monotonic() + seconds
    for fault in faults(programs, proxies, incidents.names, rng):
        if time.monotonic() > end and len(injected) >= at_least:
            return injected
        await asyncio.sleep(rng.uniform(*PAUSE))
        started = time.time()
        if fault.target == EVERYTHING:
            await incidents.happen(fault.what, fault.seconds)
        elif fault.target in proxies:
            await _break_connection(proxies[fault.target], fault)
        else:
            await _signal(programs[fault.target], fault)
        injected.append(InjectedFault(fault, started, time.time()))
    raise AssertionError("faults() never ends")


async def _break_connection(proxy: FaultyProxy, fault: Fault) -> None:
    proxy.mode = fault.what  # type: ignore[assignment]  # one of FAULTS
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        proxy.mode = "ok"


async def _signal(program: Program, fault: Fault) -> None:
    """Send the signal. After one that ends the program, wait until it is ready again: otherwise
    soon no program would be left to signal."""
    program.send(signal.Signals[fault.what])
    if fault.what != "SIGSTOP":
        await program.wait_ended(GRACE)
        await program.ready()
        return
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        program.send(signal.SIGCONT)
