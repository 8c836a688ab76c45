"""Committing a turn: everything that handling one inbox row changes, or nothing of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, text, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.effects import effects
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    identities,
    inbox,
)
from gateway.adapters.sql.speaking import speak, store
from gateway.adapters.sql.taking import find_customer
from gateway.model import Conversation, Message
from gateway.store import AlreadyHandled, Committed, Moved, Outcome

_EPOCH = select(conversations).where(conversations.c.id == bindparam("id")).with_for_update()
_HANDLED = (
    update(inbox)
    .where(inbox.c.id == bindparam("turn"), inbox.c.state != "handled")
    .values(
        state="handled",
        error=None,
        conversation_id=bindparam("conversation"),
        message_id=bindparam("message"),
    )
)
_NEW_CONVERSATION = insert(conversations).returning(conversations.c.id)
_NEW_CUSTOMER = insert(customers).returning(customers.c.id)
_CLOSE_IDLE = (
    update(conversations)
    .where(
        conversations.c.lane == bindparam("here"),
        conversations.c.id < bindparam("new"),
        conversations.c.state == "bot",
    )
    .values(state="resolved", resolved_at=bindparam("at"), epoch=conversations.c.epoch + 1)
)


def commit(connection: Connection, outcome: Outcome, at: datetime) -> Committed:
    """Store ``outcome`` whole. Raises Moved or AlreadyHandled, having changed nothing."""
    conversation, dropped = _settle(connection, outcome, at)
    message = None
    if outcome.message is not None:
        message = store(connection, outcome.message, conversation)
    _done(connection, outcome, conversation.id, message)
    for note in outcome.notes:
        store(connection, note, conversation)
    if dropped:
        return Committed(conversation=conversation, message=message, dropped=dropped)
    if outcome.work.conversation is not None:
        conversation = _update(connection, outcome, conversation)
    replies, silenced = speak(connection, outcome, conversation, at)
    effects(connection, outcome, conversation, at)
    return Committed(
        conversation=conversation,
        message=message,
        replies=replies,
        dropped=silenced,
        queued=bool(replies) and not outcome.mailbox,
    )


def _settle(
    connection: Connection, outcome: Outcome, at: datetime
) -> tuple[Conversation, str | None]:
    """The conversation as the database has it, and why the bot must be silent, if it must."""
    if not outcome.conversation.id:
        return _open(connection, outcome, at), None
    if outcome.work.inbound is not None and outcome.work.inbound.ref is not None:
        _adopt(connection, outcome)
    row = connection.execute(_EPOCH, {"id": outcome.conversation.id}).one()
    now = rows.conversation(row)
    begun = outcome.work.happened.epoch if outcome.work.happened else outcome.conversation.epoch
    if outcome.work.kind == "agent" or now.epoch == begun:
        return now, None
    if outcome.work.kind in ("timer", "event"):
        return now, "things have moved on since it was set"
    if now.state in ("waiting", "person"):
        return now, "a person took the conversation"
    raise Moved


def _open(connection: Connection, outcome: Outcome, at: datetime) -> Conversation:
    """Begin a conversation, and know the customer by this address from now on."""
    customer = outcome.customer
    inbound = outcome.work.inbound
    known = customer.id or (find_customer(connection, inbound).id if inbound else 0)
    if not known:
        who = {
            "name": customer.name,
            "language": customer.language,
            "opted_out": False,
            "ref": customer.ref,
            "created_at": rows.ms(at),
        }
        known = connection.execute(_NEW_CUSTOMER, who).scalar_one()
    conversation = outcome.conversation
    address = conversation.address
    connection.execute(
        text(
            "INSERT INTO identities (customer_id, channel, value, unreachable)"
            " VALUES (:customer, :channel, :value, false) ON CONFLICT DO NOTHING"
        ),
        {"customer": known, "channel": address.channel, "value": address.value},
    )
    values: dict[str, object] = {
        "customer_id": known,
        "channel": address.channel,
        "address": address.value,
        "lane": outcome.work.lane,
        "opened_at": rows.ms(conversation.opened_at),
        **_columns(outcome, conversation),
    }
    new = connection.execute(_NEW_CONVERSATION, values).scalar_one()
    if customer.id and (inbound is None or inbound.subject is None):
        stale = {"here": outcome.work.lane, "new": new, "at": rows.ms(at)}
        connection.execute(_CLOSE_IDLE, stale)
    return conversation.replace(id=new)


def _adopt(connection: Connection, outcome: Outcome) -> None:
    """A customer who had not said who they are has proof of it now: what they began is theirs."""
    customer, id = outcome.customer, outcome.conversation.id
    connection.execute(
        update(customers)
        .where(customers.c.id == customer.id, customers.c.ref.is_(None))
        .values(ref=customer.ref)
    )
    connection.execute(
        update(conversations).where(conversations.c.id == id).values(customer_id=customer.id)
    )
    address = outcome.conversation.address
    connection.execute(
        update(identities)
        .where(identities.c.channel == address.channel, identities.c.value == address.value)
        .values(customer_id=customer.id)
    )


def _columns(outcome: Outcome, conversation: Conversation) -> dict[str, object]:
    columns: dict[str, object] = {
        "state": conversation.state,
        "epoch": conversation.epoch,
        "tier": conversation.tier,
        "language": conversation.language,
        "subject": conversation.subject,
        "intent": conversation.intent,
    }
    if outcome.message and outcome.message.understanding:
        columns["mood"] = outcome.message.understanding.emotion.label
    return columns


def _update(connection: Connection, outcome: Outcome, now: Conversation) -> Conversation:
    after = outcome.conversation.replace(epoch=now.epoch, owner=now.owner)
    if outcome.message is None and not outcome.reopen:
        return now
    columns = _columns(outcome, after)
    if outcome.reopen:
        after = after.replace(epoch=now.epoch + 1, owner=None, resolved_at=None)
        columns |= {"epoch": after.epoch, "owner": None, "resolved_at": None}
    change = update(conversations).where(conversations.c.id == now.id).values(columns)
    connection.execute(change)
    return after


def _done(
    connection: Connection, outcome: Outcome, conversation: int, message: Message | None
) -> None:
    turn = {
        "turn": outcome.work.id,
        "conversation": conversation,
        "message": message.id if message else None,
    }
    if connection.execute(_HANDLED, turn).rowcount != 1:
        raise AlreadyHandled
