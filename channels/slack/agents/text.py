"""Slack's markup: texts that can ping nobody on the way in, plain words on the way out. Pure.

docs.slack.dev, "Formatting message text": ``&``, ``<`` and ``>`` are escaped, and what stands
between angle brackets is a mention or a link. Whatever a customer wrote is escaped before it is
shown, so that no bracket of theirs is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
ENTITIES = {entity: character for character, entity in ESCAPES.items()}
BRACKETS = str.maketrans("<>", "‹›")
TOKEN = re.compile(r"<([^<>]*)>")
EMOJI = re.compile(r":([a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?")
NOTE = re.compile(
    r"(?:note\s{0,20}:|\N{LOCK}|\N{CLOSED LOCK WITH KEY}|:lock:|:closed_lock_with_key:)\s*", re.I
)
LOCKS = frozenset({"lock", "closed_lock_with_key", "lock_with_ink_pen"})


def escape(text: str) -> str:
    """``text`` so that Slack shows it as it is, and mentions nobody."""
    return re.sub("[&<>]", lambda found: ESCAPES[found[0]], text)


def fit(text: str, most: int) -> str:
    """``text`` escaped and at most ``most`` characters long; no entity is cut in two."""
    if len(escaped := escape(text)) <= most:
        return escaped
    return escape(text[: _room(text, most - 1)].rstrip()) + "…"


def short(text: str, most: int) -> str:
    """``text`` on one line, escaped, at most ``most`` characters."""
    return fit(" ".join(text.split()), most)


def bare(text: str, most: int) -> str:
    """For ``plain_text`` objects, which show entities as they are: one line, cut, with brackets
    that are none of Slack's."""
    flat = " ".join(text.split()).translate(BRACKETS)
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"


def pieces(text: str, most: int) -> Iterator[str]:
    """``text`` escaped in pieces of at most ``most`` characters, cut at white space if possible."""
    rest = text
    while len(escape(rest)) > most:
        room = _room(rest, most)
        cut = max(rest.rfind("\n", 0, room), rest.rfind(" ", 0, room))
        cut = cut if cut > room // 2 else room
        yield escape(rest[:cut])
        rest = rest[cut:].lstrip()
    if rest:
        yield escape(rest)


def plain(text: str, names: Mapping[str, str], emoji: Mapping[str, str] | None = None) -> str:
    """What an agent typed, as a customer reads it. ``names`` are display names by user id,
    ``emoji`` the characters of emoji names (see `emoji_in`)."""

    def token(found: re.Match[str]) -> str:
        return _token(found[1], names)

    def character(found: re.Match[str]) -> str:
        return (emoji or {}).get(found[1], found[0])

    read = EMOJI.sub(character, TOKEN.sub(token, text))
    return re.sub("&(?:amp|lt|gt);", lambda found: ENTITIES[found[0]], read).strip()


def mentioned(text: str) -> tuple[str, ...]:
    """Ids of the users whom ``text`` mentions."""
    return tuple(dict.fromkeys(re.findall(r"<@([UW][A-Z0-9]+)", text)))


def as_note(text: str) -> str | None:
    """What follows ``note:`` or a lock at the beginning; None when it is no note."""
    said = text.lstrip()
    found = NOTE.match(said)
    return said[found.end() :].strip() if found else None


def emoji_in(found: Any) -> dict[str, str]:
    """The characters of emoji in a message's blocks: its text has only their names, its rich-text
    blocks have the code points, such as ``1f44b-1f3fc``."""
    known: dict[str, str] = {}
    if isinstance(found, list):
        for one in found:
            known |= emoji_in(one)
    elif isinstance(found, dict):
        name, points = found.get("name"), found.get("unicode")
        if found.get("type") == "emoji" and isinstance(name, str) and isinstance(points, str):
            known[name] = _characters(points) or f":{name}:"
        for value in found.values():
            if isinstance(value, list | dict):
                known |= emoji_in(value)
    return known


def _room(text: str, most: int) -> int:
    """How many characters of ``text`` fit into ``most`` once they are escaped."""
    used = 0
    for index, character in enumerate(text):
        used += len(ESCAPES.get(character, character))
        if used > most:
            return index
    return len(text)


def _characters(points: str) -> str:
    try:
        return "".join(chr(int(point, 16)) for point in points.split("-"))
    except (ValueError, OverflowError):
        return ""


def _token(inner: str, names: Mapping[str, str]) -> str:
    what, _, label = inner.partition("|")
    if what.startswith("@"):
        return "@" + (names.get(what[1:]) or label or what[1:])
    if what.startswith("#"):
        return "#" + (label or what[1:])
    if what.startswith("!"):
        return label or "@" + what[1:].partition("^")[0]
    return _link(what, label)


def _link(url: str, label: str) -> str:
    """What was typed when Slack only made a link of it; else the label and where it leads."""
    typed = url.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (url, typed):
        return typed
    if re.fullmatch(r"https?://" + re.escape(label) + "/?", url):
        return label
    return f"{label} ({url})"
