"""How people answered conversations that are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import conversations, customers, messages
from gateway.model import PastAnswer

LONGEST = 2_000
"""Characters that are kept of what was asked, and of what was said."""

_SPOKE = exists().where(
    messages.c.conversation_id == conversations.c.id,
    messages.c.author == "agent",
    messages.c.internal.is_(False),
)
_NEWEST = (
    select(conversations.c.id)
    .where(
        conversations.c.state == "resolved",
        conversations.c.opened_at >= bindparam("since"),
        conversations.c.language.is_not(None),
        _SPOKE,
    )
    .order_by(conversations.c.id.desc())
    .limit(bindparam("most"))
    .subquery()
)
_SAID = (
    select(messages, conversations.c.language, conversations.c.customer_id, customers.c.name)
    .join(_NEWEST, _NEWEST.c.id == messages.c.conversation_id)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .join(customers, customers.c.id == conversations.c.customer_id)
    .where(
        messages.c.internal.is_(False),
        messages.c.author.in_(("customer", "agent")),
        messages.c.status.not_in(("discarded", "unsure", "failed")),
    )
    .order_by(messages.c.conversation_id.desc(), messages.c.id)
)


def answered(connection: Connection, since: datetime, limit: int) -> tuple[PastAnswer, ...]:
    found = connection.execute(_SAID, {"since": rows.ms(since), "most": limit}).all()
    by = groupby(found, key=attrgetter("conversation_id"))
    return tuple(one for _, said in by for one in _first(connection, said))


def _first(connection: Connection, said: Iterable[Row[Any]]) -> Iterator[PastAnswer]:
    """What was asked until a person spoke, and what that person said first."""
    asked: list[str] = []
    for row in said:
        message = rows.message(connection, row)
        if message.author == "customer":
            asked.append(message.text)
            continue
        words = " ".join(asked).strip()
        if words and message.text.strip():
            called = rows.maybe_opened(connection, "customers.name", "", row.name)
            names = (called, message.agent.name if message.agent else None)
            yield PastAnswer(
                conversation=row.conversation_id,
                customer=row.customer_id,
                language=row.language,
                asked=words[:LONGEST],
                said=message.text[:LONGEST],
                names=tuple(name for name in names if name),
            )
        return
