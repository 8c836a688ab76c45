"""What is done to whom and when, by a seed: every process and every line has its turn."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tests.faults.programs import Program
from tests.faults.wire import MOODS, Wire

SIGNALS = ("SIGKILL", "SIGTERM", "SIGSTOP")
"""``SIGSTOP`` lasts for `LONG` seconds, longer than any lease; then SIGCONT."""
LONG = 12.0
GRACE = 20.0
"""Seconds to end after SIGTERM; then it is killed, as those do it who run containers."""
SHORT = (0.3, 3.0)
PAUSE = (0.5, 2.0)
"""Seconds between two acts, and before the first."""


class Act(NamedTuple):
    target: str
    what: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.what} {self.target} ({self.seconds:.1f} s)"


class Done(NamedTuple):
    """An act, and when: seconds since 1970."""

    act: Act
    begun: float
    ended: float


def acts(programs: Iterable[str], wires: Iterable[str], rng: random.Random) -> Iterator[Act]:
    """For ever; in each round every one of them, in another order."""
    every = [(name, what) for name in programs for what in SIGNALS]
    every += [(name, what) for name in wires for what in MOODS]
    while True:
        for target, what in rng.sample(every, len(every)):
            yield Act(target, what, LONG if what == "SIGSTOP" else rng.uniform(*SHORT))


async def play(
    programs: Mapping[str, Program],
    wires: Mapping[str, Wire],
    *,
    seconds: float,
    least: int,
    rng: random.Random,
) -> list[Done]:
    """One act after another, for ``seconds``, and ``least`` of them; in the end everything runs
    and every line is well."""
    done: list[Done] = []
    end = time.monotonic() + seconds
    for act in acts(programs, wires, rng):
        if time.monotonic() > end and len(done) >= least:
            return done
        await asyncio.sleep(rng.uniform(*PAUSE))
        begun = time.time()
        if act.target in wires:
            await _spoil(wires[act.target], act)
        else:
            await _hurt(programs[act.target], act)
        done.append(Done(act, begun, time.time()))
    raise AssertionError("acts never end")


async def _spoil(wire: Wire, act: Act) -> None:
    wire.mood = act.what  # type: ignore[assignment]  # one of MOODS
    try:
        await asyncio.sleep(act.seconds)
    finally:
        wire.mood = "well"


async def _hurt(program: Program, act: Act) -> None:
    """One that was ended is waited for: else soon nothing would be left to be hurt."""
    program.send(signal.Signals[act.what])
    if act.what != "SIGSTOP":
        await program.ended(GRACE)
        await program.ready()
        return
    try:
        await asyncio.sleep(act.seconds)
    finally:
        program.send(signal.SIGCONT)
