"""The agents' queue: one statement, however many conversations wait.

An unchanged row is neither decoded nor decrypted again: the last result is kept and compared with
the rows that the database returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, func, or_, select, true

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedJoin
from gateway.adapters.sql.schema import conversations, customers, handoffs, messages
from gateway.model import (
    Emotion,
    Handoff,
    QueueItem,
    QueuePage,
    QueuePosition,
    waits_for_person,
)

PREVIEW = 140
"""Characters of a preview."""
EVERYTHING: Final = 2**31 - 1
BEFORE_ALL = QueuePosition(priority=EVERYTHING, handoff=0)

_HELD = or_(handoffs.c.claimed_at.is_not(None), conversations.c.owner.is_not(None))
_PLACE = func.coalesce(handoffs.c.first_id, handoffs.c.id)
_BEHIND = or_(
    handoffs.c.priority < bindparam("priority"),
    and_(handoffs.c.priority == bindparam("priority"), bindparam("handoff") < _PLACE),
)

_of_conversation = messages.alias("of_conversation")
_IN_CONVERSATION = _of_conversation.c.conversation_id == conversations.c.id
_LAST = (
    select(_of_conversation.c.id)
    .where(_IN_CONVERSATION, _of_conversation.c.author == "customer")
    .order_by(_of_conversation.c.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_LAST_ANSWER = (
    select(_of_conversation.c.id)
    .where(
        _IN_CONVERSATION,
        _of_conversation.c.author == "agent",
        _of_conversation.c.internal.is_(False),
    )
    .order_by(_of_conversation.c.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_unanswered = messages.alias("unanswered")
_WAITING_SINCE = (
    select(func.min(_unanswered.c.at))
    .where(
        _unanswered.c.conversation_id == conversations.c.id,
        _unanswered.c.author == "customer",
        _unanswered.c.purpose == "message",  # the others ask for nothing
        _unanswered.c.id > func.coalesce(_LAST_ANSWER, 0),
    )
    .correlate(conversations)
    .scalar_subquery()
)
"""The time of the customer's first message that no person has answered yet."""


@cache
def _queue(brands: int) -> PreparedJoin:
    """The statement for the queue of this many brands; 0: of all, also of none."""
    named = [conversations.c.brand == bindparam(f"brand_{number}") for number in range(brands)]
    chosen = or_(*named) if named else true()
    waiting = (
        select(handoffs.c.id)
        .join(conversations, conversations.c.id == handoffs.c.conversation_id)
        .where(handoffs.c.closed_at.is_(None), ~_HELD, chosen)
    )
    part = (
        waiting.where(_BEHIND)
        .order_by(handoffs.c.priority.desc(), _PLACE)
        .limit(bindparam("most"))
        .subquery()
    )
    count = select(func.count()).select_from(waiting.subquery()).scalar_subquery()
    return PreparedJoin(
        select(handoffs, conversations, customers, messages, _WAITING_SINCE, count)
        .join(conversations, conversations.c.id == handoffs.c.conversation_id)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .outerjoin(messages, messages.c.id == _LAST)
        .where(
            handoffs.c.closed_at.is_(None),
            conversations.c.snoozed_until.is_(None),
            or_(and_(_HELD, chosen), handoffs.c.id.in_(select(part.c.id))),
        )
        .order_by(_HELD, conversations.c.woken_at.is_(None), handoffs.c.priority.desc(), _PLACE),
        handoffs,
        conversations,
        customers,
        messages,
    )


class _Understood(msgspec.Struct, frozen=True):
    emotion: Emotion = Emotion()


class _MoodData(msgspec.Struct, frozen=True):
    """The part of ``messages.data`` that the queue shows."""

    understanding: _Understood | None = None


KnownItems = Mapping[int, tuple[tuple[Any, ...], QueueItem]]
"""The rows and the items of an earlier result, by the handoff's id."""


def read_queue(
    connection: Connection,
    after: QueuePosition | None,
    most: int | None,
    known: KnownItems,
    brands: Sequence[str] = (),
) -> tuple[QueuePage, KnownItems]:
    """The page behind ``after`` with ``most`` waiting conversations (None: all of them) of
    ``brands`` (none: of all), and what the next call needs as ``known``."""
    start, statement = after or BEFORE_ALL, _queue(len(brands))
    values: dict[str, object] = {
        "priority": start.priority,
        "handoff": start.handoff,
        "most": EVERYTHING if most is None else most,
    }
    values |= {f"brand_{number}": brand for number, brand in enumerate(brands)}
    found = statement.all(connection, values)
    items: dict[int, tuple[tuple[Any, ...], QueueItem]] = {}
    for *cells, _ in found:
        row = tuple(cells)
        before = known.get(row[0])
        items[row[0]] = (
            before if before and before[0] == row else (row, _item(connection, statement, row))
        )
    page = QueuePage(
        waiting=tuple(item for _, item in items.values() if not item.held),
        held=tuple(item for _, item in items.values() if item.held),
        count=found[0][-1] if found else 0,
    )
    return page, items


def _item(connection: Connection, statement: PreparedJoin, row: tuple[Any, ...]) -> QueueItem:
    handoff_row, conversation, customer, last, since = statement.split(row)
    handoff = rows.handoff(connection, handoff_row)
    there, last_at = rows.conversation(connection, conversation), rows.from_ms(conversation.last_at)
    waits = waits_for_person(there, handoff, conversation.last_from, last_at)
    return QueueItem(
        handoff=handoff,
        conversation=there,
        customer=rows.customer(connection, customer),
        preview=preview(connection, last) if last else "",
        mood=_mood(connection, last) if last else Emotion(),
        customer_waits=waits,
        waiting_since=_waiting_since(handoff, rows.maybe_from_ms(since)) if waits else last_at,
    )


def _waiting_since(handoff: Handoff, unanswered: datetime | None) -> datetime:
    """A person's answer ends a wait, but not the one that asks for patience and transfers."""
    known = [at for at in (unanswered, handoff.first_at) if at and handoff.claimed_at is None]
    return min(known, default=unanswered or handoff.created_at)


def preview(connection: Connection, message: Any) -> str:
    """The beginning of ``message``, a row of ``messages``, in one line."""
    text = rows.readable(connection, "messages.text", message.lane, message.text)
    flat = " ".join(text.split())
    return flat if len(flat) <= PREVIEW else flat[: PREVIEW - 1].rstrip() + "…"


def _mood(connection: Connection, message: Any) -> Emotion:
    place = "messages.data", message.lane
    found = rows.readable_json(connection, place, message.data or "{}", _MoodData, _MoodData())
    understanding = found.understanding
    return understanding.emotion if understanding else Emotion()
