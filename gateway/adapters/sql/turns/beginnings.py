"""Conversations that a person begins: by writing to a customer first, or by forwarding."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.handoffs import add_notice, claim_handoff
from gateway.adapters.sql.identities import (
    begin_conversation,
    customer_at,
    ensure_customer_at,
    is_blocked,
    is_opted_out,
    refused_by,
)
from gateway.adapters.sql.inbox import DESK, agent_row, insert_rows
from gateway.adapters.sql.linked.forwarded import record_forward
from gateway.adapters.sql.linked.links import last_conversation, take_conversation
from gateway.adapters.sql.schema import conversations, customers, inbox
from gateway.adapters.sql.webhooks import WebhookRecorder
from gateway.model import Accepted, Address, Agent, Conversation
from gateway.pipeline.outcomes import BLOCKED, OPTED_OUT, SUSPENDED
from gateway.ports import Conflict, RefusedByChannel
from gateway.store import AgentMessage, BegunConversation, ConversationRequest


class SqlBeginnings:
    """See `store.Beginnings`."""

    def __init__(self, database: SqlDatabase, webhooks: WebhookRecorder) -> None:
        self._db, self._webhooks = database, webhooks

    async def begin(
        self, request: ConversationRequest, message: AgentMessage, *, key: str, at: datetime
    ) -> BegunConversation:
        lane = request.address.lane

        def job(connection: Connection) -> BegunConversation:
            if known := _begun_before(connection, lane, key):
                return known
            there = self._conversation(connection, request, message.agent, at)
            written = rows.to_json(message.replace(conversation=there.id))
            payload = rows.encrypted(connection, "inbox.payload", lane, written)
            [accepted] = insert_rows(connection, [agent_row(lane, key, there.id, payload, at)])
            return BegunConversation(conversation=there, accepted=accepted)

        return await self._db.write(job, key=lane)

    def _conversation(
        self, connection: Connection, request: ConversationRequest, agent: Agent, at: datetime
    ) -> Conversation:
        """The conversation of ``request``, which ``agent`` has from now on."""
        _check_consent(connection, request)
        there = _open_conversation(connection, request, agent)
        if there is not None and there.owner is not None:
            return there
        verb = "wrote first, and has it now"
        if there is None:
            verb = "began the conversation"
            there = _new_conversation(connection, request, agent, at)
            self._webhooks.conversation(connection, there.id, "opened", at)
        there = take_conversation(connection, there, agent)
        claim_handoff(connection, there, agent, at)
        add_notice(connection, there, f"{agent.name} {verb}", agent, at)
        self._webhooks.conversation(connection, there.id, "claimed", at, agent=agent.id)
        return there

    async def is_known(self, address: Address) -> bool:
        return await self._db.read(lambda c: customer_at(c, address) is not None)

    async def refusal(self, address: Address) -> str | None:
        def job(connection: Connection) -> str | None:
            if is_blocked(connection, address):
                return BLOCKED
            return OPTED_OUT if is_opted_out(connection, address) else None

        return await self._db.read(job)


def _begun_before(connection: Connection, lane: str, key: str) -> BegunConversation | None:
    """What an earlier call with this ``key`` began."""
    chosen = select(inbox.c.id, inbox.c.conversation_id).where(
        inbox.c.lane == lane, inbox.c.remote_id == f"{DESK}:{key}"
    )
    row = connection.execute(chosen).one_or_none()
    if row is None:
        return None
    found = select(conversations).where(conversations.c.id == row.conversation_id)
    conversation = rows.conversation(connection, connection.execute(found).one())
    accepted = Accepted(turn=row.id, duplicate=True)
    return BegunConversation(conversation=conversation, accepted=accepted)


def _check_consent(connection: Connection, request: ConversationRequest) -> None:
    why = refused_by(connection, request.address)
    if why is not None and (why != SUSPENDED or request.suspends):
        raise RefusedByChannel(f"Not sent: {why}.")
    if is_blocked(connection, request.address):
        raise RefusedByChannel("Not sent: this address is blocked. A lead can unblock it first.")


def _open_conversation(
    connection: Connection, request: ConversationRequest, agent: Agent
) -> Conversation | None:
    """The open conversation to continue; None where a new one begins. Raises Conflict."""
    if request.subject is not None:
        return None
    there = last_conversation(connection, request.address, conversations.c.state != "resolved")
    if there is not None and there.owner is not None and there.owner.id != agent.id:
        raise Conflict(f"{there.owner.name} has the conversation there", there)
    return there


def _new_conversation(
    connection: Connection, request: ConversationRequest, agent: Agent, at: datetime
) -> Conversation:
    address, brand = request.address, request.brand
    stranger = customer_at(connection, address) is None
    customer = ensure_customer_at(connection, address, at, brand)
    if stranger and request.forwarded_from is not None:
        # Somebody outside was asked for an answer: never for an opinion of us.
        chosen = update(customers).where(customers.c.id == customer)
        connection.execute(chosen.values(opted_out=True))
    language = select(customers.c.language).where(customers.c.id == customer)
    there = begin_conversation(
        connection,
        customer,
        address,
        at,
        state="waiting",
        tier=agent.tier,
        brand=brand,
        language=connection.execute(language).scalar(),
        subject=rows.encrypted(connection, "conversations.subject", address.lane, request.subject),
        forwarded_from=request.forwarded_from,
    )
    if request.forwarded_from is not None:
        record_forward(connection, there, request.forwarded_from)
    return there
