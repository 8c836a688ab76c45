"""Converts rows to values and values to columns: times, JSON, encrypted text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection, Row

from gateway.adapters.encryption import MARK, BadKey, DataKeys
from gateway.adapters.sql.engine.base import KEYS
from gateway.model import (
    UNREADABLE,
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

log = structlog.get_logger()
V = TypeVar("V")
MaybeText = TypeVar("MaybeText", str, str | None)
DAMAGED_TIME = datetime.fromtimestamp(0, UTC)
"""Shown for a stored time that is none: nothing of ours is that old."""


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def from_ms(stored: int) -> datetime:
    """The time that `to_ms` was given; `DAMAGED_TIME` when it is no time, so that one damaged row
    harms no other row of the query."""
    try:
        return datetime.fromtimestamp(stored / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        log.error("value.unreadable", column="a time", hint="restore it from a backup")  # noqa: TRY400  (the text holds the value)
        return DAMAGED_TIME


def maybe_from_ms(stored: int | None) -> datetime | None:
    return None if stored is None else from_ms(stored)


def to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def from_json(text: str, kind: type[V]) -> V:
    return msgspec.json.decode(text, type=kind)


def maybe_agent(text: str | None) -> Agent | None:
    """The agent in a column; one without a name when it is damaged."""
    if not text:
        return None
    try:
        return from_json(text, Agent)
    except (msgspec.DecodeError, UnicodeError, TypeError):
        return Agent(id="unreadable", name=UNREADABLE)


def data_keys(connection: Connection) -> DataKeys:
    """The keys of the database behind ``connection``."""
    keys: DataKeys = connection.info[KEYS]
    return keys


def encrypted(connection: Connection, column: str, scope: object, text: MaybeText) -> MaybeText:
    """``text`` as it is stored in ``column`` (TABLE.COLUMN) of a row that belongs to ``scope`` (a
    lane, or a conversation's id). Unchanged without keys."""
    if text is None:
        return text
    keys = data_keys(connection)
    if keys.first is None and not text.startswith(MARK):
        return text
    return keys.seal(text, f"{column}:{scope}")


def decrypted(connection: Connection, column: str, scope: object, text: MaybeText) -> MaybeText:
    """The text that `encrypted` was given. Raises BadKey."""
    if isinstance(text, bytes):  # SQLite returns what a damaged row holds, whatever its type
        raise BadKey(f"a value of {column} is no text; restore it from a backup")
    if text is None or not text.startswith(MARK):
        return text
    return data_keys(connection).open(text, f"{column}:{scope}")


def readable(connection: Connection, column: str, scope: object, text: MaybeText) -> MaybeText:
    """As `decrypted`, for people to read: a damaged text is `UNREADABLE`. It is counted and logged,
    and harms no other row of the query."""
    try:
        return decrypted(connection, column, scope, text)
    except BadKey:
        report_unreadable(connection, column)
        return UNREADABLE


def readable_json(
    connection: Connection, place: tuple[str, object], text: str, kind: type[V], otherwise: V
) -> V:
    """The value in a column with (perhaps encrypted) JSON; ``otherwise`` when it is damaged.
    ``place``: the column and the scope, as in `encrypted`."""
    column, scope = place
    try:
        return from_json(decrypted(connection, column, scope, text), kind)
    except (BadKey, msgspec.DecodeError, UnicodeError):
        report_unreadable(connection, column)
        return otherwise


def report_unreadable(connection: Connection, column: str) -> None:
    """Count and log a damaged value of ``column`` (TABLE.COLUMN)."""
    keys = data_keys(connection)
    if not keys.unreadable[column]:  # once for each column: a history is read at every turn
        log.error("value.unreadable", column=column, hint="restore it from a backup")
    keys.count_unreadable(column)


class MessageData(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a message that no query reads: the JSON in ``messages.data``."""

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
    subject: str | None = None
    copies: tuple[str, ...] = ()


_DATA_DECODER = msgspec.json.Decoder(MessageData)
_FIELDS = MessageData.__struct_fields__
_NO_DATA = MessageData()
_DAMAGED_REASONS = (Reason(code="unreadable", detail="the stored reasons are damaged"),)
_DAMAGED_DATA = MessageData(detail="parts of this message are damaged and cannot be read")
MOST_INTENTS = 5
"""Candidate intents that are stored with a message."""


def message_values(connection: Connection, message: Message, lane: str) -> dict[str, Any]:
    """The columns of ``messages`` for a message that has no id yet."""
    understood = message.understanding
    if understood is not None and len(understood.ranking) > MOST_INTENTS:
        ranking = understood.ranking[:MOST_INTENTS]
        message = message.replace(understanding=understood.replace(ranking=ranking))
    data = MessageData(**{name: getattr(message, name) for name in _FIELDS})
    return {
        "conversation_id": message.conversation,
        "lane": lane,
        "turn_id": message.turn,
        "author": message.author,
        "internal": message.internal,
        "purpose": message.purpose,
        "status": message.status,
        "text": encrypted(connection, "messages.text", lane, message.text),
        "at": to_ms(message.at),
        "remote_id": message.remote_id,
        "data": None
        if data == _NO_DATA
        else encrypted(connection, "messages.data", lane, to_json(data)),
    }


def message(connection: Connection, row: Row[Any]) -> Message:
    extra = _message_data(connection, row) if row.data else _NO_DATA
    return Message(
        id=row.id,
        conversation=row.conversation_id,
        author=row.author,
        text=readable(connection, "messages.text", row.lane, row.text),
        at=from_ms(row.at),
        turn=row.turn_id,
        status=row.status,
        internal=bool(row.internal),
        purpose=row.purpose,
        remote_id=row.remote_id,
        # Each field by name: a report reads a million messages, and a dict for each costs a fifth.
        agent=extra.agent,
        buttons=extra.buttons,
        survey=extra.survey,
        attachments=extra.attachments,
        understanding=extra.understanding,
        route=extra.route,
        handler=extra.handler,
        applied=extra.applied,
        detail=extra.detail,
        facts=extra.facts,
        edited=extra.edited,
        subject=extra.subject,
        copies=extra.copies,
    )


def _message_data(connection: Connection, row: Row[Any]) -> MessageData:
    try:
        return _DATA_DECODER.decode(decrypted(connection, "messages.data", row.lane, row.data))
    except (BadKey, msgspec.DecodeError, UnicodeError):
        report_unreadable(connection, "messages.data")
        return _DAMAGED_DATA


def customer(connection: Connection, row: Row[Any]) -> Customer:
    return Customer(
        id=row.id,
        name=readable(connection, "customers.name", "", row.name),
        language=row.language,
        opted_out=bool(row.opted_out),
        ref=row.ref,
    )


def address(row: Row[Any]) -> Address:
    """The address in the columns ``channel``, ``value`` and ``support_address``."""
    return Address(channel=row.channel, value=row.value, support_address=row.support_address)


def address_values(address: Address) -> dict[str, str]:
    """The same columns."""
    return msgspec.structs.asdict(address)


def conversation(connection: Connection, row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        address=Address(
            channel=row.channel, value=row.address, support_address=row.support_address
        ),
        brand=row.brand,
        state=row.state,
        epoch=row.epoch,
        owner=maybe_agent(row.owner),
        tier=row.tier,
        language=row.language,
        subject=readable(connection, "conversations.subject", row.lane, row.subject),
        opened_at=from_ms(row.opened_at),
        resolved_at=maybe_from_ms(row.resolved_at),
        intent=row.intent,
        labels=tuple(row.labels.split()) if row.labels else (),
        snoozed_until=maybe_from_ms(row.snoozed_until),
        snoozed_by=row.snoozed_by,
        woken_at=maybe_from_ms(row.woken_at),
        continues=row.continues,
        imported=row.import_id,
    )


def handoff(connection: Connection, row: Row[Any]) -> Handoff:
    return Handoff(
        id=row.id,
        conversation=row.conversation_id,
        reasons=readable_json(
            connection,
            ("handoffs.reasons", row.conversation_id),
            row.reasons,
            tuple[Reason, ...],
            _DAMAGED_REASONS,
        ),
        tier=row.tier,
        skills=readable_json(connection, ("handoffs.skills", ""), row.skills, tuple[str, ...], ()),
        priority=row.priority,
        created_at=from_ms(row.created_at),
        agent=maybe_agent(row.agent),
        claimed_at=maybe_from_ms(row.claimed_at),
        closed_at=maybe_from_ms(row.closed_at),
        first=row.first_id,
        first_at=maybe_from_ms(row.first_at),
    )


def suggestion(connection: Connection, row: Row[Any]) -> Suggestion:
    return Suggestion(
        id=row.id,
        conversation=row.conversation_id,
        text=readable(connection, "suggestions.text", row.conversation_id, row.text),
        source=row.source,
        at=from_ms(row.at),
        outcome=row.outcome,
        final=readable(connection, "suggestions.final", row.conversation_id, row.final),
        agent=maybe_agent(row.agent),
        passages=from_json(row.passages, tuple[int, ...]) if row.passages else (),
    )


def survey(connection: Connection, row: Row[Any]) -> Survey:
    answer = None
    if row.answered_at is not None:
        solved = None if row.solved is None else bool(row.solved)
        comment = readable(connection, "surveys.comment", row.conversation_id, row.comment)
        answer = SurveyAnswer(score=row.score, solved=solved, comment=comment or "")
    return Survey(
        id=row.id,
        conversation=row.conversation_id,
        ask=SurveyQuestion(kind=row.kind, scale=row.scale, aspect=row.aspect),
        asked_at=from_ms(row.asked_at),
        answered_at=maybe_from_ms(row.answered_at),
        answer=answer,
    )
