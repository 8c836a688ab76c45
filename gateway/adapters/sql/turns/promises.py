"""Promises made to customers, and the facts that agents confirmed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.schema import (
    confirmed_facts,
    conversations,
    customers,
    messages,
    promises,
)
from gateway.adapters.sql.turns.side_effects import store_message
from gateway.model import Address, Agent, ConfirmedFact, Conversation, DuePromise, Message, Promise
from gateway.pipeline.case.promising import kinds_kept, reminder
from gateway.pipeline.outcomes import system_line
from gateway.ports import NotFound
from gateway.store import TurnOutcome

OPEN = "open"
_WITH_WORDS = select(promises, messages.c.text, messages.c.lane).join(
    messages, messages.c.id == promises.c.message_id
)


class SqlPromises:
    """See `store.Promises`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def of(self, conversation: int) -> tuple[Promise, ...]:
        return await self._db.read(lambda c: promises_of(c, conversation))

    async def due(
        self, at: datetime, *, brands: tuple[str, ...] = (), most: int = 500
    ) -> tuple[DuePromise, ...]:
        query = (
            select(
                promises, messages.c.text, messages.c.lane, conversations.c.brand,
                conversations.c.owner, customers.c.name,
            )
            .join(messages, messages.c.id == promises.c.message_id)
            .join(conversations, conversations.c.id == promises.c.conversation_id)
            .join(customers, customers.c.id == conversations.c.customer_id)
            .where(promises.c.state == OPEN, promises.c.remind_at <= rows.to_ms(at))
            .order_by(promises.c.due_at, promises.c.id)
            .limit(most)
        )  # fmt: skip
        if brands:
            query = query.where(conversations.c.brand.in_(brands))
        return await self._db.read(
            lambda c: tuple(_due(c, row) for row in c.execute(query)), long=True
        )

    async def settle(self, promise: int, agent: Agent, at: datetime, *, kept: bool) -> Promise:
        def job(connection: Connection) -> Promise:
            changed = connection.execute(
                update(promises)
                .where(promises.c.id == promise, promises.c.state == OPEN)
                .values(
                    state="kept" if kept else "withdrawn",
                    settled_at=rows.to_ms(at),
                    settled_by=rows.to_json(agent),
                )
            )
            row = connection.execute(_WITH_WORDS.where(promises.c.id == promise)).one_or_none()
            if row is None:
                raise NotFound(f"there is no promise {promise}")
            found = _promise(connection, row)
            if changed.rowcount:
                what = "kept" if kept else "no longer due"
                line = f"{agent.name} marked a promise as {what}: “{found.words}”"
                _note(connection, found.conversation, line, at, agent=agent)
            return found

        return await self._db.write(job)

    async def notice(self, conversation: int, at: datetime, *, turn: int) -> int:
        """Say in the history which promises are overdue, each once; return how many."""

        def job(connection: Connection) -> int:
            late = _WITH_WORDS.where(
                promises.c.conversation_id == conversation,
                promises.c.state == OPEN,
                promises.c.due_at < rows.to_ms(at),
                promises.c.noticed.is_(False),
            )
            found = connection.execute(late).all()
            for row in found:
                promise = _promise(connection, row)
                who = promise.agent.name if promise.agent else "The bot"
                line = f"Overdue: {who} promised “{promise.words}”"
                _note(connection, conversation, line, at, turn=turn)
                done = update(promises).where(promises.c.id == promise.id)
                connection.execute(done.values(noticed=True))
            return len(found)

        return await self._db.write(job)

    async def confirm(self, fact: ConfirmedFact) -> None:
        """Store a confirmed fact, in place of an earlier one of that name. A name becomes the
        customer's. Raises NotFound."""

        def job(connection: Connection) -> None:
            row = connection.execute(
                select(conversations).where(conversations.c.id == fact.conversation)
            ).one_or_none()
            if row is None:
                raise NotFound(f"there is no conversation {fact.conversation}")
            connection.execute(
                delete(confirmed_facts).where(
                    confirmed_facts.c.conversation_id == fact.conversation,
                    confirmed_facts.c.name == fact.name,
                )
            )
            stored = rows.encrypted(
                connection, "confirmed_facts.value", fact.conversation, fact.value
            )
            connection.execute(
                insert(confirmed_facts),
                {
                    "conversation_id": fact.conversation,
                    "name": fact.name,
                    "value": stored,
                    "message_id": fact.message,
                    "agent": rows.to_json(fact.agent),
                    "at": rows.to_ms(fact.at),
                },
            )
            if fact.name == "name":
                name = rows.encrypted(connection, "customers.name", "", fact.value)
                chosen = update(customers).where(customers.c.id == row.customer_id)
                connection.execute(chosen.values(name=name))
            line = f"{fact.agent.name} confirmed the customer's {fact.name}"
            _note(connection, fact.conversation, line, fact.at, agent=fact.agent)

        await self._db.write(job)


def promises_of(connection: Connection, conversation: int) -> tuple[Promise, ...]:
    """The promises of a conversation, oldest first."""
    return promises_by_conversation(connection, (conversation,)).get(conversation, ())


