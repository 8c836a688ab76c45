"""Between rows and values. Everything here is pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row

from gateway.model import (
    Address,
    Agent,
    Applied,
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
    SurveyAsk,
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


class Extra(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a message that is never searched: the JSON of ``messages.data``."""

    agent: Agent | None = None
    buttons: tuple[Button, ...] = ()
    survey: SurveyAsk | None = None
    attachments: tuple[Attachment, ...] = ()
    understanding: Understanding | None = None
    route: Route | None = None
    handler: str | None = None
    applied: tuple[Applied, ...] = ()
    detail: str | None = None
    facts: tuple[Fact, ...] = ()
    edited: bool = False


_EXTRA = msgspec.json.Decoder(Extra)
_FIELDS = Extra.__struct_fields__
NOTHING = Extra()
GUESSES = 5
"""Of all that a message might have been about, those that are kept with it."""


def message_values(message: Message, lane: str) -> dict[str, Any]:
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
        "text": message.text,
        "at": ms(message.at),
        "remote_id": message.remote_id,
        "data": None if extra == NOTHING else pack(extra),
    }


def message(row: Row[Any]) -> Message:
    extra = _EXTRA.decode(row.data) if row.data else NOTHING
    return Message(
        id=row.id,
        conversation=row.conversation_id,
        author=row.author,
        text=row.text,
        at=when(row.at),
        turn=row.turn_id,
        status=row.status,
        internal=bool(row.internal),
        purpose=row.purpose,
        remote_id=row.remote_id,
        **{name: getattr(extra, name) for name in _FIELDS},
    )


def customer(row: Row[Any]) -> Customer:
    return Customer(
        id=row.id,
        name=row.name,
        language=row.language,
        opted_out=bool(row.opted_out),
        ref=row.ref,
    )


def conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        address=Address(channel=row.channel, value=row.address),
        state=row.state,
        epoch=row.epoch,
        owner=unpack(row.owner, Agent) if row.owner else None,
        tier=row.tier,
        language=row.language,
        subject=row.subject,
        opened_at=when(row.opened_at),
        resolved_at=maybe(row.resolved_at),
        intent=row.intent,
    )


def handoff(row: Row[Any]) -> Handoff:
    return Handoff(
        id=row.id,
        conversation=row.conversation_id,
        reasons=unpack(row.reasons, tuple[Reason, ...]),
        tier=row.tier,
        skills=unpack(row.skills, tuple[str, ...]),
        priority=row.priority,
        created_at=when(row.created_at),
        agent=unpack(row.agent, Agent) if row.agent else None,
        claimed_at=maybe(row.claimed_at),
        closed_at=maybe(row.closed_at),
    )


def suggestion(row: Row[Any]) -> Suggestion:
    return Suggestion(
        id=row.id,
        conversation=row.conversation_id,
        text=row.text,
        source=row.source,
        at=when(row.at),
        outcome=row.outcome,
        final=row.final,
    )


def survey(row: Row[Any]) -> Survey:
    answer = None
    if row.answered_at is not None:
        solved = None if row.solved is None else bool(row.solved)
        answer = SurveyAnswer(score=row.score, solved=solved, comment=row.comment or "")
    return Survey(
        id=row.id,
        conversation=row.conversation_id,
        ask=SurveyAsk(kind=row.kind, scale=row.scale),
        asked_at=when(row.asked_at),
        answered_at=maybe(row.answered_at),
        answer=answer,
    )
