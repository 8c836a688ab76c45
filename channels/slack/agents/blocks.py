"""The parts of Block Kit that we use. Pure. Lengths: docs.slack.dev, "Block Kit reference"."""

from __future__ import annotations

from typing import Any

from channels.slack.markup import one_line

Block = dict[str, Any]
SECTION, FIELD, MOST = 3000, 2000, 50
"""Characters of a section and of a field; blocks in a message."""
INPUT = 3000
"""Characters of a text input."""


def plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": one_line(text, most) or " ", "emoji": True}


def mrkdwn(text: str) -> Block:
    """Text with our own markup; what others wrote in it must be escaped already. ``verbatim``:
    Slack makes no links of names and channels."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, 150)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text[:SECTION])}


def fields(texts: list[str]) -> Block:
    return {"type": "section", "fields": [mrkdwn(text[:FIELD]) for text in texts[:10]]}


def context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text[:SECTION])]}


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
    """``confirm`` is a question and the title of its yes."""
    block: Block = {
        "type": "button",
        "action_id": action,
        "text": plain(title, 75),
        "value": value[:2000],
    }
    if style:
        block["style"] = style
    if confirm:
        block["confirm"] = {
            "title": plain(title, 100),
            "text": plain(confirm[0], 300),
            "confirm": plain(confirm[1], 30),
            "deny": plain("Not now", 30),
        }
    return block


def actions(id: str, *buttons: Block) -> Block:
    return {"type": "actions", "block_id": id, "elements": list(buttons)}


def form(callback: str, title: str, submit: str, private: str, blocks: list[Block]) -> Block:
    """A modal. ``private`` comes back when it is submitted."""
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "submit": plain(submit, 24),
        "close": plain("Cancel", 24),
        "private_metadata": private,
        "blocks": blocks,
    }


def field(id: str, title: str, element: Block, *, optional: bool = False) -> Block:
    """An input of a form; its value comes back under ``id`` and ``value``."""
    return {
        "type": "input",
        "block_id": id,
        "label": plain(title, 2000),
        "element": {**element, "action_id": "value"},
        "optional": optional,
    }


def text_input(text: str, *, multiline: bool) -> Block:
    block: Block = {"type": "plain_text_input", "multiline": multiline, "max_length": INPUT}
    return {**block, "initial_value": text[:INPUT]} if text else block


def select(options: tuple[str, ...], chosen: str) -> Block:
    made = [{"text": plain(option, 75), "value": option[:150]} for option in options[:100]]
    initial = next((option for option in made if option["value"] == chosen), made[0])
    return {"type": "static_select", "options": made, "initial_option": initial}
