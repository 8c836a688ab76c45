"""Tickets of Freshdesk.

Shapes: tickets of the API with their conversations
(https://developers.freshdesk.com/api/#tickets, ``include=requester,conversations``), and the
account's export, in JSON or XML, where a ticket is a ``helpdesk_ticket`` with ``notes``.
"""

from __future__ import annotations

from typing import Any

from gateway import ImportedMessage, Json
from plugins.history.importing.tickets.ticket import (
    LeftOut,
    ReadWords,
    Ticket,
    label_keys,
    list_of,
    mail_address,
    read_time,
    record_of,
    text_of,
)
from plugins.history.importing.values import DELETED, SPAM

_CHANNELS = {"7": "webchat", "13": "whatsapp"}
"""``source`` of a ticket; all others reach people by mail."""
_NOTE = "2"
"""``source`` of a conversation that is a note."""
_TRUE = (True, "true", "1", 1)


def read_freshdesk(record: Json, words: ReadWords) -> Ticket:
    """The ticket in ``record``. Raises LeftOut, KeyError and ValueError."""
    ticket = record_of(record, "helpdesk_ticket") or record_of(record)
    if ticket.get("spam") in _TRUE:
        raise LeftOut(SPAM)
    if ticket.get("deleted") in _TRUE:
        raise LeftOut(DELETED)
    requester = record_of(ticket, "requester")
    requester_id = text_of(ticket, "requester_id") or text_of(requester, "id")
    users = {str(user.get("id")): user for user in list_of(ticket, "users") if record_of(user)}
    who = users.get(requester_id, requester)
    number = text_of(ticket, "id", "display_id")
    if not number:
        raise KeyError("id")
    address = mail_address(text_of(who, "email") or text_of(ticket, "email", "requester_email"))
    notes = list_of(ticket, "conversations", "notes", "helpdesk_notes")
    replies = [_reply(record_of(note, "helpdesk_note") or record_of(note), requester_id, users,
                      text_of(ticket, "responder_name"), words) for note in notes]  # fmt: skip
    plain = text_of(ticket, "description_text")
    first = ImportedMessage(
        key=f"freshdesk:ticket:{number}",
        author="customer" if text_of(ticket, "source") != "10" else "agent",
        text=words(
            plain or text_of(ticket, "description_html", "description"),
            html=not plain,
            answers=False,
        ),
        at=read_time(ticket["created_at"]),
    )
    phone = text_of(who, "mobile", "phone")
    channel = _CHANNELS.get(text_of(ticket, "source"), "email")
    return Ticket(
        customer=address or phone or (f"freshdesk-{requester_id}@unknown.invalid"
                                      if requester_id else ""),
        name=text_of(who, "name") or text_of(ticket, "requester_name"),
        subject=text_of(ticket, "subject"),
        channel="email" if address else channel,
        messages=(first, *(reply for reply in replies if reply is not None)),
        labels=label_keys(ticket.get("tags")),
    )  # fmt: skip


def _reply(
    note: dict[str, Any],
    requester: str,
    users: dict[str, dict[str, Any]],
    responder: str,
    words: ReadWords,
) -> ImportedMessage | None:
    if note.get("deleted") in _TRUE:
        return None
    plain = text_of(note, "body_text") or ("" if note.get("body_html") is None
                                           else text_of(note, "body"))  # fmt: skip
    author = text_of(note, "user_id")
    incoming = note.get("incoming") in _TRUE
    private = note.get("private") in _TRUE
    name = text_of(users.get(author, {}), "name") or text_of(note, "user_name")
    return ImportedMessage(
        key=f"freshdesk:note:{note['id']}",
        author="customer" if incoming and not private else "agent",
        text=words(plain or text_of(note, "body_html", "body"), html=not plain, answers=True),
        at=read_time(note["created_at"]),
        name="" if author == requester else name or ("" if incoming else responder or "Agent"),
        internal=private,
    )
