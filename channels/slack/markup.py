"""Slack's markup to plain text, and plain text to markup that mentions nobody. Pure.

docs.slack.dev, "Formatting message text": ``&``, ``<`` and ``>`` are escaped, and what stands
between angle brackets is a mention or a link. Every text that others wrote is escaped before we
post it. The only brackets we add surround web addresses (`with_links`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

TOKEN = re.compile(r"<([^<>]*)>")
USER = re.compile(r"<@([UW][A-Z0-9]+)")
EMOJI = re.compile(r":([a-z0-9_+'-]+):(?::skin-tone-([2-6]):)?")
URL = re.compile(r"https?://[^\s<>|\"]*[^\s<>|\".,;:!?'()\[\]{}]")
FORMAT = re.compile(r"[*_~`]|^[^\S\n]*>|:[a-z0-9_+'-]{1,100}:", re.MULTILINE)
"""What mrkdwn would format."""
ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
ESCAPES = {character: entity for entity, character in ENTITIES.items()}
BRACKETS = str.maketrans("<>", "‹›")


# -- what people wrote -----------------------------------------------------------------------------


def readable(text: str, *, names: Mapping[str, str], emoji: Mapping[str, str] | None = None) -> str:
    """``text`` as its writer saw it. ``names`` are display names by user id, ``emoji`` the
    characters of emoji names (see `emoji_in`)."""
    known = emoji or {}

    def character(found: re.Match[str]) -> str:
        name, tone = found[1], found[2]
        return known.get(f"{name}/{tone}") or known.get(name) or found[0]

    shown = TOKEN.sub(lambda found: _token(found[1], names), text)
    shown = EMOJI.sub(character, shown) if known else shown
    return re.sub("&(?:lt|gt|amp);", lambda found: ENTITIES[found[0]], shown)


def mentioned(text: str) -> tuple[str, ...]:
    """Ids of the users whom ``text`` mentions, each once."""
    return tuple(dict.fromkeys(USER.findall(text)))


def without_mention(text: str, user: str) -> str:
    """``text`` without the mention of ``user`` at its beginning or end, unless nothing is left."""
    mention = rf"<@{re.escape(user)}(?:\|[^<>]*)?>"
    rest = re.sub(rf"^\s*{mention}[\s,:]*|\s*{mention}\s*$", "", text)
    return rest if rest.strip() else text


def emoji_in(blocks: Any) -> dict[str, str]:
    """The characters of the emoji in a message, by name, or by name and skin tone (``wave/3``).

    A message's text has only the names; its rich-text blocks have the code points.
    """
    return dict(_emoji(blocks))


def _emoji(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, list | tuple):
        for item in found:
            yield from _emoji(item)
    elif isinstance(found, dict):
        name, points = found.get("name"), found.get("unicode")
        if found.get("type") == "emoji" and isinstance(name, str) and isinstance(points, str):
            tone = found.get("skin_tone")
            if character := _character(points):
                yield f"{name}/{tone}" if tone else name, character
        for value in found.values():
            yield from _emoji(value)


def _character(points: str) -> str:
    """The character of ``1f44b-1f3fc``; empty when the code points are not valid."""
    try:
        return "".join(chr(int(point, 16)) for point in points.split("-"))
    except (ValueError, OverflowError):
        return ""


def _token(inner: str, names: Mapping[str, str]) -> str:
    """How ``<inner>`` is shown."""
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return "@" + (names.get(target[1:]) or label or target[1:])
    if target.startswith("#"):
        return "#" + (label or target[1:])
    if target.startswith("!subteam^"):
        return label or "@" + target.removeprefix("!subteam^")
    if target.startswith("!date^"):
        return label or target.removeprefix("!")
    if target.startswith("!"):
        return "@" + target[1:]
    return _link(target, label)


def _link(url: str, label: str) -> str:
    """What was typed when Slack only made a link of it, else the label and where it leads."""
    typed = url.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (url, typed):
        return typed
    if re.fullmatch(r"https?://" + re.escape(label) + "/?", url):
        return label
    return f"{label} ({url})"


# -- what we post ----------------------------------------------------------------------------------


def escape(text: str) -> str:
    """``text`` so that Slack shows it as it is and mentions nobody."""
    return re.sub("[&<>]", lambda found: ESCAPES[found[0]], text)


def fit(text: str, most: int) -> str:
    """``text`` escaped, at most ``most`` characters long. No entity is cut in two."""
    if _room(text, most) == len(text):
        return escape(text)
    return escape(text[: _room(text, most - 1)].rstrip()) + "…"


def shortened(escaped: str, most: int) -> str:
    """Text that is escaped already, at most ``most`` characters long. No entity is cut in two."""
    if len(escaped) <= most:
        return escaped
    cut = escaped[: most - 1]
    entity = cut.rfind("&")
    if entity > most - 7 and ";" not in cut[entity:]:
        cut = cut[:entity]
    return cut.rstrip() + "…"


def one_line(text: str, most: int) -> str:
    """``text`` on one line, escaped, at most ``most`` characters long."""
    return fit(" ".join(text.split()), most)


def label(text: str, most: int) -> str:
    """``text`` for the titles and labels of Block Kit, at most ``most`` characters: one line, not
    escaped, with other brackets in place of Slack's."""
    line = " ".join(text.split()).translate(BRACKETS)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def pieces(text: str, most: int) -> Iterator[str]:
    """``text`` escaped, in pieces of at most ``most`` characters, cut at white space."""
    rest = text
    while (room := _room(rest, most)) < len(rest):
        cut = max(rest.rfind("\n", 0, room), rest.rfind(" ", 0, room))
        cut = cut if cut > room // 2 else room
        yield escape(rest[:cut])
        rest = rest[cut:].lstrip()
    if rest:
        yield escape(rest)


def with_links(text: str, most: int = 3000) -> str | None:
    """``text`` as mrkdwn with clickable web addresses. None when it has none, when mrkdwn would
    format anything else in it, or when it is too long.

    In a block, plain text has no links and mrkdwn cannot be escaped. So this is for texts that
    look the same in both.
    """
    if not URL.search(text) or FORMAT.search(URL.sub("", text)):
        return None
    ends = [0, *(edge for found in URL.finditer(text) for edge in found.span()), len(text)]
    parts = [escape(text[start:end]) for start, end in pairwise(ends)]
    linked = "".join(f"<{part}>" if i % 2 else part for i, part in enumerate(parts))
    return linked if len(linked) <= most else None


def _room(text: str, most: int) -> int:
    """How many characters of ``text`` fit into ``most`` once they are escaped."""
    used = 0
    for index, character in enumerate(text):
        used += len(ESCAPES.get(character, character))
        if used > most:
            return index
    return len(text)
