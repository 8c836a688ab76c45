"""Slack's markup to plain text, and plain text to markup that mentions nobody. Pure.

docs.slack.dev, "Formatting message text", "Escaping text": "Slack uses &, <, and > as control
characters for special parsing in text objects, so they must be converted to HTML entities if
they're not going to be used for their parsing purpose", and these "will be decoded for display".
Text objects are those of type ``plain_text`` as well as ``mrkdwn``, and the ``text`` of a message;
what stands between angle brackets is a mention or a link. So every text that others wrote is
escaped before we post it, in objects of both types. Not escaped is what is no text object: the
``value`` of a button, the initial value of a text input. The only brackets we add surround web
addresses (`with_links`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

TOGETHER = 9_000
"""Characters of all blocks of a message, as JSON.

Slack's reference documents 50 blocks, 3,000 characters a section and 40,000 a text, and no limit of
all blocks together; yet ``chat.postMessage`` answers ``msg_blocks_too_long``. Measured: from about
13,200 characters (slackapi/bolt-js, issue 2509, where Slack's people name "12,000 text characters
with a buffer for block containers"), and once with 11,341 characters of text (issue 2867). We stay
well below both.
"""


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


# -- what people forward ---------------------------------------------------------------------------

# A forwarded message is an attachment with ``is_share`` or ``is_msg_unfurl``. Its words are in
# ``text``, or only in ``message_blocks`` (slackapi/java-slack-sdk, issue 1179;
# slackapi/slack-skills-plugin, issue 149), its files in ``files``.


def with_shares(text: str, attachments: Any) -> str:
    """``text`` and the words of every forwarded message below it, in Slack's markup."""
    return "\n\n".join(part for part in (text, *map(_quoted, _shares(attachments))) if part)


def shared_files(attachments: Any) -> list[Mapping[str, Any]]:
    """The files of forwarded messages, as they stand in an event."""
    found = (file for share in _shares(attachments) for file in share.get("files") or ())
    return [file for file in found if isinstance(file, Mapping) and file.get("id")]


def has_shares(attachments: Any) -> bool:
    return any(True for _ in _shares(attachments))


def _shares(attachments: Any) -> Iterator[Mapping[str, Any]]:
    for found in attachments if isinstance(attachments, Sequence) else ():
        if isinstance(found, Mapping) and (found.get("is_share") or found.get("is_msg_unfurl")):
            yield found


def _quoted(share: Mapping[str, Any]) -> str:
    writer = str(share.get("author_name") or share.get("author_subname") or "")
    if not writer and (id := str(share.get("author_id") or "")):
        writer = f"<@{id}>"
    else:
        writer = escape(writer)
    head = f"Forwarded message from {writer}:" if writer else "Forwarded message:"
    lines = _words(share).split("\n")
    quoted = "\n".join(f"&gt; {line}".rstrip() for line in lines) if any(lines) else ""
    return f"{head}\n{quoted}".strip() if quoted or share.get("files") else ""


def _words(share: Mapping[str, Any]) -> str:
    """The forwarded words: the text, else what the blocks say, else the fallback."""
    text = str(share.get("text") or "").strip()
    if text:
        return text
    blocks = [
        block
        for item in share.get("message_blocks") or ()
        if isinstance(item, Mapping)
        for block in ((item.get("message") or {}).get("blocks") or ())
    ]
    shown = "\n".join(line for line in map(_block, blocks) if line).strip()
    return shown or str(share.get("fallback") or "").strip()


def _block(found: Any) -> str:
    """One block as mrkdwn: https://docs.slack.dev/reference/block-kit/blocks/."""
    if not isinstance(found, Mapping):
        return ""
    if found.get("type") == "rich_text":
        return "".join(map(_rich, found.get("elements") or ())).rstrip("\n")
    texts = (found.get("text"), *(found.get("fields") or ()), *(found.get("elements") or ()))
    return "\n".join(filter(None, map(_text_object, texts)))


def _text_object(found: Any) -> str:
    if isinstance(found, str):
        return found
    text = found.get("text") if isinstance(found, Mapping) else ""
    if not isinstance(text, str):
        return ""
    return escape(text) if found.get("type") == "plain_text" else text


def _rich(found: Any) -> str:
    """One element of a rich text, with a line for each section, list item and quote."""
    if not isinstance(found, Mapping):
        return ""
    inner = "".join(map(_rich, found.get("elements") or ()))
    kind = found.get("type")
    if kind in ("rich_text_section", "rich_text_quote", "rich_text_preformatted"):
        return f"{inner}\n"
    if kind == "link":
        label = escape(str(found.get("text") or ""))
        url = escape(str(found.get("url") or ""))
        return f"<{url}|{label}>" if label else f"<{url}>"
    shown = {
        "text": escape(str(found.get("text") or "")),
        "emoji": f":{found.get('name', '')}:",
        "user": f"<@{found.get('user_id', '')}>",
        "channel": f"<#{found.get('channel_id', '')}>",
        "broadcast": f"<!{found.get('range', '')}>",
    }
    return shown.get(str(kind), inner)


def size(blocks: Iterable[Mapping[str, Any]]) -> int:
    """How many characters ``blocks`` have as JSON."""
    return len(json.dumps(list(blocks), ensure_ascii=False))
