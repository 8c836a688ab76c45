"""Committing a turn: everything that handling one inbox row changes, or nothing of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, String, bindparam, func, select, text, update

from gateway.adapters.sql import consent, dialect, rows
from gateway.adapters.sql.addresses import forget_empty
from gateway.adapters.sql.effects import effects, heard
from gateway.adapters.sql.head import READY
from gateway.adapters.sql.prepared import Insertion, Prepared
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    identities,
    inbox,
)
from gateway.adapters.sql.speaking import speak, store
from gateway.adapters.sql.whose import find_customer, is_with_person
from gateway.model import Conversation, Message
from gateway.store import AlreadyHandled, Committed, Happened, Moved, Outcome

_EPOCH = Prepared(
    select(conversations).where(conversations.c.id == bindparam("id")).with_for_update()
)
_MORE = Prepared(
    select(inbox.c.id).where(inbox.c.lane == bindparam("lane"), inbox.c.state == READY).limit(1)
)
_NEWER = Prepared(
    select(conversations.c.id)
    .where(conversations.c.lane == bindparam("lane"), conversations.c.id > bindparam("this"))
    .limit(1)
)
_HANDLED = Prepared(
    update(inbox)
    .where(inbox.c.id == bindparam("turn"), inbox.c.state != "handled")
    .values(
        state="handled",
        error=None,
        conversation_id=bindparam("conversation"),
        message_id=bindparam("message"),
    )
)
_NEW_CUSTOMER = Insertion(customers, "name", "language", "opted_out", "ref", "created_at")
_NEW_IDENTITY = Prepared(
    text(
        "INSERT INTO identities (customer_id, channel, value, unreachable, opted_out)"
        " VALUES (:customer, :channel, :value, false, false) ON CONFLICT DO NOTHING"
    )
)
_NEW_CONVERSATION = Insertion(
    conversations,
    *("customer_id", "channel", "address", "lane", "opened_at"),
    *("state", "epoch", "tier", "language", "subject", "intent", "mood"),
)
_CHANGED = Prepared(
    update(conversations)
    .where(conversations.c.id == bindparam("this"))
    .values(
        {name: bindparam(name) for name in ("state", "epoch", "tier", "language", "subject")}
        | {"intent": bindparam("intent")}
        | {"mood": func.coalesce(bindparam("mood", type_=String), conversations.c.mood)}
    )
)
_CLOSE_IDLE = Prepared(
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
    committed = _store(connection, outcome, at)
    more = outcome.work.more or _has_more(connection, outcome.work.lane)
    return committed if more == committed.more else committed.replace(more=more)


def _has_more(connection: Connection, lane: str) -> bool:
    """Whether others, who may have nobody's ear here, have brought something since."""
    # With SQLite there are no others: who accepts wakes the lane.
    return (
        connection.dialect.name != "sqlite" and _MORE.scalar(connection, {"lane": lane}) is not None
    )


def _store(connection: Connection, outcome: Outcome, at: datetime) -> Committed:
    conversation, dropped = _settle(connection, outcome, at)
    message = None
    if outcome.message is not None:
        message = store(connection, outcome.message, conversation)
    _done(connection, outcome, conversation.id, message)
    for note in outcome.notes:
        store(connection, note, conversation)
    if outcome.consent is not None:
        consent.record(connection, conversation.address, outcome.consent)
    heard(connection, outcome, conversation, at)
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
    row = _EPOCH.one(connection, {"id": outcome.conversation.id})
    now = rows.conversation(connection, row)
    if outcome.work.happened is not None:
        return now, _moved_on(connection, now, outcome.work.happened)
    if outcome.work.kind == "agent" or now.epoch == outcome.conversation.epoch:
        return now, None
    if now.state in ("waiting", "person"):
        return now, "a person took the conversation"
    raise Moved


def _moved_on(connection: Connection, now: Conversation, happened: Happened) -> str | None:
    """Why what was set for later is not said any more. Where conversations follow one another in
    a lane, what is said of an earlier one would fall into the last."""
    if now.epoch != happened.epoch:
        return "things have moved on since it was set"
    lane = {"lane": now.address.lane, "this": now.id}
    if now.subject is None and _NEWER.scalar(connection, lane) is not None:
        return "the customer has begun something new since"
    return None


