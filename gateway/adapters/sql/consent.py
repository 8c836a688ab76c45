"""No more messages to an address, and messages again: said by the customer or by a provider."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, and_, bindparam, exists, select, update

from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import customers, identities, messages, outbox
from gateway.model import Address

WHY = "the customer asked for no more messages at this address"
_IS_OUT = Prepared(
    select(identities.c.opted_out).where(
        identities.c.channel == bindparam("channel"), identities.c.value == bindparam("value")
    )
)


def record(connection: Connection, address: Address, consent: Literal["out", "in"]) -> None:
    """Remember it. ``out`` also discards what is queued for ``address``; ``in`` lets the customer
    be asked again too, unless another address of theirs is still out."""
    out = consent == "out"
    here = and_(identities.c.channel == address.channel, identities.c.value == address.value)
    changed: dict[str, bool] = {"opted_out": True} if out else {"opted_out": False}
    if not out:
        changed["unreachable"] = False
    connection.execute(update(identities).where(here).values(changed))
    owner = select(identities.c.customer_id).where(here).scalar_subquery()
    elsewhere = exists().where(identities.c.customer_id == customers.c.id, identities.c.opted_out)
    connection.execute(
        update(customers)
        .where(customers.c.id == owner)
        .values(opted_out=True if out else elsewhere)
    )
    if out:
        discard(connection, address.lane)


def is_out(connection: Connection, address: Address) -> bool:
    """Whether the customer asked for no more messages at ``address``."""
    here = {"channel": address.channel, "value": address.value}
    return bool(_IS_OUT.scalar(connection, here))


def address_of(lane: str) -> Address:
    """The address that ``lane`` is the lane of."""
    channel, _, value = lane.partition(":")
    return Address(channel=channel, value=value)


def discard(connection: Connection, lane: str) -> None:
    """Let nothing that waits leave: the bot's words are dropped, a person's show as not sent."""
    for author, status in (("bot", "discarded"), ("agent", "failed")):
        waiting = and_(outbox.c.lane == lane, outbox.c.state == "ready", outbox.c.author == author)
        connection.execute(
            update(messages)
            .where(messages.c.id.in_(select(outbox.c.message_id).where(waiting)))
            .values(status=status)
        )
        connection.execute(update(outbox).where(waiting).values(state="discarded", error=WHY))
