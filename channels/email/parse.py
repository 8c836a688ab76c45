"""Parses a mail's bytes into a `ParsedMail`: pure, and it never raises.

`structure` builds the MIME tree. Our own lenient rules (`headers`, `addresses`, `body`) then read
headers and text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime

from channels.email.automatic import automatic_reason, is_own_list, out_of_office_reason
from channels.email.body import MailContent, read_content
from channels.email.bounces import Bounce, find_bounces, is_our_id
from channels.email.headers import (
    REPLY_PREFIX,
    Headers,
    decode_text,
    first,
    message_ids,
    normalize_address,
    parse_addresses,
    parse_author,
    parse_date,
    read_headers,
)
from channels.email.introductions import (
    forwarded_authors,
    is_forward,
    is_forward_marker,
    plain,
)
from channels.email.reply import shorten
from channels.email.structure import MailTooComplex, parse_message
from gateway import Fact, File, Value

UNKNOWN_SENDER = "unknown@sender.invalid"
"""Stands for a sender that cannot be read (``.invalid`` never exists: RFC 2606)."""

NO_CONTENT = "it has no readable content"
_MAX_THREAD = 50
_MAX_COPIES = 20
_MAX_ATTACHED_HEAD = 16_000
"""Bytes of an attached mail in which its author is looked for."""
_ORIGINAL_AUTHOR = ("x-original-from", "x-original-sender")
_VIA = re.compile(r"\s(?:via|über|par|por|tramite)\s.*$", re.IGNORECASE)
_PGP_MESSAGE = "-----BEGIN PGP MESSAGE-----"


class ParseLimits(Value, frozen=True, kw_only=True):
    """Limits of parsing one mail: MIME parts, files, and characters of text."""

    parts: int = 200
    files: int = 20
    text: int = 20_000


_DEFAULT_LIMITS = ParseLimits()


class ParsedMail(Value, frozen=True, kw_only=True):
    """The content of one mail. ``unreadable`` says why it could not be read, and the other fields
    then hold what could be. ``automatic`` says why no person can have written it; ``forwards`` is
    that of `Inbound`."""

    sender: str = UNKNOWN_SENDER
    name: str | None = None
    remote_id: str
    subject: str | None = None
    text: str = ""
    at: datetime | None = None
    thread: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    forwards: tuple[str, ...] | None = None
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
    seen: Callable[[Headers], frozenset[str] | None] = lambda _headers: None,
) -> ParsedMail:
    """Parse the mail ``raw``. ``envelope`` is the SMTP sender where it is known (``<>`` for the
    null sender); ``own_addresses`` are ours, lower-case. ``seen`` gets the headers, and may say
    that other addresses count as ours. Never raises; ends in bounded time."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    mail = ParsedMail(remote_id=digest, sender=_sender(None, envelope)[1])
    try:
        message = parse_message(raw, max_parts=limits.parts)
        headers = read_headers(message)
        own = seen(headers)
        own_addresses = own_addresses if own is None else own
        mail = _from_headers(headers, digest, envelope, own_addresses)
        bounces = find_bounces(message, headers, envelope)
        content = read_content(message, max_files=limits.files)
        read = _with_content(mail, content, limits.text)
        return read.replace(bounces=bounces, forwards=_forwards(read, own_addresses))
    except MailTooComplex as error:
        return mail.replace(unreadable=str(error))
    except Exception as error:  # noqa: BLE001  (else one mail blocks all later ones)
        return mail.replace(unreadable=f"it is malformed ({type(error).__name__})")


