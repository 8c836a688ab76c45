"""The words of simulated customers and agents: templates in data files, one for each language."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec
import yaml

from gateway.model import MoodLabel

_PLACE = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[^\W\d_]{4,}")
TYPOS = 0.1
"""The share of customers' messages with a slip of the fingers."""


class MatterKind(msgspec.Struct, frozen=True, kw_only=True):
    """How customers come with one intent; see ``words/matters.yaml``."""

    share: float
    settled: float
    mood: float = 0.0
    order: bool = False
    needs: bool = False
    person: bool = False
    repeats: float = 0.45


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """Something that no intent covers: how customers ask about it, and what agents answer."""

    ask: tuple[str, ...]
    answer: tuple[str, ...]


class AgentWords(msgspec.Struct, frozen=True, kw_only=True):
    """What agents write. ``openers`` by ``plain`` and ``upset``."""

    openers: Mapping[str, tuple[str, ...]]
    closers: tuple[str, ...]
    steps: tuple[str, ...]
    facts: tuple[str, ...]
    past: tuple[str, ...]
    tips: tuple[str, ...]
    ask_order: tuple[str, ...]
    sorry: tuple[str, ...]
    trigger: tuple[str, ...]
    drift: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language. Placeholders are in braces; ``fills`` has what can stand for them. ``intents``
    is how customers put a matter in words of their own, ``plain`` how most of them do."""

    names: tuple[str, ...]
    fills: Mapping[str, tuple[str, ...]]
    greetings: tuple[str, ...]
    signoffs: tuple[str, ...]
    with_order: tuple[str, ...]
    give_order: tuple[str, ...]
    no_order: tuple[str, ...]
    order_again: tuple[str, ...]
    intents: Mapping[str, tuple[str, ...]]
    plain: Mapping[str, tuple[str, ...]]
    vague: tuple[str, ...]
    others: tuple[str, ...]
    topics: Mapping[str, Topic]
    moods: Mapping[MoodLabel, tuple[str, ...]]
    again: tuple[str, ...]
    not_helped: tuple[str, ...]
    ask_person: tuple[str, ...]
    waiting: tuple[str, ...]
    thanks: Mapping[str, tuple[str, ...]]
    unhelped: tuple[str, ...]
    survey: Mapping[str, tuple[str, ...]]
    agents: AgentWords
    bot: Mapping[str, tuple[str, ...]]
    titles: Mapping[str, str]


@cache
def words_in(language: str) -> Words:
    """The words of ``language``; English where there are none."""
    file = files(__package__) / "words" / f"{language}.yaml"
    if not file.is_file():
        return words_in("en")
    return msgspec.convert(_read(file.read_text("utf-8")), Words)


@cache
def matter_kinds() -> Mapping[str, MatterKind]:
    """How often each intent comes, and how: by its name."""
    text = (files(__package__) / "words" / "matters.yaml").read_text("utf-8")
    return msgspec.convert(_read(text), dict[str, MatterKind])


def _read(text: str) -> object:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (safe)


def fill(
    template: str, values: Mapping[str, str], fills: Mapping[str, Sequence[str]], rng: random.Random
) -> str:
    """``template`` with its placeholders filled: from ``values``, else chosen from ``fills``."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        return rng.choice(fills[name]) if name in fills else match[0]

    return _PLACE.sub(value, template) if "{" in template else template


def with_typo(text: str, rng: random.Random) -> str:
    """``text`` with a slip of the fingers in one word of four letters or more: two letters swapped,
    one doubled or one left out."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = rng.choice(words)
    at = word.start() + rng.randrange(1, len(word[0]) - 2)
    slip = rng.random()
    if slip < 0.5:
        changed = text[at + 1] + text[at]
    elif slip < 0.75:
        changed = text[at] * 2 + text[at + 1]
    else:
        changed = text[at + 1]
    return text[:at] + changed + text[at + 2 :]
