"""The alerts and the dashboard use metrics that exist."""

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


def _queries() -> Iterator[str]:
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(BOARD.read_text("utf-8"))["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def _series() -> dict[str, set[str]]:
    """Each series of /metrics with its labels."""
    found: dict[str, set[str]] = {}
    for figure in Metrics().registry._collector_to_names:
        labels = set(getattr(figure, "label_names", None) or figure._labelnames)
        [family] = figure.describe()
        suffixes = {
            "counter": ["_total"],
            "gauge": [""],
            "histogram": ["_bucket", "_count", "_sum"],
        }
        for suffix in suffixes[family.type]:
            found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


@pytest.mark.parametrize("query", list(_queries()))
def test_a_query_uses_existing_series_and_labels(query: str) -> None:
    """Its brackets are closed, too."""
    series = _series()
    named = re.findall(r"\bwarmline_\w+", query)
    assert named or query.startswith("up{")
    known = set().union(*(series[name] for name in named))
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", query)
               for label in re.split(r", ?", group)}  # fmt: skip
    matched = set(re.findall(r"(\w+)=~?\"", query)) - {"job"}
    assert grouped | matched <= known
    for opening, closing in ("()", "{}", "[]"):
        assert query.count(opening) == query.count(closing)


def test_every_queue_of_the_backlog_is_used() -> None:
    """Alerts and panels name exactly the queues that are measured."""
    asked = "|".join(q for text in _queries() for q in re.findall(r'queue=~?"([^"]*)"', text))
    assert set(asked.split("|")) == set(Backlog.__struct_fields__)


def test_an_alert_says_what_to_do() -> None:
    """Each has a severity, a summary, and a description."""
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
