"""Keeps a fair part of what a period holds, so that memory and time have a bound."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush, heappushpop
from typing import Generic, TypeVar

T = TypeVar("T")

_MIX, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1


class Sample(Generic[T]):
    """At most ``most`` of the items that are added, each with the same chance.

    The choice follows from the items' numbers, so the same period always gives the same sample,
    in whatever order it is read.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[int, int, T]] = []
        self.seen = 0

    def add(self, number: int, item: T) -> None:
        """``number`` tells this item from all others (a message's id)."""
        self.seen += 1
        # The smallest hashes stay; the heap has the largest of them first.
        entry = (-_scatter(number), number, item)
        if len(self._kept) < self._most:
            heappush(self._kept, entry)
        elif entry[0] > self._kept[0][0]:
            heappushpop(self._kept, entry)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[T]:
        """The items in the order of their numbers."""
        return (item for _, _, item in sorted(self._kept, key=lambda entry: entry[1]))


def _scatter(number: int) -> int:
    """A hash of 64 bits (the mixer of SplitMix64: Steele, Lea and Flood 2014)."""
    mixed = (number * _MIX) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)
