"""What pages, cards and channels read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, exists, func, or_, select

from gateway.adapters.sql import answered as _answered
from gateway.adapters.sql import rows
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    identities,
    messages,
    outbox,
    suggestions,
    surveys,
)
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import (
    Address,
    ContextCard,
    Conversation,
    Emotion,
    Fact,
    Handoff,
    Message,
    PastAnswer,
    PastConversation,
    QueueItem,
)
from gateway.ports import NotFound

_PUBLIC = (
    select(messages)
    .where(
        messages.c.lane == bindparam("lane"),
        messages.c.id > bindparam("after"),
        messages.c.internal.is_(False),
        messages.c.status.not_in(("discarded", "unsure")),
        # What was refused before it was ever on its way was not said.
        or_(messages.c.status != "failed", exists().where(outbox.c.message_id == messages.c.id)),
    )
    .order_by(messages.c.id)
    .limit(bindparam("most"))
)
_SAID = _PUBLIC.where(messages.c.author.in_(("bot", "agent")))
_EARLIER = Prepared(
    select(conversations, func.max(surveys.c.score).label("score"))
    .outerjoin(surveys, surveys.c.conversation_id == conversations.c.id)
    .where(conversations.c.customer_id == bindparam("customer"))
    .group_by(conversations.c.id)
    .order_by(conversations.c.id.desc())
    .limit(bindparam("most"))
)
_CONVERSATION = select(conversations).where(conversations.c.id == bindparam("id"))


class SqlReading:
    """Reads only; every method sees one snapshot."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        asked = {"lane": address.lane, "after": after, "most": limit}
        query = _PUBLIC if own else _SAID
        return await self._db.read(
            lambda c: tuple(rows.message(c, row) for row in c.execute(query, asked))
        )

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]:
        return await self._db.read(lambda c: _earlier(c, customer, limit))

    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[PastAnswer, ...]:
        return await self._db.read(lambda c: _answered.answered(c, since, limit))

    async def conversation(self, id: int) -> Conversation:
        return await self._db.read(lambda c: rows.conversation(c, _found(c, id)))

    async def queue(self) -> tuple[QueueItem, ...]:
        return await self._db.read(_queue, long=True)

    async def card(self, id: int) -> ContextCard:
        return await self._db.read(lambda c: _card(c, id))

    async def handoff(self, id: int) -> Handoff:
        def unit(connection: Connection) -> Handoff:
            row = connection.execute(select(handoffs).where(handoffs.c.id == id)).one_or_none()
            if row is None:
                raise NotFound(f"there is no handoff {id}")
            return rows.handoff(connection, row)

        return await self._db.read(unit)


def _found(connection: Connection, id: int) -> Row[Any]:
    row = connection.execute(_CONVERSATION, {"id": id}).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {id}")
    return row


def _earlier(connection: Connection, customer: int, limit: int) -> tuple[PastConversation, ...]:
    found = _EARLIER.all(connection, {"customer": customer, "most": limit})
    return tuple(
        PastConversation(
            id=row.id,
            channel=row.channel,
            opened_at=rows.when(row.opened_at),
            resolved_at=rows.maybe(row.resolved_at),
            intent=row.intent,
            mood=row.mood,
            score=row.score,
        )
        for row in found
    )


def _queue(connection: Connection) -> tuple[QueueItem, ...]:
    open_ones = (
        select(handoffs, conversations.c.id.label("found"))
        .join(conversations, conversations.c.id == handoffs.c.conversation_id)
        .where(handoffs.c.closed_at.is_(None))
        .order_by(handoffs.c.claimed_at.is_not(None), handoffs.c.priority.desc(), handoffs.c.id)
        .limit(500)
    )
    return tuple(_item(connection, row) for row in connection.execute(open_ones).all())


