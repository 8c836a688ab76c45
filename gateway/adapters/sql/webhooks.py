"""Outgoing webhooks: events for other systems, recorded by the transaction they report.

So an event exists when, and only when, what it reports was committed. Without a subscription
nothing is queried and nothing is written. `pipeline.webhooks` sends the rows, in order for each
conversation and endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, insert, select, update

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.schema import conversations, customers, hooks, messages, outbox
from gateway.model import Handoff, Message, Value
from gateway.store import CommittedTurn, NotBefore, TurnOutcome, WebhookDelivery, WebhookEntry

STATE_EVENTS = {
    "bot": "handed_back",
    "waiting": "transferred",
    "resolved": "resolved",
    "person": "claimed",
}
"""The event of each state that a conversation may be moved to."""


ALARM = "handoff.alarm"
"""The event of an alarm about harm."""


class WebhookSubscription(Value, frozen=True, kw_only=True):
    """What one endpoint wants. ``events``: names of events, or their first part (``message``);
    empty means all. ``texts``: with the text of messages and comments."""

    endpoint: str
    events: tuple[str, ...] = ()
    texts: bool = False

    def wants(self, name: str) -> bool:
        return not self.events or name in self.events or name.partition(".")[0] in self.events


class WebhookRecorder:
    """Writes a row for each endpoint that wants an event."""

    def __init__(
        self,
        subscriptions: Sequence[WebhookSubscription] = (),
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._subscriptions = tuple(subscriptions)
        self._now = now

    def turn(
        self, connection: Connection, outcome: TurnOutcome, committed: CommittedTurn, at: datetime
    ) -> CommittedTurn:
        """Record the events of a committed turn; return ``committed``."""
        if self._subscriptions:
            self._record_turn(connection, outcome, committed, at)
        return committed

    def conversation(
        self, connection: Connection, conversation: int, name: str, at: datetime, **data: Any
    ) -> None:
        """Record ``conversation.NAME``."""
        self._record(connection, f"conversation.{name}", conversation, at, data)

    def alarm(self, connection: Connection, handoff: Handoff, why: str, at: datetime) -> None:
        """Record ``handoff.alarm``: ids and codes, none of the customer's words."""
        data = {
            "handoff": handoff.id,
            "reasons": [reason.code for reason in handoff.reasons],
            "priority": handoff.priority,
            "tier": handoff.tier,
            "why": why,
        }
        self._record(connection, ALARM, handoff.conversation, at, data)

    def sent(self, connection: Connection, outbox_id: int, name: str, **data: Any) -> None:
        """Record ``message.NAME`` for the message of an outbox row."""
        if not self._subscriptions:
            return
        id = select(outbox.c.message_id).where(outbox.c.id == outbox_id).scalar_subquery()
        row = connection.execute(select(messages).where(messages.c.id == id)).one_or_none()
        if row is not None:  # else the customer was erased meanwhile
            self.message(connection, rows.message(connection, row), name, self._now(), **data)

    def message(
        self, connection: Connection, message: Message, name: str, at: datetime, **data: Any
    ) -> None:
        """Record ``message.NAME``; only endpoints that want texts get the text."""
        if self._subscriptions:
            known = {"message": message.id, "turn": message.turn, "author": message.author, **data}
            texts = {"text": message.text}
            self._record(
                connection, f"message.{name}", message.conversation, at, known, texts=texts
            )

    def _record_turn(
        self, connection: Connection, outcome: TurnOutcome, committed: CommittedTurn, at: datetime
    ) -> None:
        id = committed.conversation.id
        if not outcome.conversation.id:
            self._record_closed(connection, committed, at)
            self.conversation(connection, id, "opened", at)
        elif outcome.reopen and not committed.dropped:
            self.conversation(connection, id, "reopened", at)
        message = committed.message
        if message is not None and message.author == "customer":
            self.message(connection, message, "received", at, **_understood(message))
        self._record_survey(connection, outcome, id, at)
        if outcome.handoff is not None and not committed.dropped:
            reasons = [reason.code for reason in outcome.handoff.reasons]
            tier = outcome.handoff.tier
            self.conversation(connection, id, "escalated", at, tier=tier, reasons=reasons)
        if outcome.mailbox:
            for reply in committed.replies:
                self.message(connection, reply, "sent", at)

    def _record_closed(
        self, connection: Connection, committed: CommittedTurn, at: datetime
    ) -> None:
        """A new conversation closes the idle ones of its lane in the same commit."""
        here = committed.conversation
        closed = select(conversations.c.id).where(
            conversations.c.lane == here.address.lane,
            conversations.c.id < here.id,
            conversations.c.resolved_at == rows.to_ms(at),
        )
        for id in connection.execute(closed).scalars().all():
            self.conversation(connection, id, "resolved", at, by="idle")

    def _record_survey(
        self, connection: Connection, outcome: TurnOutcome, conversation: int, at: datetime
    ) -> None:
        answer, survey = outcome.answered, outcome.work.survey
        if answer is None or survey is None:
            return
        data = {"kind": survey.ask.kind, "score": answer.score, "solved": answer.solved}
        texts = {"comment": answer.comment}
        self._record(connection, "survey.answered", conversation, at, data, texts=texts)

    def _record(
        self,
        connection: Connection,
        name: str,
        conversation: int,
        at: datetime,
        data: Mapping[str, Any],
        *,
        texts: Mapping[str, Any] | None = None,
    ) -> None:
        subscriptions = [s for s in self._subscriptions if s.wants(name)]
        if not subscriptions:
            return
        subject = _subject(connection, conversation)
        event = f"msg_{uuid4().hex}"
        for subscription in subscriptions:
            known = {**subject, **data, **((texts or {}) if subscription.texts else {})}
            body = {"type": name, "timestamp": at.isoformat(), "data": known}
            payload = rows.to_json(body)
            row = {
                "conversation_id": conversation,
                "event": event,
                "endpoint": subscription.endpoint,
                "name": name,
                "payload": rows.encrypted(connection, "hooks.payload", conversation, payload),
                "created_at": rows.to_ms(at),
            }
            connection.execute(insert(hooks), row)


