"""How well emotion and language are recognised, and the cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from gateway import Understander
from gateway.ops.evaluation import evaluate_emotion, evaluate_language
from gateway.ops.labelled_rows import Row, read_emotion_rows
from gateway.routing.policy import Policy
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.language import LanguageDetector
from plugins.nlu_local.phrases import PHRASE_FILES, load_phrases

from .data import FOLDER, Figures, missing, rows, with_noise
from .engines import ROUNDS, Vader, cpu_ms, our_engines, without_extra

LANGUAGE_DATA = ("language_dev", "language_short_dev")


def emotion() -> Iterator[Figures]:
    data = "airline_dev"
    if gone := missing(data):
        yield gone
        return
    if why := without_extra():
        yield why
    test = read_emotion_rows(FOLDER / f"{data}.csv")
    engines: list[tuple[str, Understander]] = [*our_engines(), ("vader", Vader())]
    for name, engine in engines:
        figures: Figures = dict(asyncio.run(evaluate_emotion([engine], test, Policy())))
        figures["cpu_ms_at_32"] = cpu_ms(engine, [row.text for row in test])
        yield {"bench": "emotion", "data": data, "engine": name, **figures}


def language() -> Iterator[Figures]:
    for data in LANGUAGE_DATA:
        if gone := missing(data):
            yield gone
            continue
        plain = rows(data, "language")
        for name, test in ((data, plain), (f"{data}, dressed", with_noise(plain))):
            figures: Figures = dict(asyncio.run(evaluate_language(NluLocal(), test)))
            figures["alone_cpu_ms"] = detection_ms(test)
            yield {"bench": "language", "data": name, "engine": "nlu_local", **figures}


def detection_ms(test: Sequence[Row]) -> float:
    """Milliseconds of processor time to detect the language of a message, and nothing else; the
    minimum of some rounds."""
    greetings = {code: load_phrases(code).greetings for code in PHRASE_FILES}
    detector = LanguageDetector(sorted({code for _, code in test}), greetings)
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for text, _ in test:
            detector.detect(text, closed=True)
        seconds.append(time.process_time() - began)
    return min(seconds) * 1000 / len(test)
