"""How much of everything, and what is aimed at."""

from __future__ import annotations

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """``seconds``: of one burst of load; ``rounds``: bursts of each kind."""

    rounds: int
    seconds: float
    stored: int
    """Messages in the database with a past."""
    messages: int
    """Customers' messages after which the memory is read."""
    starts: int


FULL = Plan(rounds=5, seconds=4.0, stored=1_000_000, messages=100_000, starts=5)
QUICK = Plan(rounds=2, seconds=1.0, stored=20_000, messages=1_000, starts=2)

ACCEPT = 0.5
TURN = 0.1
MEMORY = 250.0
START = 3.0
PAST = 0.8
"""The targets, in the order in which they are printed."""