def _subject(connection: Connection, conversation: int) -> dict[str, Any]:
    """Whose event it is, by ids and the company's own reference; never an address."""
    chosen = (
        select(
            conversations.c.channel,
            conversations.c.support_address,
            conversations.c.brand,
            customers.c.id,
            customers.c.ref,
        )
        .join(customers, conversations.c.customer_id == customers.c.id)
        .where(conversations.c.id == conversation)
    )
    row = connection.execute(chosen).one()
    ours = {"support_address": row.support_address, "brand": row.brand}
    return {
        "conversation": conversation,
        "channel": row.channel,
        **{name: value for name, value in ours.items() if value},
        "customer": row.id,
        "customer_ref": row.ref,
    }


def _understood(message: Message) -> dict[str, Any]:
    understanding, route = message.understanding, message.route
    return {
        "intent": understanding.intent.name if understanding else None,
        "emotion": understanding.emotion.label if understanding else None,
        "action": route.action if route else None,
    }


class SqlWebhooks:
    """See `store.WebhookQueue`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def take(
        self, lane: str, at: datetime, lease: timedelta
    ) -> WebhookDelivery | NotBefore | None:
        return await self._db.write(lambda c: _take(c, lane, at, lease), key=f"hooks:{lane}")

    async def mark_sent(self, id: int) -> None:
        await self._change(id, state="sent", error=None)

    async def retry_later(self, id: int, error: str, due: datetime) -> None:
        await self._change(id, error=error, due_at=rows.to_ms(due))

    async def mark_dead(self, id: int, error: str) -> None:
        await self._change(id, state="dead", error=error)

    async def lanes(self) -> tuple[str, ...]:
        waiting = (
            select(hooks.c.endpoint, hooks.c.conversation_id)
            .where(hooks.c.state == "ready")
            .distinct()
        )
        return await self._db.read(
            lambda c: tuple(f"{row.endpoint}:{row.conversation_id}" for row in c.execute(waiting))
        )

    async def list(self) -> tuple[WebhookEntry, ...]:
        chosen = select(hooks).where(hooks.c.state == "dead").order_by(hooks.c.id).limit(1000)
        return await self._db.read(
            lambda c: tuple(
                WebhookEntry(
                    id=row.id,
                    event=row.event,
                    endpoint=row.endpoint,
                    name=row.name,
                    conversation=row.conversation_id,
                    attempts=row.attempts,
                    error=row.error,
                    created_at=rows.from_ms(row.created_at),
                )
                for row in c.execute(chosen)
            )
        )

    async def retry(self, ids: Sequence[int] | None) -> int:
        dead: ColumnElement[bool] = hooks.c.state == "dead"
        return await self._queue_again(dead if ids is None else dead & hooks.c.id.in_(ids))

    async def replay(self, since: datetime, endpoint: str | None) -> int:
        chosen = (hooks.c.created_at >= rows.to_ms(since)) & (hooks.c.state != "ready")
        if endpoint is not None:
            chosen &= hooks.c.endpoint == endpoint
        return await self._queue_again(chosen)

    async def _queue_again(self, chosen: ColumnElement[bool]) -> int:
        again = update(hooks).where(chosen).values(state="ready", attempts=0, due_at=0, error=None)
        return await self._db.write(lambda c: c.execute(again).rowcount)

    async def _change(self, id: int, **values: object) -> None:
        change = update(hooks).where(hooks.c.id == id).values(values)
        await self._db.write(lambda c: c.execute(change).rowcount)


def _take(
    connection: Connection, lane: str, at: datetime, lease: timedelta
) -> WebhookDelivery | NotBefore | None:
    """The head of the lane; nobody else takes it for the time of the lease."""
    endpoint, _, conversation = lane.partition(":")
    head = (
        select(hooks)
        .where(
            hooks.c.state == "ready",
            hooks.c.endpoint == endpoint,
            hooks.c.conversation_id == int(conversation),
        )
        .order_by(hooks.c.id)
        .limit(1)
        .with_for_update()
    )
    row = connection.execute(head).one_or_none()
    if row is None:
        return None
    if row.due_at > rows.to_ms(at):
        return NotBefore(at=rows.from_ms(row.due_at))
    taken = update(hooks).where(hooks.c.id == row.id)
    try:
        payload = rows.decrypted(connection, "hooks.payload", row.conversation_id, row.payload)
    except BadKey:
        rows.report_unreadable(connection, "hooks.payload")
        connection.execute(taken.values(state="dead", error="its stored text is damaged"))
        return NotBefore(at=at)
    connection.execute(taken.values(due_at=rows.to_ms(at + lease), attempts=row.attempts + 1))
    return WebhookDelivery(
        id=row.id,
        event=row.event,
        endpoint=row.endpoint,
        name=row.name,
        payload=payload,
        attempts=row.attempts + 1,
    )
