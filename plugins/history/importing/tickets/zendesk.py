"""Tickets of Zendesk Support.

Shapes: the JSON export of the Admin Center (a ticket a line, its comments within), and pages of the
incremental export and of the tickets API with comments and users beside or within them
(https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/,
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/).
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

_CHANNELS = {"sms": "sms", "whatsapp": "whatsapp", "chat": "webchat", "native_messaging": "webchat",
             "messaging": "webchat"}  # fmt: skip
_SCORES = {"good": 5, "bad": 1}
"""Zendesk asks whether it was good or bad."""
_MACHINES = ("trigger", "automation", "rule", "system", "answer_bot_for_agents", "answer_bot")
"""Channels (``via``) of what no person wrote."""


def read_zendesk(record: Json, words: ReadWords) -> Ticket:
    """The ticket in ``record``, whose ``users`` may list its people. Raises LeftOut, KeyError and
    ValueError."""
    ticket = record_of(record, "ticket") or record_of(record)
    if ticket.get("status") == "deleted":
        raise LeftOut(DELETED)
    if ticket.get("is_spam") or "spam" in list_of(ticket, "tags"):
        raise LeftOut(SPAM)
    users = {str(user.get("id")): user for user in list_of(ticket, "users") if record_of(user)}
    for role in ("requester", "submitter", "assignee"):
        person = record_of(ticket, role)
        if person.get("id") is not None:
            users.setdefault(str(person["id"]), person)
    requester = str(ticket.get("requester_id") or record_of(ticket, "requester").get("id"))
    who = users.get(requester, record_of(ticket, "requester"))
    comments = [record_of(comment) for comment in list_of(ticket, "comments")]
    messages = [
        _message(ticket, comment, requester, users, words, first=number == 0)
        for number, comment in enumerate(comments)
    ]
    if not messages and text_of(ticket, "description"):
        messages = [_description(ticket, words)]
    address = mail_address(text_of(who, "email")) or _handle(ticket, who)
    channel = _CHANNELS.get(text_of(record_of(ticket, "via"), "channel"), "email")
    return Ticket(
        customer=address or (f"zendesk-{requester}@unknown.invalid" if requester else ""),
        name=text_of(who, "name"),
        subject=text_of(ticket, "subject", "raw_subject"),
        channel=channel if channel == "email" or not mail_address(address) else "email",
        messages=tuple(messages),
        labels=label_keys(ticket.get("tags")),
        score=_SCORES.get(text_of(record_of(ticket, "satisfaction_rating"), "score")),
    )


def _handle(ticket: dict[str, Any], who: dict[str, Any]) -> str:
    source = record_of(record_of(record_of(ticket, "via"), "source"), "from")
    return mail_address(text_of(source, "address")) or text_of(who, "phone")


def _message(
    ticket: dict[str, Any],
    comment: dict[str, Any],
    requester: str,
    users: dict[str, dict[str, Any]],
    words: ReadWords,
    *,
    first: bool,
) -> ImportedMessage:
    author_id = str(comment.get("author_id") or record_of(comment, "author").get("id") or "")
    author = users.get(author_id) or record_of(comment, "author")
    role = text_of(author, "role")
    machine = text_of(record_of(comment, "via"), "channel") in _MACHINES
    customer = author_id == requester or role == "end-user"
    text = text_of(comment, "plain_body", "body")
    html = not text
    return ImportedMessage(
        key=f"zendesk:comment:{_id(ticket, comment)}",
        author="customer" if customer else "bot" if machine else "agent",
        text=words(text or text_of(comment, "html_body"), html=html, answers=not first),
        at=read_time(comment.get("created_at") or ticket["created_at"]),
        name="" if author_id == requester else text_of(author, "name") or "Agent",
        internal=comment.get("public") is False,
    )


def _description(ticket: dict[str, Any], words: ReadWords) -> ImportedMessage:
    return ImportedMessage(
        key=f"zendesk:ticket:{ticket['id']}",
        author="customer",
        text=words(text_of(ticket, "description"), html=False, answers=False),
        at=read_time(ticket["created_at"]),
    )


def _id(ticket: dict[str, Any], comment: dict[str, Any]) -> str:
    return str(comment.get("id") or f"{ticket['id']}.{comment['created_at']}")
