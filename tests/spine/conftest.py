"""What the tests of the spine share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import Reply, Turn
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
def easy(tmp_path: Path) -> dict[str, Any]:
    """A policy under which handlers answer everything: the tests here have no understander."""
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


def echo(turn: Turn) -> Reply | None:
    """Says back what the customer said; asks for a person when told to."""
    if turn.kind != "message":
        return None
    return Reply(body=(f"You said {turn.message.text}.",), opener="")


class Barrier:
    """Stops whoever comes by until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def stop(self) -> None:
        self.reached.set()
        await self.opened.wait()


@contextmanager
def before(target: Any, method: str, barrier: Barrier) -> Iterator[None]:
    """Put ``barrier`` before an async method of a real object."""
    real: Callable[..., Awaitable[Any]] = getattr(target, method)

    async def held(*args: Any, **kwargs: Any) -> Any:
        await barrier.stop()
        return await real(*args, **kwargs)

    setattr(target, method, held)
    try:
        yield
    finally:
        setattr(target, method, real)
