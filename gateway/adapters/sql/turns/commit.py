"""Commits a turn: everything that handling one inbox row changes, or nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, String, bindparam, func, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.adapters.sql.identities import record_consent, suspend
from gateway.adapters.sql.knowledge.documents import record_uses
from gateway.adapters.sql.knowledge.reading import are_current
from gateway.adapters.sql.linked.forwarded import record_forwarded_mail
from gateway.adapters.sql.marks.by_turn import change_snooze, label_turn
from gateway.adapters.sql.schema import conversations, inbox
from gateway.adapters.sql.turns.fetch import READY
from gateway.adapters.sql.turns.promises import record_promises
from gateway.adapters.sql.turns.resolver import identify, open_conversation, turn_columns
from gateway.adapters.sql.turns.side_effects import (
    apply_side_effects,
    enqueue_replies,
    record_feedback,
    store_message,
)
from gateway.model import Conversation, Message
from gateway.store import (
    AlreadyHandled,
    CommittedTurn,
    ConversationChanged,
    ConversationEvent,
    SourcesChanged,
    TurnOutcome,
)

_CONVERSATION = PreparedStatement(
    select(conversations).where(conversations.c.id == bindparam("id")).with_for_update()
)
_MORE = PreparedStatement(
    select(inbox.c.id).where(inbox.c.lane == bindparam("lane"), inbox.c.state == READY).limit(1)
)
_NEWER = PreparedStatement(
    select(conversations.c.id)
    .where(conversations.c.lane == bindparam("lane"), conversations.c.id > bindparam("this"))
    .limit(1)
)
_HANDLED = PreparedStatement(
    update(inbox)
    .where(inbox.c.id == bindparam("turn"), inbox.c.state != "handled")
    .values(
        state="handled",
        error=None,
        conversation_id=bindparam("conversation"),
        message_id=bindparam("message"),
    )
)
_UPDATE = PreparedStatement(
    update(conversations)
    .where(conversations.c.id == bindparam("this"))
    .values(
        {name: bindparam(name) for name in ("state", "epoch", "tier", "language", "subject")}
        | {"intent": bindparam("intent"), "brand": bindparam("brand")}
        | {"mood": func.coalesce(bindparam("mood", type_=String), conversations.c.mood)}
        | {
            "last_at": func.coalesce(
                bindparam("last_at", type_=BigInteger), conversations.c.last_at
            ),
            "last_from": func.coalesce(
                bindparam("last_from", type_=String), conversations.c.last_from
            ),
        }
    )
)
_LAST = PreparedStatement(
    update(conversations)
    .where(conversations.c.id == bindparam("this"))
    .values(last_at=bindparam("at"), last_from=bindparam("author"))
)


def commit_turn(connection: Connection, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
    """Store ``outcome`` whole. Raises ConversationChanged, SourcesChanged or
    AlreadyHandled, having changed nothing."""
    if outcome.sources and not are_current(connection, outcome.sources):
        raise SourcesChanged(f"turn {outcome.work.id}: a passage that it rests on has changed")
    committed = _store(connection, outcome, at)
    if outcome.sources and committed.replies:
        there, turn = committed.conversation.id, outcome.work.id
        record_uses(connection, there, turn, outcome.sources, rows.to_ms(at))
    more = outcome.work.more or _has_more(connection, outcome.work.lane)
    return committed if more == committed.more else committed.replace(more=more)


def _has_more(connection: Connection, lane: str) -> bool:
    """Whether another process, which cannot wake ours, has added to the lane meanwhile."""
    # SQLite serves one process: its intake wakes the lane.
    return (
        connection.dialect.name != "sqlite" and _MORE.scalar(connection, {"lane": lane}) is not None
    )


def _store(connection: Connection, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
    conversation, dropped = _current(connection, outcome, at)
    message = None
    if outcome.message is not None:
        message = store_message(connection, outcome.message, conversation)
    _mark_handled(connection, outcome, conversation.id, message)
    conversation = change_snooze(connection, outcome, conversation, at)
    conversation = label_turn(connection, outcome, conversation, at)
    inbound = outcome.work.inbound
    if inbound is not None and not outcome.conversation.id:
        record_forwarded_mail(connection, conversation, inbound)
    if outcome.work.suspended and inbound is not None and not inbound.automatic:
        suspend(connection, conversation.address, suspended=False)
    for note in outcome.notes:
        store_message(connection, note, conversation)
    if outcome.consent is not None:
        record_consent(connection, conversation.address, outcome.consent)
    record_feedback(connection, outcome, conversation, at)
    if dropped and outcome.consent == "out":
        # Whoever has the conversation, the customer hears once that their wish was understood.
        replies, _ = enqueue_replies(connection, outcome, conversation, at)
        _set_last(connection, conversation, (message, *replies))
        queued = bool(replies) and not outcome.mailbox
        return CommittedTurn(
            conversation=conversation, message=message, replies=replies, queued=queued
        )
    if dropped:
        _set_last(connection, conversation, (message,))
        return CommittedTurn(conversation=conversation, message=message, dropped=dropped)
    if outcome.work.conversation is not None:
        conversation = _update(connection, outcome, conversation)
    replies, dropped = enqueue_replies(connection, outcome, conversation, at)
    if dropped or not _changes_conversation(outcome):
        _set_last(connection, conversation, (message, *replies))
    apply_side_effects(connection, outcome, conversation, at)
    record_promises(connection, outcome, conversation, replies, at)
    return CommittedTurn(
        conversation=conversation,
        message=message,
        replies=replies,
        dropped=dropped,
        queued=bool(replies) and not outcome.mailbox,
    )


def _current(
    connection: Connection, outcome: TurnOutcome, at: datetime
) -> tuple[Conversation, str | None]:
    """The conversation as it is in the database, and why the bot's replies are dropped, if so."""
    if not outcome.conversation.id:
        return open_conversation(connection, outcome, at), None
    if outcome.work.inbound is not None and outcome.work.inbound.ref is not None:
        identify(connection, outcome)
    row = _CONVERSATION.one(connection, {"id": outcome.conversation.id})
    current = rows.conversation(connection, row)
    if outcome.work.event is not None:
        return current, _why_outdated(connection, current, outcome.work.event)
    if outcome.work.kind == "agent" or current.epoch == outcome.conversation.epoch:
        return current, None
    if current.state in ("waiting", "person"):
        return current, "a person took the conversation"
    raise ConversationChanged


