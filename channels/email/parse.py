"""Parses a mail's bytes into a `ParsedMail`: pure, and it never raises.

The standard library builds the MIME tree with its oldest policy, which interprets nothing. Our
own lenient rules (`headers`, `body`) then read headers and text.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32

from channels.email.automatic import Bounce, automatic_reason, find_bounces
from channels.email.body import MailContent, MailTooComplex, read_content
from channels.email.headers import (
    Headers,
    decode_text,
    first,
    message_ids,
    normalize_address,
    parse_addresses,
    parse_date,
    read_headers,
)
from channels.email.reply import shorten
from gateway import Fact, File, Value

UNKNOWN_SENDER = "unknown@sender.invalid"
"""Stands for a sender that cannot be read (``.invalid`` never exists: RFC 2606)."""

_MAX_HEADERS = 1_000
_MAX_HEADER = 64_000
_MAX_STRUCTURED_HEADER = 8_000
_MAX_THREAD = 50


class ParseLimits(Value, frozen=True, kw_only=True):
    """Limits of parsing one mail: MIME parts, files, and characters of text."""

    parts: int = 200
    files: int = 20
    text: int = 20_000


_DEFAULT_LIMITS = ParseLimits()


class ParsedMail(Value, frozen=True, kw_only=True):
    """The content of one mail. ``unreadable`` says why it could not be read, and the other fields
    then hold what could be. ``automatic`` says why no person can have written it."""

    sender: str = UNKNOWN_SENDER
    name: str | None = None
    remote_id: str
    subject: str | None = None
    text: str = ""
    at: datetime | None = None
    thread: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    facts: tuple[Fact, ...] = ()
    automatic: str | None = None
    bounces: tuple[Bounce, ...] = ()
    unreadable: str | None = None


def parse(
    raw: bytes,
    *,
    envelope: str | None = None,
    own_addresses: frozenset[str] = frozenset(),
    limits: ParseLimits = _DEFAULT_LIMITS,
) -> ParsedMail:
    """Parse the mail ``raw``. ``envelope`` is the SMTP sender where it is known (``<>`` for the
    null sender); ``own_addresses`` are ours, lower-case. Never raises; ends in bounded time."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    mail = ParsedMail(remote_id=digest, sender=_sender((), envelope)[1])
    try:
        message = _parser(limits.parts).parsebytes(raw)
        headers = read_headers(message)
        mail = _from_headers(headers, digest, envelope, own_addresses)
        bounces = find_bounces(message, raw, headers)
        content = read_content(message, max_files=limits.files)
        return _with_content(mail, content, limits.text).replace(bounces=bounces)
    except MailTooComplex as error:
        return mail.replace(unreadable=str(error))
    except Exception as error:  # noqa: BLE001  (else one mail blocks all later ones)
        return mail.replace(unreadable=f"it is malformed ({type(error).__name__})")


def _from_headers(
    headers: Headers, digest: str, envelope: str | None, own_addresses: frozenset[str]
) -> ParsedMail:
    authors = parse_addresses(headers.get("from", ()))
    reply_to = tuple(
        mailbox
        for mailbox in parse_addresses(headers.get("reply-to", ()))
        if mailbox[1] not in own_addresses
    )
    name, sender = _sender(reply_to if len(reply_to) == 1 else authors, envelope)
    author_name, author = authors[0] if authors else ("", sender)
    own_ids = message_ids(headers.get("message-id", ()))
    earlier = (
        *message_ids(headers.get("in-reply-to", ())),
        *reversed(message_ids(headers.get("references", ()))),
    )
    thread = tuple(dict.fromkeys(id for id in earlier if id not in own_ids))
    return ParsedMail(
        sender=sender,
        name=name or author_name or None,
        remote_id=own_ids[0] if own_ids else digest,
        subject=decode_text(first(headers, "subject")[:2_000])[:500] or None,
        at=parse_date(first(headers, "date")[:200]),
        thread=thread[:_MAX_THREAD],
        facts=(Fact(name="written by", value=author),) if author != sender else (),
        automatic=automatic_reason(
            headers, sender=sender, envelope=envelope, own_addresses=own_addresses
        ),
    )


def _with_content(mail: ParsedMail, content: MailContent, max_text: int) -> ParsedMail:
    text = shorten(content.reply(mail.subject), max_text)
    left_out = tuple(Fact(name="left out", value=name) for name in content.left_out[:20])
    unreadable = None
    if content.encrypted:
        unreadable = "it is encrypted"
    elif not (text or content.files or mail.subject):
        unreadable = "it has no readable content"
    elif mail.sender == UNKNOWN_SENDER:
        unreadable = "its sender is missing or malformed"
    return mail.replace(
        text=text or mail.subject or "",
        files=content.files,
        facts=mail.facts + left_out,
        unreadable=unreadable,
    )


def _sender(mailboxes: tuple[tuple[str, str], ...], envelope: str | None) -> tuple[str, str]:
    """(name, address) of the first mailbox, else of the envelope."""
    if mailboxes:
        return mailboxes[0]
    return "", normalize_address((envelope or "").strip("<> ")) or UNKNOWN_SENDER


def _parser(max_parts: int) -> BytesParser[Message]:
    """A parser that raises MailTooComplex on more than ``max_parts`` parts or on huge headers."""
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
            super().set_raw(name, value)

    return BytesParser(BoundedMessage, policy=compat32)