def _item(connection: Connection, row: Row[Any]) -> QueueItem:
    found = _found(connection, row.found)
    customer = connection.execute(
        select(customers).where(customers.c.id == found.customer_id)
    ).one()
    last = connection.execute(
        select(messages)
        .where(messages.c.conversation_id == found.id, messages.c.author == "customer")
        .order_by(messages.c.id.desc())
        .limit(1)
    ).one_or_none()
    said = rows.message(connection, last) if last else None
    handoff = rows.handoff(connection, row)
    return QueueItem(
        handoff=handoff,
        conversation=rows.conversation(connection, found),
        customer=rows.customer(connection, customer),
        preview=_short(said.text) if said else "",
        mood=said.understanding.emotion if said and said.understanding else Emotion(),
        waiting_since=_waiting_since(connection, found.id) or handoff.created_at,
    )


def _waiting_since(connection: Connection, conversation: int) -> Any:
    """The customer's first message that no person has answered yet."""
    spoke = (
        select(func.coalesce(func.max(messages.c.id), 0))
        .where(
            messages.c.conversation_id == conversation,
            messages.c.author == "agent",
            messages.c.internal.is_(False),
        )
        .scalar_subquery()
    )
    first = select(func.min(messages.c.at)).where(
        messages.c.conversation_id == conversation,
        messages.c.author == "customer",
        messages.c.id > spoke,
    )
    return rows.maybe(connection.execute(first).scalar())


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 140 else flat[:139].rstrip() + "…"


def _card(connection: Connection, id: int) -> ContextCard:
    found = _found(connection, id)
    customer = connection.execute(
        select(customers).where(customers.c.id == found.customer_id)
    ).one()
    said = _all(connection, select(messages).where(messages.c.conversation_id == id))
    handoff = _newest(connection, handoffs, id)
    suggestion = _newest(connection, suggestions, id)
    known = select(identities).where(identities.c.customer_id == found.customer_id)
    history = _earlier(connection, found.customer_id, 20)
    return ContextCard(
        conversation=rows.conversation(connection, found),
        customer=rows.customer(connection, customer),
        identities=tuple(
            Address(channel=row.channel, value=row.value) for row in connection.execute(known)
        ),
        handoff=rows.handoff(connection, handoff) if handoff else None,
        messages=said,
        earlier=tuple(one for one in history if one.id != id),
        facts=_facts(said),
        summary=(),
        suggestion=rows.suggestion(connection, suggestion)
        if suggestion and suggestion.outcome == "open"
        else None,
        on_its_way=_on_its_way(connection, id),
    )


def _facts(said: tuple[Message, ...]) -> tuple[Fact, ...]:
    """What is known of the customer's case, the newest word on each; not what the bot told."""
    told = {fact.name: fact for one in said if one.author == "customer" for fact in one.facts}
    return tuple(told.values())


def _all(connection: Connection, query: Select[Any]) -> tuple[Message, ...]:
    last = query.order_by(messages.c.id.desc()).limit(500)
    return tuple(rows.message(connection, row) for row in reversed(connection.execute(last).all()))


def _newest(connection: Connection, table: Any, conversation: int) -> Row[Any] | None:
    return connection.execute(
        select(table)
        .where(table.c.conversation_id == conversation)
        .order_by(table.c.id.desc())
        .limit(1)
    ).one_or_none()


def _on_its_way(connection: Connection, conversation: int) -> tuple[Message, ...]:
    """The bot's messages that a provider may have although a person has the conversation."""
    cut = (
        select(messages)
        .join(outbox, outbox.c.message_id == messages.c.id)
        .where(
            outbox.c.conversation_id == conversation,
            or_(
                outbox.c.state == "unsure",
                and_(
                    outbox.c.state == "sending",
                    outbox.c.author == "bot",
                    outbox.c.epoch
                    < select(conversations.c.epoch)
                    .where(conversations.c.id == conversation)
                    .scalar_subquery(),
                ),
            ),
        )
        .order_by(messages.c.id)
    )
    return tuple(rows.message(connection, row) for row in connection.execute(cut))
