"""ReDoS: none of our patterns takes long on a text of the largest size that it gets."""

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
"""Characters. An exponential or cubic pattern takes minutes for so many."""
BOUND = 0.02
"""Seconds of process time for one pattern and text. A quadratic pattern takes a hundred times as
long for `limits.text` (20,000 characters): two seconds."""
SHORT = {"plugins.followup.survey_answers": LONGEST, "plugins.nlu_local": MAX_CHARACTERS}
"""Modules that read at most so many characters. Their bound is `SLOWEST`."""
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
        for item in value.values():
            yield from _within(item, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _within(item, depth - 1)


def _patterns() -> dict[str, re.Pattern[Any]]:
    """The patterns in the globals of our modules, by their place."""
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
    """The methods that the code calls if they are anchored, else ``search`` and ``fullmatch``."""
    name = where.partition("[")[0].rpartition(".")[2]
    used = set(re.findall(rf"\b{name}\.(\w+)\(", SOURCE))
    return used if used and used <= ANCHORED else {"search", "fullmatch"}


def _bounds(where: str) -> tuple[int, float]:
    """The size of the text in characters, and the bound in seconds."""
    for module, size in SHORT.items():
        if where.startswith(f"{module}."):
            return size, SLOWEST
    return SIZE, BOUND


def _hostile(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Repetitions of our seeds and of the pattern's own letters, with an end that cannot match, so
    that a bad pattern tries very many ways."""
    own = re.sub(r"\\[A-Za-z]|[\\\[\](){}^$?*+|.]", "", str(pattern.pattern))[:12]
    for seed in (*SEEDS, *({own} if own else ())):
        body = seed * (size // len(seed))
        yield body + "\x00"


def _took(how: Callable[[Any], object], subject: Any, bound: float) -> float:
    """Seconds of the fastest of five runs: a busy machine must not look like a slow pattern."""
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
def test_no_text_keeps_a_pattern_busy(where: str) -> None:
    """Each pattern is quick on hostile texts of the largest size, in the way that it is used."""
    pattern = PATTERNS[where]
    size, bound = _bounds(where)
    uses = _uses(where)
    for text in _hostile(pattern, size):
        subject: Any = text.encode() if isinstance(pattern.pattern, bytes) else text
        for name in uses:
            took = _took(getattr(pattern, name), subject, bound)
            assert took < bound, f"{name} of {text[:12]!r}... took {took:.3f} s"
