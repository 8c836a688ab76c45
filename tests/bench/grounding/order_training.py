"""``python -m tests.bench.grounding.order_training``: learns to tell orders to a model from other
sentences, and writes ``plugins/knowledge/phrasing/orders.json``: a logistic regression on the
packaged encoder.

It learns from ``orders/training.yaml``, from the pages of the first two splits, and from sentences
of the demo shop and of our own pages. It sees no order of the splits, and no list of others.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression

from tests.bench.grounding.inventions import FOLDER, topics
from tests.bench.grounding.trial import packaged_encoder

ROOT = Path(__file__).parents[3]
OUT = ROOT / "plugins" / "knowledge" / "phrasing" / "orders.json"
OF_EACH = 700
"""Sentences that are made in each language."""
REPEATED, NEAR = 15, 4
"""How often the few sentences without a pattern, and those near to orders, count."""
STRENGTH = 3.0
"""The inverse of the regularisation."""


def main() -> None:
    lists = yaml.safe_load((FOLDER / "orders" / "training.yaml").read_text("utf-8"))
    orders = sorted(set(_made(lists["orders"]))) + lists["others"] * REPEATED
    others = sorted(set(_others())) + lists["help_centre"] * NEAR
    encode = packaged_encoder()._encoder.encode
    vectors = np.concatenate([encode(orders), encode(others)])
    labels = np.r_[np.ones(len(orders)), np.zeros(len(others))]
    model = LogisticRegression(C=STRENGTH, max_iter=400, class_weight="balanced")
    model.fit(vectors, labels)
    found = {
        "encoder": "universal",
        "intercept": round(float(model.intercept_[0]), 4),
        "weights": [round(float(weight), 3) for weight in model.coef_[0]],
    }
    OUT.write_text(json.dumps(found) + "\n", "utf-8")


def _made(languages: dict[str, Any]) -> Iterator[str]:
    rng = random.Random(5)  # noqa: S311
    for language, parts in languages.items():
        for _ in range(OF_EACH):
            who, must, say, what, where, command = (
                rng.choice(parts[name])
                for name in ("who", "must", "say", "what", "where", "commands")
            )
            if rng.random() < 0.4:
                words = f"{command} {what} {where}"
            elif language == "de":
                words = f"{who} {must} {what} {where} {say}"
            else:
                words = f"{who} {must} {say} {what} {where}"
            yield re.sub(r"\s+", " ", words).strip() + "."


def _others() -> Iterator[str]:
    for split in ("development", "second"):
        for topic in topics(split):  # type: ignore[arg-type]
            for statement in topic.statements:
                yield from statement.values()
    for folder in ("plugins/demo_shop", "plugins/practice/scenarios", "tests/faq"):
        for file in sorted((ROOT / folder).rglob("*.y*ml")):
            lines = file.read_text("utf-8").split("\n")
            yield from (line.strip(" -\"'") for line in lines if len(line.strip()) > 30)
    for file in sorted((ROOT / "docs").glob("*.md")):
        lines = file.read_text("utf-8").split("\n")
        yield from (line for line in lines if 40 < len(line) < 300 and not line.startswith("|"))


if __name__ == "__main__":
    main()
