"""Reads mails that did not come by the channel, such as those of an old mailbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from channels.email.automatic import is_own_list
from channels.email.headers import (
    REPLY_PREFIX,
    Headers,
    clean,
    decode_text,
    first,
    message_ids,
    parse_addresses,
    parse_author,
    parse_date,
    read_headers,
)
from channels.email.html import html_to_text
from channels.email.parse import (
    NO_CONTENT,
    UNKNOWN_SENDER,
    ParsedMail,
    ParseLimits,
    parse,
    written_by,
)
from channels.email.reply import extract_reply, shorten
from channels.email.settings import EmailSettings
from channels.email.structure import MailTooComplex, parse_message
from gateway import MailHead, ReadMail, Settings

_DELIVERED = ("delivered-to", "x-original-to", "envelope-to")
_MAX_HEAD = 64_000
"""Bytes of a mail that are read for its headers."""
_MAX_WORDS = 200_000
"""Characters of a text, with its markup and quotations."""
_END_OF_HEAD = re.compile(rb"\r?\n[ \t]*\r?\n")
_MAX_THREAD = 50
_YES = re.compile(r"\s*(?:yes|true|spam)\b", re.IGNORECASE)
_SPAM_HEADERS = ("x-spam-flag", "x-spam-status", "x-spam", "x-rspamd-spam")
_SPAM_LABEL = re.compile(r"(?:^|,)\s*\"?(?:spam|junk)\"?\s*(?:,|$)", re.IGNORECASE)


class EmailReader:
    """See `gateway.MailReader`."""

    name = "mail reader"

    def __init__(
        self, own_addresses: Mapping[str, str] = MappingProxyType({}), *, max_text: int
    ) -> None:
        self._own = dict(own_addresses)
        # No file is decoded: only the names are told.
        self._limits = ParseLimits(files=0, text=max_text)

    @classmethod
    def from_settings(cls, section: EmailSettings | None, settings: Settings) -> EmailReader:
        """``section`` is None where no mailbox is set up."""
        accounts = section.accounts() if section else {}
        own = {
            address: name
            for name, account in reversed(accounts.items())
            for address in account.own_addresses
        }
        return cls(own, max_text=settings.core.limits.text)

    @property
    def own_addresses(self) -> Mapping[str, str]:
        return self._own

    def read_head(self, raw: bytes, own: frozenset[str]) -> MailHead:
        try:
            return _read_head(_headers(raw), own)
        except MailTooComplex:
            return MailHead(sender=UNKNOWN_SENDER)
        except Exception:  # noqa: BLE001  (one mail must not stop an import of many)
            return MailHead(sender=UNKNOWN_SENDER)

    def read_mail(self, raw: bytes, own: frozenset[str]) -> ReadMail:
        head = MailHead(sender=UNKNOWN_SENDER)

        def seen(headers: Headers) -> frozenset[str] | None:
            nonlocal head
            head = _read_head(headers, own)
            # What we wrote ourselves is read as anybody's mail: it is no loop.
            return frozenset() if head.own else None

        mail = parse(raw, own_addresses=own, limits=self._limits, seen=seen)
        return ReadMail(
            head=head,
            text=mail.text,
            automatic=mail.automatic or "",
            bounce=bool(mail.bounces),
            unreadable=_why_unreadable(mail),
            files=tuple(fact.value for fact in mail.facts if fact.name == "left out"),
        )

    def read_words(self, text: str, *, html: bool = False, answers: bool = True) -> str:
        bounded = clean(text[:_MAX_WORDS])
        try:
            plain = html_to_text(bounded) if html else bounded
            return shorten(extract_reply(plain, answers=answers), self._limits.text)
        except Exception:  # noqa: BLE001  (one text must not stop an import of many)
            return shorten(bounded, self._limits.text)


def _why_unreadable(mail: ParsedMail) -> str:
    """Empty for a mail that has nothing to be read."""
    return "" if mail.unreadable in (None, NO_CONTENT) else mail.unreadable or ""


def _headers(raw: bytes) -> Headers:
    head = raw[:_MAX_HEAD]
    end = _END_OF_HEAD.search(head)
    return read_headers(parse_message(head[: end.end()] if end else head, max_parts=1))


def _read_head(headers: Headers, own: frozenset[str]) -> MailHead:
    author = written_by(headers, own) or parse_author(headers.get("sender", ()))
    name, sender = author or ("", UNKNOWN_SENDER)
    domain = f"@{sender.rpartition('@')[2]}"
    ours = sender if (sender in own or domain in own) and not is_own_list(headers, own) else ""
    if not ours:
        answers_go = [
            mailbox
            for mailbox in parse_addresses(headers.get("reply-to", ()))
            if mailbox[1] not in own
        ]
        if len(answers_go) == 1:
            name, sender = answers_go[0][0] or name, answers_go[0][1]
    ids = message_ids(headers.get("message-id", ()))
    earlier = (
        *message_ids(headers.get("in-reply-to", ())),
        *reversed(message_ids(headers.get("references", ()))),
    )
    to = parse_addresses((*headers.get("to", ()), *headers.get("cc", ())))
    delivered = parse_addresses([v for name in _DELIVERED for v in headers.get(name, ())])
    recipients = {address: shown for shown, address in reversed((*to, *delivered))}
    ordered = dict.fromkeys(address for _, address in (*to, *delivered))
    subject = decode_text(first(headers, "subject")[:2_000])[:500]
    base = REPLY_PREFIX.sub("", subject)
    return MailHead(
        id=ids[0] if ids else "",
        sender=sender,
        name=name,
        own=ours,
        recipients=tuple(ordered),
        recipient_names=tuple(recipients[address] for address in ordered),
        subject=subject,
        base_subject=base.strip(),
        answers=base != subject,
        at=parse_date(first(headers, "date")[:200]),
        thread=tuple(dict.fromkeys(id for id in earlier if id not in ids))[:_MAX_THREAD],
        spam=_spam(headers),
    )


def _spam(headers: Headers) -> str:
    """The header that calls the mail spam: SpamAssassin's and Rspamd's, or Gmail's label in an
    export (https://support.google.com/mail/answer/10016932)."""
    marked = next((name for name in _SPAM_HEADERS if _YES.match(first(headers, name))), "")
    if not marked and _SPAM_LABEL.search(decode_text(first(headers, "x-gmail-labels"))):
        return "x-gmail-labels"
    return marked
