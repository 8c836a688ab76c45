"""How much is measured, and the targets."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured. ``seconds``: of one burst of load. ``rounds``: bursts of each
    workload. ``starts``: starts of a server that has trained before."""

    rounds: int
    seconds: float
    stored: int
    """Messages in the database that has a past."""
    messages: int
    """Customers' messages after which the memory is measured."""
    starts: int


FULL = Plan(rounds=5, seconds=4.0, stored=1_000_000, messages=100_000, starts=5)
QUICK = Plan(rounds=2, seconds=1.0, stored=20_000, messages=1_000, starts=2)

LEAST: Mapping[str, float] = {
    "accept_over_echo": 0.55,
    "turn_over_echo": 0.1,
    "turn_unique_over_echo": 0.055,
    "turn_over_rasa": 20.0,
    "turn_with_past_over_without": 0.9,
    "accept_with_past_over_without": 0.9,
}
MOST: Mapping[str, float] = {
    "cold_start": 3.0,
    "first_start": 8.0,
    "alone_p50": 7.0,
    "turn_p99_over_rasa": 1 / 20,
    "memory": 300.0,
}
"""The targets of ``speed`` by their names: at least, and below."""
