"""What people do with a conversation: claim, transfer, hand back, resolve.

Each is a compare-and-set on the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.inbox import insert_event
from gateway.adapters.sql.marks.by_turn import AWAKE, change_labels
from gateway.adapters.sql.outbox import NOT_UNSURE
from gateway.adapters.sql.schema import (
    conversations,
    handoffs,
    messages,
    outbox,
    suggestions,
)
from gateway.adapters.sql.turns.side_effects import (
    newest_open_handoff,
    open_handoff,
    set_timer,
)
from gateway.adapters.sql.webhooks import STATE_EVENTS, WebhookRecorder
from gateway.model import Agent, Conversation, Handoff, Message, State, Suggestion, Timer
from gateway.pipeline.outcomes import ALARM_TIMER, CLAIM_TIMER, system_line
from gateway.ports import Conflict, NotFound
from gateway.routing.reasons import HARM, merge_reasons
from gateway.store import SPAM, AlarmCause, ConversationEvent, HandoffRequest

ALARM_LINES: Mapping[AlarmCause, str] = {
    "closed": "Alarm: a customer speaks of harm, and nobody is at work",
    "unclaimed": "Alarm: a customer speaks of harm, and nobody has claimed the conversation",
    "away": "Alarm: a customer speaks of harm, and the person who has the conversation is not at "
    "work",
}


class SqlHandoffs:
    """See `store.Handoffs`."""

    def __init__(self, database: SqlDatabase, webhooks: WebhookRecorder) -> None:
        self._db = database
        self._webhooks = webhooks

    async def claim(
        self, conversation: int, agent: Agent, epoch: int, at: datetime
    ) -> tuple[Conversation, tuple[Message, ...]]:
        def job(connection: Connection) -> tuple[Conversation, tuple[Message, ...]]:
            claimed = _claim(connection, conversation, agent, epoch, at)
            self._webhooks.conversation(connection, conversation, "claimed", at, agent=agent.id)
            return claimed

        return await self._db.write(job)

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
        spam: bool = False,
    ) -> Conversation:
        def job(connection: Connection) -> Conversation:
            resolved_at = rows.to_ms(at) if state == "resolved" else None
            values: dict[str, Any] = {"state": state, "owner": None, "resolved_at": resolved_at}
            if handoff is not None:
                values["tier"] = handoff.tier
            current = _change(connection, conversation, epoch, values)
            known = _open_handoff(connection, conversation) if handoff else None
            connection.execute(
                update(handoffs)
                .where(handoffs.c.conversation_id == conversation, handoffs.c.closed_at.is_(None))
                .values(closed_at=rows.to_ms(at))
            )
            add_notice(connection, current, line, agent, at)
            if handoff is not None:
                continue_handoff(connection, current, handoff, known, at)
            by = agent.id if agent else None
            event = STATE_EVENTS[state]
            self._webhooks.conversation(
                connection, conversation, event, at, agent=by, tier=current.tier
            )
            if spam:
                return change_labels(connection, current, add=(SPAM,))
            if state == "resolved":
                resolved = ConversationEvent(
                    conversation=conversation, name="resolved", epoch=current.epoch
                )
                insert_event(connection, current.address.lane, "event", resolved, at)
            return current

        return await self._db.write(job)

    async def unclaim(
        self,
        conversation: int,
        agent: Agent,
        epoch: int,
        at: datetime,
        *,
        line: str,
        claim_by: datetime | None,
        alarm_minutes: float,
    ) -> Conversation:
        def job(connection: Connection) -> Conversation:
            before = lock_conversation(connection, conversation)
            if before.owner is None or before.owner.id != agent.id:
                raise Conflict(f"{agent.name} does not have it any more", before)
            current = _change(connection, conversation, epoch, {"state": "waiting", "owner": None})
            handoff = rows.handoff(
                connection, connection.execute(newest_open_handoff(conversation)).one()
            )
            connection.execute(
                update(handoffs)
                .where(handoffs.c.id == handoff.id)
                .values(agent=None, claimed_at=None)
            )
            timers = [(CLAIM_TIMER, claim_by, {"handoff": str(handoff.id)})] if claim_by else []
            harm = any(reason.code == HARM for reason in handoff.reasons)
            if harm and handoff.created_at + timedelta(minutes=alarm_minutes) <= at:
                timers.append((ALARM_TIMER, at, {"why": "unclaimed"}))
            for name, due_at, data in timers:
                set_timer(connection, current, Timer(name=name, due_at=due_at, data=data))
            add_notice(connection, current, line, agent, at)
            self._webhooks.conversation(
                connection, conversation, "transferred", at, agent=agent.id, tier=current.tier
            )
            return current

        return await self._db.write(job)

    async def move_up(
        self, handoff: int, conversation: int, request: HandoffRequest, at: datetime
    ) -> bool:
        def job(connection: Connection) -> bool:
            closed = connection.execute(
                update(handoffs)
                .where(
                    handoffs.c.id == handoff,
                    handoffs.c.claimed_at.is_(None),
                    handoffs.c.closed_at.is_(None),
                )
                .values(closed_at=rows.to_ms(at))
            )
            if closed.rowcount != 1:
                return False
            row = connection.execute(select(handoffs).where(handoffs.c.id == handoff)).one()
            known = rows.handoff(connection, row)
            current = lock_conversation(connection, conversation)
            connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation)
                .values(tier=request.tier)
            )
            continue_handoff(connection, current, request, known, at)
            reasons = [reason.code for reason in request.reasons]
            self._webhooks.conversation(
                connection, conversation, "escalated", at, tier=request.tier, reasons=reasons
            )
            add_notice(
                connection, current, f"nobody claimed it in time: moved to {request.tier}", None, at
            )
            return True

        return await self._db.write(job)

    async def sound_alarm(
        self, conversation: int, why: AlarmCause, *, turn: int, at: datetime
    ) -> bool:
        def job(connection: Connection) -> bool:
            current = lock_conversation(connection, conversation)
            row = connection.execute(newest_open_handoff(conversation)).one_or_none()
            if row is None or (row.claimed_at is not None and why != "away"):
                return False
            if connection.execute(_alarm_of(conversation, turn)).first() is not None:
                return False
            handoff = rows.handoff(connection, row)
            line = system_line(conversation, ALARM_LINES[why], at, turn=turn)
            values = rows.message_values(
                connection, line.replace(purpose="alarm"), current.address.lane
            )
            connection.execute(insert(messages), values)
            self._webhooks.alarm(connection, handoff, why, at)
            return True

        return await self._db.write(job)

    async def end(self, conversation: int, epoch: int, at: datetime, *, line: str) -> None:
        def job(connection: Connection) -> None:
            ended = {"state": "resolved", "owner": None, "resolved_at": rows.to_ms(at)}
            current = _change(connection, conversation, epoch, ended)
            add_notice(connection, current, line, None, at)

        await self._db.write(job)

    async def note(self, message: Message) -> Message:
        def job(connection: Connection) -> Message:
            lane = lock_conversation(connection, message.conversation).address.lane
            values = rows.message_values(connection, message, lane)
            id = connection.execute(insert(messages).returning(messages.c.id), values).scalar_one()
            return message.replace(id=id)

        return await self._db.write(job)

    async def ignore(self, suggestion: int, agent: Agent) -> Suggestion:
        def job(connection: Connection) -> Suggestion:
            chosen = suggestions.c.id == suggestion
            connection.execute(
                update(suggestions)
                .where(chosen, suggestions.c.outcome == "open")
                .values(outcome="ignored", agent=rows.to_json(agent))
            )
            row = connection.execute(select(suggestions).where(chosen)).one_or_none()
            if row is None:
                raise NotFound(f"there is no suggestion {suggestion}")
            return rows.suggestion(connection, row)

        return await self._db.write(job)


def _open_handoff(connection: Connection, conversation: int) -> Handoff | None:
    row = connection.execute(newest_open_handoff(conversation)).one_or_none()
    return rows.handoff(connection, row) if row else None


def continue_handoff(
    connection: Connection,
    conversation: Conversation,
    request: HandoffRequest,
    known: Handoff | None,
    at: datetime,
) -> None:
    """Open a handoff that takes the place of ``known``: with all its reasons, at least its
    priority, and its place in the queue. Whoever gets the case must see why it is here, and the
    customer does not queue twice."""
    if known is None:
        open_handoff(connection, conversation, request, at)
        return
    request = request.replace(
        reasons=merge_reasons(known.reasons, request.reasons),
        priority=max(known.priority, request.priority),
    )
    id = open_handoff(connection, conversation, request, at)
    first_at = rows.to_ms(known.first_at or known.created_at)
    connection.execute(
        update(handoffs)
        .where(handoffs.c.id == id)
        .values(first_id=known.first or known.id, first_at=first_at)
    )


def _alarm_of(conversation: int, turn: int) -> Select[Any]:
    return select(messages.c.id).where(
        messages.c.conversation_id == conversation,
        messages.c.turn_id == turn,
        messages.c.purpose == "alarm",
    )


def claim_handoff(
    connection: Connection, conversation: Conversation, agent: Agent, at: datetime
) -> None:
    """Mark the open handoff of ``conversation`` as claimed by ``agent``; make one if there is
    none."""
    found = connection.execute(
        select(handoffs.c.id)
        .where(handoffs.c.conversation_id == conversation.id, handoffs.c.closed_at.is_(None))
        .order_by(handoffs.c.id.desc())
        .limit(1)
    ).scalar()
    if found is None:
        request = HandoffRequest(reasons=(), tier=conversation.tier)
        found = open_handoff(connection, conversation, request, at)
    connection.execute(
        update(handoffs)
        .where(handoffs.c.id == found)
        .values(agent=rows.to_json(agent), claimed_at=rows.to_ms(at))
    )


def add_notice(
    connection: Connection,
    conversation: Conversation,
    text: str,
    agent: Agent | None,
    at: datetime,
) -> None:
    """Add a system line that agents see."""
    message = system_line(conversation.id, text, at, agent=agent)
    values = rows.message_values(connection, message, conversation.address.lane)
    connection.execute(insert(messages), values)


def lock_conversation(connection: Connection, conversation: int) -> Conversation:
    """Lock and return a conversation. Raises NotFound."""
    chosen = select(conversations).where(conversations.c.id == conversation).with_for_update()
    row = connection.execute(chosen).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {conversation}")
    return rows.conversation(connection, row)


def _change(
    connection: Connection, conversation: int, epoch: int, values: dict[str, Any]
) -> Conversation:
    """Set ``values`` and the next epoch if ``epoch`` is still current, and discard what the bot
    has in the outbox. Raises Conflict."""
    current = lock_conversation(connection, conversation)
    if current.epoch != epoch:
        state = f"{current.owner.name} has it" if current.owner else f"it is {current.state} now"
        raise Conflict(f"somebody was faster: {state}", current)
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation)
        .values(epoch=epoch + 1, **AWAKE, **values)
    )
    stale = (
        (outbox.c.conversation_id == conversation)
        & (outbox.c.author == "bot")
        & (outbox.c.state == "ready")
        & (outbox.c.lane == current.address.lane)
    )
    connection.execute(
        update(messages)
        .where(messages.c.id.in_(select(outbox.c.message_id).where(stale)), NOT_UNSURE)
        .values(status="discarded")
    )
    connection.execute(update(outbox).where(stale).values(state="discarded"))
    return lock_conversation(connection, conversation)


def _claim(
    connection: Connection, conversation: int, agent: Agent, epoch: int, at: datetime
) -> tuple[Conversation, tuple[Message, ...]]:
    before = lock_conversation(connection, conversation)
    late = _on_their_way(connection, before)
    tier = agent.tier if before.tier == "bot" else before.tier
    current = _change(
        connection,
        conversation,
        epoch,
        {
            "state": "person",
            "owner": rows.to_json(agent),
            "agent_id": agent.id,
            "tier": tier,
            "resolved_at": None,
        },
    )
    claim_handoff(connection, current, agent, at)
    add_notice(connection, current, f"{agent.name} took the conversation", agent, at)
    for message in late:
        text = f"Already on its way at that moment: “{message.text}”"
        add_notice(connection, current, text, None, at)
    return current, late


def _on_their_way(connection: Connection, conversation: Conversation) -> tuple[Message, ...]:
    """The bot's messages that the customer has or may still get: they are being sent, or their
    sending was cut off and they wait to be sent again."""
    cut_off = (outbox.c.state == "ready") & (messages.c.status == "unsure")
    chosen = (
        select(messages)
        .join(outbox, outbox.c.message_id == messages.c.id)
        .where(
            outbox.c.conversation_id == conversation.id,
            outbox.c.author == "bot",
            or_(outbox.c.state == "sending", cut_off),
            outbox.c.lane == conversation.address.lane,
        )
        .order_by(messages.c.id)
    )
    return tuple(rows.message(connection, row) for row in connection.execute(chosen))
