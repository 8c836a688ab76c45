"""Advice on what a channel can carry, and on what no message may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from brand_voice.draft import Draft, finding
from brand_voice.fitting import limit, split
from brand_voice.masking import Mask
from brand_voice.secrets import secrets
from brand_voice.segments import count, encoding, transliterate
from gateway import Finding

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")


def hidden_secrets(draft: Draft) -> Iterator[Finding]:
    for kind, start, end, instead in secrets(draft.text):
        why = f"This looks like a {kind}. It must not stand in a message."
        yield finding("secret", "error", (start, end), why, instead)


def formatting(draft: Draft) -> Iterator[Finding]:
    if draft.channel.formatting == "plain":
        for found in _BOLD.finditer(draft.text):
            why = f"{draft.channel_name} shows the asterisks as they are."
            yield finding("formatting", "info", found.span(), why, found[1])


def deliverable(draft: Draft) -> Iterator[Finding]:
    if not draft.text.strip():
        yield finding("empty", "error", (0, len(draft.text)), "There is nothing to send.")
    for found in _CONTROL.finditer(draft.text):
        why = "A character that no channel can carry."
        yield finding("control-character", "error", found.span(), why, "")


def length(draft: Draft) -> Iterator[Finding]:
    """What would not go out in the channel's parts; the span is what stands over."""
    channel, fits = draft.channel, limit(draft.channel)
    text = _spelled(draft)
    mask = Mask()
    parts = split(mask.hide(text), mask, fits, frozenset())
    if len(parts) <= channel.max_parts:
        return
    over = _resumed(draft.text, parts[: channel.max_parts])
    why = (
        f"Too long for {draft.channel_name}: {len(parts)} parts, and {channel.max_parts} is the "
        "most. Leave out what stands from here on, or say it shorter."
    )
    yield finding("too-long", "error", (over, len(draft.text)), why)


def costly(draft: Draft) -> Iterator[Finding]:
    """The character that makes an SMS cost more than it would without."""
    text = _spelled(draft)
    if draft.channel.max_segments is None or encoding(text) == "GSM-7":
        return
    plain = "".join(char for char in text if encoding(char) == "GSM-7")
    if count(text) > max(1, count(plain)):
        first = next(
            (i for i, char in enumerate(draft.text) if encoding(transliterate(char)) == "UCS-2"), 0
        )
        why = (
            f"An SMS has no cheap sign for this: {count(text)} segments; without such characters "
            f"it would be {count(plain)}."
        )
        yield finding("sms-alphabet", "info", (first, first + 1), why)


def _spelled(draft: Draft) -> str:
    """The text in the letters it would be sent in."""
    if draft.channel.max_segments is None:
        return draft.text
    plain = transliterate(draft.text)
    return plain if encoding(plain) == "GSM-7" else draft.text


def _resumed(text: str, parts: Sequence[str]) -> int:
    """Where in ``text`` the words after ``parts`` begin: they hold the same visible characters."""
    visible = sum(len("".join(transliterate(part).split())) for part in parts)
    for index, char in enumerate(text):
        visible -= len("".join(transliterate(char).split()))
        if visible < 0:
            return index
    return 0
