"""Changes of hands: claim, transfer, hand back, resolve. Each is a compare-and-set on the epoch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.effects import open_handoff
from gateway.adapters.sql.herald import MOVES, Herald
from gateway.adapters.sql.outbox import CERTAIN
from gateway.adapters.sql.schema import (
    conversations,
    handoffs,
    messages,
    outbox,
    suggestions,
)
from gateway.adapters.sql.timers import put
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import Agent, Conversation, Message, State, Suggestion
from gateway.pipeline.outcomes import system_line
from gateway.ports import Conflict, NotFound
from gateway.store import ConversationEvent, HandoffRequest


class SqlMoves:
    """What people decide, at once."""

    def __init__(self, database: AnyDatabase, herald: Herald) -> None:
        self._db = database
        self._herald = herald

    async def claim(
        self, conversation: int, agent: Agent, epoch: int, at: datetime
    ) -> tuple[Conversation, tuple[Message, ...]]:
        def unit(connection: Connection) -> tuple[Conversation, tuple[Message, ...]]:
            claimed = _claim(connection, conversation, agent, epoch, at)
            self._herald.moved(connection, conversation, "claimed", at, agent=agent.id)
            return claimed

        return await self._db.write(unit)

    async def move(
        self,
        conversation: int,
        agent: Agent | None,
        epoch: int,
        at: datetime,
        *,
        state: State,
        line: str,
        handoff: HandoffRequest | None = None,
    ) -> Conversation:
        def unit(connection: Connection) -> Conversation:
            closed = rows.ms(at) if state == "resolved" else None
            values: dict[str, Any] = {"state": state, "owner": None, "resolved_at": closed}
            if handoff is not None:
                values["tier"] = handoff.tier
            now = _shift(connection, conversation, epoch, values)
            _close(connection, conversation, at)
            _line(connection, now, line, agent, at)
            if handoff is not None:
                open_handoff(connection, now, handoff, at)
            by = agent.id if agent else None
            self._herald.moved(connection, conversation, MOVES[state], at, agent=by, tier=now.tier)
            if state == "resolved":
                event = ConversationEvent(
                    conversation=conversation, name="resolved", epoch=now.epoch
                )
                put(connection, now.address.lane, "event", event, at)
            return now

        return await self._db.write(unit)

    async def move_up(
        self, handoff: int, conversation: int, ask: HandoffRequest, at: datetime
    ) -> bool:
        def unit(connection: Connection) -> bool:
            taken = connection.execute(
                update(handoffs)
                .where(
                    handoffs.c.id == handoff,
                    handoffs.c.claimed_at.is_(None),
                    handoffs.c.closed_at.is_(None),
                )
                .values(closed_at=rows.ms(at))
            )
            if taken.rowcount != 1:
                return False
            now = _get(connection, conversation)
            connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation)
                .values(tier=ask.tier)
            )
            open_handoff(connection, now, ask, at)
            why = [reason.code for reason in ask.reasons]
            self._herald.moved(
                connection, conversation, "escalated", at, tier=ask.tier, reasons=why
            )
            _line(connection, now, f"nobody claimed it in time: moved to {ask.tier}", None, at)
            return True

        return await self._db.write(unit)

    async def note(self, message: Message) -> Message:
        def unit(connection: Connection) -> Message:
            lane = _get(connection, message.conversation).address.lane
            values = rows.message_values(connection, message, lane)
            id = connection.execute(insert(messages).returning(messages.c.id), values).scalar_one()
            return message.replace(id=id)

        return await self._db.write(unit)

    async def ignore(self, suggestion: int, agent: Agent) -> Suggestion:
        def unit(connection: Connection) -> Suggestion:
            mine = suggestions.c.id == suggestion
            connection.execute(
                update(suggestions)
                .where(mine, suggestions.c.outcome == "open")
                .values(outcome="ignored", agent=rows.pack(agent))
            )
            row = connection.execute(select(suggestions).where(mine)).one_or_none()
            if row is None:
                raise NotFound(f"there is no suggestion {suggestion}")
            return rows.suggestion(connection, row)

        return await self._db.write(unit)


def _get(connection: Connection, conversation: int) -> Conversation:
    chosen = select(conversations).where(conversations.c.id == conversation).with_for_update()
    row = connection.execute(chosen).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {conversation}")
    return rows.conversation(connection, row)


def _shift(
    connection: Connection, conversation: int, epoch: int, values: dict[str, Any]
) -> Conversation:
    """Change hands if ``epoch`` is still the one the person saw; discard what the bot had ready."""
    now = _get(connection, conversation)
    if now.epoch != epoch:
        who = f"{now.owner.name} has it" if now.owner else f"it is {now.state} now"
        raise Conflict(f"somebody was faster: {who}", now)
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation)
        .values(epoch=epoch + 1, **values)
    )
    stale = (
        (outbox.c.conversation_id == conversation)
        & (outbox.c.author == "bot")
        & (outbox.c.state == "ready")
        & (outbox.c.lane == now.address.lane)
    )
    connection.execute(
        update(messages)
        .where(messages.c.id.in_(select(outbox.c.message_id).where(stale)), CERTAIN)
        .values(status="discarded")
    )
    connection.execute(update(outbox).where(stale).values(state="discarded"))
    return _get(connection, conversation)


def _claim(
    connection: Connection, conversation: int, agent: Agent, epoch: int, at: datetime
) -> tuple[Conversation, tuple[Message, ...]]:
    before = _get(connection, conversation)
    late = _on_its_way(connection, before)
    tier = agent.tier if before.tier == "bot" else before.tier
    now = _shift(
        connection,
        conversation,
        epoch,
        {"state": "person", "owner": rows.pack(agent), "tier": tier, "resolved_at": None},
    )
    handoff = _open_handoff_of(connection, conversation)
    if handoff is None:
        ask = HandoffRequest(reasons=(), tier=tier)
        handoff = open_handoff(connection, now, ask, at)
    connection.execute(
        update(handoffs)
        .where(handoffs.c.id == handoff)
        .values(agent=rows.pack(agent), claimed_at=rows.ms(at))
    )
    _line(connection, now, f"{agent.name} took the conversation", agent, at)
    for message in late:
        _line(connection, now, f"Already on its way at that moment: “{message.text}”", None, at)
    return now, late


def _on_its_way(connection: Connection, now: Conversation) -> tuple[Message, ...]:
    """What the bot said that the customer may have, or get, whatever becomes of it now: it is
    being sent, or its sending was cut off and it waits to be sent again."""
    cut_off = (outbox.c.state == "ready") & (messages.c.status == "unsure")
    chosen = (
        select(messages)
        .join(outbox, outbox.c.message_id == messages.c.id)
        .where(
            outbox.c.conversation_id == now.id,
            outbox.c.author == "bot",
            or_(outbox.c.state == "sending", cut_off),
            outbox.c.lane == now.address.lane,
        )
        .order_by(messages.c.id)
    )
    return tuple(rows.message(connection, row) for row in connection.execute(chosen))


def _open_handoff_of(connection: Connection, conversation: int) -> int | None:
    found = connection.execute(
        select(handoffs.c.id)
        .where(handoffs.c.conversation_id == conversation, handoffs.c.closed_at.is_(None))
        .order_by(handoffs.c.id.desc())
        .limit(1)
    ).scalar()
    return None if found is None else int(found)


def _close(connection: Connection, conversation: int, at: datetime) -> None:
    connection.execute(
        update(handoffs)
        .where(handoffs.c.conversation_id == conversation, handoffs.c.closed_at.is_(None))
        .values(closed_at=rows.ms(at))
    )


def _line(
    connection: Connection, now: Conversation, line: str, agent: Agent | None, at: datetime
) -> None:
    message = system_line(now.id, line, at, agent=agent)
    connection.execute(insert(messages), rows.message_values(connection, message, now.address.lane))
