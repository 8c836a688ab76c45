"""A store of sources, and searches over it, each as another process would have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway import Services, TextEncoder
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.search import PassageSearch
from tests.knowledge.search.encoder import FakeEncoder

StartSearch = Callable[[TextEncoder | None], PassageSearch]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryKnowledge:
    return MemoryKnowledge(clock)


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def start(store: MemoryKnowledge, clock: FakeClock) -> StartSearch:
    """Makes a search over the store, with its own index."""

    def started(encoder: TextEncoder | None) -> PassageSearch:
        search = PassageSearch()
        search.use(services(knowledge=store, clock=clock, encoder=encoder))
        return search

    return started


@pytest.fixture
def search(start: StartSearch, encoder: FakeEncoder) -> PassageSearch:
    return start(encoder)


def services(**given: Any) -> Services:
    """Services with these and nothing else."""
    fields, defaults = Services.__struct_fields__, Services.__struct_defaults__
    required = fields[: len(fields) - len(defaults)]
    first = {
        name: None
        for name, default in zip(fields[len(required) :], defaults, strict=True)
        if default is msgspec.NODEFAULT
    }
    return Services(**{**dict.fromkeys(required), **first, **given})
