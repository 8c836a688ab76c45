"""The forms that open over Slack. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from channels.slack.agents import blocks as kit
from channels.slack.agents import labels as words
from channels.slack.agents.blocks import Block
from channels.slack.agents.text import short
from gateway import Card, Value

EDIT, TRANSFER = "agents:edit", "agents:transfer"
LONGEST = 3000
"""Characters that Slack takes in a field."""


class Editing(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a form is about: a suggestion, or a reply that is held."""

    conversation: int
    thread: str
    suggestion: int | None = None
    reply: str | None = None


class Transferring(Value, frozen=True, kw_only=True):
    conversation: int
    epoch: int


def edit(card: Card, about: Editing, text: str) -> Block:
    place = words.channel(card.conversation.address.channel)
    name = short(words.name(card.customer.name, card.conversation.address), 60)
    blocks = [
        kit.context(f"To {name} on {place}. Your words go out as they are."),
        kit.field("text", "Answer", kit.writing(text, lines=True)),
    ]
    if len(text) > LONGEST:
        over = f"Slack takes {LONGEST} characters here: the end is cut off. The desk has it whole."
        blocks.insert(0, kit.context(f"⚠️ {over}"))
    return kit.modal(EDIT, "Edit the answer", "Send", _packed(about), blocks)


def transfer(card: Card, tiers: tuple[str, ...]) -> Block:
    seen = card.conversation
    about = Transferring(conversation=seen.id, epoch=seen.epoch)
    above = next((tier for tier in tiers if tier != seen.tier), tiers[0])
    blocks = [
        kit.field("tier", "To", kit.choice(tiers, above)),
        kit.field("skills", "Skills, with commas", kit.writing("", lines=False), optional=True),
        kit.field("reason", "Why", kit.writing("", lines=True), optional=True),
    ]
    return kit.modal(TRANSFER, "Transfer", "Transfer", _packed(about), blocks)


def values(view: Mapping[str, Any]) -> dict[str, str]:
    """What was filled in, by field."""
    found: dict[str, str] = {}
    for id, inner in ((view.get("state") or {}).get("values") or {}).items():
        given = inner.get("value") or {}
        chosen = given.get("selected_option") or {}
        text = given.get("value") or chosen.get("value") or ""
        found[id] = str(text)
    return found


def about_edit(view: Mapping[str, Any]) -> Editing:
    """Raises msgspec.DecodeError for what no form of ours carries."""
    return msgspec.json.decode(str(view.get("private_metadata", "")), type=Editing)


def about_transfer(view: Mapping[str, Any]) -> Transferring:
    return msgspec.json.decode(str(view.get("private_metadata", "")), type=Transferring)


def _packed(about: Value) -> str:
    return msgspec.json.encode(about).decode()
