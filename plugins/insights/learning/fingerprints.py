"""When two proposals are about the same, so that nothing is proposed twice. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import msgspec

from plugins.insights.learning.model import Proposal, ProposalDraft, ProposalKind

SAME_CONVERSATIONS = 0.5
"""New intents whose conversations overlap by this share of the fewer ones are one: the name that
is made of their most telling words may change from week to week."""
_BY_CONVERSATIONS: tuple[ProposalKind, ...] = ("new_intent", "examples")
_WORD = re.compile(r"\w+")


def subject_of(draft: ProposalDraft) -> str:
    """What ``draft`` is about: its kind, and where its change is in the files."""
    target = draft.target
    return "|".join((draft.kind, ".".join(target.path), target.language, target.phrase.casefold()))


def fingerprint_of(draft: ProposalDraft) -> str:
    """A digest of the subject and of what is proposed, without case, punctuation and spaces."""
    texts = [*(draft.text.body if draft.text else ()), *map(_as_text, draft.changes)]
    if draft.kind in _BY_CONVERSATIONS:
        texts = sorted(sentence.text for sentence in draft.sentences)
    words = " ".join(_WORD.findall(" ".join(texts).casefold()))
    return hashlib.sha256(f"{subject_of(draft)}\n{words}".encode()).hexdigest()[:24]


def conversations_of(draft: ProposalDraft) -> tuple[int, ...]:
    """The ids of the conversations behind ``draft``, in order."""
    ids = {sentence.conversation for sentence in draft.sentences}
    ids |= {example.conversation for example in draft.examples}
    ids |= {draft.text.conversation} if draft.text else set()
    return tuple(sorted(ids - {0}))


def is_about_same(draft: ProposalDraft, proposal: Proposal) -> bool:
    """Whether ``draft`` has the subject of ``proposal``, or is a new intent for mostly the same
    conversations."""
    if subject_of(draft) == proposal.subject:
        return True
    if draft.kind != "new_intent" or proposal.kind != "new_intent":
        return False
    return _overlap(conversations_of(draft), proposal.made_of) >= SAME_CONVERSATIONS


def was_decided(draft: ProposalDraft, decided: Iterable[Proposal]) -> bool:
    """Whether a person has adopted or declined just this already."""
    fingerprint = fingerprint_of(draft)
    return any(
        fingerprint == proposal.fingerprint
        or (
            draft.kind in _BY_CONVERSATIONS
            and is_about_same(draft, proposal)
            and _overlap(conversations_of(draft), proposal.made_of) >= SAME_CONVERSATIONS
        )
        for proposal in decided
    )


def _overlap(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    fewer = min(len(first), len(second))
    return len(set(first) & set(second)) / fewer if fewer else 0.0


def _as_text(change: object) -> str:
    return msgspec.json.encode(change, order="sorted").decode()
