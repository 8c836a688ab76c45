"""What a turn says: messages, and the outbox rows that carry them."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, bindparam, insert, select, text

from gateway.adapters.sql import rows
from gateway.adapters.sql.prepared import Insertion
from gateway.adapters.sql.schema import attachments, conversations, customers, messages, outbox
from gateway.model import Conversation, Message, Outbound
from gateway.store import TurnOutcome

_OPTED_OUT = (
    select(customers.c.opted_out)
    .join(conversations, conversations.c.customer_id == customers.c.id)
    .where(conversations.c.id == bindparam("id"))
)
_ASK = text(
    "INSERT INTO surveys (conversation_id, kind, scale, asked_at)"
    " VALUES (:conversation, :kind, :scale, :at) ON CONFLICT DO NOTHING RETURNING id"
)
_NEW_MESSAGE = Insertion(
    messages,
    *("conversation_id", "lane", "turn_id", "author", "internal", "purpose"),
    *("status", "text", "at", "remote_id", "data"),
)


def speak(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> tuple[tuple[Message, ...], str | None]:
    """Store the replies and queue them for delivery; also tells why they were not, if so."""
    if not outcome.replies:
        return (), None
    if outcome.refused is not None:
        for reply in outcome.replies:
            store(connection, reply.replace(status="failed", detail=outcome.refused), conversation)
        return (), outcome.refused
    if outcome.survey is not None:
        reason = _refuse_survey(connection, outcome, conversation.id, at)
        if reason:
            return (), reason
    status = "sent" if outcome.mailbox else "queued"
    replies = tuple(
        store(connection, reply.replace(status=status), conversation) for reply in outcome.replies
    )
    if not outcome.mailbox:
        for reply in replies:
            post(connection, reply, conversation, at, trace=outcome.trace)
    return replies, None


def _refuse_survey(
    connection: Connection, outcome: TurnOutcome, conversation: int, at: datetime
) -> str | None:
    """Never to someone who opted out, never twice: asked of the database in this commit."""
    ask = outcome.survey
    if ask is None or connection.execute(_OPTED_OUT, {"id": conversation}).scalar():
        return "the customer asked for no follow-ups"
    asked = {"conversation": conversation, "kind": ask.kind, "scale": ask.scale, "at": rows.ms(at)}
    if connection.execute(_ASK, asked).scalar() is None:
        return "this was asked before"
    return None


def store(connection: Connection, message: Message, conversation: Conversation) -> Message:
    """Store one message of ``conversation``, with its attachments; gives it with its id."""
    message = message.replace(conversation=conversation.id)
    id = _NEW_MESSAGE.new(
        connection, rows.message_values(connection, message, conversation.address.lane)
    )
    for one in message.attachments:
        connection.execute(
            insert(attachments),
            {
                "message_id": id,
                "digest": one.digest,
                "name": rows.sealed(connection, "attachments.name", one.digest, one.name),
                "media_type": one.media_type,
                "size": one.size,
            },
        )
    return message.replace(id=id)


def post(
    connection: Connection,
    reply: Message,
    conversation: Conversation,
    at: datetime,
    *,
    trace: str | None = None,
) -> None:
    key = uuid4().hex
    outbound = Outbound(
        id=0,
        key=key,
        message=reply.id,
        address=conversation.address,
        text=reply.text,
        author="agent" if reply.author == "agent" else "bot",
        at=reply.at,
        agent=reply.agent.name if reply.agent else None,
        language=conversation.language or "en",
        subject=conversation.subject,
        buttons=reply.buttons,
        survey=reply.survey,
        attachments=reply.attachments,
        automatic=reply.author != "agent",
        trace=trace,
    )
    connection.execute(
        insert(outbox),
        {
            "message_id": reply.id,
            "conversation_id": conversation.id,
            "lane": conversation.address.lane,
            "channel": conversation.address.channel,
            "author": outbound.author,
            "epoch": conversation.epoch,
            "key": key,
            "payload": rows.sealed(
                connection, "outbox.payload", conversation.address.lane, rows.pack(outbound)
            ),
            "created_at": rows.ms(at),
        },
    )
