"""Examples in Rasa's nlu.yml format, and the errors for files with mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import BadConfig
from plugins.nlu_local.examples import read_examples

WHOLE = """\
version: "3.1"
nlu:
- intent: opening_hours
  examples: |
    - When do you [open](action)?
    - Are you open on [Sunday]{"entity": "day", "value": "sun"}?

    # a comment
    -   opening   hours
- lookup: city
  examples: |
    - Bonn
- synonym: Germany
  examples: |
    - DE
- regex: order
  examples: |
    - \\d{5}
- intent: refund
  examples:
  - text: |
      I want a refund
  - text: refund please
"""


def write(folder: Path, text: str, name: str = "nlu.yml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_examples_are_read(tmp_path: Path) -> None:
    """An annotation becomes its words; lookups, synonyms, regexes and comments are skipped."""
    assert read_examples([write(tmp_path, WHOLE)]) == [
        ("When do you open?", "opening_hours"),
        ("Are you open on Sunday?", "opening_hours"),
        ("opening hours", "opening_hours"),
        ("I want a refund", "refund"),
        ("refund please", "refund"),
    ]


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    """Their examples are joined without duplicates; a file of answers is skipped."""
    write(tmp_path, WHOLE, "a.yml")
    write(tmp_path, WHOLE.replace("refund", "shipping"), "b.yaml")
    write(tmp_path, "answers: {}\n", "answers.yaml")
    rows = read_examples([tmp_path])
    assert {intent for _, intent in rows} == {"opening_hours", "refund", "shipping"}
    assert len(rows) == 7


def test_no_files_are_no_examples() -> None:
    """And no mistake."""
    assert read_examples([]) == []


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("nlu:\n- intent: a\n  examples: |\n    - x\n    y\n", 5, "`y` is not an example"),
        ("nlu:\n- examples: |\n    - x\n", 2, "intent: is missing"),
        ("nlu:\n- intent: a\n", 2, "a.examples: has none"),
        ("nlu:\n- intent: a\n  examples: |\n    # none\n", 3, "a.examples: has none"),
        ("nlu: yes\n", 1, "must be a list"),
        ("version: '3.1'\n", 1, "must be a list"),
        ("nlu:\n- intent: a\n   examples: |\n", 3, "not YAML"),
        ("nlu:\n- intent: a\n  examples: |\n    - x\n", 0, "fewer than two intents"),
        ("", 1, "must be a list"),
    ],
)
def test_a_mistake_is_an_error_with_its_line(
    tmp_path: Path, text: str, line: int, error: str
) -> None:
    """The error also names the file."""
    path = write(tmp_path, text)
    with pytest.raises(BadConfig) as caught:
        read_examples([path])
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (str(path), line)
    assert error in str(problem)


def test_one_error_has_all_mistakes(tmp_path: Path) -> None:
    """Two broken intents and a missing file are three problems."""
    path = write(tmp_path, "nlu:\n- intent: a\n- examples: x\n")
    with pytest.raises(BadConfig) as caught:
        read_examples([path, tmp_path / "gone.yml"])
    assert [problem.line for problem in caught.value.problems] == [2, 3, 0]


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    """The error names it."""
    path = tmp_path / "nlu.yml"
    path.write_bytes(b"nlu:\n- intent: caf\xe9\n")
    with pytest.raises(BadConfig, match="cannot be read"):
        read_examples([path])
