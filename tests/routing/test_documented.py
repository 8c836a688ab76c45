"""docs/routing.md documents every key with its default, and its examples load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from gateway.routing.policy import Hours, Policy, Tier, load_policy
from plugins.context_history import HistorySettings
from plugins.escalation import EscalationSettings
from plugins.escalation.texts import TEXTS
from plugins.followup import FollowupSettings

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text("utf-8")
EXAMPLES = re.findall(r'```yaml title="(\S+)"\n(.*?)```', PAGE, re.DOTALL)
ROWS = dict(re.findall(r"^\| `([\w.*]+)` \| (.*?) \|", PAGE, re.MULTILINE))
PLUGINS = {
    "escalation": EscalationSettings,
    "followup": FollowupSettings,
    "context_history": HistorySettings,
}
COMMON = ("enabled", "tier", "priority")


def keys(model: type[BaseModel], under: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = next(
            (t for t in (field.annotation, *get_args(field.annotation))
             if isinstance(t, type) and issubclass(t, BaseModel)),
            None,
        )  # fmt: skip
        if under and inner is None:
            yield f"{under}.{name}"
        elif inner is None:
            yield name
        elif inner is Tier:
            yield from (name, *keys(inner, f"{name}.*"))
        else:
            yield from ([name] if inner is Hours else [])
            yield from keys(inner, f"{under}.{name}".strip("."))


def documented_name(key: str) -> str:
    """The page leaves out ``reasons.``, and lists the common keys once."""
    key = key.removeprefix("reasons.")
    return key.rpartition(".")[2] if key.rpartition(".")[2] in COMMON else key


@pytest.mark.parametrize("key", sorted({documented_name(key) for key in keys(Policy)}))
def test_every_key_of_the_policy_is_documented(key: str) -> None:
    """Each has a row of a table."""
    assert key in ROWS


@pytest.mark.parametrize("name", [key for key in keys(Policy) if key.endswith(".priority")])
def test_every_reason_is_documented_with_its_priority(name: str) -> None:
    """The priority is the default of the policy."""
    reason = name.split(".")[1]
    assert ROWS[reason] == str(getattr(Policy().reasons, reason).priority)


@pytest.mark.parametrize("key", sorted(ROWS))
def test_every_number_on_the_page_is_the_default(key: str) -> None:
    """Numbers in the default column equal the defaults of the settings."""
    number = re.fullmatch(r"`([\d.]+)`", ROWS[key])
    if not number:
        return
    found: object = None
    for start in (Policy(), Policy().reasons, FollowupSettings(), HistorySettings(),
                  EscalationSettings()):  # fmt: skip
        found = start
        for part in key.replace("tiers.*", "tiers.front").split("."):
            found = found[part] if isinstance(found, dict) else getattr(found, part, None)
        if found is not None:
            break
    assert float(number[1]) == found


@pytest.mark.parametrize(
    "key", sorted({k for model in PLUGINS.values() for k in model.model_fields})
)
def test_every_key_of_the_plugins_is_documented(key: str) -> None:
    """The page lists all settings of the three plugins."""
    assert key in ROWS


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_every_kind_of_line_is_documented(kind: str) -> None:
    """The page names every line that can be replaced."""
    assert f"`{kind}`" in PAGE


def test_the_example_policy_loads(tmp_path: Path) -> None:
    """The policy on the page is valid."""
    (text,) = [text for title, text in EXAMPLES if title == "policy.yaml"]
    file = tmp_path / "policy.yaml"
    file.write_text(text, "utf-8")
    policy = load_policy(file)
    assert policy.tiers["front"].next == "workshop"
    assert policy.reasons.harm.priority == 3


def test_the_example_sections_load() -> None:
    """The plugins accept their sections on the page."""
    seen = set()
    for title, text in EXAMPLES:
        if title == "warmline.yaml":
            for name, values in (yaml.safe_load(text).get("plugins") or {}).items():
                PLUGINS[name].model_validate(values)
                seen.add(name)
    assert seen == set(PLUGINS)