def _from_headers(
    headers: Headers, digest: str, envelope: str | None, own_addresses: frozenset[str]
) -> ParsedMail:
    author_mailbox = written_by(headers, own_addresses)
    reply_to = tuple(
        mailbox
        for mailbox in parse_addresses(headers.get("reply-to", ()))
        if mailbox[1] not in own_addresses
    )
    name, sender = _sender(reply_to[0] if len(reply_to) == 1 else author_mailbox, envelope)
    author_name, author = author_mailbox or ("", sender)
    own_ids = message_ids(headers.get("message-id", ()))
    earlier = (
        *message_ids(headers.get("in-reply-to", ())),
        *reversed(message_ids(headers.get("references", ()))),
    )
    thread = tuple(dict.fromkeys(id for id in earlier if id not in own_ids))
    others = parse_addresses((*headers.get("to", ()), *headers.get("cc", ())))
    copies = dict.fromkeys(address for _, address in others)
    return ParsedMail(
        sender=sender,
        name=name or author_name or None,
        remote_id=own_ids[0] if own_ids else digest,
        subject=decode_text(first(headers, "subject")[:2_000])[:500] or None,
        at=parse_date(first(headers, "date")[:200]),
        thread=thread[:_MAX_THREAD],
        copies=tuple(c for c in copies if c not in own_addresses and c != sender)[:_MAX_COPIES],
        facts=(Fact(name="written by", value=author),) if author != sender else (),
        automatic=automatic_reason(
            headers, sender=sender, envelope=envelope, own_addresses=own_addresses
        ),
    )


def written_by(headers: Headers, own_addresses: frozenset[str]) -> tuple[str, str] | None:
    """Who wrote the mail. A mailing list at our own address (a Google Group) may put that address
    into From, where DMARC would reject the author's, and keep the author's beside it."""
    author = parse_author(headers.get("from", ()))
    if author is None or author[1] not in own_addresses or not is_own_list(headers, own_addresses):
        return author
    originals = (parse_author(headers.get(name, ())) for name in _ORIGINAL_AUTHOR)
    original = next((one for one in originals if one and one[1] not in own_addresses), None)
    if original is None:
        return author
    shown = _VIA.sub("", author[0]).strip("'\" ")
    return (original[0] or shown, original[1])


def _with_content(mail: ParsedMail, content: MailContent, max_text: int) -> ParsedMail:
    answers = bool(mail.thread or REPLY_PREFIX.match(mail.subject or ""))
    text = shorten(content.reply(mail.subject, answers=answers), max_text)
    if not plain(text):
        text = ""  # nothing that anybody sees
    facts = tuple(Fact(name="left out", value=name) for name in content.left_out[:20])
    if content.signed:
        facts += (Fact(name="signed", value="S/MIME, not verified"),)
    unreadable = None
    if content.encrypted or text.startswith(_PGP_MESSAGE):
        unreadable = "it is encrypted"
    elif not (text or content.files or mail.subject):
        unreadable = NO_CONTENT
    elif mail.sender == UNKNOWN_SENDER:
        unreadable = "its sender is missing or malformed"
    automatic = mail.automatic or out_of_office_reason(
        mail.subject or "", text, answers_us=any(map(is_our_id, mail.thread))
    )
    return mail.replace(
        automatic=automatic,
        text=text or mail.subject or "",
        files=content.files,
        facts=mail.facts + facts,
        unreadable=unreadable,
    )


def _forwards(mail: ParsedMail, own_addresses: frozenset[str]) -> tuple[str, ...] | None:
    """Whose mails ``mail`` passes on; None when it passes on none. Our own mail that comes back, as
    a copy to another mailbox of ours does, holds what it answers."""
    attached = [file.data for file in mail.files if file.media_type == "message/rfc822"]
    ours = mail.sender in own_addresses or is_our_id(mail.remote_id)
    marked = is_forward(mail.subject) or any(
        map(is_forward_marker, map(plain, mail.text.split("\n")))
    )
    if not (attached or ours or marked):
        return None
    found = [*forwarded_authors(mail.text), *filter(None, map(_author_of, attached))]
    others = (address for address in found if address not in {*own_addresses, mail.sender})
    return tuple(dict.fromkeys(others))[:_MAX_COPIES]


def _author_of(attached: bytes) -> str | None:
    """The author of a mail that is attached to another."""
    headers = read_headers(parse_message(attached[:_MAX_ATTACHED_HEAD], max_parts=1))
    author = parse_author(headers.get("from", ()))
    return author[1] if author else None


def _sender(author: tuple[str, str] | None, envelope: str | None) -> tuple[str, str]:
    """(name, address) of the author, else of the envelope."""
    if author:
        return author
    return "", normalize_address((envelope or "").strip("<> ")) or UNKNOWN_SENDER
