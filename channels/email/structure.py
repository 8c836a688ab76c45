"""The MIME tree of a mail, also of one that breaks the rules.

The standard library's oldest policy builds it, because that one interprets nothing. It ends the
headers at the first line that is none, and finds no part when a boundary was folded: both are
mended first. Of each part: its file name, an enclosed mail, signed content, uuencoded files.
"""

from __future__ import annotations

import binascii
import re
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32
from functools import cache, partial

from channels.email.charsets import decode, drop_surrogates
from channels.email.headers import decode_text, unfold
from gateway import File

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
    rb"^(Content-[\w-]{1,30}:[^\r\n]{0,300};[ \t]*\r?\n)"
    rb"((?:boundary|charset|name|filename|type)\*?=)",
    re.IGNORECASE | re.MULTILINE,
)
_DELIMITER = re.compile(rb"^--([^\r\n]{1,200})\r?\nContent-[\w-]+:", re.IGNORECASE | re.MULTILINE)
_BEGIN = re.compile(r"^begin [0-7]{3,4} (\S[^\n]{0,200})\n", re.MULTILINE)
_UU_LINE = re.compile(r"[ -`]{1,90}")
_MAX_UU_FILES = 20
_SIGNED_DATA = "signed_data"
_MAX_LINES_READ = 10_000_000
"""Lines times open multiparts: the parser compares each line with the boundary of each."""


class MailTooComplex(Exception):
    """The mail has more parts, levels or headers than any ordinary mail."""


def parse_message(raw: bytes, *, max_parts: int) -> Message:
    """The mail ``raw`` as a tree. Raises MailTooComplex on more than ``max_parts`` parts or on
    huge headers."""
    mended = _mend_headers(raw)
    lines = mended.count(b"\n")
    parts = 0
    used_boundary = cache(partial(_used_boundary, mended))

    class BoundedMessage(Message):
        def __init__(self, policy: Policy[Message] = compat32) -> None:
            nonlocal parts
            parts += 1
            if parts > max_parts + 1:  # the parser makes one extra to test the constructor
                raise MailTooComplex(f"more than {max_parts} parts")
            self._header_count = 0
            self.depth = 0
            super().__init__(policy=policy)

        def attach(self, payload: Message) -> None:  # type: ignore[override]
            if isinstance(payload, BoundedMessage):
                payload.depth = self.depth + (self.get_content_maintype() == "multipart")
                if payload.depth * lines > _MAX_LINES_READ:
                    raise MailTooComplex("too many lines in nested parts")
            super().attach(payload)

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
            return _actual_boundary(declared, mended) or used_boundary() or declared or failobj

    return BytesParser(BoundedMessage, policy=compat32).parsebytes(mended)


def _actual_boundary(declared: str | None, raw: bytes) -> str | None:
    """The boundary as the mail uses it: a fold within it may have added white space. None when
    neither form occurs."""
    for boundary in (declared, "".join((declared or "").split())):
        data = (boundary or "").encode("utf-8", "replace")
        if data and b"--" + data in raw:
            return data.decode("ascii", "surrogateescape")  # as the parser decodes lines
    return None


def _used_boundary(raw: bytes) -> str | None:
    """What stands in ``raw`` where a boundary does, whatever was declared."""
    found = _DELIMITER.search(raw)
    return found.group(1).rstrip(b" \t").decode("ascii", "surrogateescape") if found else None


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


# -- file names -----------------------------------------------------------------------------------


def file_name(part: Message) -> str:
    """The declared file name without any path, control character or leading dot; empty when none
    is declared. It may be raw 8-bit text, encoded words, or encoded by RFC 2231."""
    plain = decode_text(drop_surrogates(_declared_name(part))[:1000])
    base = plain.replace("\\", "/").rpartition("/")[2].lstrip(". ")
    return "".join(char for char in base if char.isprintable() and char not in '<>:"|?*')[:150]


def _declared_name(part: Message) -> str:
    for name, header in (("filename", "content-disposition"), ("name", "content-type")):
        try:
            value = part.get_param(name, header=header)
        except (ValueError, LookupError, TypeError):
            continue
        if isinstance(value, tuple):  # RFC 2231: the parser has undone the percent encoding
            charset, _, text = value
            raw = all(char <= "\xff" for char in text)
            return decode(text.encode("latin-1"), charset) if raw else text
        if isinstance(value, str) and value:
            return value
    return ""


def enclosed_mail(part: Message) -> bytes:
    """The bytes of the mail that ``part`` (message/rfc822) encloses."""
    payload = part.get_payload()
    try:
        if isinstance(payload, list) and payload and isinstance(payload[0], Message):
            return payload[0].as_bytes()
        data = part.get_payload(decode=True)
        return data if isinstance(data, bytes) else str(payload).encode("utf-8", "replace")
    except (ValueError, LookupError, TypeError, AttributeError):
        return b""


# -- S/MIME ---------------------------------------------------------------------------------------


def open_signed(data: bytes) -> bytes | None:
    """The mail within the signature ``data`` (SignedData, RFC 5652 section 5); None when it is
    not signed but encrypted, or cannot be read. The signature is not verified."""
    # Few mails are signed, and a server without mail never needs it.
    from asn1crypto import cms  # type: ignore[import-untyped]  # noqa: PLC0415  (has no types)

    try:
        found = cms.ContentInfo.load(data)
        if found["content_type"].native != _SIGNED_DATA:
            return None
        content = found["content"]["encap_content_info"]["content"].native
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return content if isinstance(content, bytes) else None


# -- uuencode -------------------------------------------------------------------------------------


def split_uuencoded(text: str) -> tuple[str, list[File]]:
    """``text`` without the uuencoded files in it, and these files (POSIX ``uuencode``)."""
    kept: list[str] = []
    files: list[File] = []
    at = 0
    while len(files) < _MAX_UU_FILES and (begin := _BEGIN.search(text, at)):
        lines, end = _uu_lines(text, begin.end())
        data = _decode_lines(lines) if end is not None else None
        if data is None or end is None:
            kept.append(text[at : begin.end()])
            at = begin.end()
            continue
        kept.append(text[at : begin.start()])
        name = "".join(c for c in begin[1].replace("\\", "/").rpartition("/")[2] if c.isprintable())
        files.append(
            File(name=name.lstrip(". ")[:150] or "file.bin", media_type="application/octet-stream",
                 data=data)
        )  # fmt: skip
        at = end
    return "".join([*kept, text[at:]]), files


def _uu_lines(text: str, start: int) -> tuple[list[str], int | None]:
    """The lines from ``start`` to the line ``end``, and where that one ends; None without one."""
    lines: list[str] = []
    at = start
    while at < len(text):
        until = text.find("\n", at)
        until = len(text) if until < 0 else until
        line = text[at:until].rstrip("\r")
        if line.strip() == "end":
            return lines, until
        if line and not _UU_LINE.fullmatch(line):
            return lines, None
        lines.append(line)
        at = until + 1
    return lines, None


def _decode_lines(lines: list[str]) -> bytes | None:
    try:
        return b"".join(binascii.a2b_uu(line) for line in lines if line.strip())
    except (binascii.Error, ValueError):
        return None
