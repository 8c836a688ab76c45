"""What happened lately, of which only so much is remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping of the last ``most`` keys that were set. What it forgets must do no harm."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._known: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._known

    def get(self, key: K, default: V) -> V:
        return self._known.get(key, default)

    def set(self, key: K, value: V) -> None:
        self._known[key] = value
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, key: K) -> None:
        self._known.pop(key, None)
