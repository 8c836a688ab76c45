"""Labels, snoozes and blocked addresses.

A label is a row of ``conversation_labels``, which finds conversations, and a word in
``conversations.labels``, which shows them; both change in one transaction, with the conversation
locked. A snooze is three columns of the conversation and a durable timer that ends it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.handoffs import add_notice, lock_conversation
from gateway.adapters.sql.identities import discard_queued, is_identity
from gateway.adapters.sql.marks.by_turn import AWAKE, change_labels, set_columns
from gateway.adapters.sql.schema import (
    conversation_labels,
    conversations,
    customers,
    identities,
    timers,
)
from gateway.adapters.sql.turns.side_effects import newest_open_handoff
from gateway.model import Address, Agent, BlockedAddress, Conversation
from gateway.pipeline.outcomes import BLOCKED
from gateway.ports import Conflict, NotAccepted, NotFound
from gateway.routing.reasons import HARM
from gateway.store import SNOOZE_TIMER


class SqlMarks:
    """See `store.Marks`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def label(
        self, conversation: int, *, add: Collection[str], remove: Collection[str]
    ) -> Conversation:
        def job(connection: Connection) -> Conversation:
            current = lock_conversation(connection, conversation)
            return change_labels(connection, current, add=add, remove=remove)

        return await self._db.write(job)

    async def snooze(
        self,
        conversation: int,
        agent: Agent,
        *,
        epoch: int,
        until: datetime,
        at: datetime,
        line: str,
    ) -> Conversation:
        def job(connection: Connection) -> Conversation:
            current = _held_by(connection, conversation, agent, epoch)
            _check_no_harm(connection, conversation)
            snoozed = {"snoozed_until": rows.to_ms(until), "snoozed_by": agent.id}
            set_columns(connection, conversation, {**snoozed, "woken_at": None})
            _set_timer(connection, current, until)
            add_notice(connection, current, line, agent, at)
            return lock_conversation(connection, conversation)

        return await self._db.write(job)

    async def wake(
        self, conversation: int, agent: Agent, *, epoch: int, at: datetime, line: str
    ) -> Conversation:
        def job(connection: Connection) -> Conversation:
            current = _held_by(connection, conversation, agent, epoch)
            if current.snoozed_until is None:
                return current
            set_columns(connection, conversation, AWAKE)
            add_notice(connection, current, line, agent, at)
            return lock_conversation(connection, conversation)

        return await self._db.write(job)

    async def block(self, address: Address, *, at: datetime | None) -> None:
        def job(connection: Connection) -> None:
            stored = None if at is None else rows.to_ms(at)
            here = is_identity(address)
            if at is None:
                here &= identities.c.blocked_at.is_not(None)
            changed = update(identities).where(here).values(blocked_at=stored)
            if connection.execute(changed).rowcount != 1:
                state = "is not blocked" if at is None else "is not known"
                raise NotFound(f"the address {address.lane} {state}")
            if at is not None:
                discard_queued(connection, address.lane, BLOCKED)

        await self._db.write(job, key=address.lane)

    async def blocked(
        self, *, brands: Collection[str] = (), after: int = 0, most: int = 50
    ) -> tuple[BlockedAddress, ...]:
        chosen = (
            select(identities, customers.c.brand)
            .join(customers, customers.c.id == identities.c.customer_id)
            .where(identities.c.blocked_at.is_not(None), identities.c.id > after)
            .order_by(identities.c.id)
            .limit(most)
        )
        if brands:
            chosen = chosen.where(customers.c.brand.in_(brands))

        def job(connection: Connection) -> tuple[BlockedAddress, ...]:
            return tuple(
                BlockedAddress(
                    id=row.id,
                    address=rows.address(row),
                    brand=row.brand,
                    at=rows.from_ms(row.blocked_at),
                )
                for row in connection.execute(chosen)
            )

        return await self._db.read(job, long=True)

    async def labelled(
        self, label: str, *, brands: Collection[str] = (), before: int = 0, most: int = 50
    ) -> tuple[Conversation, ...]:
        found = conversation_labels.c.conversation_id
        chosen = (
            select(conversations)
            .join(conversation_labels, found == conversations.c.id)
            .where(conversation_labels.c.label == label)
            .order_by(found.desc())
            .limit(most)
        )
        if before:
            chosen = chosen.where(found < before)
        if brands:
            chosen = chosen.where(conversations.c.brand.in_(brands))
        return await self._db.read(
            lambda c: tuple(rows.conversation(c, row) for row in c.execute(chosen)), long=True
        )


def _held_by(connection: Connection, conversation: int, agent: Agent, epoch: int) -> Conversation:
    """The conversation, locked, which ``agent`` has at ``epoch``. Raises Conflict."""
    current = lock_conversation(connection, conversation)
    if current.epoch != epoch:
        state = f"{current.owner.name} has it" if current.owner else f"it is {current.state} now"
        raise Conflict(f"somebody was faster: {state}", current)
    if current.owner is None:
        raise Conflict("only who has the conversation may snooze it; claim it first", current)
    if current.owner.id != agent.id:
        raise Conflict(f"{current.owner.name} has this conversation", current)
    return current


def _check_no_harm(connection: Connection, conversation: int) -> None:
    row = connection.execute(newest_open_handoff(conversation)).one_or_none()
    reasons = rows.handoff(connection, row).reasons if row else ()
    if any(reason.code == HARM for reason in reasons):
        raise NotAccepted(
            "this customer spoke of harm, so the conversation cannot be snoozed; "
            "answer it, or transfer it to somebody who can"
        )


def _set_timer(connection: Connection, conversation: Conversation, until: datetime) -> None:
    due = rows.to_ms(until)
    connection.execute(
        insert(timers),
        {
            "conversation_id": conversation.id,
            "lane": conversation.address.lane,
            "name": SNOOZE_TIMER,
            "due_at": due,
            "epoch": conversation.epoch,
            "data": rows.to_json({"until": str(due)}),
        },
    )