def _open(connection: Connection, outcome: Outcome, at: datetime) -> Conversation:
    """Begin a conversation, and know the customer by this address from now on. Raises Moved when
    a person took the one that the message belongs to, or made the address known."""
    customer = outcome.customer
    inbound = outcome.work.inbound
    known = customer.id
    if not known and inbound is not None and inbound.ref is not None:
        # Another lane may have made them known meanwhile; an address is known by its own alone.
        dialect.hold(connection, dialect.REF, (inbound.ref,))
        known = find_customer(connection, inbound).id
    if known and inbound and is_with_person(connection, inbound, customer.replace(id=known)):
        raise Moved
    if not known:
        who = {
            "name": rows.maybe_sealed(connection, "customers.name", "", customer.name),
            "language": customer.language,
            "opted_out": False,
            "ref": customer.ref,
            "created_at": rows.ms(at),
        }
        known = _NEW_CUSTOMER.new(connection, who)
    conversation = outcome.conversation
    address = conversation.address
    identity = {"customer": known, "channel": address.channel, "value": address.value}
    is_news = _NEW_IDENTITY.count(connection, identity)
    if not is_news and not customer.id and customer.ref is None:
        raise Moved
    values: dict[str, object] = {
        "customer_id": known,
        "channel": address.channel,
        "address": address.value,
        "lane": outcome.work.lane,
        "opened_at": rows.ms(conversation.opened_at),
        **_columns(connection, outcome, conversation),
    }
    values["mood"] = values["mood"] or "calm"
    new = _NEW_CONVERSATION.new(connection, values)
    if customer.id and (inbound is None or inbound.subject is None):
        stale = {"here": outcome.work.lane, "new": new, "at": rows.ms(at)}
        _CLOSE_IDLE.count(connection, stale)
    return conversation.replace(id=new)


def _adopt(connection: Connection, outcome: Outcome) -> None:
    """A customer who had not said who they are has proof of it now: what they began is theirs."""
    customer, address = outcome.customer, outcome.conversation.address
    connection.execute(
        update(customers)
        .where(customers.c.id == customer.id, customers.c.ref.is_(None))
        .values(ref=customer.ref)
    )
    here = conversations.c.id == outcome.conversation.id
    nobody = connection.execute(select(conversations.c.customer_id).where(here)).scalar_one()
    if nobody != customer.id:
        theirs = (conversations.c.lane == address.lane) & (conversations.c.customer_id == nobody)
        connection.execute(update(conversations).where(theirs).values(customer_id=customer.id))
    connection.execute(
        update(identities)
        .where(identities.c.channel == address.channel, identities.c.value == address.value)
        .values(customer_id=customer.id)
    )
    if nobody != customer.id:
        forget_empty(connection, nobody)


def _columns(
    connection: Connection, outcome: Outcome, conversation: Conversation
) -> dict[str, object]:
    heard = outcome.message.understanding if outcome.message else None
    return {
        "state": conversation.state,
        "epoch": conversation.epoch,
        "tier": conversation.tier,
        "language": conversation.language,
        "subject": rows.maybe_sealed(
            connection, "conversations.subject", conversation.address.lane, conversation.subject
        ),
        "intent": conversation.intent,
        "mood": heard.emotion.label if heard else None,
    }


def _update(connection: Connection, outcome: Outcome, now: Conversation) -> Conversation:
    after = outcome.conversation.replace(epoch=now.epoch, owner=now.owner)
    if outcome.message is None and outcome.handoff is None:
        return now
    if outcome.reopen:
        after = after.replace(epoch=now.epoch + 1, owner=None, resolved_at=None)
        reopened = update(conversations).where(conversations.c.id == now.id)
        connection.execute(reopened.values(owner=None, resolved_at=None))
    _CHANGED.count(connection, {"this": now.id, **_columns(connection, outcome, after)})
    return after


def _done(
    connection: Connection, outcome: Outcome, conversation: int, message: Message | None
) -> None:
    turn = {
        "turn": outcome.work.id,
        "conversation": conversation,
        "message": message.id if message else None,
    }
    if _HANDLED.count(connection, turn) != 1:
        raise AlreadyHandled
