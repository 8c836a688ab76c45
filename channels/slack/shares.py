"""Messages that people forward: Slack delivers their words as attachments, not as text. Pure.

A forwarded message is an attachment with ``is_share`` or ``is_msg_unfurl``. Its words are in
``text``, or only in ``message_blocks`` (slackapi/java-slack-sdk, issue 1179; slackapi/
slack-skills-plugin, issue 149), its files in ``files``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels.slack.markup import escape

Json = Mapping[str, Any]


def with_shares(text: str, attachments: Any) -> str:
    """``text`` and the words of every forwarded message below it, in Slack's markup."""
    return "\n\n".join(part for part in (text, *map(_quoted, _shares(attachments))) if part)


def shared_files(attachments: Any) -> list[Json]:
    """The files of forwarded messages, as they stand in an event."""
    found = (file for share in _shares(attachments) for file in share.get("files") or ())
    return [file for file in found if isinstance(file, Mapping) and file.get("id")]


def has_shares(attachments: Any) -> bool:
    return any(True for _ in _shares(attachments))


def _shares(attachments: Any) -> Iterator[Json]:
    for found in attachments if isinstance(attachments, Sequence) else ():
        if isinstance(found, Mapping) and (found.get("is_share") or found.get("is_msg_unfurl")):
            yield found


def _quoted(share: Json) -> str:
    writer = str(share.get("author_name") or share.get("author_subname") or "")
    if not writer and (id := str(share.get("author_id") or "")):
        writer = f"<@{id}>"
    else:
        writer = escape(writer)
    head = f"Forwarded message from {writer}:" if writer else "Forwarded message:"
    lines = _words(share).split("\n")
    quoted = "\n".join(f"&gt; {line}".rstrip() for line in lines) if any(lines) else ""
    return f"{head}\n{quoted}".strip() if quoted or share.get("files") else ""


def _words(share: Json) -> str:
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
