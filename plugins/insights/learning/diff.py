"""What a proposal changes, in the format of the team's files, line by line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import yaml

from gateway import AddExamples, AddItems, Json, KeyPath, SetValue, Trials, Value
from plugins.insights.learning.evaluation import changes_of
from plugins.insights.learning.model import ProposalState, WholeProposal

LineMark = Literal[" ", "-", "+"]
WIDTH = 88
_KEY_ALONE = re.compile(r"\s*[^\s\-#'\"][^:]*:")
OPEN: tuple[ProposalState, ...] = ("open", "adopting")


class DiffLine(Value, frozen=True, kw_only=True):
    """One line of a file: as it stays, goes (``-``) or comes (``+``)."""

    mark: LineMark
    text: str


async def diff_of(whole: WholeProposal, trials: Trials) -> tuple[DiffLine, ...]:
    """The lines that the proposal changes, with where they are. Examples are shown without personal
    data. Once it is decided, what was in force when it was evaluated is the old text."""
    lines: list[DiffLine] = []
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for change in await changes_of(whole, trials):
        if isinstance(change, AddExamples):
            shown = {each.text: each.shown or each.text for each in whole.sentences}
            lines += _example_lines(change, shown)
        elif isinstance(change, AddItems):
            _put(new, change.at, list(change.items))
        elif isinstance(change, SetValue):
            _put(new, change.at, change.value)
            if (before := await _before(whole, change.at, trials)) is not None:
                _put(old, change.at, before)
    return (*lines, *_compared(_as_yaml(old), _as_yaml(new)))


def as_text(lines: Sequence[DiffLine]) -> str:
    """The lines as a text, with their marks."""
    return "\n".join(f"{line.mark} {line.text}".rstrip() for line in lines)


async def _before(whole: WholeProposal, at: KeyPath, trials: Trials) -> Json:
    proposal = whole.proposal
    if proposal.state not in OPEN and proposal.evaluation and proposal.evaluation.base:
        return proposal.evaluation.base
    return await trials.in_force(proposal.version_kind, at)


def _compared(before: Sequence[str], after: Sequence[str]) -> list[DiffLine]:
    """The lines that stay, go and come. A key above others is no change by itself."""
    marks: Mapping[str, LineMark] = {"  ": " ", "- ": "-", "+ ": "+"}
    return [
        DiffLine(mark=" " if _KEY_ALONE.fullmatch(line[2:]) else marks[line[:2]], text=line[2:])
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


def _put(tree: dict[str, Any], at: KeyPath, value: Json) -> None:
    """Put ``value`` at ``at``; a mapping joins what is there."""
    for key in at[:-1]:
        tree = tree.setdefault(key, {})
    known = tree.get(at[-1])
    if isinstance(known, dict) and isinstance(value, dict):
        value = {**known, **value}
    tree[at[-1]] = value


def _as_yaml(tree: Mapping[str, Any]) -> list[str]:
    if not tree:
        return []
    text: str = yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, width=WIDTH)
    return text.splitlines()