def _why_outdated(
    connection: Connection, current: Conversation, event: ConversationEvent
) -> str | None:
    """Why a timer's reply is dropped: the conversation changed, or a newer one began. (Where
    conversations follow one another in a lane, the reply would show up in the newer one.)"""
    if current.epoch != event.epoch:
        return "the conversation has changed since it was set"
    lane = {"lane": current.address.lane, "this": current.id}
    if current.subject is None and _NEWER.scalar(connection, lane) is not None:
        return "the customer has begun a newer conversation"
    return None


def _changes_conversation(outcome: TurnOutcome) -> bool:
    """Whether the turn writes the columns of its conversation, its last message included."""
    return (
        outcome.work.conversation is None
        or outcome.message is not None
        or outcome.handoff is not None
    )


def _set_last(
    connection: Connection, conversation: Conversation, stored: tuple[Message | None, ...]
) -> None:
    """Note the last one of ``stored``, all of them public, as the last of ``conversation``; not
    one that asks for nothing."""
    found = [message for message in stored if message is not None and not message.asks_nothing]
    if found:
        last = {"at": rows.to_ms(found[-1].at), "author": found[-1].author}
        _LAST.count(connection, {"this": conversation.id, **last})


def _update(connection: Connection, outcome: TurnOutcome, current: Conversation) -> Conversation:
    after = outcome.conversation.replace(epoch=current.epoch, owner=current.owner)
    if not _changes_conversation(outcome):
        return current
    if outcome.reopen:
        after = after.replace(epoch=current.epoch + 1, owner=None, resolved_at=None)
        reopened = update(conversations).where(conversations.c.id == current.id)
        connection.execute(reopened.values(owner=None, resolved_at=None))
    _UPDATE.count(connection, {"this": current.id, **turn_columns(connection, outcome, after)})
    return after


def _mark_handled(
    connection: Connection, outcome: TurnOutcome, conversation: int, message: Message | None
) -> None:
    for row in (outcome.work.id, *outcome.work.joined):
        turn = {
            "turn": row,
            "conversation": conversation,
            "message": message.id if message else None,
        }
        if _HANDLED.count(connection, turn) != 1:
            raise AlreadyHandled
