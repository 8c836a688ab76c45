"""Beginning a conversation: the customer and the address become known with it.

And `adopt`, for one who began as nobody and has proof now of who they are.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text, update

from gateway.adapters.sql import dialect, rows
from gateway.adapters.sql.addresses import forget_empty
from gateway.adapters.sql.prepared import Insertion, Prepared
from gateway.adapters.sql.schema import conversations, customers, identities
from gateway.adapters.sql.whose import find_customer, is_with_person
from gateway.model import Conversation
from gateway.store import ConversationChanged, TurnOutcome

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
_CLOSE_IDLE = Prepared(
    update(conversations)
    .where(
        conversations.c.lane == bindparam("here"),
        conversations.c.id < bindparam("new"),
        conversations.c.state == "bot",
    )
    .values(state="resolved", resolved_at=bindparam("at"), epoch=conversations.c.epoch + 1)
)


def open_new(connection: Connection, outcome: TurnOutcome, at: datetime) -> Conversation:
    """Begin a conversation, and know the customer by this address from now on. Raises Moved when
    a person took the one that the message belongs to, or made the address known."""
    conversation, inbound = outcome.conversation, outcome.work.inbound
    values: dict[str, object] = {
        "customer_id": _beginner(connection, outcome, at),
        "channel": conversation.address.channel,
        "address": conversation.address.value,
        "lane": outcome.work.lane,
        "opened_at": rows.ms(conversation.opened_at),
        **columns(connection, outcome, conversation),
    }
    values["mood"] = values["mood"] or "calm"
    new = _NEW_CONVERSATION.new(connection, values)
    if outcome.customer.id and (inbound is None or inbound.subject is None):
        stale = {"here": outcome.work.lane, "new": new, "at": rows.ms(at)}
        _CLOSE_IDLE.count(connection, stale)
    return conversation.replace(id=new)


def _beginner(connection: Connection, outcome: TurnOutcome, at: datetime) -> int:
    """Who begins it, known by the address from now on."""
    customer, inbound = outcome.customer, outcome.work.inbound
    known = customer.id
    if not known and inbound is not None and inbound.ref is not None:
        # Another lane may have made them known meanwhile; an address is known by its own alone.
        dialect.hold(connection, dialect.REF, (inbound.ref,))
        known = find_customer(connection, inbound).id
    if known and inbound and is_with_person(connection, inbound, customer.replace(id=known)):
        raise ConversationChanged
    if not known:
        who = {
            "name": rows.maybe_sealed(connection, "customers.name", "", customer.name),
            "language": customer.language,
            "opted_out": False,
            "ref": customer.ref,
            "created_at": rows.ms(at),
        }
        known = _NEW_CUSTOMER.new(connection, who)
    address = outcome.conversation.address
    identity = {"customer": known, "channel": address.channel, "value": address.value}
    is_news = _NEW_IDENTITY.count(connection, identity)
    if not is_news and not customer.id and customer.ref is None:
        raise ConversationChanged
    return known


def adopt(connection: Connection, outcome: TurnOutcome) -> None:
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


def columns(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation
) -> dict[str, object]:
    """What a turn may change, by column; ``mood`` is None when nothing was understood."""
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
