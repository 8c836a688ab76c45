"""A message of ours as the arguments of ``chat.postMessage``. Pure.

docs.slack.dev, "Block Kit reference": 3,000 characters in a section, 75 on a button, 2,000 in its
value, 25 buttons in a row, 50 blocks; "Truncating really long messages": 40,000 characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.slack.customers.events import REPLY, Place
from channels.slack.markup import escape, fit, pieces, with_links
from channels.slack.payloads import Click
from gateway import Button, Outbound, Undeliverable

EVENT = "warmline_message"
"""The type of the metadata in which each message carries its key; see `key_of`."""
LONGEST = 40_000
STARS = tuple(Button(title=f"{n} ★", payload=str(n)) for n in range(1, 6))
NUMBERS = tuple(Button(title=str(n), payload=str(n)) for n in range(1, 6))
Args = dict[str, Any]


def arguments(message: Outbound, place: Place) -> Args:
    """What to post. Raises Undeliverable when it is longer than Slack takes."""
    text = escape(message.text)
    if len(text) > LONGEST:
        raise Undeliverable(f"Slack takes {LONGEST} characters, and this has {len(text)}")
    args: Args = {
        "channel": place.channel,
        "text": text,
        "metadata": {"event_type": EVENT, "event_payload": {"key": message.key}},
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    if place.thread:
        args["thread_ts"] = place.thread
    if shown := _choices(message):
        args["blocks"] = [*_sections(message.text), *_rows(shown, place)]
    return args


def chosen(click: Click) -> Args:
    """The message that was clicked, with the choice in place of its buttons. Its texts are as
    Slack has them, escaped."""
    title = click.actions[0].text.get("text")
    kept = [block for block in click.message.blocks if block.get("type") != "actions"]
    made = {"type": "plain_text", "text": f"✓ {title if isinstance(title, str) else ''}".strip()}
    return {
        "channel": click.channel.id,
        "ts": click.message.ts,
        "text": click.message.text or "✓",
        "blocks": [*kept, {"type": "context", "elements": [made]}],
    }


def key_of(message: Mapping[str, Any]) -> str | None:
    """The key under which we posted ``message``, if we did."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return key if isinstance(key, str) else None


def _choices(message: Outbound) -> tuple[Button, ...]:
    if message.buttons:
        return message.buttons
    scale = message.survey.scale if message.survey else "text"
    return {"stars": STARS, "number": NUMBERS}.get(scale, ())


def _sections(text: str) -> list[Args]:
    if linked := with_links(text):
        return [{"type": "section", "text": {"type": "mrkdwn", "text": linked, "verbatim": True}}]
    return [
        {"type": "section", "text": {"type": "plain_text", "text": piece, "emoji": False}}
        for piece in pieces(text, 3000)
    ]


def _rows(buttons: tuple[Button, ...], place: Place) -> list[Args]:
    rows = [buttons[i : i + 25] for i in range(0, len(buttons), 25)]
    return [
        {
            "type": "actions",
            "block_id": f"{r}:{place.address.value}",
            "elements": [_button(button, f"{REPLY}.{r}.{i}") for i, button in enumerate(row)],
        }
        for r, row in enumerate(rows)
    ]


def _button(button: Button, action_id: str) -> Args:
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": fit(button.title, 75), "emoji": False},
        "value": button.payload[:2000],
    }
