"""Conversations of Intercom, with their parts, as the API gives them
(https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations): bodies are
HTML, unless they were asked for as plain text."""

from __future__ import annotations

from typing import Any, Literal

from gateway import ImportedMessage, Json
from plugins.history.importing.tickets.ticket import (
    ReadWords,
    Ticket,
    label_keys,
    list_of,
    mail_address,
    read_time,
    record_of,
    text_of,
)

_CUSTOMERS = ("user", "lead", "contact", "visitor")
_CHANNELS = {"email": "email", "sms": "sms", "whatsapp": "whatsapp"}
_SPOKEN = ("comment", "note", "open", "close", "assignment", "quick_reply", "note_and_reopen")
"""Kinds of parts that may have words; others are events."""


def read_intercom(record: Json, words: ReadWords) -> Ticket:
    """The conversation in ``record``. Raises KeyError and ValueError."""
    talk = record_of(record)
    source = record_of(talk, "source") or record_of(talk, "conversation_message")
    parts = list_of(record_of(talk, "conversation_parts"), "conversation_parts") or list_of(
        talk, "conversation_parts"
    )
    messages = [_message(str(talk["id"]), record_of(part), words) for part in parts]
    if text_of(source, "body"):
        opening = {
            **source,
            "created_at": source.get("created_at") or talk["created_at"],
            "part_type": "comment",
            "id": f"source-{source.get('id') or talk['id']}",
        }
        messages.insert(0, _message(str(talk["id"]), opening, words))
    person = _customer(talk, source, parts)
    channel = _CHANNELS.get(text_of(source, "type"), "webchat")
    address = mail_address(text_of(person, "email"))
    id = text_of(person, "external_id", "user_id", "id")
    return Ticket(
        customer=address or text_of(person, "phone") or (f"intercom-{id}" if id else ""),
        name=text_of(person, "name"),
        subject=words(text_of(source, "subject") or text_of(talk, "title"), html=True,
                      answers=False),
        channel="email" if address else channel,
        messages=tuple(message for message in messages if message is not None),
        labels=label_keys(list_of(record_of(talk, "tags"), "tags") or talk.get("tags")),
        score=_score(record_of(talk, "conversation_rating").get("rating")),
    )  # fmt: skip


def _customer(talk: dict[str, Any], source: dict[str, Any], parts: list[Any]) -> dict[str, Any]:
    """Who of the conversation's people is the customer, with what is known of them."""
    authors = [record_of(source, "author"), *(record_of(record_of(p), "author") for p in parts)]
    contacts = list_of(record_of(talk, "contacts"), "contacts") or list_of(talk, "contacts")
    people = [*(a for a in authors if a.get("type") in _CUSTOMERS), *map(record_of, contacts),
              record_of(talk, "user")]  # fmt: skip
    return next((p for p in people if p.get("email")), next((p for p in people if p), {}))


def _message(talk: str, part: dict[str, Any], words: ReadWords) -> ImportedMessage | None:
    body = text_of(part, "body")
    if not body or part.get("part_type") not in _SPOKEN:
        return None
    author = record_of(part, "author")
    kind = _author(author)
    return ImportedMessage(
        key=f"intercom:{talk}:{part['id']}",
        author=kind,
        text=words(body, html="<" in body, answers=False),
        at=read_time(part["created_at"]),
        name=text_of(author, "name") if kind != "customer" else "",
        internal=str(part.get("part_type")).startswith("note"),
    )


def _author(author: dict[str, Any]) -> Literal["customer", "agent", "bot"]:
    if author.get("type") in _CUSTOMERS:
        return "customer"
    machine = author.get("type") in ("bot", "operator") or author.get("from_ai_agent") is True
    return "bot" if machine else "agent"


def _score(value: object) -> int | None:
    return value if isinstance(value, int) and 1 <= value <= 5 else None
