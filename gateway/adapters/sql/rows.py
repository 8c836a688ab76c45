"""Between rows and values. Everything here is pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row

from gateway.adapters.encryption import MARK, DataKeys
from gateway.model import (
    Address,
    Agent,
    AppliedRule,
    Attachment,
    Button,
    Conversation,
    Customer,
    Fact,
    Handoff,
    Message,
    Reason,
    Route,
    Suggestion,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Understanding,
    Value,
)

V = TypeVar("V")


def ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def when(stored: int) -> datetime:
    return datetime.fromtimestamp(stored / 1000, UTC)


def maybe(stored: int | None) -> datetime | None:
    return None if stored is None else when(stored)


def pack(value: object) -> str:
    return msgspec.json.encode(value).decode()


def unpack(text: str, kind: type[V]) -> V:
    return msgspec.json.decode(text, type=kind)


KEYS = "keys"


def keys(connection: Connection) -> DataKeys:
    """The data keys of the database behind ``connection``."""
    found: DataKeys = connection.info[KEYS]
    return found


def sealed(connection: Connection, place: str, scope: object, text: str) -> str:
    """``text`` as it is stored in the column ``place`` of a row of ``scope`` (its lane, or the
    number of its conversation)."""
    found = keys(connection)
    if found.first is None and not text.startswith(MARK):  # without keys it costs next to nothing
        return text
    return found.seal(text, f"{place}:{scope}")


def opened(connection: Connection, place: str, scope: object, text: str) -> str:
    """What `sealed` had been given. Raises BadKey."""
    if not text.startswith(MARK):
        return text
    return keys(connection).open(text, f"{place}:{scope}")


def maybe_sealed(connection: Connection, place: str, scope: object, text: str | None) -> str | None:
    return None if text is None else sealed(connection, place, scope, text)


def maybe_opened(connection: Connection, place: str, scope: object, text: str | None) -> str | None:
    return None if text is None else opened(connection, place, scope, text)


class Extra(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a message that is never searched: the JSON of ``messages.data``."""

    agent: Agent | None = None
    buttons: tuple[Button, ...] = ()
    survey: SurveyQuestion | None = None
    attachments: tuple[Attachment, ...] = ()
    understanding: Understanding | None = None
    route: Route | None = None
    handler: str | None = None
    applied: tuple[AppliedRule, ...] = ()
    detail: str | None = None
    facts: tuple[Fact, ...] = ()
    edited: bool = False


_EXTRA = msgspec.json.Decoder(Extra)
_FIELDS = Extra.__struct_fields__
NOTHING = Extra()
GUESSES = 5
"""Of all that a message might have been about, those that are kept with it."""


def message_values(connection: Connection, message: Message, lane: str) -> dict[str, Any]:
    """The columns of ``messages`` for a message without id."""
    heard = message.understanding
    if heard is not None and len(heard.ranking) > GUESSES:
        message = message.replace(understanding=heard.replace(ranking=heard.ranking[:GUESSES]))
    extra = Extra(**{name: getattr(message, name) for name in _FIELDS})
    return {
        "conversation_id": message.conversation,
        "lane": lane,
        "turn_id": message.turn,
        "author": message.author,
        "internal": message.internal,
        "purpose": message.purpose,
        "status": message.status,
        "text": sealed(connection, "messages.text", lane, message.text),
        "at": ms(message.at),
        "remote_id": message.remote_id,
        "data": None
        if extra == NOTHING
        else sealed(connection, "messages.data", lane, pack(extra)),
    }


def message(connection: Connection, row: Row[Any]) -> Message:
    data = maybe_opened(connection, "messages.data", row.lane, row.data)
    extra = _EXTRA.decode(data) if data else NOTHING
    return Message(
        id=row.id,
        conversation=row.conversation_id,
        author=row.author,
        text=opened(connection, "messages.text", row.lane, row.text),
        at=when(row.at),
        turn=row.turn_id,
        status=row.status,
        internal=bool(row.internal),
        purpose=row.purpose,
        remote_id=row.remote_id,
        **{name: getattr(extra, name) for name in _FIELDS},
    )


def customer(connection: Connection, row: Row[Any]) -> Customer:
    return Customer(
        id=row.id,
        name=maybe_opened(connection, "customers.name", "", row.name),
        language=row.language,
        opted_out=bool(row.opted_out),
        ref=row.ref,
    )


def conversation(connection: Connection, row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        address=Address(channel=row.channel, value=row.address),
        state=row.state,
        epoch=row.epoch,
        owner=unpack(row.owner, Agent) if row.owner else None,
        tier=row.tier,
        language=row.language,
        subject=maybe_opened(connection, "conversations.subject", row.lane, row.subject),
        opened_at=when(row.opened_at),
        resolved_at=maybe(row.resolved_at),
        intent=row.intent,
    )


def handoff(connection: Connection, row: Row[Any]) -> Handoff:
    reasons = opened(connection, "handoffs.reasons", row.conversation_id, row.reasons)
    return Handoff(
        id=row.id,
        conversation=row.conversation_id,
        reasons=unpack(reasons, tuple[Reason, ...]),
        tier=row.tier,
        skills=unpack(row.skills, tuple[str, ...]),
        priority=row.priority,
        created_at=when(row.created_at),
        agent=unpack(row.agent, Agent) if row.agent else None,
        claimed_at=maybe(row.claimed_at),
        closed_at=maybe(row.closed_at),
    )


def suggestion(connection: Connection, row: Row[Any]) -> Suggestion:
    return Suggestion(
        id=row.id,
        conversation=row.conversation_id,
        text=opened(connection, "suggestions.text", row.conversation_id, row.text),
        source=row.source,
        at=when(row.at),
        outcome=row.outcome,
        final=maybe_opened(connection, "suggestions.final", row.conversation_id, row.final),
    )


def survey(connection: Connection, row: Row[Any]) -> Survey:
    answer = None
    if row.answered_at is not None:
        solved = None if row.solved is None else bool(row.solved)
        comment = maybe_opened(connection, "surveys.comment", row.conversation_id, row.comment)
        answer = SurveyAnswer(score=row.score, solved=solved, comment=comment or "")
    return Survey(
        id=row.id,
        conversation=row.conversation_id,
        ask=SurveyQuestion(kind=row.kind, scale=row.scale),
        asked_at=when(row.asked_at),
        answered_at=maybe(row.answered_at),
        answer=answer,
    )
