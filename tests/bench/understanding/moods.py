"""Moods, escalation by emotion, alarms on calm requests, and harm, in the demo's gateway.

The sentences are our own: ``tests/understanding_data/README.md``. A figure about upset customers
says nothing without the alarms on calm ones, so `moods` always measures both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from gateway import Understander
from gateway.cli.common import gateway_for
from gateway.ops.evaluation import EmotionReading, auroc, mood_shares, read_emotions
from gateway.ops.labelled_rows import EmotionRow, read_emotion_rows, read_rows
from gateway.plugins import PluginRegistry, default_config, installed_plugins
from gateway.routing.policy import Policy
from gateway.settings import Settings, load

from .data import HALVES, OWN, Figures, named_folder
from .engines import our_engines

ENGINE = "nlu_local"
TWEETS = "UNDERSTANDING_TWEETS"
XLM_T = "github.com/cardiffnlp/xlm-t"
TWEET_LANGUAGES: Mapping[str, str] = {"de": "german", "fr": "french", "es": "spanish"}
NEGATIVE = "0"
"""The label of negative tweets; 1 is neutral, 2 is positive."""


def moods() -> Iterator[Figures]:
    """Two files of moods and traps, and the halves of the calm requests."""
    with demo() as (engines, policy):
        for name in ("moods_a", "moods_b"):
            readings = _read(engines, policy, read_emotion_rows(OWN / f"{name}.csv"))
            yield _line("moods", name, _by_language(readings, tuple(mood_shares(readings))))
        readings = _read(engines, policy, read_emotion_rows(OWN / "calm.csv"))
        parts = {half: readings[rows] for half, rows in HALVES.items()}
        parts["strangers"] = _read(engines, policy, read_emotion_rows(OWN / "calm_strangers.csv"))
        for name, part in parts.items():
            figures = _by_language(part, ("mood_accuracy", "alarm_rate"))
            yield _line("moods", f"calm {name}", figures)


def harm() -> Iterator[Figures]:
    """The share of dangers that are recognised as `harm`, and of other messages that are, too."""
    with demo() as (engines, policy):

        def flags(rows: Sequence[EmotionRow]) -> NDArray[np.bool_]:
            read = _read(engines, policy, rows)
            return np.array(["harm" in reading.reasons for reading in read])

        for name, parts in (("harm", HALVES), ("harm_strangers", {"strangers": slice(None)})):
            labelled = read_rows(OWN / f"{name}.csv", "harm", allowed=frozenset({"0", "1"}))
            danger = np.array([label == "1" for _, label in labelled])
            found = flags([EmotionRow(text=text) for text, _ in labelled])
            calm = flags(read_emotion_rows(OWN / f"{name.replace('harm', 'calm')}.csv"))
            for part, rows in parts.items():
                yield _line("harm", f"harm {part}", {
                    "recall": float(found[rows][danger[rows]].mean()),
                    "alarm_rate": float(found[rows][~danger[rows]].mean()),
                    "calm_alarm_rate": float(calm[rows].mean()),
                    "n": len(found[rows]),
                })  # fmt: skip


def tweets() -> Iterator[Figures]:
    """How well `distress` ranks negative tweets before all others, per language (Barbieri et al.,
    2022, "XLM-T: Multilingual Language Models in Twitter for Sentiment Analysis")."""
    files = [
        f"data/sentiment/{name}/test_{kind}.txt"
        for name in TWEET_LANGUAGES.values()
        for kind in ("text", "labels")
    ]
    folder = named_folder("tweets", TWEETS, XLM_T, *files)
    if not isinstance(folder, Path):
        yield folder
        return
    engine = dict(our_engines())[ENGINE]
    for code, name in TWEET_LANGUAGES.items():
        data = folder / "data" / "sentiment" / name
        texts = (data / "test_text.txt").read_text("utf-8").rstrip("\n").split("\n")
        labels = (data / "test_labels.txt").read_text("utf-8").split()
        readings = _read([engine], Policy(), [EmotionRow(text=text) for text in texts])
        scores = np.array([reading.distress for reading in readings])
        negative = np.array([label == NEGATIVE for label in labels])
        figures = {"negative_auroc": auroc(scores, negative), "n": len(texts)}
        yield _line("tweets", f"tweets {code}", figures)


@contextmanager
def demo() -> Iterator[tuple[Sequence[Understander], Policy]]:
    """The engines and the policy of the demo shop, with a data folder of their own."""
    with TemporaryDirectory(prefix="warmline-bench-") as folder:
        gateway = gateway_for(demo_settings(Path(folder)))
        yield gateway.registrations.understanders, gateway.policy


def demo_settings(folder: Path) -> Settings:
    """The demo's settings with ``folder`` for its data."""
    return with_data_in(folder, default_config())


def with_data_in(folder: Path, config: Path | None) -> Settings:
    """The settings of the file ``config`` with ``folder`` for its data."""
    settings = load(config, PluginRegistry(installed_plugins()).declared())
    return settings.replace(core=settings.core.model_copy(update={"data_dir": folder}))


def _read(
    engines: Sequence[Understander], policy: Policy, rows: Sequence[EmotionRow]
) -> list[EmotionReading]:
    readings, _ = asyncio.run(read_emotions(engines, rows, policy))
    return readings


def _by_language(readings: Sequence[EmotionReading], names: Sequence[str]) -> Figures:
    """The shares ``names`` of all readings, and of each language as ``name_de``."""
    groups = {"": list(readings)}
    for reading in readings:
        groups.setdefault(f"_{reading.row.language}", []).append(reading)
    figures: Figures = {"n": len(readings)}
    for suffix, group in groups.items():
        shares = mood_shares(group)
        figures |= {f"{name}{suffix}": shares[name] for name in names}
    return figures


def _line(bench: str, data: str, figures: Figures) -> Figures:
    return {"bench": bench, "data": data, "engine": ENGINE, **figures}
