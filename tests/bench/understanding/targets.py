"""What is aimed at: the figures that `make bench` fails below (or above)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench.report import Report

from .data import Figures
from .ours import SEMANTIC

LEAST: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("banking77 x10", "nlu_local"): {"accuracy": 0.77},
    ("banking77 x5", "nlu_local"): {"accuracy": 0.66},
    ("clinc150 x10", "nlu_local"): {"accuracy": 0.83, "oos_auroc": 0.92},
    ("banking77 x10", SEMANTIC): {"accuracy": 0.86},
    ("clinc150 x10", SEMANTIC): {"oos_auroc": 0.95},
    ("airline_dev", "nlu_local"): {"auroc": 0.83, "recall_at_precision_90": 0.58},
    ("airline_dev", SEMANTIC): {"auroc": 0.85, "recall_at_precision_90": 0.63},
    ("language_dev", "nlu_local"): {"accuracy": 0.995},
    ("language_short_dev", "nlu_local"): {"accuracy": 0.98},
    ("language_dev, dressed", "nlu_local"): {"accuracy": 0.95},
    ("language_short_dev, dressed", "nlu_local"): {"accuracy": 0.95},
}
MOST: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("banking77 x10", "nlu_local"): {"ece": 0.06, "cpu_ms_at_32": 1.0},
    ("clinc150 x10", "nlu_local"): {"cpu_ms_at_32": 1.0},
    ("banking77 x10", SEMANTIC): {"ece": 0.03, "cpu_ms_at_32": 12.0},
    ("clinc150 x10", SEMANTIC): {"cpu_ms_at_32": 12.0},
    ("language_dev", "nlu_local"): {"alone_cpu_ms": 0.3},
    ("language_short_dev", "nlu_local"): {"alone_cpu_ms": 0.3},
}
PART = {"airline": "emotion", "language": "language"}
"""The part that data are for, by what their names begin with; of all others, `intents`."""
UNITS = {"cpu_ms_at_32": "ms", "alone_cpu_ms": "ms"}


def judge(line: Figures, report: Report) -> None:
    """Tell ``report`` how the figures of ``line`` compare with what is aimed at."""
    place = (str(line.get("data")), str(line.get("engine")))
    for key, target in LEAST.get(place, {}).items():
        if (value := line.get(key)) is not None:
            report.judge(_name(place, key), value, UNITS.get(key, ""), target)
    for key, target in MOST.get(place, {}).items():
        if (value := line.get(key)) is not None:
            report.bound(_name(place, key), value, UNITS.get(key, ""), target)


def unmeasured(parts: Sequence[str], lines: Sequence[Figures], report: Report) -> None:
    """Fail for each target of ``parts`` that no line has a figure for, unless a line tells that
    its data or its engine are not here."""
    lacks = tuple(str(line["lacks"]) for line in lines if "lacks" in line)
    for place in dict.fromkeys((*LEAST, *MOST)):
        data, engine = place
        if part_of(data) not in parts or data.startswith(lacks) or engine in lacks:
            continue
        told = [line for line in lines if (line.get("data"), line.get("engine")) == place]
        for key in (*LEAST.get(place, {}), *MOST.get(place, {})):
            if all(line.get(key) is None for line in told):
                report.lack(_name(place, key), aim(data, engine, key))


def part_of(data: str) -> str:
    """The part of the bench that measures with ``data``."""
    return next((part for start, part in PART.items() if data.startswith(start)), "intents")


def aim(data: str, engine: str, key: str) -> str:
    """A target in words for the table; empty without one."""
    least, most = LEAST.get((data, engine), {}).get(key), MOST.get((data, engine), {}).get(key)
    return f">= {least:g}" if least is not None else f"< {most:g}" if most is not None else ""


def _name(place: tuple[str, str], key: str) -> str:
    return ".".join((*place, key))
