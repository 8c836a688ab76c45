"""What docs/faq.md shows can be copied and works."""

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
def test_the_examples_are_answers(write: Write, block: str) -> None:
    """Each block of answers is read without a mistake."""
    assert load([write(block)], public_url="http://here").by_intent


def test_no_example_is_left_out() -> None:
    """There are answers and one configuration, and nothing else."""
    assert len(ANSWERS) >= 4
    assert len(BLOCKS) == len(ANSWERS) + 1


def test_the_configuration_is_valid() -> None:
    """The section wakes the package as shown."""
    (block,) = (one for one in BLOCKS if one.startswith("plugins:"))
    settings = FaqSettings.model_validate(yaml.safe_load(block)["plugins"]["faq"])
    assert [str(path) for path in settings.answers] == ["answers.yaml", "smalltalk.yaml"]


def test_every_key_is_told() -> None:
    """Nothing can be set that the page does not name."""
    for model in (FaqSettings, AnswerEntry, AnswerText, AnswerLink):
        for name in model.model_fields:
            assert f"`{name}`" in PAGE or f"{name}:" in PAGE, name
    for name, field in FaqSettings.model_fields.items():
        if not field.is_required():
            assert f"| `{name}` | `{field.default}` |" in PAGE
