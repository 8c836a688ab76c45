"""The examples in docs/faq.md work, and the page names every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gateway import AnswerEntry, AnswerLink, AnswerText
from plugins.faq import FaqSettings, load
from tests.faq.conftest import Write

PAGE = (Path(__file__).parents[2] / "docs" / "faq.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ANSWERS = [block for block in BLOCKS if block.startswith("answers:")]


@pytest.mark.parametrize("block", ANSWERS)
def test_the_example_answers_load(write: Write, block: str) -> None:
    """Each block of answers is valid."""
    assert load([write(block)], public_url="http://here", slots={"order"}).by_intent


def test_every_example_is_tested() -> None:
    """The page has answers and one configuration, and nothing else."""
    assert len(ANSWERS) >= 4
    assert len(BLOCKS) == len(ANSWERS) + 1


def test_the_configuration_is_valid() -> None:
    """The section is valid as shown."""
    (block,) = (block for block in BLOCKS if block.startswith("plugins:"))
    settings = FaqSettings.model_validate(yaml.safe_load(block)["plugins"]["faq"])
    assert [str(path) for path in settings.answers] == ["answers.yaml", "smalltalk.yaml"]


def test_every_key_is_documented() -> None:
    """The page names every setting and key, with its default."""
    for model in (FaqSettings, AnswerEntry, AnswerText, AnswerLink):
        for name in model.model_fields:
            assert f"`{name}`" in PAGE or f"{name}:" in PAGE, name
    for name, field in FaqSettings.model_fields.items():
        if not field.is_required():
            assert f"| `{name}` | `{str(field.default).lower()}` |" in PAGE
