"""Whole conversations, for measures and reviews: five statements for each page of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    messages,
    suggestions,
    surveys,
)
from gateway.model import CaseRecord, ChangedCases, Value

T = TypeVar("T")
_CASES = select(conversations, customers.c.name.label("customer_name")).join(
    customers, customers.c.id == conversations.c.customer_id
)
AT_ONCE = 500
"""Ids in one statement: SQLite takes at least 999 parameters (https://sqlite.org/limits.html)."""


class CasePeriod(Value, frozen=True, kw_only=True):
    """Which conversations are read: when they were opened, and whether they were imported."""

    since: datetime | None = None
    until: datetime | None = None
    imported: bool | None = False


def read_cases(
    connection: Connection, period: CasePeriod, *, after: int, limit: int
) -> tuple[CaseRecord, ...]:
    """See `Records.cases`."""
    chosen = _CASES.where(conversations.c.id > after, *_is_imported(period.imported))
    if period.since is not None:
        chosen = chosen.where(conversations.c.opened_at >= rows.to_ms(period.since))
    if period.until is not None:
        chosen = chosen.where(conversations.c.opened_at < rows.to_ms(period.until))
    return _read(connection, chosen.limit(min(limit, AT_ONCE)))


def read_cases_by_id(
    connection: Connection, ids: Sequence[int], imported: bool | None
) -> tuple[CaseRecord, ...]:
    """See `Records.cases_by_id`."""
    chosen = _CASES.where(*_is_imported(imported))
    return tuple(
        case
        for start in range(0, len(ids), AT_ONCE)
        for case in _read(
            connection, chosen.where(conversations.c.id.in_(ids[start : start + AT_ONCE]))
        )
    )


def _is_imported(imported: bool | None) -> tuple[ColumnElement[bool], ...]:
    if imported is None:
        return ()
    column = conversations.c.import_id
    return (column.is_not(None) if imported else column.is_(None),)


def find_changed_cases(
    connection: Connection, message: int, limit: int, *, claimed: bool
) -> ChangedCases:
    """See `Records.changed_cases`."""
    chosen = (
        select(messages.c.id, messages.c.conversation_id, conversations.c.import_id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.id > message)
        .order_by(messages.c.id)
        .limit(limit)
    )
    found = connection.execute(chosen).all()
    here = tuple(dict.fromkeys(row.conversation_id for row in found if row.import_id is None))
    return ChangedCases(
        conversations=_claimed(connection, here) if claimed else here,
        message=found[-1].id if found else message,
    )


def _claimed(connection: Connection, ids: Sequence[int]) -> tuple[int, ...]:
    """Those of ``ids`` that a person has, or has had."""
    found: set[int] = set()
    for start in range(0, len(ids), AT_ONCE):
        of_people = handoffs.c.conversation_id.in_(ids[start : start + AT_ONCE])
        chosen = select(handoffs.c.conversation_id).where(
            of_people, handoffs.c.claimed_at.is_not(None)
        )
        found.update(connection.execute(chosen).scalars())
    return tuple(id for id in ids if id in found)


def _read(connection: Connection, chosen: Select[Any]) -> tuple[CaseRecord, ...]:
    found = connection.execute(chosen.order_by(conversations.c.id)).all()
    ids = [row.id for row in found]
    of_messages = _by_conversation(connection, messages, ids, rows.message)
    of_handoffs = _by_conversation(connection, handoffs, ids, rows.handoff)
    of_suggestions = _by_conversation(connection, suggestions, ids, rows.suggestion)
    of_surveys = _by_conversation(connection, surveys, ids, rows.survey)
    return tuple(
        CaseRecord(
            conversation=rows.conversation(connection, row),
            customer=row.customer_id,
            customer_name=rows.readable(connection, "customers.name", "", row.customer_name),
            mood=row.mood,
            messages=of_messages(row.id),
            handoffs=of_handoffs(row.id),
            suggestions=of_suggestions(row.id),
            surveys=of_surveys(row.id),
        )
        for row in found
    )


def _by_conversation(
    connection: Connection,
    table: Table,
    ids: Sequence[int],
    value: Callable[[Connection, Row[Any]], T],
) -> Callable[[int], tuple[T, ...]]:
    """The values of ``table`` of each conversation of ``ids``, in the order of their ids."""
    chosen = (
        select(table)
        .where(table.c.conversation_id.in_(ids))
        .order_by(table.c.conversation_id, table.c.id)
    )
    found: defaultdict[int, list[T]] = defaultdict(list)
    for row in connection.execute(chosen).all() if ids else ():
        found[row.conversation_id].append(value(connection, row))
    return lambda conversation: tuple(found.get(conversation, ()))