def promises_by_conversation(
    connection: Connection, ids: Collection[int]
) -> dict[int, tuple[Promise, ...]]:
    """The promises of each conversation that has any, oldest first."""
    chosen = _WITH_WORDS.where(promises.c.conversation_id.in_(ids)).order_by(promises.c.id)
    found: dict[int, tuple[Promise, ...]] = {}
    for row in connection.execute(chosen):
        known = found.get(row.conversation_id, ())
        found[row.conversation_id] = (*known, _promise(connection, row))
    return found


def confirmed_by_customer(
    connection: Connection, customers: Collection[int]
) -> dict[int, tuple[ConfirmedFact, ...]]:
    """What was confirmed of each customer of whom anything was, the newest of each name."""
    chosen = (
        select(confirmed_facts, conversations.c.customer_id)
        .join(conversations, conversations.c.id == confirmed_facts.c.conversation_id)
        .where(conversations.c.customer_id.in_(customers))
        .order_by(confirmed_facts.c.at, confirmed_facts.c.id)
    )
    newest: dict[int, dict[str, ConfirmedFact]] = {}
    for row in connection.execute(chosen):
        newest.setdefault(row.customer_id, {})[row.name] = _confirmed(connection, row)
    return {customer: tuple(facts.values()) for customer, facts in newest.items()}


def record_promises(
    connection: Connection,
    outcome: TurnOutcome,
    conversation: Conversation,
    replies: tuple[Message, ...],
    at: datetime,
) -> None:
    """Store what the stored ``replies`` promise, and close what they keep or replace."""
    if not replies or (not outcome.promises and outcome.work.kind != "agent"):
        return
    made = [(replies[n], promise) for n, promise in outcome.promises if n < len(replies)]
    _settle_by_message(connection, conversation, replies, outcome, at)
    for message, promise in made:
        connection.execute(
            insert(promises),
            {
                "conversation_id": conversation.id,
                "message_id": message.id,
                "author": message.author,
                "agent": rows.to_json(message.agent) if message.agent else None,
                "kind": promise.kind,
                "begins": promise.start,
                "ends": promise.end,
                "made_at": rows.to_ms(at),
                "remind_at": rows.to_ms(reminder(promise, at)),
                "due_at": rows.to_ms(promise.due),
                "whole_day": promise.whole_day,
                "state": OPEN,
                "noticed": False,
            },
        )


def _settle_by_message(
    connection: Connection,
    conversation: Conversation,
    replies: tuple[Message, ...],
    outcome: TurnOutcome,
    at: datetime,
) -> None:
    new = {promise.kind for _, promise in outcome.promises}
    known = connection.execute(_open(conversation.id)).all()
    if not known:
        return
    kept = kinds_kept(replies, outcome.claims, promises=bool(new))
    for row in known:
        state = "replaced" if row.kind in new else "kept" if row.kind in kept else ""
        if state and (row.author == "bot" or replies[0].author == "agent"):
            connection.execute(
                update(promises)
                .where(promises.c.id == row.id)
                .values(state=state, settled_at=rows.to_ms(at), settled_message=replies[-1].id)
            )


def _open(conversation: int) -> Select[Any]:
    return select(promises).where(
        and_(promises.c.conversation_id == conversation, promises.c.state == OPEN)
    )


def _promise(connection: Connection, row: Row[Any]) -> Promise:
    text = rows.readable(connection, "messages.text", row.lane, row.text)
    return Promise(
        id=row.id,
        conversation=row.conversation_id,
        message=row.message_id,
        words=text[row.begins : row.ends].strip() or text,
        kind=row.kind,
        made_at=rows.from_ms(row.made_at),
        due=rows.from_ms(row.due_at),
        whole_day=bool(row.whole_day),
        remind_at=rows.from_ms(row.remind_at),
        agent=rows.maybe_agent(row.agent),
        state=row.state,
        settled_at=rows.maybe_from_ms(row.settled_at),
        settled_by=rows.maybe_agent(row.settled_by),
        settled_message=row.settled_message,
    )


def _due(connection: Connection, row: Row[Any]) -> DuePromise:
    return DuePromise(
        promise=_promise(connection, row),
        customer=rows.readable(connection, "customers.name", "", row.name),
        address=Address.from_lane(row.lane),
        brand=row.brand,
        owner=rows.maybe_agent(row.owner),
    )


def _confirmed(connection: Connection, row: Row[Any]) -> ConfirmedFact:
    place = row.conversation_id
    return ConfirmedFact(
        name=row.name,
        value=rows.readable(connection, "confirmed_facts.value", place, row.value),
        conversation=row.conversation_id,
        message=row.message_id,
        agent=rows.maybe_agent(row.agent) or Agent(id="", name=""),
        at=rows.from_ms(row.at),
    )


def _note(connection: Connection, conversation: int, text: str, at: datetime, **more: Any) -> None:
    row = connection.execute(select(conversations).where(conversations.c.id == conversation)).one()
    line = system_line(conversation, text, at, **more)
    store_message(connection, line, rows.conversation(connection, row))
