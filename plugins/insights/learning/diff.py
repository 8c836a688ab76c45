"""What a proposal changes, in the format of the team's files, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Literal

import yaml

from gateway import AddExamples, AddItems, Json, KeyPath, SetValue, Trials, Value
from plugins.insights.learning.evaluation import changes_of
from plugins.insights.learning.model import ProposalState, WholeProposal

LineMark = Literal[" ", "-", "+"]
WIDTH = 88
OPEN: tuple[ProposalState, ...] = ("open", "adopting")


class DiffLine(Value, frozen=True, kw_only=True):
    """One line of a file: as it stays, goes (``-``) or comes (``+``)."""

    mark: LineMark
    text: str


async def diff_of(whole: WholeProposal, trials: Trials) -> tuple[DiffLine, ...]:
    """The lines that the proposal changes, with where they are. Examples are shown without personal
    data. Once it is decided, what was in force when it was evaluated is the old text."""
    lines: list[DiffLine] = []
    for change in changes_of(whole):
        if isinstance(change, AddExamples):
            shown = {each.text: each.shown or each.text for each in whole.sentences}
            lines += _example_lines(change, shown)
        elif isinstance(change, AddItems):
            lines += _value_lines(change.at, None, list(change.items))
        elif isinstance(change, SetValue):
            lines += _value_lines(change.at, await _before(whole, change.at, trials), change.value)
    return tuple(lines)


def as_text(lines: Sequence[DiffLine]) -> str:
    """The lines as a text, with their marks."""
    return "\n".join(f"{line.mark} {line.text}".rstrip() for line in lines)


async def _before(whole: WholeProposal, at: KeyPath, trials: Trials) -> Json:
    proposal = whole.proposal
    if proposal.state not in OPEN and at == proposal.target.path:
        return proposal.evaluation.base if proposal.evaluation else None
    return await trials.in_force(proposal.version_kind, at)


def _value_lines(at: KeyPath, old: Json, new: Json) -> list[DiffLine]:
    """The value at ``at`` before and after, below the keys that lead to it."""
    before = _as_yaml(_nested(at, old)) if old is not None else []
    return _compared(before, _as_yaml(_nested(at, new)), len(at))


def _compared(before: Sequence[str], after: Sequence[str], keys: int) -> list[DiffLine]:
    if not before:
        return [
            DiffLine(mark=" " if index < keys - 1 else "+", text=line)
            for index, line in enumerate(after)
        ]
    marks: Mapping[str, LineMark] = {"  ": " ", "- ": "-", "+ ": "+"}
    return [
        DiffLine(mark=marks[line[:2]], text=line[2:])
        for line in difflib.ndiff(before, after)
        if line[:2] in marks
    ]


def _example_lines(change: AddExamples, shown: Mapping[str, str]) -> list[DiffLine]:
    head = ("nlu:", f"- intent: {change.intent}", "  examples: |")
    added = [f"    - {shown.get(each.text, each.text)}" for each in change.examples]
    return [
        *(DiffLine(mark=" ", text=line) for line in head),
        *(DiffLine(mark="+", text=line) for line in added),
    ]


def _nested(at: KeyPath, value: Json) -> Json:
    for key in reversed(at):
        value = {key: value}
    return value


def _as_yaml(value: Json) -> list[str]:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text.splitlines()
