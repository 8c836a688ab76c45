"""The policy file and the messages about its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import BadConfig
from gateway.routing.policy import Policy, load_policy


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(text, "utf-8")
    return file


def test_no_file_is_the_built_in_policy(tmp_path: Path) -> None:
    """Without a file, or with an empty one, every key has its default."""
    assert load_policy(None) == Policy() == load_policy(write(tmp_path, ""))


def test_a_key_does_not_change_the_others(tmp_path: Path) -> None:
    """A reason with one key keeps the defaults of its others."""
    policy = load_policy(write(tmp_path, "reasons:\n  harm: {tier: specialist}\n"))
    assert policy.reasons.harm.tier == "specialist"
    assert policy.reasons.harm.priority == Policy().reasons.harm.priority == 3


def test_opening_hours_have_several_spellings(tmp_path: Path) -> None:
    """One span or several, `9:00` or `09:00`, `closed` or nothing."""
    text = """
hours:
  timezone: Europe/Dublin
  week:
    monday: 9:00-17:30
    tuesday: [09:00-12:00, "13:00-24:00"]
    sunday: closed
    saturday:
  holidays: [2026-12-25]
"""
    hours = load_policy(write(tmp_path, text)).hours
    assert hours
    assert {day: len(spans) for day, spans in hours.week.items()} == {
        "monday": 1, "tuesday": 2, "sunday": 0, "saturday": 0,
    }  # fmt: skip


MISTAKES = [
    (
        "reasons: {harm: {teir: x}}",
        1,
        "reasons.harm.teir",
        "unknown key; did you mean `tier`: none: the first tier?",
    ),
    ("\nescalate: yes", 2, "escalate", "unknown key; known keys are again_within_days, "),
    ("reasons:\n  loop:\n    replies: 1", 3, "reasons.loop.replies", "must be at least 2"),
    ("hours:\n  timezone: Europe/Berln", 2, "hours.timezone", "write `timezone: Europe/Berlin`"),
    ("hours:\n  week:\n    monday: 9 to 5", 3, "hours.week.monday", "as `09:00-17:30`"),
    ("hours:\n  week:\n    monday: 22:00-06:00", 3, "hours.week.monday", "two spans"),
    ("hours:\n  holidays:\n  - christmas", 3, "hours.holidays.0", "is no date"),
    (
        "reasons:\n  harm: {tier: boss}",
        2,
        "reasons.harm.tier",
        "there is no tier `boss`; choose from front, specialist",
    ),
    ("tiers: {front: {next: back}}", 1, "tiers.front.next", "there is no tier `back`"),
    ("tiers: {a: {next: b}, b: {next: a}}", 1, "", "a circle at `a`"),
    ("tiers: {bot: {}}", 1, "", "choose another name"),
    ("tiers: {}", 1, "tiers", "at least 1"),
    ("clarify: {moods: [happy]}", 1, "clarify.moods.0", "`calm`"),
    ("reasons: {language: {served: [no]}}", 1, "reasons.language.served.0", "must be a text"),
    ("- a", 1, "", "must be a mapping"),
    ("a: b: c", 1, "", "not YAML"),
]


@pytest.mark.parametrize(("text", "line", "key", "message"), MISTAKES)
def test_a_mistake_is_reported_with_its_place(
    tmp_path: Path, text: str, line: int, key: str, message: str
) -> None:
    """The message says file, line and key, what is wrong and how to fix it."""
    file = write(tmp_path, text)
    with pytest.raises(BadConfig) as caught:
        load_policy(file)
    (problem, *_) = caught.value.problems
    assert (problem.file, problem.line, problem.key) == (str(file), line, key)
    assert message in problem.message


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    """One run reports every mistake in the file."""
    text = "reasons:\n  harm: {teir: front}\n  loop: {minutes: 0}\nhours: {timezone: Mars}\n"
    with pytest.raises(BadConfig) as caught:
        load_policy(write(tmp_path, text))
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(BadConfig, match=r"nowhere\.yaml"):
        load_policy(tmp_path / "nowhere.yaml")
