"""The results: the targets that `make bench` holds them to, and a table of all figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from rich.console import Console
from rich.table import Table

from tests.bench.report import Report

from .data import Figures
from .engines import SEMANTIC

Place = tuple[str, str]
"""Data and engine."""

ALL = ("en", "de", "fr", "es")
"""Languages that are served in full."""
MOODS = {
    "mood_accuracy": 0.82,
    "escalate_precision": 0.88,
    "escalate_recall": 0.80,
    **{f"mood_accuracy_{code}": 0.78 for code in ALL},
}
CALM = {
    **{f"alarm_rate_{code}": 0.02 for code in ALL},
    **{f"alarm_rate_{code}": 0.03 for code in ("it", "nl")},
}
HARM_ALARMS = {"alarm_rate": 0.005, "calm_alarm_rate": 0.005}

LEAST: Mapping[Place, Mapping[str, float]] = {
    ("banking77 x10", "nlu_local"): {"accuracy": 0.81},
    ("banking77 x5", "nlu_local"): {"accuracy": 0.66},
    ("clinc150 x10", "nlu_local"): {"accuracy": 0.90, "oos_auroc": 0.96},
    ("banking77 x10", SEMANTIC): {"accuracy": 0.86},
    ("clinc150 x10", SEMANTIC): {"oos_auroc": 0.95},
    ("xsid de", "nlu_local"): {"accuracy": 0.85},
    ("xsid nl", "nlu_local"): {"accuracy": 0.85},
    ("xsid tr", "nlu_local"): {"accuracy": 0.85},
    ("airline_dev", "nlu_local"): {"auroc": 0.87, "recall_at_precision_90": 0.58},
    ("airline_dev", SEMANTIC): {"auroc": 0.85, "recall_at_precision_90": 0.63},
    ("moods_a", "nlu_local"): MOODS,
    ("moods_b", "nlu_local"): MOODS,
    ("harm seen", "nlu_local"): {"recall": 0.95},
    ("harm unseen", "nlu_local"): {"recall": 0.95},
    ("tweets de", "nlu_local"): {"negative_auroc": 0.77},
    ("tweets fr", "nlu_local"): {"negative_auroc": 0.77},
    ("tweets es", "nlu_local"): {"negative_auroc": 0.77},
    ("language_dev", "nlu_local"): {"accuracy": 0.995},
    ("language_short_dev", "nlu_local"): {"accuracy": 0.98},
    ("language_dev, dressed", "nlu_local"): {"accuracy": 0.95},
    ("language_short_dev, dressed", "nlu_local"): {"accuracy": 0.95},
}
"""What a figure must reach."""
MOST: Mapping[Place, Mapping[str, float]] = {
    ("banking77 x10", "nlu_local"): {"cpu_ms_at_32": 1.0},
    ("clinc150 x10", "nlu_local"): {"cpu_ms_at_32": 1.0},
    ("banking77 x10", SEMANTIC): {"ece": 0.03, "cpu_ms_at_32": 12.0},
    ("clinc150 x10", SEMANTIC): {"cpu_ms_at_32": 12.0},
    ("language_dev", "nlu_local"): {"alone_cpu_ms": 0.3},
    ("language_short_dev", "nlu_local"): {"alone_cpu_ms": 0.3},
}
"""What it must stay below."""
AT_MOST: Mapping[Place, Mapping[str, float]] = {
    ("banking77 x10", "nlu_local"): {"ece": 0.03},
    ("calm seen", "nlu_local"): CALM,
    ("calm unseen", "nlu_local"): CALM,
    ("harm seen", "nlu_local"): HARM_ALARMS,
    ("harm unseen", "nlu_local"): HARM_ALARMS,
    ("demo", "nlu_local"): {"wrong": 0.03, "needless_trivial": 0.05},
    ("three", "nlu_local"): {"wrong_off_topic": 0.03},
}
"""What it must not exceed: shares of few rows, which often are exactly the bound."""
PARTS = {
    "xsid": "cross_lingual",
    "airline": "emotion",
    "moods": "moods",
    "calm": "moods",
    "harm": "harm",
    "tweets": "tweets",
    "demo": "answers",
    "three": "answers",
    "language": "language",
}
"""The part of the benchmark by the beginning of the data's name; of all others `intents`."""
UNITS = {"cpu_ms_at_32": "ms", "alone_cpu_ms": "ms"}
NOT_FIGURES = ("bench", "data", "engine", "seeds", "epochs")


def judge(line: Figures, report: Report) -> None:
    """Report how the figures of ``line`` compare with their targets."""
    place = (str(line.get("data")), str(line.get("engine")))
    kinds = ((LEAST, report.judge), (MOST, report.bound), (AT_MOST, report.cap))
    for targets, compare in kinds:
        for key, target in targets.get(place, {}).items():
            if (value := line.get(key)) is not None:
                compare(".".join((*place, key)), value, UNITS.get(key, ""), target)


def report_unmeasured(parts: Sequence[str], lines: Sequence[Figures], report: Report) -> None:
    """Fail for each target of ``parts`` without a figure, unless a line says that its data or its
    engine is missing here."""
    lacks = tuple(str(line["lacks"]) for line in lines if "lacks" in line)
    for place in dict.fromkeys((*LEAST, *MOST, *AT_MOST)):
        data, engine = place
        part = next((part for start, part in PARTS.items() if data.startswith(start)), "intents")
        if part not in parts or data.startswith(lacks) or engine in lacks:
            continue
        measured = [line for line in lines if (line.get("data"), line.get("engine")) == place]
        kinds = (targets.get(place, {}) for targets in (LEAST, MOST, AT_MOST))
        for key in chain.from_iterable(kinds):
            if all(line.get(key) is None for line in measured):
                report.lack(".".join((*place, key)), describe_target(place, key))


def describe_target(place: Place, key: str) -> str:
    """A target as text; empty without one."""
    signs = {">=": LEAST, "<": MOST, "<=": AT_MOST}
    found = (
        f"{sign} {targets[place][key]:g}"
        for sign, targets in signs.items()
        if key in targets.get(place, {})
    )
    return next(found, "")


def show_table(lines: Sequence[Figures]) -> None:
    """Print a table on stderr: a row for each figure, a column for each engine, targets in
    brackets. Below it is what was skipped."""
    measured = [line for line in lines if "engine" in line]
    engines = list(dict.fromkeys(line["engine"] for line in measured))
    table = Table(title="Understanding")
    table.add_column("data")
    table.add_column("figure")
    for engine in engines:
        table.add_column(engine, justify="right")
    for data in dict.fromkeys(line["data"] for line in measured):
        by_engine = {line["engine"]: line for line in measured if line["data"] == data}
        for number, key in enumerate(_keys(by_engine.values())):
            cells = [_cell(by_engine.get(engine), key) for engine in engines]
            table.add_row("" if number else data, key, *cells)
        table.add_section()
    console = Console(stderr=True)
    console.print(table)
    for why in dict.fromkeys(line["skipped"] for line in lines if "skipped" in line):
        console.print(f"skipped: {why}", markup=False, highlight=False)


def _keys(lines: Iterable[Figures]) -> list[str]:
    found = (key for line in lines for key in line)
    return [key for key in dict.fromkeys(found) if key not in NOT_FIGURES]


def _cell(line: Figures | None, key: str) -> str:
    value = line.get(key) if line else None
    if line is None or value is None:
        return ""
    target = describe_target((line["data"], line["engine"]), key)
    figure = str(value) if isinstance(value, int) else f"{value:.3f}"
    return f"{figure}{f' [{target}]' if target else ''}"
