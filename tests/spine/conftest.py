"""Shared by the tests of the way of a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import Reply, Turn
from gateway.testing import RunningGateway
from tests.both import both

pytest_generate_tests = both  # every test here runs on both databases

ANSWER_ALL = """
reasons:
  low_confidence: {enabled: false}
  bot_failed: {enabled: false}
  loop: {enabled: false}
  repeat_contact: {enabled: false}
"""


@pytest.fixture
def answer_all(tmp_path: Path) -> dict[str, Any]:
    """A policy under which handlers answer everything: the tests here have no understander."""
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


def echo(turn: Turn) -> Reply | None:
    """Repeats the customer's message."""
    if turn.kind != "message":
        return None
    return Reply(body=(f"You said {turn.message.text}.",), opener="")


class Barrier:
    """Holds every caller of `stop` until ``opened`` is set."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def stop(self) -> None:
        self.reached.set()
        await self.opened.wait()


@contextmanager
def before(target: Any, method: str, barrier: Barrier) -> Iterator[None]:
    """Put ``barrier`` before an async method of an object."""
    real: Callable[..., Awaitable[Any]] = getattr(target, method)

    async def held(*args: Any, **kwargs: Any) -> Any:
        await barrier.stop()
        return await real(*args, **kwargs)

    setattr(target, method, held)
    try:
        yield
    finally:
        setattr(target, method, real)


@asynccontextmanager
async def paused_worker(gw: RunningGateway) -> AsyncIterator[None]:
    """No inbox row is handled meanwhile; afterwards all are."""
    barrier = Barrier()
    with before(gw.gateway.store.inbox, "take", barrier):
        yield
        barrier.opened.set()
