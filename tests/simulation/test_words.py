"""What simulated customers and agents write."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.testing.simulation.words import fill, matter_kinds, with_typo, words_in

ROOT = Path(__file__).parents[2]
EXAMPLES = (
    *ROOT.glob("plugins/demo_shop/demo/nlu*.yml"),
    *ROOT.glob("plugins/nlu_local/packaged/*"),
)
LANGUAGES = ("en", "de", "fr", "es")
GIVEN = {"order", "name", "first", "agent", "body", "score", "matter"}
"""Placeholders that the simulation itself fills in."""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in ("fills", "names", "titles"):
                yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _plain(text: str) -> str:
    return re.sub(r"[^\w ]", "", text.casefold()).strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_an_example_that_engines_learn_from(language: str) -> None:
    """Otherwise a simulated month would say too much good of the readers."""
    examples = {
        _plain(line.removeprefix("    - "))
        for file in EXAMPLES
        for line in file.read_text("utf-8").splitlines()
        if line.strip().startswith("- ")
    }
    assert len(examples) > 1000
    words = words_in(language)
    texts = {_plain(text) for group in (words.intents, words.plain) for text in _texts(group)}
    texts |= {_plain(text) for text in words.others}
    assert texts & examples == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_matter_and_placeholder_has_words(language: str) -> None:
    """Each intent can be put in each language, and nothing in braces is left over."""
    words = words_in(language)
    expected = set(matter_kinds()) - {"oos"}
    assert set(words.intents) == set(words.plain) == expected
    assert set(words.titles) == {*expected, "oos"}
    assert words.topics.keys() == words_in("en").topics.keys()
    used = {name for t in _texts(msgspec.to_builtins(words)) for name in re.findall(r"{(\w+)}", t)}
    assert used <= {*words.fills, *GIVEN}


def test_a_language_without_words_is_english() -> None:
    assert words_in("xx") is words_in("en")


def test_placeholders_are_filled_from_values_and_fills() -> None:
    rng = random.Random(1)  # noqa: S311  (not a secret)
    text = fill("{order} on {day}, {other}", {"order": "MP-20001"}, {"day": ["Monday"]}, rng)
    assert text == "MP-20001 on Monday, {other}"


def test_a_typo_changes_one_word_and_never_a_number() -> None:
    """It swaps, doubles or drops one letter in the middle of a word."""
    text = "Where is order MP-20417 of 12 March?"
    rng = random.Random(1)  # noqa: S311  (not a secret)
    slips = {with_typo(text, rng) for _ in range(50)}
    assert len(slips) > 10
    assert all("MP-20417" in slip and abs(len(slip) - len(text)) <= 1 for slip in slips)
    assert with_typo("ok 1 2", rng) == "ok 1 2"
