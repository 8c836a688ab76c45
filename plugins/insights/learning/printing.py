"""Proposals as text and as JSON, for commands and files. Customers' words are masked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from gateway import Json
from plugins.insights.learning.deciding import ProposalDecisions
from plugins.insights.learning.diff import as_text, diff_of
from plugins.insights.learning.html import (
    STATES,
    change_text,
    effect_words,
    group_text,
    share_text,
)
from plugins.insights.learning.model import Proposal, WholeProposal


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
        parts.append(f"{found.erased} of its examples were erased.")
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
