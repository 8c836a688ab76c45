"""Tallies: counts from which every measure and its interval can be computed.

A tally maps a name to counts by a whole number: 0 and 1 for no and yes, a score, a step of the mood
scale, an hour, or the bin of a logarithmic histogram. Tallies are added up, in any order
and grouping; the empty one changes nothing (a commutative monoid). So days can be counted once and
added to months.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from gateway import Value

WIDTH = 1.02
"""Each bin of a histogram of durations ends at 1.02 times where it begins. What is read from it is
the middle, so it is off by at most the root of that: less than 1 % of itself."""
_LOG_WIDTH = math.log(WIDTH)


class Observation(NamedTuple):
    """``times`` more of ``value`` under ``name``."""

    name: str
    value: int = 1
    times: int = 1


class Tally(Value, frozen=True, kw_only=True):
    """See the module."""

    counts: Mapping[str, Mapping[int, int]] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Tally:
        counts: dict[str, dict[int, int]] = {}
        for name, value, times in observations:
            known = counts.setdefault(name, {})
            known[value] = known.get(value, 0) + times
        return cls(counts=counts)

    def __add__(self, other: Tally) -> Tally:
        return Tally.of((*self.observations(), *other.observations()))

    def observations(self) -> Iterable[Observation]:
        """What it is made of, each value under a name once."""
        for name, counts in self.counts.items():
            for value, times in counts.items():
                yield Observation(name, value, times)

    def of_name(self, name: str) -> Mapping[int, int]:
        """The counts under ``name``, by value."""
        return self.counts.get(name, {})

    def times(self, name: str, value: int = 1) -> int:
        """How often ``value`` was observed under ``name``; by default: how many were a yes."""
        return self.of_name(name).get(value, 0)

    def number(self, name: str) -> int:
        """How many were observed under ``name``."""
        return sum(self.of_name(name).values())

    def names(self, prefix: str) -> tuple[str, ...]:
        """What follows ``prefix`` in the names that begin with it, sorted."""
        return tuple(sorted(n.removeprefix(prefix) for n in self.counts if n.startswith(prefix)))


EMPTY = Tally()


def duration_bin(seconds: float) -> int:
    """The bin of a duration; 0 below one second."""
    return 0 if seconds < 1 else 1 + int(math.log(seconds) / _LOG_WIDTH)


def duration_in(number: int) -> float:
    """The seconds that bin ``number`` stands for: off by less than 1 %, in bin 0 by less than a
    second."""
    return 0.0 if number <= 0 else WIDTH ** (number - 0.5)


def shortest_in(number: int) -> float:
    """Where bin ``number`` begins, in seconds."""
    return 0.0 if number <= 0 else WIDTH ** (number - 1)


def longest_in(number: int) -> float:
    """Where bin ``number`` ends, in seconds."""
    return 1.0 if number <= 0 else WIDTH**number
