"""The facts of the shop's answers, so that its pages say the same as its chat."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml


def facts(language: str = "en") -> dict[str, dict[str, str]]:
    """Intent -> name -> value, as they stand in the packaged ``answers.yaml``."""
    text = files("plugins.demo_shop").joinpath("demo", "answers.yaml").read_text("utf-8")
    # The base loader keeps 4.90 as it is written.
    tree = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506  (it builds strings alone)
    return {
        intent: {name: _value(given, language) for name, given in answer["facts"].items()}
        for intent, answer in tree["answers"].items()
        if "facts" in answer
    }


def _value(given: Any, language: str) -> str:
    return str(given[language] if isinstance(given, dict) else given)
