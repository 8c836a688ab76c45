"""Moods and languages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from gateway import Understander
from gateway.ops.evaluation import Row, evaluate_emotion, evaluate_language
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.language import LanguageTeller
from plugins.nlu_local.phrases import WORDS, read_words

from . import ours
from .data import Figures, missing, rows
from .dressed import dressed
from .ours import ROUNDS, cpu_ms
from .rivals import Vader

LANGUAGE = ("language_dev", "language_short_dev")


def emotion() -> Iterator[Figures]:
    data = "airline_dev"
    if gone := missing(data):
        yield gone
        return
    if why := ours.without_extra():
        yield why
    test = rows(data, "needs_human", allowed=frozenset({"0", "1"}))
    engines: list[tuple[str, Understander]] = [*ours.engines(), ("vader", Vader())]
    for name, engine in engines:
        told: Figures = dict(asyncio.run(evaluate_emotion(engine, test)))
        told["cpu_ms_at_32"] = cpu_ms(engine, [text for text, _ in test])
        yield {"bench": "emotion", "data": data, "engine": name, **told}


def language() -> Iterator[Figures]:
    for data in LANGUAGE:
        if gone := missing(data):
            yield gone
            continue
        plain = rows(data, "language")
        for name, test in ((data, plain), (f"{data}, dressed", dressed(plain))):
            told: Figures = dict(asyncio.run(evaluate_language(NluLocal(), test)))
            told["alone_cpu_ms"] = alone_ms(test)
            yield {"bench": "language", "data": name, "engine": "nlu_local", **told}


def alone_ms(test: Sequence[Row]) -> float:
    """Milliseconds of processor time to tell the language of a message, and nothing else; the
    least of some rounds."""
    words = {code: read_words(code).language for code in WORDS}
    teller = LanguageTeller(sorted({code for _, code in test}), words)
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for text, _ in test:
            teller.tell(text, closed=True)
        took.append(time.process_time() - began)
    return min(took) * 1000 / len(test)
