"""ReDoS: no pattern of ours takes long over any text of a size that may come in."""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import brand_voice
import channels
import gateway
import plugins
from plugins.followup.survey_answers import LONGEST
from plugins.nlu_local.text import MAX_CHARACTERS

SIZE = 2_000
"""Characters. A pattern that tries exponentially many ways, or a cubic number, takes minutes over
so many."""
BOUND = 0.02
"""Seconds of this process's time for one pattern and text. A quadratic one takes a hundred times
as long over `limits.text` (20,000 characters): two seconds."""
SHORT = {"plugins.followup.survey_answers": LONGEST, "plugins.nlu_local": MAX_CHARACTERS}
"""Modules that never read more characters than these: those alone are bounded, by `SLOWEST`."""
SLOWEST = 1.0
PACKAGES = (gateway, channels, plugins, brand_voice)
SEEDS = (
    *("a", " ", "a ", "1", "1 ", "\n", "> ", "<", "a@", "a.", "*a", "[a](", "http://a.", "+1 "),
    *("é", "((", "a,", "On a ", "no ", "a-", ": ", "\r\n", "0:", "<a ", "\u200b"),
)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" in found.name:
            continue  # run by alembic alone
        yield importlib.import_module(found.name)


def _within(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for one in value.values():
            yield from _within(one, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _within(one, depth - 1)


def _patterns() -> dict[str, re.Pattern[Any]]:
    """Every pattern that a module of ours keeps, by where it is kept."""
    found: dict[str, re.Pattern[Any]] = {}
    for package in PACKAGES:
        for module in _modules(package):
            for name, value in vars(module).items():
                for number, pattern in enumerate(_within(value)):
                    if pattern not in found.values():
                        found[f"{module.__name__}.{name}[{number}]"] = pattern
    return found


PATTERNS = _patterns()
SOURCE = "\n".join(
    file.read_text("utf-8")
    for package in PACKAGES
    for file in Path(package.__path__[0]).rglob("*.py")
)
ANCHORED = {"match", "fullmatch"}


def _uses(where: str) -> set[str]:
    """How a pattern is used: only from a fixed place, where the code says so, else anywhere."""
    name = where.partition("[")[0].rpartition(".")[2]
    used = set(re.findall(rf"\b{name}\.(\w+)\(", SOURCE))
    return used if used and used <= ANCHORED else {"search", "fullmatch"}


def _bounds(where: str) -> tuple[int, float]:
    """Characters and seconds."""
    for module, size in SHORT.items():
        if where.startswith(f"{module}."):
            return size, SLOWEST
    return SIZE, BOUND


def _hostile(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Repetitions that a pattern may try in very many ways, of our making and of its own letters,
    with an end that does not fit."""
    own = re.sub(r"\\[A-Za-z]|[\\\[\](){}^$?*+|.]", "", str(pattern.pattern))[:12]
    for seed in (*SEEDS, *({own} if own else ())):
        body = seed * (size // len(seed))
        yield body + "\x00"


def _took(how: Callable[[Any], object], subject: Any, bound: float) -> float:
    """Seconds of the best of five, so that a busy machine is not taken for a slow pattern."""
    best = math.inf
    for _ in range(5):
        began = time.process_time()
        how(subject)
        best = min(best, time.process_time() - began)
        if best < bound:
            break
    return best


def test_there_are_patterns() -> None:
    """The search finds those of all packages."""
    tops = {name.partition(".")[0] for name in PATTERNS}
    assert tops == {"gateway", "channels", "plugins", "brand_voice"}
    assert len(PATTERNS) > 60


@pytest.mark.parametrize("where", PATTERNS)
def test_a_text_kept_a_pattern_busy(where: str) -> None:
    """Over hostile texts of the greatest size, as it is used, it is quick."""
    pattern = PATTERNS[where]
    size, bound = _bounds(where)
    uses = _uses(where)
    for text in _hostile(pattern, size):
        subject: Any = text.encode() if isinstance(pattern.pattern, bytes) else text
        for name in uses:
            took = _took(getattr(pattern, name), subject, bound)
            assert took < bound, f"{name} of {text[:12]!r}... took {took:.3f} s"
