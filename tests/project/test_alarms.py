"""The alarms and the dashboard ask for figures that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.runtime.metrics import Metrics
from gateway.store import Backlog

DOCKER = Path(__file__).parents[2] / "docker"
RULES = DOCKER / "prometheus" / "warmline.rules.yml"
BOARD = DOCKER / "grafana" / "warmline.json"
FUNCTIONS = {"sum", "max", "rate", "increase", "histogram_quantile", "by", "le", "up", "job"}


def _questions() -> Iterator[str]:
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(BOARD.read_text("utf-8"))["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def _series() -> dict[str, set[str]]:
    """Each series of /metrics, with its labels."""
    found: dict[str, set[str]] = {}
    for figure in Metrics().registry._collector_to_names:
        labels = set(figure._labelnames)
        [family] = figure.describe()
        suffixes = {
            "counter": ["_total"],
            "gauge": [""],
            "histogram": ["_bucket", "_count", "_sum"],
        }
        for suffix in suffixes[family.type]:
            found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


@pytest.mark.parametrize("question", list(_questions()))
def test_a_question_can_be_answered(question: str) -> None:
    """It names series that exist, and of each only labels that it has; its brackets close."""
    series = _series()
    named = re.findall(r"\bwarmline_\w+", question)
    assert named or question.startswith("up{")
    known = set().union(*(series[name] for name in named))
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", question)
               for label in re.split(r", ?", group)}  # fmt: skip
    matched = set(re.findall(r"(\w+)=~?\"", question)) - {"job"}
    assert grouped | matched <= known
    for opening, closing in ("()", "{}", "[]"):
        assert question.count(opening) == question.count(closing)


def test_the_queues_are_those_of_the_backlog() -> None:
    """A queue that an alarm or a panel names is one that is looked at."""
    asked = "|".join(q for text in _questions() for q in re.findall(r'queue=~?"([^"]*)"', text))
    assert set(asked.split("|")) == set(Backlog.__struct_fields__)


def test_an_alarm_says_what_to_do() -> None:
    """Each has a severity, what is wrong, and where to look."""
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
