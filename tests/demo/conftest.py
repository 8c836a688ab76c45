"""The demo's files, read once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.routing.policy import Policy, load_policy
from plugins.demo_shop import config
from plugins.faq import FaqAnswers, load

LANGUAGES = {"en": "nlu.yml", "de": "nlu.de.yml", "fr": "nlu.fr.yml", "es": "nlu.es.yml"}
Examples = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="session")
def demo() -> Path:
    """The folder of the demo's files."""
    return config().parent


@pytest.fixture(scope="session")
def examples(demo: Path) -> Examples:
    """Language -> intent -> what customers say."""
    found: Examples = {}
    for language, name in LANGUAGES.items():
        tree = yaml.safe_load((demo / name).read_text("utf-8"))
        found[language] = {
            entry["intent"]: [line.removeprefix("- ") for line in entry["examples"].splitlines()]
            for entry in tree["nlu"]
        }
    return found


@pytest.fixture(scope="session")
def answers(demo: Path) -> FaqAnswers:
    files = [demo / "answers.yaml", demo / "smalltalk.yaml"]
    return load(files, public_url="http://here", slots={"order", "email"})


@pytest.fixture(scope="session")
def policy(demo: Path) -> Policy:
    return load_policy(demo / "policy.yaml")
