"""Addresses: which customer each one belongs to, and whether we may write to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    select,
    update,
)

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    identities,
    links,
    messages,
    outbox,
)
from gateway.model import Address, Conversation, imported_lane
from gateway.pipeline.outcomes import OPTED_OUT, SUSPENDED
from gateway.ports import NotFound

_IS_OPTED_OUT = PreparedStatement(
    select(identities.c.opted_out).where(
        identities.c.channel == bindparam("channel"),
        identities.c.value == bindparam("value"),
        identities.c.support_address == bindparam("support_address"),
    )
)

IN_OUTBOX = outbox.c.state.in_([literal_column("'ready'"), literal_column("'sending'")])
"""The rows that still wait or are being sent. Literal, not bound, and in the words of the partial
index: else SQLite reads all that was ever sent."""

_FLAGS = PreparedStatement(
    select(identities.c.opted_out, identities.c.unreachable).where(
        identities.c.channel == bindparam("channel"),
        identities.c.value == bindparam("value"),
        identities.c.support_address == bindparam("support_address"),
    )
)


def is_at(table: Table, address: Address) -> ColumnElement[bool]:
    """The condition for the rows of ``address`` in ``table``."""
    return and_(
        table.c.channel == address.channel,
        table.c.value == address.value,
        table.c.support_address == address.support_address,
    )


def is_identity(address: Address) -> ColumnElement[bool]:
    """The condition for the row of ``address`` in ``identities``."""
    return is_at(identities, address)


def customer_of(connection: Connection, conversation: int) -> int:
    """The customer of ``conversation``. Raises NotFound."""
    found = connection.execute(
        select(conversations.c.customer_id).where(conversations.c.id == conversation)
    ).scalar()
    if found is None:
        raise NotFound(f"there is no conversation {conversation}")
    return int(found)


def customer_at(connection: Connection, address: Address) -> int | None:
    """The customer with ``address``; None when it is unknown."""
    known = select(identities.c.customer_id).where(is_identity(address))
    return connection.execute(known).scalar()


def ensure_customer_at(
    connection: Connection, address: Address, at: datetime, brand: str = ""
) -> int:
    """The customer with ``address``; a new one of ``brand`` when it is unknown."""
    known = customer_at(connection, address)
    if known is not None:
        return known
    new = insert(customers).returning(customers.c.id)
    values = {"opted_out": False, "created_at": rows.to_ms(at), "brand": brand}
    id: int = connection.execute(new, values).scalar_one()
    connection.execute(
        insert(identities),
        {"customer_id": id, **rows.address_values(address)},
    )
    return id


def move_address(connection: Connection, address: Address, customer: int) -> None:
    """Give ``address`` and its conversations, imported ones too, to ``customer``."""
    connection.execute(update(identities).where(is_identity(address)).values(customer_id=customer))
    connection.execute(
        update(conversations)
        .where(conversations.c.lane.in_((address.lane, imported_lane(address))))
        .values(customer_id=customer)
    )


def delete_if_empty(connection: Connection, customer: int) -> None:
    """Delete ``customer`` when nothing is left of them: no address, no conversation, and no link
    that could be taken back to them."""
    connection.execute(
        delete(customers).where(
            customers.c.id == customer,
            ~exists().where(identities.c.customer_id == customer),
            ~exists().where(conversations.c.customer_id == customer),
            ~exists().where(links.c.before_id == customer, links.c.undone_at.is_(None)),
        )
    )


def begin_conversation(
    connection: Connection, customer: int, address: Address, at: datetime, **columns: Any
) -> Conversation:
    """A new conversation of ``customer`` at ``address``, with ``columns`` set."""
    values = {
        "customer_id": customer,
        "channel": address.channel,
        "address": address.value,
        "support_address": address.support_address,
        "lane": address.lane,
        "epoch": 0,
        "tier": "bot",
        "mood": "calm",
        "opened_at": rows.to_ms(at),
        "last_at": rows.to_ms(at),
        **columns,
    }
    new = insert(conversations).values(values).returning(conversations)
    return rows.conversation(connection, connection.execute(new).one())


def is_opted_out(connection: Connection, address: Address) -> bool:
    """Whether the customer asked for no more messages at ``address``."""
    return bool(_IS_OPTED_OUT.scalar(connection, rows.address_values(address)))


def refused_by(connection: Connection, address: Address) -> str | None:
    """Why nothing may be sent to ``address``; None when it may."""
    found = _FLAGS.one(connection, rows.address_values(address))
    if found is None:
        return None
    return OPTED_OUT if found.opted_out else SUSPENDED if found.unreachable else None


def is_suspended(connection: Connection, address: Address) -> bool:
    """Whether a provider said that ``address`` takes no messages, and no message came from it
    since."""
    chosen = select(identities.c.unreachable).where(is_identity(address))
    return bool(connection.execute(chosen).scalar())


def is_blocked(connection: Connection, address: Address) -> bool:
    """Whether people blocked ``address``."""
    chosen = select(identities.c.blocked_at).where(is_identity(address))
    return connection.execute(chosen).scalar() is not None


def suspend(connection: Connection, address: Address, *, suspended: bool = True) -> None:
    """Send nothing to ``address`` until the customer writes from it; or lift that."""
    changed = update(identities).where(is_identity(address)).values(unreachable=suspended)
    connection.execute(changed)
    if suspended:
        discard_queued(connection, address.lane, SUSPENDED)


def record_consent(connection: Connection, address: Address, consent: Literal["out", "in"]) -> None:
    """Store an opt-out or opt-in for ``address``, from the customer or from a provider.

    ``out`` also discards what is queued for it. ``in`` also lifts the customer's own opt-out,
    unless another address of theirs is still opted out.
    """
    out = consent == "out"
    changed: dict[str, bool] = {"opted_out": out} if out else {"opted_out": out, "unreachable": out}
    connection.execute(update(identities).where(is_identity(address)).values(changed))
    customer = select(identities.c.customer_id).where(is_identity(address)).scalar_subquery()
    elsewhere = exists().where(identities.c.customer_id == customers.c.id, identities.c.opted_out)
    connection.execute(
        update(customers)
        .where(customers.c.id == customer)
        .values(opted_out=True if out else elsewhere)
    )
    if out:
        discard_queued(connection, address.lane)


def discard_queued(
    connection: Connection,
    lane: str,
    why: str = OPTED_OUT,
    authors: Collection[str] = ("bot", "agent"),
) -> None:
    """Discard what waits in the outbox of ``lane``, because of ``why``; the confirmation of an
    opt-out still goes to who opted out. The bot's messages become ``discarded``; a person's become
    ``failed``, so that the person sees it. One that may have arrived stays ``unsure``."""
    for author in authors:
        status = "discarded" if author == "bot" else "failed"
        waiting = and_(
            outbox.c.lane == lane, IN_OUTBOX, outbox.c.state == "ready", outbox.c.author == author
        )
        if why == OPTED_OUT:
            confirms = select(messages.c.id).where(
                messages.c.lane == lane, messages.c.purpose == "opt_out"
            )
            waiting = and_(waiting, outbox.c.message_id.not_in(confirms))
        connection.execute(
            update(messages)
            .where(
                messages.c.id.in_(select(outbox.c.message_id).where(waiting)),
                messages.c.status != "unsure",
            )
            .values(status=status)
        )
        connection.execute(update(outbox).where(waiting).values(state="discarded", error=why))
