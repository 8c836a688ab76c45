"""Parsers of broken or hostile input raise their own errors or none.

`make fuzz` looks for more. Each of its findings has a test here.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway import BadConfig
from gateway.settings import read_yaml

from .targets import TARGETS, seeds

FILES = ("nlu", "answers", "guide", "policy", "settings")
QUICK = sorted(TARGETS.keys() - {"understand"})


@pytest.mark.parametrize("name", QUICK)
def test_every_parser_accepts_its_seeds(name: str) -> None:
    """Whole, and cut at several places."""
    for seed in seeds(name):
        for end in (len(seed), len(seed) // 2, len(seed) // 3, 1):
            TARGETS[name](seed[:end])


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe\xff", b"[" * 900 + b"]" * 900], ids=repr)
def test_every_parser_accepts_nonsense(name: str, data: bytes) -> None:
    """Nothing, bytes that are not UTF-8, or only brackets: it raises no errors but its own."""
    TARGETS[name](data)


@pytest.mark.parametrize("name", FILES)
def test_deep_nesting_is_refused(name: str) -> None:
    """It would overflow the C stack in libyaml's composer, which ends the process."""
    for text in (b"[" * 100_000, b"{a: " * 100_000, b"- " * 100_000):
        TARGETS[name](text)


@pytest.mark.parametrize("name", FILES)
def test_exponential_aliases_are_refused_at_once(name: str) -> None:
    """Nine aliases on each of twelve lines mean 9^12 nodes."""
    nine = [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 13)]
    text = "\n".join(["nlu: &a0 [x]", *nine])
    begun = time.monotonic()
    TARGETS[name](text.encode())
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 2001-13-45", "a date or number is not valid"),
        (f"a: {'1' * 5_000}", "a date or number is not valid"),
        ("a: !!timestamp x", "tags"),
        ("a: !!int x", "tags"),
        ("a: \x07", "not YAML"),
        ("a: &a [*a]", "refers to itself"),
        ("[" * 65, "is nested deeper than 64 levels"),
    ],
)
def test_an_invalid_value_is_a_problem_of_the_file(tmp_path: Path, text: str, problem: str) -> None:
    """Also one for which PyYAML raises a ValueError, a KeyError or worse."""
    file = tmp_path / "warmline.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadConfig, match=problem):
        read_yaml(file)


def test_settings_in_another_encoding_are_refused(tmp_path: Path) -> None:
    """The error names the file and says what to do."""
    file = tmp_path / "warmline.yaml"
    file.write_bytes("data_dir: M\xfcll".encode("latin-1"))
    with pytest.raises(BadConfig, match=r"warmline\.yaml:1: : not UTF-8"):
        read_yaml(file)


def test_a_key_that_is_not_text_is_an_unknown_setting() -> None:
    """Such as `1: 2`."""
    for text in (b"1: 2", b"channels: {1: 2}", b"? [a]\n: 1"):
        TARGETS["settings"](text)


def test_ordinary_aliases_are_read(tmp_path: Path) -> None:
    """Anchors and merge keys are allowed within bounds."""
    file = tmp_path / "warmline.yaml"
    file.write_text("x: &x {a: 1}\ny: {<<: *x, b: 2}\n", "utf-8")
    assert read_yaml(file)[0] == {"x": {"a": 1}, "y": {"a": 1, "b": 2}}
