"""Resolves whose a message is: its customer and its conversation, known ones or new ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.prepared import PreparedInsert, PreparedStatement
from gateway.adapters.sql.identities import delete_if_empty, is_identity
from gateway.adapters.sql.schema import conversations, customers, identities, messages
from gateway.model import Conversation, Customer, Inbound, imported_lane
from gateway.store import ConversationChanged, TurnOutcome

_CUSTOMER_BY_ADDRESS = PreparedStatement(
    select(customers)
    .join(identities, identities.c.customer_id == customers.c.id)
    .where(
        identities.c.channel == bindparam("channel"),
        identities.c.value == bindparam("value"),
        identities.c.support_address == bindparam("support_address"),
    )
)
_LAST_CONVERSATION = PreparedStatement(
    select(conversations)
    .where(conversations.c.lane == bindparam("lane"))
    .order_by(conversations.c.id.desc())
    .limit(1)
)
_CUSTOMER_BY_REF = PreparedStatement(
    select(customers)
    .where(customers.c.ref == bindparam("ref"), customers.c.brand == bindparam("brand"))
    .limit(1)
)
_CUSTOMER_BY_ID = select(customers).where(customers.c.id == bindparam("id"))
_NEW_CUSTOMER = PreparedInsert(
    customers, "name", "language", "opted_out", "ref", "created_at", "brand"
)
_NEW_IDENTITY = PreparedStatement(
    text(
        "INSERT INTO identities"
        " (customer_id, channel, value, support_address, unreachable, opted_out) VALUES"
        " (:customer, :channel, :value, :support_address, false, false) ON CONFLICT DO NOTHING"
    )
)
_NEW_CONVERSATION = PreparedInsert(
    conversations,
    *("customer_id", "channel", "address", "support_address", "lane", "opened_at"),
    *("state", "epoch", "tier", "language", "subject", "intent", "brand", "mood"),
    *("last_at", "last_from", "continues"),
)
_CLOSE_IDLE = PreparedStatement(
    update(conversations)
    .where(
        conversations.c.lane == bindparam("here"),
        conversations.c.id < bindparam("new"),
        conversations.c.state == "bot",
    )
    .values(state="resolved", resolved_at=bindparam("at"), epoch=conversations.c.epoch + 1)
)


def sender(connection: Connection, inbound: Inbound, known: Row[Any] | None) -> Customer:
    """Who wrote ``inbound``: the customer with its proven reference, else ``known``, who has the
    address; with id 0 when it is nobody we know.

    An address that belongs to another proven customer (a shared computer) proves nothing. An
    anonymous customer who proves who they are becomes known by the address.
    """
    if inbound.ref is not None:
        proven = _CUSTOMER_BY_REF.one(connection, {"ref": inbound.ref, "brand": inbound.brand})
        if proven is not None:
            return rows.customer(connection, proven)
    if known is None or (inbound.ref is not None and known.ref is not None):
        return Customer(name=inbound.name, language=inbound.language, ref=inbound.ref)
    customer = rows.customer(connection, known)
    return customer if inbound.ref is None else customer.replace(ref=inbound.ref)


def conversation_of(
    connection: Connection, inbound: Inbound, customer: Customer, last: Row[Any] | None
) -> Conversation | None:
    """The conversation that ``inbound`` continues; ``last`` is the last one of its lane.

    On a medium with subjects, the thread (References) and the sender decide; elsewhere the sender.
    """
    if inbound.subject is None and not inbound.thread:
        if last is None or not _may_continue(connection, last, customer):
            return None
        return rows.conversation(connection, last)
    answered = (
        select(conversations)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .where(messages.c.remote_id.in_(inbound.thread), messages.c.lane == inbound.address.lane)
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    row = connection.execute(answered).one_or_none() if inbound.thread else None
    return rows.conversation(connection, row) if row else None


def _may_continue(connection: Connection, last: Row[Any], customer: Customer) -> bool:
    """Whether the conversation is the customer's own, or was begun at this address by an anonymous
    customer."""
    if last.customer_id == customer.id:
        return True
    begun_by = connection.execute(_CUSTOMER_BY_ID, {"id": last.customer_id}).one()
    return begun_by.ref is None


def open_conversation(connection: Connection, outcome: TurnOutcome, at: datetime) -> Conversation:
    """Begin a conversation; the customer is known by its address from now on. Raises
    ConversationChanged when a person has taken the conversation that the message belongs to, or
    when the address has become known meanwhile."""
    conversation, inbound = outcome.conversation, outcome.work.inbound
    values: dict[str, object] = {
        "customer_id": _ensure_customer(connection, outcome, at),
        "channel": conversation.address.channel,
        "address": conversation.address.value,
        "support_address": conversation.address.support_address,
        "lane": outcome.work.lane,
        "opened_at": rows.to_ms(conversation.opened_at),
        "continues": conversation.continues,
        **turn_columns(connection, outcome, conversation),
    }
    values["mood"] = values["mood"] or "calm"
    values["last_at"] = values["last_at"] or values["opened_at"]
    values["last_from"] = values["last_from"] or ""
    id = _NEW_CONVERSATION.insert(connection, values)
    if outcome.customer.id and (inbound is None or inbound.subject is None):
        _CLOSE_IDLE.count(connection, {"here": outcome.work.lane, "new": id, "at": rows.to_ms(at)})
    return conversation.replace(id=id)


def _ensure_customer(connection: Connection, outcome: TurnOutcome, at: datetime) -> int:
    """The customer of a new conversation, made and tied to the address if need be."""
    customer, inbound = outcome.customer, outcome.work.inbound
    address = outcome.conversation.address
    identity = rows.address_values(address)
    id = customer.id
    if not id and inbound is not None and inbound.ref is not None:
        # Another lane may have made the customer known meanwhile; an address has only its own lane.
        dialect.lock(connection, dialect.REF_LOCK, (inbound.ref,))
        known = _CUSTOMER_BY_ADDRESS.one(connection, rows.address_values(inbound.address))
        id = sender(connection, inbound, known).id
    if id and inbound and _is_with_person(connection, inbound, customer.replace(id=id)):
        raise ConversationChanged
    if not id:
        new = {
            "name": rows.encrypted(connection, "customers.name", "", customer.name),
            "language": customer.language,
            "opted_out": False,
            "ref": customer.ref,
            "created_at": rows.to_ms(at),
            "brand": outcome.conversation.brand,
        }
        id = _NEW_CUSTOMER.insert(connection, new)
    is_new = _NEW_IDENTITY.count(connection, {"customer": id, **identity})
    if not is_new and not customer.id and customer.ref is None:
        raise ConversationChanged
    return id


def _is_with_person(connection: Connection, inbound: Inbound, customer: Customer) -> bool:
    """Whether ``inbound`` continues a conversation that a person has or will get."""
    last = _LAST_CONVERSATION.one(connection, {"lane": inbound.address.lane})
    found = conversation_of(connection, inbound, customer, last)
    return found is not None and found.state in ("waiting", "person")


def identify(connection: Connection, outcome: TurnOutcome) -> None:
    """Give the conversation, and all that was begun anonymously at its address, to the customer who
    has now proved who they are."""
    customer, address = outcome.customer, outcome.conversation.address
    connection.execute(
        update(customers)
        .where(customers.c.id == customer.id, customers.c.ref.is_(None))
        .values(ref=customer.ref)
    )
    here = conversations.c.id == outcome.conversation.id
    before = connection.execute(select(conversations.c.customer_id).where(here)).scalar_one()
    if before != customer.id:
        here = conversations.c.lane.in_((address.lane, imported_lane(address)))
        theirs = here & (conversations.c.customer_id == before)
        connection.execute(update(conversations).where(theirs).values(customer_id=customer.id))
    connection.execute(
        update(identities).where(is_identity(address)).values(customer_id=customer.id)
    )
    if before != customer.id:
        delete_if_empty(connection, before)


def turn_columns(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation
) -> dict[str, object]:
    """The columns of a conversation that a turn may change. ``mood`` is None when nothing was
    understood, the last message when none is public."""
    last = outcome.last_public
    understood = outcome.message.understanding if outcome.message else None
    return {
        "state": conversation.state,
        "epoch": conversation.epoch,
        "tier": conversation.tier,
        "language": conversation.language,
        "subject": rows.encrypted(
            connection, "conversations.subject", conversation.address.lane, conversation.subject
        ),
        "intent": conversation.intent,
        "brand": conversation.brand,
        "mood": understood.emotion.label if understood else None,
        "last_at": rows.to_ms(last.at) if last else None,
        "last_from": last.author if last else None,
    }
