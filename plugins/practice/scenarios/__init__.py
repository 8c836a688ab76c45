"""The scenarios that are shipped, and what every customer may say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec

from gateway import packaged_yaml
from plugins.practice.values import PracticeLanguage, PracticeScenario

PACKAGE = "plugins.practice.scenarios"
SHIPPED = "shipped-"
"""What the ids of shipped scenarios begin with."""
_ANY = "any"


@cache
def shipped_scenarios(language: PracticeLanguage) -> tuple[PracticeScenario, ...]:
    """Those of one language, in the order of the index."""
    index = packaged_yaml(PACKAGE, "index.yaml")
    texts = packaged_yaml(PACKAGE, f"{language}.yaml")
    scenarios = []
    for name, head in index.items():
        lines = dict(texts[name])
        shape = {
            **head,
            "id": f"{SHIPPED}{name}",
            "language": language,
            "opening": lines.pop("opening"),
            "lines": lines,
        }
        scenarios.append(msgspec.convert(shape, type=PracticeScenario))
    return tuple(scenarios)


def shipped_scenario(id: str, language: PracticeLanguage) -> PracticeScenario | None:
    """The shipped scenario ``id``; None when there is none."""
    return next((each for each in shipped_scenarios(language) if each.id == id), None)


@cache
def common_lines(language: PracticeLanguage) -> Mapping[str, tuple[str, ...]]:
    """What any customer may say, by what it is said for (see `PracticeScenario`)."""
    lines: Mapping[str, tuple[str, ...]] = msgspec.convert(
        packaged_yaml(PACKAGE, f"{language}.yaml")[_ANY], type=Mapping[str, tuple[str, ...]]
    )
    return lines
