"""Agents' answers that wait a few seconds in the inbox, so that their agents can take them back.

The row is committed as every other one, so a crash in these seconds loses nothing. Nothing of the
answer exists outside the row until it is due: no message, no outbox row, no event. Whoever deletes
the row or marks it as handled first has decided.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from gateway.adapters.encryption import BadKey
from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import inbox
from gateway.model import HeldAnswer
from gateway.store import AgentMessage

_HOLD = update(inbox).where(inbox.c.id == bindparam("row"))
_HELD = (
    select(inbox)
    .where(
        inbox.c.lane == bindparam("lane"),
        inbox.c.state == "ready",
        inbox.c.kind == "agent",
        inbox.c.due_at > bindparam("now"),
        inbox.c.attempts == 0,
    )
    .order_by(inbox.c.id)
)
_READY = (
    select(inbox)
    .where(
        inbox.c.id == bindparam("row"),
        inbox.c.conversation_id == bindparam("conversation"),
        inbox.c.state == "ready",
        inbox.c.kind == "agent",
    )
    .with_for_update()
)
_DELETE = delete(inbox).where(inbox.c.id == bindparam("row"), inbox.c.state == "ready")


def hold_until(connection: Connection, row: int, due: datetime) -> None:
    connection.execute(_HOLD.values(due_at=rows.to_ms(due)), {"row": row})


def held_answers(connection: Connection, lane: str, at: datetime) -> tuple[HeldAnswer, ...]:
    """The answers in ``lane`` that are not due yet; without those that cannot be read."""
    found = connection.execute(_HELD, {"lane": lane, "now": rows.to_ms(at)})
    answers = (_held_answer(connection, row) for row in found)
    return tuple(answer for answer in answers if answer is not None)


def delete_held(
    connection: Connection, conversation: int, turn: int, agent: str
) -> HeldAnswer | None:
    """See `store.Inbox.take_back`."""
    values = {"row": turn, "conversation": conversation}
    row = connection.execute(_READY, values).one_or_none()
    held = _held_answer(connection, row) if row is not None else None
    if held is None or held.agent.id != agent:
        return None
    return held if connection.execute(_DELETE, {"row": turn}).rowcount == 1 else None


def is_held(row: Row[Any], at: datetime) -> bool:
    """Whether ``row`` is an answer that waits for the first time; one that failed waits too, and
    keeps its place in the lane."""
    return bool(row.kind == "agent" and row.attempts == 0 and row.due_at > rows.to_ms(at))


def _held_answer(connection: Connection, row: Row[Any]) -> HeldAnswer | None:
    try:
        payload = rows.decrypted(connection, "inbox.payload", row.lane, row.payload)
        message = rows.from_json(payload, AgentMessage)
    except (BadKey, msgspec.DecodeError, UnicodeError):
        rows.report_unreadable(connection, "inbox.payload")
        return None
    return HeldAnswer(
        turn=row.id,
        conversation=message.conversation,
        agent=message.agent,
        text=message.text,
        at=rows.from_ms(row.received_at),
        due=rows.from_ms(row.due_at),
        suggestion=message.suggestion,
        attachments=message.attachments,
        copies=message.copies,
    )
