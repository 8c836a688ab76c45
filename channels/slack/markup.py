"""Slack's markup to text that a person reads, and back. Pure.

docs.slack.dev, "Formatting message text": ``& < >`` are escaped, and what stands between angle
brackets is a mention or a link. Nothing that we post contains an unescaped bracket but around a
web address (`with_links`), so nothing in it can ping anyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

TOKEN = re.compile(r"<([^<>]*)>")
USER = re.compile(r"<@([UW][A-Z0-9]+)")
EMOJI = re.compile(r":([a-z0-9_+'-]+):(?::skin-tone-([2-6]):)?")
URL = re.compile(r"https?://[^\s<>|\"]*[^\s<>|\".,;:!?'()\[\]{}]")
FORMAT = re.compile(r"[*_~`]|^[^\S\n]*>|:[a-z0-9_+'-]{1,100}:", re.MULTILINE)
"""What mrkdwn would make something of."""
ENTITY = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
ESCAPE = {character: entity for entity, character in ENTITY.items()}


def readable(text: str, *, names: Mapping[str, str], emoji: Mapping[str, str] | None = None) -> str:
    """``text`` as its writer saw it. ``names`` are display names by user id, ``emoji`` the
    characters of emoji names (see `emoji_in`)."""

    def shown(found: re.Match[str]) -> str:
        return _token(found[1], names)

    def character(found: re.Match[str]) -> str:
        known = emoji or {}
        name, tone = found[1], found[2]
        return known.get(f"{name}/{tone}" if tone else name, found[0])

    read = EMOJI.sub(character, TOKEN.sub(shown, text)) if emoji else TOKEN.sub(shown, text)
    return re.sub("&(?:lt|gt|amp);", lambda found: ENTITY[found[0]], read)


def escape(text: str) -> str:
    """``text`` so that Slack shows it as it is."""
    return re.sub("[&<>]", lambda found: ESCAPE[found[0]], text)


def fit(text: str, most: int) -> str:
    """``text`` escaped, at most ``most`` characters long, no entity cut in two."""
    if len(escaped := escape(text)) <= most:
        return escaped
    kept = text[: most - 1]
    while len(escape(kept)) > most - 1:
        kept = kept[:-1]
    return escape(kept) + "…"


def with_links(text: str, most: int = 3000) -> str | None:
    """``text`` as mrkdwn whose web addresses can be clicked, or None when there are none, when
    anything else in it would be taken for mrkdwn, or when it is too long.

    In a block plain text has no links, and mrkdwn cannot be escaped: so this is for texts where
    both look the same.
    """
    if not URL.search(text) or FORMAT.search(URL.sub("", text)):
        return None
    ends = [0, *(edge for found in URL.finditer(text) for edge in found.span()), len(text)]
    parts = [escape(text[start:end]) for start, end in pairwise(ends)]
    linked = "".join(f"<{part}>" if i % 2 else part for i, part in enumerate(parts))
    return linked if len(linked) <= most else None


def pieces(text: str, most: int) -> Iterator[str]:
    """``text`` escaped, in pieces of at most ``most`` characters, cut at white space if it can
    be."""
    rest = text
    while len(escape(rest)) > most:
        room = rest[:most]
        while len(escape(room)) > most:
            room = room[:-1]
        cut = max(room.rfind("\n"), room.rfind(" "))
        cut = cut if cut > most // 2 else len(room)
        yield escape(rest[:cut])
        rest = rest[cut:].lstrip() or ""
    if rest:
        yield escape(rest)


def mentioned(text: str) -> tuple[str, ...]:
    """Ids of the users whom ``text`` mentions, each once."""
    return tuple(dict.fromkeys(USER.findall(text)))


def without_us(text: str, us: str) -> str:
    """``text`` without the mention of our app at its beginning or end; all of it when nothing
    else was said."""
    ours = rf"<@{re.escape(us)}(?:\|[^<>]*)?>"
    bare = re.sub(rf"^\s*{ours}[\s,:]*|\s*{ours}\s*$", "", text)
    return bare if bare.strip() else text


def emoji_in(blocks: Iterable[object]) -> dict[str, str]:
    """The characters of the emoji in a message: its text has only their names, its rich-text
    blocks have the code points."""
    return dict(_emoji(list(blocks)))


def _emoji(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, list):
        for one in found:
            yield from _emoji(one)
    elif isinstance(found, dict):
        name, points = found.get("name"), found.get("unicode")
        if found.get("type") == "emoji" and isinstance(name, str) and isinstance(points, str):
            tone = found.get("skin_tone")
            if character := _character(points):
                yield f"{name}/{tone}" if tone else name, character
        for value in found.values():
            yield from _emoji(value)


def _character(points: str) -> str:
    """``1f44b-1f3fc`` as a character; empty when it is none."""
    try:
        return "".join(chr(int(point, 16)) for point in points.split("-"))
    except (ValueError, OverflowError):
        return ""


def _token(inner: str, names: Mapping[str, str]) -> str:
    """What stands for ``<inner>``."""
    what, _, label = inner.partition("|")
    if what.startswith("@"):
        return "@" + (names.get(what[1:]) or label or what[1:])
    if what.startswith("#"):
        return "#" + (label or what[1:])
    if what.startswith("!"):
        return _special(what[1:], label)
    return _link(what, label)


def _special(what: str, label: str) -> str:
    if what.startswith("subteam^"):
        return label or "@" + what.removeprefix("subteam^")
    if what.startswith("date^"):
        return label or what
    return "@" + what


def _link(url: str, label: str) -> str:
    """What was typed, when Slack only made a link of it; else the label and where it leads."""
    if not label or label == url:
        return url.removeprefix("mailto:")
    typed = url.removeprefix("mailto:").removeprefix("tel:")
    if typed == label or re.fullmatch(r"https?://" + re.escape(label) + "/?", url):
        return label
    return f"{label} ({url})"
