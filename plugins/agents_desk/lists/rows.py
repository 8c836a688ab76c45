"""The lines of a list: who waits for whom, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway import Emotion, ListedConversation, Value
from plugins.agents_desk import labels

UNKNOWN = 0.5
"""The strength of a mood, of which a list has only the name: neither "slightly" nor "very"."""
Side = Literal["us", "them", "bot", "snoozed", "done"]
"""Whose turn it is: ours, the customer's, the bot's, nobody's for now, nobody's any more."""


class ListRow(Value, frozen=True, kw_only=True):
    """A line of a list."""

    id: int
    epoch: int
    name: str
    preview: str
    side: Side
    turn: str
    """Who waits for whom: ``Customer waits for you``."""
    notes: tuple[str, ...]
    """The channel, the place, and what else tells it from others."""
    mood: Emotion
    labels: tuple[str, ...]
    at: datetime
    chosen: str
    """The value of its box: what `parse_chosen` reads."""


def list_row(item: ListedConversation, agent: str, now: datetime) -> ListRow:
    """``item`` as the agent with the id ``agent`` sees it at ``now``."""
    conversation = item.conversation
    side, turn = whose_turn(item, agent, now)
    tier = conversation.tier if conversation.tier not in ("front", "bot") else ""
    skills = item.handoff.skills if item.handoff else ()
    notes = (labels.channel(conversation.address.channel), item.place, tier, *skills)
    return ListRow(
        id=conversation.id,
        epoch=conversation.epoch,
        name=labels.customer_name(item.customer.name, conversation.address),
        preview=item.preview,
        side=side,
        turn=turn,
        notes=tuple(note for note in notes if note),
        mood=Emotion(label=item.mood, intensity=UNKNOWN),
        labels=conversation.labels,
        at=item.last_at,
        chosen=f"{conversation.id}-{conversation.epoch}",
    )


def whose_turn(item: ListedConversation, agent: str, now: datetime) -> tuple[Side, str]:
    """Whose turn it is, and the words for it."""
    conversation = item.conversation
    owner = conversation.owner
    if conversation.state == "resolved":
        return "done", "Resolved"
    if conversation.snoozed_until is not None and conversation.snoozed_until > now:
        left = labels.duration(now, conversation.snoozed_until)
        return "snoozed", f"Snoozed for at most {left}"
    if conversation.state == "bot":
        last = "customer wrote last" if item.last_from == "customer" else "answered"
        return "bot", f"With the bot, {last}"
    if conversation.state == "waiting" or owner is None:
        return "us", "Customer waits for a person"
    mine = owner.id == agent
    if item.customer_waits:
        return "us", "Customer waits for you" if mine else f"Customer waits for {owner.name}"
    return "them", "You wait for the customer" if mine else f"{owner.name} waits for the customer"


def parse_chosen(text: str) -> tuple[int, int] | None:
    """The id and the epoch of a chosen line; None for what no page of ours sends."""
    id, _, epoch = text.partition("-")
    numbers = (id, epoch)
    if not all(n.isascii() and n.isdecimal() and len(n) < 19 for n in numbers):
        return None
    return int(id), int(epoch)
