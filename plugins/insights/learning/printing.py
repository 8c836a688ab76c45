"""Proposals as text and as JSON, and what they change, line by line, in the format of the team's
files. Customers' words are masked."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from gateway import AddExamples, AddItems, Json, KeyPath, SetValue, Trials, Value, counted
from plugins.insights.learning.answers import text_path
from plugins.insights.learning.deciding import ProposalDecisions
from plugins.insights.learning.evaluation import changes_of
from plugins.insights.learning.html import (
    STATES,
    change_text,
    effect_words,
    group_text,
    share_text,
)
from plugins.insights.learning.model import Proposal, ProposalState, WholeProposal

LineMark = Literal[" ", "-", "+"]
WIDTH = 88
_KEY_ALONE = re.compile(r"\s*[^\s\-#'\"][^:]*:")
OPEN: tuple[ProposalState, ...] = ("open", "adopting")


def line(proposal: Proposal) -> str:
    """Id and title, and what it would do."""
    verdict = proposal.evaluation.sentence if proposal.evaluation else "not evaluated yet"
    state = "" if proposal.state == "open" else f" ({STATES[proposal.state].lower()})"
    return f"{proposal.id:>4}  {proposal.title}{state}\n      {verdict}"


def as_json(proposal: Proposal) -> bytes:
    """One line."""
    return msgspec.json.encode(proposal.replace(row=0))


async def whole(decisions: ProposalDecisions, id: str, *, as_json: bool) -> str:
    """Everything about one proposal. Raises NotFound."""
    found = await decisions.current(id)
    diff = as_text(await diff_of(found, decisions.services.trials))
    if as_json:
        return msgspec.json.encode(_as_json(found, diff)).decode()
    words = effect_words(found.proposal, decisions.services.clock.now())
    return _text(found, diff) + (f"\n\nEffect: {words}" if words else "")


async def write_all(decisions: ProposalDecisions, folder: Path) -> None:
    """Write all proposals to ``proposals.json`` and ``proposals.md``."""
    wholes = [await decisions.current(each.id) for each in await decisions.store.listed()]
    trials = decisions.services.trials
    diffs = [as_text(await diff_of(each, trials)) for each in wholes]
    found = [_as_json(each, diff) for each, diff in zip(wholes, diffs, strict=True)]
    texts = [_text(each, diff) for each, diff in zip(wholes, diffs, strict=True)]
    document = msgspec.json.format(msgspec.json.encode(found), indent=2)
    text = "\n\n".join(["# Proposals", *texts]) + "\n"
    await asyncio.to_thread(_write, folder, document, text)


def _write(folder: Path, document: bytes, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "proposals.json").write_bytes(document)
    (folder / "proposals.md").write_text(text, "utf-8")


def _as_json(found: WholeProposal, diff: str) -> Json:
    document: Json = msgspec.to_builtins(
        {
            **msgspec.structs.asdict(found.proposal.replace(row=0)),
            "examples": found.examples,
            "sentences": [each.shown or each.text for each in found.sentences],
            "erased": found.erased,
            "diff": diff,
        }
    )
    return document


def _text(found: WholeProposal, diff: str) -> str:
    proposal = found.proposal
    parts = [f"## {proposal.id}: {proposal.title}", proposal.found]
    if found.examples:
        parts.append("\n".join(f"> {example.text}" for example in found.examples))
    if diff:
        parts.append(f"```diff\n{diff}\n```")
    if found.erased:
        were = counted(found.erased, "of its examples was", "of its examples were")
        parts.append(f"{were} erased.")
    if evaluation := proposal.evaluation:
        lines = [evaluation.sentence, *evaluation.notes]
        lines += [
            f"- {group_text(each)}, {each.measure}: {share_text(each.before)} -> "
            f"{share_text(each.after)}, {change_text(each)}"
            for each in evaluation.comparisons
        ]
        parts.append("\n".join(lines))
    if decision := proposal.decision:
        state = STATES[proposal.state]
        parts.append(f"{state} by {decision.by} on {decision.at:%Y-%m-%d}: {decision.why}")
    return "\n\n".join(parts)


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
    if proposal.state not in OPEN and proposal.evaluation:
        return (
            proposal.evaluation.base if at in (text_path(proposal), proposal.target.path) else None
        )
    return await trials.in_force(proposal.version_kind, at)


def _compared(before: Sequence[str], after: Sequence[str]) -> list[DiffLine]:
    """The lines that stay, go and come. A key above others is no change by itself."""
    lines: list[DiffLine] = []
    for _, first, last, new, end in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if before[first:last] == after[new:end]:
            lines += [DiffLine(mark=" ", text=line) for line in after[new:end]]
            continue
        lines += [DiffLine(mark="-", text=line) for line in before[first:last]]
        lines += [
            DiffLine(mark=" " if _KEY_ALONE.fullmatch(line) else "+", text=line)
            for line in after[new:end]
        ]
    return lines


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
