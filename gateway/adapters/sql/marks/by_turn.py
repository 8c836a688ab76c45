"""What a turn changes of a conversation's marks: it ends a snooze, and puts labels on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import conversation_labels, conversations
from gateway.adapters.sql.turns.side_effects import store_message
from gateway.model import Conversation
from gateway.pipeline.outcomes import system_line
from gateway.store import TurnOutcome

AWAKE: Mapping[str, None] = {"snoozed_until": None, "snoozed_by": None, "woken_at": None}
"""The columns of a conversation that is not snoozed: whoever gets it next must see it."""
ANSWERED = "Back from the snooze: the customer wrote"
TIME_IS_UP = "Back from the snooze: its time is up"


def change_snooze(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> Conversation:
    """The conversation after the turn: a customer's message or the timer ends its snooze, and a
    person's answer ends its place on top. An automatic message (RFC 3834) is no answer."""
    inbound = outcome.work.inbound
    wrote = inbound is not None and not inbound.automatic
    is_due = outcome.wakes is not None and outcome.wakes == conversation.snoozed_until
    if conversation.snoozed_until is not None and (wrote or is_due):
        set_columns(connection, conversation.id, {**AWAKE, "woken_at": rows.to_ms(at)})
        line = ANSWERED if wrote else TIME_IS_UP
        store_message(connection, system_line(conversation.id, line, at), conversation)
        return conversation.replace(snoozed_until=None, snoozed_by=None, woken_at=at)
    if outcome.work.kind == "agent" and conversation.woken_at is not None:
        set_columns(connection, conversation.id, {"woken_at": None})
        return conversation.replace(woken_at=None)
    return conversation


def label_turn(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> Conversation:
    """The conversation with the labels of the turn. One that the turn began resolved is so since
    now."""
    if not outcome.labels:
        return conversation
    if not outcome.conversation.id and conversation.state == "resolved":
        set_columns(connection, conversation.id, {"resolved_at": rows.to_ms(at)})
        conversation = conversation.replace(resolved_at=at)
    return change_labels(connection, conversation, add=outcome.labels)


def change_labels(
    connection: Connection,
    conversation: Conversation,
    *,
    add: Collection[str] = (),
    remove: Collection[str] = (),
) -> Conversation:
    """``conversation``, which is locked, with other labels."""
    known = set(conversation.labels)
    wanted = (known | set(add)) - set(remove)
    if wanted == known:
        return conversation
    here = conversation_labels.c.conversation_id == conversation.id
    if gone := known - wanted:
        connection.execute(
            delete(conversation_labels).where(here, conversation_labels.c.label.in_(gone))
        )
    for label in sorted(wanted - known):
        new = {"conversation_id": conversation.id, "label": label}
        connection.execute(insert(conversation_labels), new)
    set_columns(connection, conversation.id, {"labels": " ".join(sorted(wanted))})
    return conversation.replace(labels=tuple(sorted(wanted)))


def set_columns(connection: Connection, conversation: int, values: Mapping[str, Any]) -> None:
    """Set columns of ``conversation``."""
    chosen = update(conversations).where(conversations.c.id == conversation)
    connection.execute(chosen.values(dict(values)))
