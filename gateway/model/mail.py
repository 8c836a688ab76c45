"""A mail as a channel reads it, for whoever has mails from elsewhere."""

from __future__ import annotations

from datetime import datetime

from gateway.model.base import Value


class MailHead(Value, frozen=True, kw_only=True):
    """What the headers of a mail say. Addresses are lower-case, ids in angle brackets.

    ``own`` is the one of our addresses that wrote it, empty for anybody else's mail;
    ``recipients`` are those of To and Cc, and of what delivery wrote, in order. ``thread`` are the
    ids that it answers, nearest first. ``answers``: its subject begins as that of an answer;
    ``base_subject`` is the subject without that. ``spam`` says which header calls it spam.
    """

    id: str = ""
    sender: str
    name: str = ""
    own: str = ""
    recipients: tuple[str, ...] = ()
    recipient_names: tuple[str, ...] = ()
    subject: str = ""
    base_subject: str = ""
    answers: bool = False
    at: datetime | None = None
    thread: tuple[str, ...] = ()
    spam: str = ""


class ReadMail(Value, frozen=True, kw_only=True):
    """What a mail says: ``text`` is what its author newly wrote, without quotations and sign-off.

    ``automatic`` says why no person can have written it, ``bounce`` that it reports on another
    mail, ``unreadable`` why it cannot be read; all empty for an ordinary mail. ``files`` are the
    names of what was attached.
    """

    head: MailHead
    text: str = ""
    automatic: str = ""
    bounce: bool = False
    unreadable: str = ""
    files: tuple[str, ...] = ()
