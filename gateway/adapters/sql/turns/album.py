"""Albums: several messages that were sent together are handled as one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select, update

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import inbox
from gateway.model import ALBUM_WAIT, Fact, Inbound

MOST = 20
"""Rows that are looked at behind the first one. An album of Telegram has ten messages at most
(sendMediaGroup, Bot API)."""
_BEHIND = (
    select(inbox.c.id, inbox.c.lane, inbox.c.payload)
    .where(
        inbox.c.lane == bindparam("lane"),
        inbox.c.state == "ready",
        inbox.c.kind == "message",
        inbox.c.id > bindparam("after"),
    )
    .order_by(inbox.c.id)
    .limit(MOST)
)
_HOLD = update(inbox).where(
    inbox.c.lane == bindparam("in_lane"),
    inbox.c.state == "ready",
    inbox.c.attempts == 0,
    (inbox.c.id == bindparam("new")) | (inbox.c.due_at > 0),
)
_INBOUND = msgspec.json.Decoder(Inbound)


def hold(connection: Connection, lane: str, row: int, at: datetime) -> None:
    """Let the new ``row`` of an album wait for the next one, and those before it as long."""
    due = rows.to_ms(at + timedelta(seconds=ALBUM_WAIT))
    connection.execute(_HOLD.values(due_at=due), {"in_lane": lane, "new": row})


def with_album(
    connection: Connection, first: Row[Any], inbound: Inbound
) -> tuple[Inbound, tuple[int, ...]]:
    """``inbound``, the message of row ``first``, with the words and files of the further messages
    of its album; and their rows. One that cannot be read stays in the lane by itself."""
    joined: list[int] = []
    for row in connection.execute(_BEHIND, {"lane": first.lane, "after": first.id}):
        try:
            payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
            found = _INBOUND.decode(payload)
        except (BadKey, msgspec.DecodeError, UnicodeError):
            continue
        if found.album == inbound.album and found.automatic == inbound.automatic:
            inbound = _join(inbound, found)
            joined.append(row.id)
    return inbound, tuple(joined)


def _join_facts(one: tuple[Fact, ...], other: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """A fact is known by its name: where both have one, their values are joined."""
    values = {fact.name: fact.value for fact in one}
    for fact in other:
        known = values.get(fact.name)
        new = known is not None and fact.value not in known.split("; ")
        values[fact.name] = f"{known}; {fact.value}" if new else known or fact.value
    return tuple(Fact(name=name, value=value) for name, value in values.items())


def _has_no_words(message: Inbound) -> bool:
    return message.wordless or not message.text.strip()


def _join(one: Inbound, other: Inbound) -> Inbound:
    return one.replace(
        text="\n".join(filter(None, (one.text, other.text))),
        wordless=_has_no_words(one) and _has_no_words(other),
        attachments=one.attachments + other.attachments,
        facts=_join_facts(one.facts, other.facts),
        thread=one.thread or other.thread,
        name=one.name or other.name,
    )
