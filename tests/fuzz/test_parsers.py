"""Parsers meet what is broken or hostile: their own errors come out, or none.

`make fuzz` looks for more; what it finds stands here, under the name of the wrong behaviour.
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
def test_a_parser_takes_what_the_fuzzer_begins_with(name: str) -> None:
    """Each seed is read, whole and cut short at any of a few places."""
    for seed in seeds(name):
        for end in (len(seed), len(seed) // 2, len(seed) // 3, 1):
            TARGETS[name](seed[:end])


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe\xff", b"[" * 900 + b"]" * 900], ids=repr)
def test_a_parser_takes_what_is_nothing(name: str, data: bytes) -> None:
    """No text, no UTF-8, nothing but brackets: no error but the parser's own."""
    TARGETS[name](data)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_brackets_ended_the_process(name: str) -> None:
    """libyaml's composer overflowed the C stack. (A segmentation fault ends the test run.)"""
    for text in (b"[" * 100_000, b"{a: " * 100_000, b"- " * 100_000):
        TARGETS[name](text)


@pytest.mark.parametrize("name", FILES)
def test_a_small_file_of_aliases_took_for_ever(name: str) -> None:
    """Nine aliases a line stand for 9^12 nodes; that is refused at once."""
    nine = [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 13)]
    text = "\n".join(["nlu: &a0 [x]", *nine])
    begun = time.monotonic()
    TARGETS[name](text.encode())
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 2001-13-45", "a date or a number is none"),
        (f"a: {'1' * 5_000}", "a date or a number is none"),
        ("a: !!timestamp x", "tags"),
        ("a: !!int x", "tags"),
        ("a: \x07", "not YAML"),
        ("a: &a [*a]", "refers to itself"),
        ("[" * 65, "is nested deeper than 64 levels"),
    ],
)
def test_a_scalar_that_is_none_was_a_traceback(tmp_path: Path, text: str, told: str) -> None:
    """What PyYAML answers with a ValueError, a KeyError or worse is told as a problem."""
    file = tmp_path / "warmline.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadConfig, match=told):
        read_yaml(file)


def test_settings_in_another_encoding_were_a_traceback(tmp_path: Path) -> None:
    """A file that is not UTF-8 is named, with what to do."""
    file = tmp_path / "warmline.yaml"
    file.write_bytes("data_dir: M\xfcll".encode("latin-1"))
    with pytest.raises(BadConfig, match=r"warmline\.yaml:1: : not UTF-8"):
        read_yaml(file)


def test_a_key_that_is_a_number_was_a_traceback() -> None:
    """`1: 2` in the settings is an unknown setting."""
    for text in (b"1: 2", b"channels: {1: 2}", b"? [a]\n: 1"):
        TARGETS["settings"](text)


def test_aliases_that_people_write_are_read(tmp_path: Path) -> None:
    """Anchors and merge keys are fine, within bounds."""
    file = tmp_path / "warmline.yaml"
    file.write_text("x: &x {a: 1}\ny: {<<: *x, b: 2}\n", "utf-8")
    assert read_yaml(file)[0] == {"x": {"a": 1}, "y": {"a": 1, "b": 2}}
