"""A person goes on with a customer at another of the customer's addresses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.addresses import begin, identity, owner
from gateway.adapters.sql.effects import open_handoff
from gateway.adapters.sql.schema import conversations, handoffs, messages
from gateway.model import Address, Agent, Conversation
from gateway.pipeline.outcomes import system_line
from gateway.ports import Conflict, NotAccepted
from gateway.store import HandoffRequest


def go_on(
    connection: Connection, conversation: int, address: Address, agent: Agent, at: datetime
) -> Conversation:
    """See `store.Links.go_on`; both conversations get a line that says so."""
    customer = owner(connection, conversation)
    its = identity(connection, address)
    if its is None or its.customer_id != customer:
        raise NotAccepted(f"{address.lane} is not linked to this customer")
    here = rows.conversation(
        connection,
        connection.execute(select(conversations).where(conversations.c.id == conversation)).one(),
    )
    there = _open_at(connection, address)
    if there is not None and there.owner is not None:
        if there.owner.id != agent.id:
            raise Conflict(f"{there.owner.name} has the conversation there", there)
        return there
    if there is None:
        there = begin(connection, customer, address, at, **_carried(connection, here, address))
    there = _take(connection, there, agent)
    _claimed(connection, there, agent, at)
    for one, other in ((here, there), (there, here)):
        where = "from" if one is there else "on"
        _line(connection, one, f"{agent.name} goes on {where} {other.address.lane}", agent, at)
    return there


def _carried(connection: Connection, here: Conversation, address: Address) -> dict[str, object]:
    """What is known already, so that the customer need not say it again at ``address``."""
    return {
        "state": "waiting",
        "tier": here.tier,
        "language": here.language,
        "subject": rows.maybe_sealed(
            connection, "conversations.subject", address.lane, here.subject
        ),
        "intent": here.intent,
    }


def _open_at(connection: Connection, address: Address) -> Conversation | None:
    """The open conversation there, if there is one."""
    row = connection.execute(
        select(conversations)
        .where(conversations.c.lane == address.lane, conversations.c.state != "resolved")
        .order_by(conversations.c.id.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    return rows.conversation(connection, row) if row else None


def _take(connection: Connection, there: Conversation, agent: Agent) -> Conversation:
    """``there`` is the agent's; what the bot was about to say in it is not said."""
    taken = (
        update(conversations)
        .where(conversations.c.id == there.id)
        .values(state="person", owner=rows.pack(agent), epoch=conversations.c.epoch + 1)
        .returning(conversations)
    )
    return rows.conversation(connection, connection.execute(taken).one())


def _claimed(connection: Connection, there: Conversation, agent: Agent, at: datetime) -> None:
    mine = (handoffs.c.conversation_id == there.id) & handoffs.c.closed_at.is_(None)
    if connection.execute(select(handoffs.c.id).where(mine)).first() is None:
        open_handoff(connection, there, HandoffRequest(reasons=(), tier=there.tier), at)
    connection.execute(
        update(handoffs)
        .where(mine, handoffs.c.claimed_at.is_(None))
        .values(agent=rows.pack(agent), claimed_at=rows.ms(at))
    )


def _line(
    connection: Connection, here: Conversation, text: str, agent: Agent, at: datetime
) -> None:
    line = system_line(here.id, text, at, agent=agent)
    connection.execute(insert(messages), rows.message_values(connection, line, here.address.lane))
