"""Intents from few examples: right, honest about it, and out of scope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from gateway import Trainable, Understander
from gateway.ops.evaluation import Row, evaluate_intents

from . import diet, ours
from .data import SEEDS, Figures, draw, mean, missing, rows
from .ours import SEMANTIC, cpu_ms
from .rivals import PlainIntents

MANY = 10
"""Examples of each intent that DIET is tried with."""

FEW_SHOT = (("banking77", 10), ("banking77", 5), ("clinc150", 10))


def intents() -> Iterator[Figures]:
    yield from (why for why in (ours.without_extra(), diet.without_rasa()) if why)
    engines: list[tuple[str, Trainable]] = [*ours.engines(), ("tfidf_logreg", PlainIntents())]
    for data, shots in FEW_SHOT:
        if gone := missing(data, "train", "dev"):
            yield gone
            continue
        train, test = rows(f"{data}_train", "intent"), rows(f"{data}_dev", "intent")
        for name, engine in engines:
            told = mean(
                [_few_shot(name, engine, draw(train, shots, seed), test, seed) for seed in SEEDS]
            )
            yield {"bench": "intents", "data": f"{data} x{shots}", "engine": name, **told}
        if diet.without_rasa() is None and shots == MANY:
            told = _diet(draw(train, shots, SEEDS[0]), test)
            yield {"bench": "intents", "data": f"{data} x{shots}", "engine": "rasa_diet", **told}


def _diet(train: Sequence[Row], test: Sequence[Row]) -> Figures:
    """On one draw. What it costs the server's processor is not seen from here."""
    with diet.learnt(train) as (engine, took):
        told: Figures = dict(asyncio.run(evaluate_intents(engine, train, test)))
    return told | {"train_seconds": took, "seeds": 1, "epochs": diet.EPOCHS}


def _few_shot(
    name: str, engine: Trainable, train: Sequence[Row], test: Sequence[Row], seed: int
) -> Figures:
    """What it costs is measured on the first draw, before it knows the messages."""
    began = time.perf_counter()
    learnt = Learnt(engine.train(train))
    took = time.perf_counter() - began
    cost = cpu_ms(learnt, [text for text, _ in test]) if seed == SEEDS[0] else None
    told: Figures = dict(asyncio.run(evaluate_intents(learnt, train, test)))
    told |= {"train_seconds": took, "cpu_ms_at_32": cost}
    if name == SEMANTIC:  # its encoder remembers them by now
        told["latency_ms_p50"] = None
    return told


class Learnt:
    """What has learnt already, once for all that is measured of it."""

    name, priority = "learnt", 1

    def __init__(self, engine: Understander) -> None:
        self.understand = engine.understand

    def train(self, rows: Sequence[Row]) -> Learnt:
        return self
