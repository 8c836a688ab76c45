"""One person, several addresses: joined, and parted again when that was wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.addresses import known, move
from gateway.adapters.sql.schema import customers, identities, links
from gateway.model import Address, Agent, LinkedAddress
from gateway.ports import NotAccepted, NotFound

_HOLDS = and_(
    links.c.undone_at.is_(None),
    exists().where(
        identities.c.channel == links.c.channel,
        identities.c.value == links.c.value,
        identities.c.customer_id == links.c.customer_id,
    ),
)
"""Neither taken back nor overtaken by a later link of the address to somebody else."""


def link(
    connection: Connection,
    customer: int,
    address: Address,
    at: datetime,
    *,
    how: str,
    agent: Agent | None,
) -> int:
    """Make ``address``, and what was said there, ``customer``'s; gives the id of the link. Who
    wanted no follow-ups at one address gets them at none."""
    before = known(connection, address, at)
    if before == customer:
        raise NotAccepted("this address is the customer's already")
    move(connection, address, customer)
    out = select(customers.c.opted_out).where(customers.c.id == before)
    if connection.execute(out).scalar():
        mine = update(customers).where(customers.c.id == customer)
        connection.execute(mine.values(opted_out=True))
    made: int = connection.execute(
        insert(links).returning(links.c.id),
        {
            "customer_id": customer,
            "before_id": before,
            "channel": address.channel,
            "value": address.value,
            "how": how,
            "agent": rows.pack(agent) if agent else None,
            "at": rows.ms(at),
        },
    ).scalar_one()
    return made


def unlink(connection: Connection, link: int, at: datetime) -> None:
    """Give the address back to whom it was before ``link``, with what was said there."""
    mine = links.c.id == link
    row = connection.execute(select(links).where(mine, _HOLDS).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"there is no link {link}")
    before = connection.execute(
        select(customers.c.id).where(customers.c.id == row.before_id)
    ).scalar()
    if before is None:
        raise NotFound("who had this address before has been erased")
    move(connection, Address(channel=row.channel, value=row.value), row.before_id)
    connection.execute(update(links).where(mine).values(undone_at=rows.ms(at)))


def links_of(connection: Connection, customer: int) -> tuple[LinkedAddress, ...]:
    """Those of ``customer`` that hold, the oldest first."""
    chosen = select(links).where(links.c.customer_id == customer, _HOLDS).order_by(links.c.id)
    return tuple(_value(row) for row in connection.execute(chosen))


def _value(row: Any) -> LinkedAddress:
    return LinkedAddress(
        id=row.id,
        address=Address(channel=row.channel, value=row.value),
        how=row.how,
        agent=rows.unpack(row.agent, Agent) if row.agent else None,
        at=rows.when(row.at),
    )
