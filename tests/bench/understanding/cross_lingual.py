"""Intents that are taught in English and asked in other languages: xSID, version 0.7.

van der Goot et al., 2021, "From Masked Language Modeling to Translation: Non-English Auxiliary
Tasks Improve Zero-shot Spoken Language Understanding". The engine learns the 300 English
validation sentences; the test sentences are translations of others.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

from gateway import Trainable
from gateway.ops.evaluation import evaluate_intents
from gateway.ops.labelled_rows import Row

from .data import Figures, named_folder
from .engines import PlainIntents, our_engines
from .intents import Trained

VARIABLE = "UNDERSTANDING_XSID"
SOURCE = "data/xSID-0.7 of github.com/mainlp/xsid"
LANGUAGES = ("de", "nl", "tr")
COMMENT = re.compile(r"# (text|intent)\s*[:=]\s*(.*)")
"""A colon in the first versions of the files, an equals sign in the later ones."""


def cross_lingual() -> Iterator[Figures]:
    """Accuracy per language, of the test sentences whose intent was taught."""
    files = ["en.valid.conll", *(f"{code}.test.conll" for code in LANGUAGES)]
    folder = named_folder("xsid", VARIABLE, SOURCE, *files)
    if not isinstance(folder, Path):
        yield folder
        return
    train = read_conll(folder / "en.valid.conll")
    taught = {intent for _, intent in train}
    engines: list[tuple[str, Trainable]] = [*our_engines(), ("tfidf_logreg", PlainIntents())]
    for name, engine in engines:
        trained = Trained(engine.train(train))
        for code in LANGUAGES:
            rows = read_conll(folder / f"{code}.test.conll")
            test = [row for row in rows if row[1] in taught]
            figures = asyncio.run(evaluate_intents(trained, train, test))
            kept = {key: figures[key] for key in ("accuracy", "macro_f1", "ece")}
            line = {"bench": "cross_lingual", "data": f"xsid {code}", "engine": name}
            yield {**line, **kept, "n": len(test)}


def read_conll(file: Path) -> list[Row]:
    """The sentences of a file with their intents, from the comments before their words."""
    rows, text = [], ""
    for line in file.read_text("utf-8").splitlines():
        if found := COMMENT.fullmatch(line):
            key, value = found.groups()
            if key == "text":
                text = value.strip()
            else:
                rows.append((text, value.strip()))
    return rows
