"""Committing a turn: everything that handling one inbox row changes, or nothing of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, String, bindparam, func, select, update

from gateway.adapters.sql import consent, rows
from gateway.adapters.sql.beginning import adopt, columns, open_new
from gateway.adapters.sql.effects import effects, heard
from gateway.adapters.sql.head import READY
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import conversations, inbox
from gateway.adapters.sql.speaking import speak, store
from gateway.model import Conversation, Message
from gateway.store import (
    AlreadyHandled,
    CommittedTurn,
    ConversationChanged,
    ConversationEvent,
    TurnOutcome,
)

_EPOCH = Prepared(
    select(conversations).where(conversations.c.id == bindparam("id")).with_for_update()
)
_MORE = Prepared(
    select(inbox.c.id).where(inbox.c.lane == bindparam("lane"), inbox.c.state == READY).limit(1)
)
_NEWER = Prepared(
    select(conversations.c.id)
    .where(conversations.c.lane == bindparam("lane"), conversations.c.id > bindparam("this"))
    .limit(1)
)
_HANDLED = Prepared(
    update(inbox)
    .where(inbox.c.id == bindparam("turn"), inbox.c.state != "handled")
    .values(
        state="handled",
        error=None,
        conversation_id=bindparam("conversation"),
        message_id=bindparam("message"),
    )
)
_CHANGED = Prepared(
    update(conversations)
    .where(conversations.c.id == bindparam("this"))
    .values(
        {name: bindparam(name) for name in ("state", "epoch", "tier", "language", "subject")}
        | {"intent": bindparam("intent")}
        | {"mood": func.coalesce(bindparam("mood", type_=String), conversations.c.mood)}
    )
)


def commit(connection: Connection, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
    """Store ``outcome`` whole. Raises Moved or AlreadyHandled, having changed nothing."""
    committed = _store(connection, outcome, at)
    more = outcome.work.more or _has_more(connection, outcome.work.lane)
    return committed if more == committed.more else committed.replace(more=more)


def _has_more(connection: Connection, lane: str) -> bool:
    """Whether others, who may have nobody's ear here, have brought something since."""
    # With SQLite there are no others: who accepts wakes the lane.
    return (
        connection.dialect.name != "sqlite" and _MORE.scalar(connection, {"lane": lane}) is not None
    )


def _store(connection: Connection, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
    conversation, dropped = _settle(connection, outcome, at)
    message = None
    if outcome.message is not None:
        message = store(connection, outcome.message, conversation)
    _done(connection, outcome, conversation.id, message)
    for note in outcome.notes:
        store(connection, note, conversation)
    if outcome.consent is not None:
        consent.record(connection, conversation.address, outcome.consent)
    heard(connection, outcome, conversation, at)
    if dropped:
        return CommittedTurn(conversation=conversation, message=message, dropped=dropped)
    if outcome.work.conversation is not None:
        conversation = _update(connection, outcome, conversation)
    replies, silenced = speak(connection, outcome, conversation, at)
    effects(connection, outcome, conversation, at)
    return CommittedTurn(
        conversation=conversation,
        message=message,
        replies=replies,
        dropped=silenced,
        queued=bool(replies) and not outcome.mailbox,
    )


def _settle(
    connection: Connection, outcome: TurnOutcome, at: datetime
) -> tuple[Conversation, str | None]:
    """The conversation as the database has it, and why the bot must be silent, if it must."""
    if not outcome.conversation.id:
        return open_new(connection, outcome, at), None
    if outcome.work.inbound is not None and outcome.work.inbound.ref is not None:
        adopt(connection, outcome)
    row = _EPOCH.one(connection, {"id": outcome.conversation.id})
    now = rows.conversation(connection, row)
    if outcome.work.happened is not None:
        return now, _moved_on(connection, now, outcome.work.happened)
    if outcome.work.kind == "agent" or now.epoch == outcome.conversation.epoch:
        return now, None
    if now.state in ("waiting", "person"):
        return now, "a person took the conversation"
    raise ConversationChanged


def _moved_on(connection: Connection, now: Conversation, happened: ConversationEvent) -> str | None:
    """Why what was set for later is not said any more. Where conversations follow one another in
    a lane, what is said of an earlier one would fall into the last."""
    if now.epoch != happened.epoch:
        return "things have moved on since it was set"
    lane = {"lane": now.address.lane, "this": now.id}
    if now.subject is None and _NEWER.scalar(connection, lane) is not None:
        return "the customer has begun something new since"
    return None


def _update(connection: Connection, outcome: TurnOutcome, now: Conversation) -> Conversation:
    after = outcome.conversation.replace(epoch=now.epoch, owner=now.owner)
    if outcome.message is None and outcome.handoff is None:
        return now
    if outcome.reopen:
        after = after.replace(epoch=now.epoch + 1, owner=None, resolved_at=None)
        reopened = update(conversations).where(conversations.c.id == now.id)
        connection.execute(reopened.values(owner=None, resolved_at=None))
    _CHANGED.count(connection, {"this": now.id, **columns(connection, outcome, after)})
    return after


def _done(
    connection: Connection, outcome: TurnOutcome, conversation: int, message: Message | None
) -> None:
    turn = {
        "turn": outcome.work.id,
        "conversation": conversation,
        "message": message.id if message else None,
    }
    if _HANDLED.count(connection, turn) != 1:
        raise AlreadyHandled
