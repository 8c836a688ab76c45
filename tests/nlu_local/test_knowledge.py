"""Examples in Rasa's nlu.yml format, and what is said of a broken file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import BadConfig
from plugins.nlu_local.knowledge import read_knowledge

WHOLE = """\
version: "3.1"
nlu:
- intent: opening_hours
  examples: |
    - When do you [open](action)?
    - Are you open on [Sunday]{"entity": "day", "value": "sun"}?

    # a remark
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
    """Annotations become their words; lookups, synonyms, regexes and remarks are no examples."""
    assert read_knowledge([write(tmp_path, WHOLE)]) == [
        ("When do you open?", "opening_hours"),
        ("Are you open on Sunday?", "opening_hours"),
        ("opening hours", "opening_hours"),
        ("I want a refund", "refund"),
        ("refund please", "refund"),
    ]


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    """Files of a folder are joined, the same example is learnt once, answers are passed over."""
    write(tmp_path, WHOLE, "a.yml")
    write(tmp_path, WHOLE.replace("refund", "shipping"), "b.yaml")
    write(tmp_path, "answers: {}\n", "answers.yaml")
    rows = read_knowledge([tmp_path])
    assert {intent for _, intent in rows} == {"opening_hours", "refund", "shipping"}
    assert len(rows) == 7


def test_no_files_are_no_examples() -> None:
    """Nothing configured is nothing to learn, and no mistake."""
    assert read_knowledge([]) == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("nlu:\n- intent: a\n  examples: |\n    - x\n    y\n", 5, "`y` is no example"),
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
def test_a_broken_file_is_refused(tmp_path: Path, text: str, line: int, said: str) -> None:
    """The mistake is told with file and line."""
    path = write(tmp_path, text)
    with pytest.raises(BadConfig) as caught:
        read_knowledge([path])
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (str(path), line)
    assert said in str(problem)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Two broken intents and a missing file are three problems."""
    path = write(tmp_path, "nlu:\n- intent: a\n- examples: x\n")
    with pytest.raises(BadConfig) as caught:
        read_knowledge([path, tmp_path / "gone.yml"])
    assert [problem.line for problem in caught.value.problems] == [2, 3, 0]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file that is not UTF-8 is named."""
    path = tmp_path / "nlu.yml"
    path.write_bytes(b"nlu:\n- intent: caf\xe9\n")
    with pytest.raises(BadConfig, match="cannot be read"):
        read_knowledge([path])
