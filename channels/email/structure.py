"""The MIME tree of a mail, also of one that breaks the rules.

The standard library's oldest policy builds it, because that one interprets nothing. It ends the
headers at the first line that is none, and finds no part when a boundary was folded: both are
mended first.
"""

from __future__ import annotations

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32

from channels.email.headers import unfold

_MAX_HEADERS = 1_000
_MAX_HEADER = 64_000
_MAX_STRUCTURED_HEADER = 8_000
_MAX_HEAD = 512_000
"""Bytes that are searched for the end of the headers."""

_BLANK_LINE = re.compile(rb"\r\n[ \t]*\r\n|\n[ \t]*\n")
_FIELD = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,100}:|[ \t]|>?From ")
_SPACED_FIELD = re.compile(rb"([A-Za-z][\w-]{1,60})[ \t]+:")
_KNOWN_FIELD = re.compile(
    rb"(?:from|sender|to|cc|reply-to|subject|date|message-id|in-reply-to|references|mime-version|"
    rb"received|return-path|delivered-to|dkim-signature|authentication-results|precedence|"
    rb"auto-submitted|importance|(?:content|x|arc|list|thread|resent)-[\w-]+)[ \t]*:",
    re.IGNORECASE,
)
_LOST_FOLD = re.compile(
    rb"^(Content-[\w-]{1,30}:[^\r\n]{0,300};[ \t]*\r?\n)((?:boundary|charset|name|filename|type)\*?=)",
    re.IGNORECASE | re.MULTILINE,
)
_DELIMITER = re.compile(
    rb"^--([^\r\n]{1,200}?)[ \t]*\r?\nContent-[\w-]+:", re.IGNORECASE | re.MULTILINE
)


class MailTooComplex(Exception):
    """The mail has more parts, levels or headers than any ordinary mail."""


def parse_message(raw: bytes, *, max_parts: int) -> Message:
    """The mail ``raw`` as a tree. Raises MailTooComplex on more than ``max_parts`` parts or on
    huge headers."""
    mended = _mend_headers(raw)
    parts = 0

    class BoundedMessage(Message):
        def __init__(self, policy: Policy[Message] = compat32) -> None:
            nonlocal parts
            parts += 1
            if parts > max_parts + 1:  # the parser makes one extra to test the constructor
                raise MailTooComplex(f"more than {max_parts} parts")
            self._header_count = 0
            super().__init__(policy=policy)

        def set_raw(self, name: str, value: str) -> None:
            self._header_count += 1
            if self._header_count > _MAX_HEADERS:
                raise MailTooComplex(f"more than {_MAX_HEADERS} headers in one part")
            structured = name.lower().startswith("content-")
            if len(value) > (_MAX_STRUCTURED_HEADER if structured else _MAX_HEADER):
                raise MailTooComplex(f"the header {name[:40]} is too long")
            super().set_raw(name, unfold(value) if structured else value)

        def get_boundary(self, failobj: str | None = None) -> str | None:  # type: ignore[override]
            declared = super().get_boundary()
            return _actual_boundary(declared, mended) or declared or failobj

    return BytesParser(BoundedMessage, policy=compat32).parsebytes(mended)


def _actual_boundary(declared: str | None, raw: bytes) -> str | None:
    """The boundary as the mail uses it: a fold within it may have added white space. None when
    neither form occurs and no other does."""
    for boundary in (declared, "".join((declared or "").split())):
        data = (boundary or "").encode("utf-8", "replace")
        if data and b"--" + data in raw:
            return data.decode("ascii", "surrogateescape")  # as the parser decodes lines
    found = _DELIMITER.search(raw)
    return found.group(1).decode("ascii", "surrogateescape") if found else None


def _mend_headers(raw: bytes) -> bytes:
    """``raw`` with headers that a parser reads to their end.

    A line among them that is no header is joined to the one before it: a header that was folded
    without the white space that marks a fold (RFC 5322 section 2.2.3).
    """
    raw = _LOST_FOLD.sub(rb"\1 \2", raw)
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    end = _BLANK_LINE.search(raw, 0, _MAX_HEAD)
    head = raw[: end.start()] if end else raw[:_MAX_HEAD]
    lines = head.splitlines(keepends=True)
    if all(_FIELD.match(line) for line in lines):
        return raw
    last_known = max((at for at, line in enumerate(lines) if _KNOWN_FIELD.match(line)), default=-1)
    for at, line in enumerate(lines[: last_known + 1]):
        if _FIELD.match(line):
            continue
        spaced = _SPACED_FIELD.sub(rb"\1:", line, count=1) if _SPACED_FIELD.match(line) else b""
        lines[at] = spaced or (b" " + line if at else b"")
    return b"".join(lines) + raw[len(head) :]
