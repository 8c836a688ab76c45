"""What agents' notes say again and again: what was missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from gateway import CaseRecord, counted
from plugins.insights.model import Discovery

from .clusters import ClusterText, KnownSpace, Rows, find_clusters, telling_words
from .wording import Masking

MOST_NOTES = 1_000
"""Notes that are grouped: a sample of them, where a period has more."""
CONVERSATIONS, AGENTS = 5, 2
"""A group has at least so many conversations, and notes of so many people."""
LEAST_COHESION = 0.35
"""The least mean cosine of two notes of a group."""
DIFFERENT = 3
"""Wordings of a group."""
AT_MOST = 3
"""Groups that are shown."""
SHORTEST = 4
"""Words of a note that says something."""
_WORD = re.compile(r"[^\W\d_]{3,}")


class Note(NamedTuple):
    """A note that an agent wrote on a conversation."""

    number: int
    conversation: int
    agent: str
    text: str
    names: tuple[str, ...]


def notes_of(case: CaseRecord) -> list[Note]:
    """The notes of agents on ``case``."""
    return [
        Note(
            number=message.id,
            conversation=case.conversation.id,
            agent=message.agent.id,
            text=message.text,
            names=tuple(name for name in (case.customer_name, message.agent.name) if name),
        )
        for message in case.messages
        if message.internal
        and message.author == "agent"
        and message.agent is not None
        and len(message.text.split()) >= SHORTEST
    ]


def note_discoveries(
    notes: Sequence[Note], embeddings: Rows, space: KnownSpace, masking: Masking, seen: int
) -> list[Discovery]:
    """The groups of notes that several people wrote, the largest first. It is a summary, not a
    test: the same things are noted month after month. ``seen``: how many notes there were."""
    # What one person notes often is as much of a group as what many note: see the bounds below.
    texts = [ClusterText("", number) for number in range(len(notes))]
    groups = [
        [notes[row] for row in cluster.members.tolist()]
        for cluster in find_clusters(space, embeddings, texts, DIFFERENT)
        if cluster.cohesion >= LEAST_COHESION
    ]
    groups = [
        group
        for group in groups
        if len({note.agent for note in group}) >= AGENTS
        and len({note.conversation for note in group}) >= CONVERSATIONS
    ]
    groups = sorted(groups, key=lambda group: -len(group))[:AT_MOST]
    everything = [_words(note.text) for note in notes]
    named = telling_words([[_words(n.text) for n in group] for group in groups], everything, 3)
    return [
        Discovery(
            kind="agents_notes",
            title=f"{counted(len(group), 'note')} of "
            f"{counted(len({note.agent for note in group}), 'person', 'people')} "
            f"{'is' if len(group) == 1 else 'are'} about: "
            f"{', '.join(words)}",
            evidence={
                "notes": len(group),
                "conversations": len({note.conversation for note in group}),
                "words": words,
                "all_notes": seen,
                "compared_notes": len(notes),
            },
            examples=tuple(
                masking.example(note.conversation, note.text, note.names) for note in group[:3]
            ),
        )
        for group, words in zip(groups, named, strict=True)
    ]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))
