"""The content of a mail: text and files of its MIME tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message

from channels.email.charsets import decode
from channels.email.headers import clean
from channels.email.html import html_to_text
from channels.email.reply import extract_reply
from channels.email.structure import (
    MailTooComplex,
    enclosed_mail,
    file_name,
    open_signed,
    parse_message,
    split_uuencoded,
)
from gateway import File, Value

MAX_DEPTH = 25
"""Levels of nested parts; ordinary mail has about five."""
_MAX_SIGNED_PARTS = 100
_MAX_TEXT = 200_000

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}")
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature",
               "application/x-pkcs7-signature"}  # fmt: skip
_SEALED = {"application/pkcs7-mime", "application/x-pkcs7-mime"}


class MailContent(Value, frozen=True, kw_only=True):
    """``text`` is everything written, quotations included. ``files`` are limited in number;
    ``left_out`` names those beyond the limit."""

    text: str
    files: tuple[File, ...] = ()
    left_out: tuple[str, ...] = ()
    encrypted: bool = False
    signed: bool = False
    """It is within an S/MIME signature, which is not verified."""

    def reply(self, subject: str | None, *, answers: bool) -> str:
        """What the customer newly wrote in ``text`` of a mail with this ``subject``, which
        ``answers`` another mail or does not."""
        return extract_reply(self.text, subject=subject, answers=answers)


# -- the MIME tree --------------------------------------------------------------------------------


def read_content(message: Message, *, max_files: int) -> MailContent:
    """Walk ``message``: text/plain before text/html, everything else a file.

    Raises MailTooComplex when it is nested deeper than `MAX_DEPTH`.
    """
    parts = _Parts(max_files)
    _walk(message, parts, 0)
    return MailContent(
        text="\n\n".join(text for text in parts.texts if text.strip())[:_MAX_TEXT],
        files=tuple(parts.files),
        left_out=tuple(parts.left_out),
        encrypted=parts.encrypted,
        signed=parts.signed,
    )


def payload_bytes(part: Message) -> bytes:
    """The bytes of a leaf part; of broken base64 and quoted-printable, what can be decoded."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Parts:
    """What the walk has collected so far."""

    max_files: int
    texts: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    encrypted: bool = False
    signed: bool = False
    has_text: bool = False
    """Another alternative has the text: HTML need not be read, which takes the longest."""

    def keep(self, file: File) -> None:
        if len(self.files) < self.max_files:
            self.files.append(file)
        else:
            self.left_out.append(file.name)


def _walk(part: Message, parts: _Parts, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MailTooComplex(f"nested deeper than {MAX_DEPTH} levels")
    kind = part.get_content_type()
    if kind in _SEALED or file_name(part).lower().endswith(".p7m"):
        _walk_sealed(part, parts, depth)
    elif kind == "multipart/encrypted":
        parts.encrypted = True
    elif kind == "multipart/alternative":
        _walk_alternatives(part, parts, depth)
    elif part.is_multipart() and kind != "message/rfc822":
        for child in _children(part):
            _walk(child, parts, depth + 1)
    else:
        _read_leaf(part, kind, parts, alone=depth == 0)


def _walk_sealed(part: Message, parts: _Parts, depth: int) -> None:
    """An S/MIME part (RFC 8551): what is only signed is read, the rest is encrypted."""
    content = open_signed(payload_bytes(part))
    if content is None:
        parts.encrypted = True
        return
    parts.signed = True
    _walk(parse_message(content, max_parts=_MAX_SIGNED_PARTS), parts, depth + 1)


def _walk_alternatives(part: Message, parts: _Parts, depth: int) -> None:
    """Take the text of the first alternative that has any, and the files of all."""
    branches: list[_Parts] = []
    for child in _children(part):
        known = parts.has_text or any("".join(earlier.texts).strip() for earlier in branches)
        branch = _Parts(parts.max_files, has_text=known)
        _walk(child, branch, depth + 1)
        branches.append(branch)
        parts.encrypted = parts.encrypted or branch.encrypted
        parts.signed = parts.signed or branch.signed
    parts.texts += next((branch.texts for branch in branches if "".join(branch.texts).strip()), [])
    for branch in branches:
        for file in branch.files:
            parts.keep(file)
        parts.left_out += branch.left_out


def _read_leaf(part: Message, kind: str, parts: _Parts, *, alone: bool) -> None:
    name = file_name(part)
    shown = alone or (part.get_content_disposition() != "attachment" and not name)
    if kind == "message/rfc822":
        parts.keep(File(name=name or "mail.eml", media_type=kind, data=enclosed_mail(part)))
    elif shown and kind == "text/html" and parts.has_text:
        return
    elif shown and kind in ("text/plain", "text/html"):
        text = clean(decode(payload_bytes(part), part.get_content_charset()))
        if kind == "text/html":
            parts.texts.append(html_to_text(text))
            return
        text, files = split_uuencoded(text)
        parts.texts.append(text)
        for file in files:
            parts.keep(file)
    elif kind not in _SIGNATURES and (data := payload_bytes(part)):
        media_type = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
        parts.keep(File(name=name or _default_name(kind), media_type=media_type, data=data))


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [child for child in payload if isinstance(child, Message)]


def _default_name(kind: str) -> str:
    major, _, minor = kind.partition("/")
    safe = "".join(char for char in minor if char.isalnum())[:10] or "bin"
    return f"{major if major.isalpha() else 'file'}.{safe}"
