"""Fills a database with the conversations of a month, by copies of some hundred made-up ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, insert

from gateway import CaseRecord
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    messages,
    suggestions,
    surveys,
)
from tests.insights.measures.made_up import BEGIN, any_case

SHAPES = 500
CUSTOMERS_PER_CONVERSATION = 0.7
Rows = dict[str, list[dict[str, Any]]]


async def fill(database: SqlDatabase, least_messages: int, days: int = 31) -> tuple[int, int]:
    """Store at least so many messages. Returns the numbers of conversations and messages."""
    random = Random(16)  # noqa: S311  (not for secrets)
    shapes = [any_case(random, id, 1, BEGIN) for id in range(1, SHAPES + 1)]
    each = sum(len(shape.messages) for shape in shapes) / SHAPES
    number = int(least_messages / each) + 1
    ids = _Ids(0, 0)
    buyers = max(1, int(number * CUSTOMERS_PER_CONVERSATION))
    named = [{"id": id, "created_at": 0, "opted_out": False} for id in range(1, buyers + 1)]
    await database.write(lambda c: _insert(c, {"customers": named}), long=True)
    templates = await database.write(lambda c: [_template(c, shape) for shape in shapes], long=True)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    for start in range(0, number, 2_000):
        batch: Rows = {}
        for at in range(start, min(number, start + 2_000)):
            shift = rows.to_ms(begin + timedelta(days=days * at / number)) - rows.to_ms(BEGIN)
            ids = _copy(batch, templates[at % SHAPES], ids, 1 + random.randrange(buyers), shift)
        await database.write(lambda c, batch=batch: _insert(c, batch), long=True)
    return ids.conversations, ids.messages


class _Ids:
    def __init__(self, conversations: int, messages: int) -> None:
        self.conversations, self.messages = conversations, messages


_TABLES = {
    "customers": customers,
    "conversations": conversations,
    "messages": messages,
    "handoffs": handoffs,
    "suggestions": suggestions,
    "surveys": surveys,
}
_TIMES = ("at", "opened_at", "resolved_at", "created_at", "claimed_at", "closed_at", "asked_at",
          "answered_at")  # fmt: skip


def _insert(connection: Connection, batch: Rows) -> None:
    for name, table in _TABLES.items():
        if found := batch.get(name):
            connection.execute(insert(table), found)


def _template(connection: Connection, case: CaseRecord) -> Rows:
    talk = case.conversation
    lane = talk.address.lane
    return {
        "conversations": [{
            "channel": talk.address.channel, "address": talk.address.value, "lane": lane,
            "state": talk.state, "epoch": 1, "tier": talk.tier, "language": talk.language,
            "intent": talk.intent, "mood": case.mood, "opened_at": rows.to_ms(talk.opened_at),
            "resolved_at": rows.to_ms(talk.resolved_at) if talk.resolved_at else None,
        }],
        "messages": [rows.message_values(connection, m, lane) for m in case.messages],
        "handoffs": [{
            "reasons": rows.to_json(h.reasons), "tier": h.tier, "skills": "[]", "priority": 0,
            "agent": rows.to_json(h.agent) if h.agent else None,
            "created_at": rows.to_ms(h.created_at),
            "claimed_at": rows.to_ms(h.claimed_at) if h.claimed_at else None,
            "closed_at": rows.to_ms(h.closed_at) if h.closed_at else None,
        } for h in case.handoffs],
        "suggestions": [{
            "text": s.text, "source": s.source, "outcome": s.outcome, "final": s.final,
            "at": rows.to_ms(s.at), "agent": rows.to_json(s.agent) if s.agent else None,
        } for s in case.suggestions],
        "surveys": [{
            "kind": s.ask.kind, "scale": s.ask.scale, "asked_at": rows.to_ms(s.asked_at),
            "answered_at": rows.to_ms(s.answered_at) if s.answered_at else None,
            "score": s.answer.score if s.answer else None,
        } for s in case.surveys],
    }  # fmt: skip


def _copy(batch: Rows, template: Rows, ids: _Ids, customer: int, shift: int) -> _Ids:
    conversation = ids.conversations + 1
    for name, found in template.items():
        for row in found:
            copied = {k: v + shift if k in _TIMES and v is not None else v for k, v in row.items()}
            if name == "conversations":
                copied |= {"id": conversation, "customer_id": customer}
            else:
                copied["conversation_id"] = conversation
            batch.setdefault(name, []).append(copied)
    return _Ids(conversation, ids.messages + len(template["messages"]))
