"""Intents from few examples: accuracy, calibration, and messages that are out of scope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from gateway import Trainable, Understander
from gateway.ops.evaluation import evaluate_intents
from gateway.ops.labelled_rows import Row

from . import rasa_diet
from .data import SEEDS, Figures, draw, mean, missing, rows
from .engines import SEMANTIC, PlainIntents, cpu_ms, our_engines, without_extra

DIET_SHOTS = 10
"""Examples of each intent when DIET is measured."""

FEW_SHOT = (("banking77", 10), ("banking77", 5), ("clinc150", 10))


def intents() -> Iterator[Figures]:
    yield from (why for why in (without_extra(), rasa_diet.without_rasa()) if why)
    engines: list[tuple[str, Trainable]] = [*our_engines(), ("tfidf_logreg", PlainIntents())]
    for data, shots in FEW_SHOT:
        if gone := missing(data, "train", "dev"):
            yield gone
            continue
        train, test = rows(f"{data}_train", "intent"), rows(f"{data}_dev", "intent")
        line = {"bench": "intents", "data": f"{data} x{shots}"}
        for name, engine in engines:
            figures = mean(
                [_few_shot(name, engine, draw(train, shots, seed), test, seed) for seed in SEEDS]
            )
            yield {**line, "engine": name, **figures}
        if rasa_diet.without_rasa() is None and shots == DIET_SHOTS:
            yield {**line, "engine": "rasa_diet", **_diet(draw(train, shots, SEEDS[0]), test)}


def _diet(train: Sequence[Row], test: Sequence[Row]) -> Figures:
    """The figures of one draw. The cost of Rasa's own process cannot be measured from here."""
    with rasa_diet.trained(train) as (engine, seconds):
        figures: Figures = dict(asyncio.run(evaluate_intents(engine, train, test)))
    return figures | {"train_seconds": seconds, "seeds": 1, "epochs": rasa_diet.EPOCHS}


def _few_shot(
    name: str, engine: Trainable, train: Sequence[Row], test: Sequence[Row], seed: int
) -> Figures:
    """The cost is measured on the first draw, before any cache knows the messages."""
    began = time.perf_counter()
    trained = Trained(engine.train(train))
    seconds = time.perf_counter() - began
    cost = cpu_ms(trained, [text for text, _ in test]) if seed == SEEDS[0] else None
    figures: Figures = dict(asyncio.run(evaluate_intents(trained, train, test)))
    figures |= {"train_seconds": seconds, "cpu_ms_at_32": cost}
    if name == SEMANTIC:  # its encoder has cached the messages by now
        figures["latency_ms_p50"] = None
    return figures


class Trained:
    """An engine that is trained already, once for all its figures."""

    name, priority = "trained", 1

    def __init__(self, engine: Understander) -> None:
        self.understand = engine.understand

    def train(self, rows: Sequence[Row]) -> Trained:
        return self
