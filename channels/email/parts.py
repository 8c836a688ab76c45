"""What hides in one part of a mail: a file name, a mail, signed content, uuencoded files."""

from __future__ import annotations

import binascii
import re
from email.message import Message

from asn1crypto import cms  # type: ignore[import-untyped]  # it ships no type information

from channels.email.headers import decode, decode_text, drop_surrogates
from gateway import File

_BEGIN = re.compile(r"^begin [0-7]{3,4} (\S[^\n]{0,200})\n", re.MULTILINE)
_UU_LINE = re.compile(r"[ -`]{1,90}")
_MAX_UU_FILES = 20
_SIGNED_DATA = "signed_data"


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
