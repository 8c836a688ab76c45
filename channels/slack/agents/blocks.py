"""Pieces of Block Kit. Pure. Lengths are those of docs.slack.dev, "Block Kit reference"."""

from __future__ import annotations

from typing import Any

from channels.slack.agents.text import bare

Block = dict[str, Any]
SECTION, FIELD, MOST = 3000, 2000, 50
"""Characters of a section and of a field; blocks in a message."""


def plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": bare(text, most) or " ", "emoji": True}


def marked(text: str) -> Block:
    """Text with markup of ours; whatever somebody else wrote in it must be escaped already.
    ``verbatim``: Slack makes no links of names and channels in it."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, 150)}


def section(text: str, id: str | None = None) -> Block:
    block: Block = {"type": "section", "text": marked(text[:SECTION])}
    return {**block, "block_id": id} if id else block


def fields(texts: list[str]) -> Block:
    return {"type": "section", "fields": [marked(text[:FIELD]) for text in texts[:10]]}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [marked(text[:SECTION]) for text in texts[:10]]}


def divider() -> Block:
    return {"type": "divider"}


def button(
    title: str,
    action: str,
    value: str,
    *,
    style: str | None = None,
    confirm: tuple[str, str] | None = None,
) -> Block:
    """``confirm`` is a question and the words of its yes."""
    made: Block = {
        "type": "button",
        "action_id": action,
        "text": plain(title, 75),
        "value": value[:2000],
    }
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = {
            "title": plain(title, 100),
            "text": plain(confirm[0], 300),
            "confirm": plain(confirm[1], 30),
            "deny": plain("Not now", 30),
        }
    return made


def actions(id: str, *buttons: Block) -> Block:
    return {"type": "actions", "block_id": id, "elements": list(buttons)}


def field(id: str, label: str, element: Block, *, optional: bool = False) -> Block:
    """An input of a modal; its value comes back under ``id`` and ``value``."""
    return {
        "type": "input",
        "block_id": id,
        "label": plain(label, 2000),
        "element": {**element, "action_id": "value"},
        "optional": optional,
    }


def writing(text: str, *, lines: bool) -> Block:
    found: Block = {"type": "plain_text_input", "multiline": lines, "max_length": 3000}
    return {**found, "initial_value": text[:3000]} if text else found


def choice(options: tuple[str, ...], chosen: str) -> Block:
    made = [{"text": plain(one, 75), "value": one[:150]} for one in options[:100]]
    known = next((one for one in made if one["value"] == chosen), made[0])
    return {"type": "static_select", "options": made, "initial_option": known}


def modal(callback: str, title: str, submit: str, private: str, blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "submit": plain(submit, 24),
        "close": plain("Cancel", 24),
        "private_metadata": private,
        "blocks": blocks,
    }
