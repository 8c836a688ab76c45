"""A mail's bytes to what we make of it: pure, and it never raises.

The standard library's parser makes the MIME tree with its oldest policy, which interprets
nothing; header and text are then read by our own, forgiving rules (`headers`, `body`).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32

from channels.email.automatic import Bounce, automatic, bounces
from channels.email.body import Content, TooComplex, content_of
from channels.email.headers import (
    Headers,
    addresses,
    date_of,
    first,
    ids,
    normal,
    read_headers,
    text_of,
)
from channels.email.reply import latest
from gateway import Fact, File, Value

NOBODY = "unknown@sender.invalid"
"""Stands for a sender that cannot be read (``.invalid`` never exists: RFC 2606)."""

_MOST_HEADERS = 1_000
_HEADER_SIZE = 64_000
_STRUCTURED_SIZE = 8_000
_THREAD = 50


class Bounds(Value, frozen=True, kw_only=True):
    """How much of a mail we take apart: counts, and characters of text."""

    parts: int = 200
    files: int = 20
    text: int = 20_000


_USUAL = Bounds()


class Mail(Value, frozen=True, kw_only=True):
    """What a mail says. ``trouble`` says why it could not be read; the rest is then as much as
    could be. ``automatic`` says why a person cannot have written it."""

    sender: str = NOBODY
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
    trouble: str | None = None


def parse(
    raw: bytes,
    *,
    envelope: str | None = None,
    ours: frozenset[str] = frozenset(),
    bounds: Bounds = _USUAL,
) -> Mail:
    """Read the mail ``raw``. ``envelope`` is the SMTP sender where it is known (``<>`` for the
    null one), ``ours`` are our own addresses. Never raises, and ends in bounded time."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    mail = Mail(remote_id=digest, sender=_sender((), envelope)[1])
    try:
        message = _parser(bounds.parts).parsebytes(raw)
        headers = read_headers(message)
        mail = _from_headers(headers, digest, envelope, ours)
        reports = bounces(message, raw, headers)
        return _with_content(mail, content_of(message, most_files=bounds.files), reports, bounds)
    except TooComplex as why:
        return mail.replace(trouble=str(why))
    except Exception as why:  # noqa: BLE001  (else one mail blocks all later ones)
        return mail.replace(trouble=f"it is malformed ({type(why).__name__})")


def _from_headers(
    headers: Headers, digest: str, envelope: str | None, ours: frozenset[str]
) -> Mail:
    author = addresses(headers.get("from", ()))
    wanted = [one for one in addresses(headers.get("reply-to", ())) if one[1] not in ours]
    name, sender = _sender(tuple(wanted) if len(wanted) == 1 else author, envelope)
    own = ids(headers.get("message-id", ()))
    earlier = ids(headers.get("in-reply-to", ())) + ids(headers.get("references", ()))[::-1]
    written_by = author[0][1] if author and author[0][1] != sender else None
    return Mail(
        sender=sender,
        name=(name or (author[0][0] if author else "")) or None,
        remote_id=own[0] if own else digest,
        subject=text_of(first(headers, "subject")[:2_000])[:500] or None,
        at=date_of(first(headers, "date")[:200]),
        thread=tuple(dict.fromkeys(one for one in earlier if one not in own))[:_THREAD],
        facts=(Fact(name="written by", value=written_by),) if written_by else (),
        automatic=automatic(headers, sender=sender, envelope=envelope, ours=ours),
    )


def _with_content(
    mail: Mail, content: Content, reports: tuple[Bounce, ...], bounds: Bounds
) -> Mail:
    text = latest(content.text)[: bounds.text]
    left_out = tuple(Fact(name="left out", value=name) for name in content.left_out[:20])
    trouble = None
    if content.encrypted:
        trouble = "it is encrypted"
    elif not (text or content.files or mail.subject):
        trouble = "it says nothing that can be read"
    elif mail.sender == NOBODY:
        trouble = "its sender cannot be read"
    return mail.replace(
        text=text or mail.subject or "",
        files=content.files,
        facts=mail.facts + left_out,
        bounces=reports,
        trouble=trouble,
    )


def _sender(named: tuple[tuple[str, str], ...], envelope: str | None) -> tuple[str, str]:
    if named:
        return named[0]
    return "", normal((envelope or "").strip("<> ")) or NOBODY


def _parser(most_parts: int) -> BytesParser[Message]:
    """A parser that gives up on more than ``most_parts`` parts, or on headers beyond reason."""
    made = 0

    class Bounded(Message):
        def __init__(self, policy: Policy[Message] = compat32) -> None:
            nonlocal made
            made += 1
            if made > most_parts + 1:  # the parser makes one only to try the constructor
                raise TooComplex(f"more than {most_parts} parts")
            self._count = 0
            super().__init__(policy=policy)

        def set_raw(self, name: str, value: str) -> None:
            self._count += 1
            structured = name.lower().startswith("content-")
            if self._count > _MOST_HEADERS or len(value) > _HEADER_SIZE:
                raise TooComplex("headers beyond any reason")
            if structured and len(value) > _STRUCTURED_SIZE:
                raise TooComplex(f"a {name[:40]} header beyond any reason")
            super().set_raw(name, value)

    return BytesParser(Bounded, policy=compat32)
