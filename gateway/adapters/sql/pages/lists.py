"""Lists of conversations: one statement a page, by keyset, and counts that end at a bound.

All that conversations are filtered by is in the index that a list is read from. So a filter that
finds little walks over the index, and reads only the rows that it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    tuple_,
)

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedJoin, PreparedStatement
from gateway.adapters.sql.pages.queue import preview
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    messages,
)
from gateway.model import (
    ConversationFilter,
    ConversationList,
    ListedConversation,
    ListName,
    ListPosition,
)

NEWEST = ListPosition(order=2**62, id=2**62)
"""Before the newest message."""
MOST_URGENT = ListPosition(order=2**31 - 1, id=0)
"""Before the greatest priority."""
_ESCAPED = re.compile(r"[\\%_]")
SHAPES = 512
"""Statements that are kept, one for each set of filters."""
_c = conversations.c
_of_conversation = messages.alias("of_conversation")
_LAST_PUBLIC = (
    select(_of_conversation.c.id)
    .where(
        _of_conversation.c.conversation_id == _c.id,
        _of_conversation.c.internal.is_(False),
        # "A colleague will answer you" says nothing of a case that people have.
        or_(
            _of_conversation.c.author != "bot",
            and_(_c.state != "waiting", _c.state != "person"),
        ),
    )
    .order_by(_of_conversation.c.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_earlier_handoffs = handoffs.alias("earlier_handoffs")
_NEWEST_HANDOFF = (
    select(_earlier_handoffs.c.id)
    .where(_earlier_handoffs.c.conversation_id == _c.id)
    .order_by(_earlier_handoffs.c.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_OWN = _c.agent_id == bindparam("agent")
_HELD = and_(_c.state == "person", _c.snoozed_until.is_(None))
_LISTS: Mapping[str, ColumnElement[bool]] = {
    "waiting": _c.state == "waiting",
    "mine": and_(_HELD, _OWN),
    "bot": _c.state == "bot",
    "colleagues": and_(_HELD, _c.agent_id != bindparam("agent")),
    "snoozed": and_(_c.state == "person", _c.snoozed_until.is_not(None)),
    "resolved": _c.state == "resolved",
    "all": true(),
}
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "channel": _c.channel == bindparam("channel"),
    "language": _c.language == bindparam("language"),
    "skill": _c.skills.like(bindparam("skill"), escape="\\"),
    "state": _c.state == bindparam("state"),
    "person": _c.agent_id == bindparam("person"),
    "label": (" " + _c.labels + " ").like(bindparam("label"), escape="\\"),
    "mood": _c.mood == bindparam("mood"),
    "since": _c.last_at >= bindparam("since"),
    "until": _c.last_at < bindparam("until"),
}
_LAST_FROM: Mapping[str, ColumnElement[bool]] = {
    "customer": _c.last_from == "customer",
    "us": or_(_c.last_from == "bot", _c.last_from == "agent"),
}
COUNTED: tuple[ListName, ...] = ("mine", "bot", "colleagues", "snoozed")
"""The lists with a count; the queue counts those that wait."""


def read_list(
    connection: Connection, chosen: ConversationFilter, after: ListPosition | None, most: int
) -> ConversationList:
    """See `Queries.conversations`."""
    statement = _statement(_shape(chosen), len(chosen.brands))
    start = after or (MOST_URGENT if chosen.list == "waiting" else NEWEST)
    values = {"order": start.order, "after": start.id, "most": most + 1}
    found = statement.all(connection, {**values, **_values(chosen)})
    items = tuple(
        _item(connection, statement, row, waiting=chosen.list == "waiting") for row in found[:most]
    )
    following = items[-1].position if items and len(found) > most else None
    return ConversationList(items=items, following=following)


def count_lists(
    connection: Connection, chosen: ConversationFilter, most: int
) -> Mapping[ListName, int]:
    """See `Queries.list_counts`."""
    statement = _counts(chosen.colleagues, len(chosen.brands))
    values = {"most": most, "agent": chosen.agent, **_brand_values(chosen.brands)}
    row = statement.one(connection, values)
    return {name: getattr(row, name) for name in COUNTED}


def _shape(chosen: ConversationFilter) -> tuple[str, ...]:
    """The conditions that ``chosen`` has, whatever their values."""
    named = [name for name in _FILTERS if getattr(chosen, name)]
    hidden = [] if chosen.colleagues else ["hidden"]
    return (chosen.list, chosen.last_from, *hidden, *named)


def _values(chosen: ConversationFilter) -> dict[str, Any]:
    given = {
        "agent": chosen.agent,
        "channel": chosen.channel,
        "language": chosen.language,
        "skill": _containing(rows.to_json(chosen.skill)),
        "state": chosen.state,
        "person": chosen.person,
        "label": _containing(f" {chosen.label} "),
        "mood": chosen.mood,
        "since": rows.to_ms(chosen.since) if chosen.since else 0,
        "until": rows.to_ms(chosen.until) if chosen.until else 0,
    }
    return {**given, **_brand_values(chosen.brands)}


def _containing(part: str) -> str:
    """The pattern for LIKE of texts with ``part``."""
    return "%" + _ESCAPED.sub(r"\\\g<0>", part) + "%"


def _brand_values(brands: Sequence[str]) -> dict[str, str]:
    return {f"brand_{number}": brand for number, brand in enumerate(brands)}


def _brands(count: int) -> ColumnElement[bool]:
    named = [_c.brand == bindparam(f"brand_{number}") for number in range(count)]
    return or_(*named) if named else true()


def _conditions(shape: Sequence[str], brands: int) -> Iterator[ColumnElement[bool]]:
    name, last_from, *others = shape
    yield _LISTS[name]
    if last_from:
        yield _LAST_FROM[last_from]
    for other in others:
        yield or_(_c.state != "person", _OWN) if other == "hidden" else _FILTERS[other]
    yield _brands(brands)


@lru_cache(SHAPES)
def _statement(shape: tuple[str, ...], brands: int) -> PreparedJoin:
    conditions = tuple(_conditions(shape, brands))
    return _waiting(conditions) if shape[0] == "waiting" else _newest(conditions)


def _newest(conditions: Sequence[ColumnElement[bool]]) -> PreparedJoin:
    """The newest first."""
    part = (
        select(_c.id)
        .where(tuple_(_c.last_at, _c.id) < tuple_(bindparam("order"), bindparam("after")))
        .where(*conditions)
        .order_by(_c.last_at.desc(), _c.id.desc())
        .limit(bindparam("most"))
        .subquery("part")
    )
    return _shown(
        select(conversations, customers, messages, handoffs)
        .join(part, part.c.id == _c.id)
        .outerjoin(handoffs, handoffs.c.id == _NEWEST_HANDOFF)
        .order_by(_c.last_at.desc(), _c.id.desc())
    )


def _waiting(conditions: Sequence[ColumnElement[bool]]) -> PreparedJoin:
    """In the order of the queue."""
    priority, id = handoffs.c.priority, handoffs.c.id
    behind = or_(
        priority < bindparam("order"), and_(priority == bindparam("order"), id > bindparam("after"))
    )
    part = (
        select(id)
        .join(conversations, _c.id == handoffs.c.conversation_id)
        .where(handoffs.c.closed_at.is_(None), handoffs.c.claimed_at.is_(None), behind)
        .where(*conditions)
        .order_by(priority.desc(), id)
        .limit(bindparam("most"))
        .subquery("part")
    )
    return _shown(
        select(conversations, customers, messages, handoffs)
        .join(handoffs, handoffs.c.conversation_id == _c.id)
        .join(part, part.c.id == id)
        .order_by(priority.desc(), id)
    )


def _shown(listed: Select[Any]) -> PreparedJoin:
    return PreparedJoin(
        listed.join(customers, customers.c.id == _c.customer_id).outerjoin(
            messages, messages.c.id == _LAST_PUBLIC
        ),
        conversations,
        customers,
        messages,
        handoffs,
    )


@lru_cache(SHAPES)
def _counts(colleagues: bool, brands: int) -> PreparedStatement:
    hidden = () if colleagues else ("hidden",)

    def count(name: ListName) -> ColumnElement[int]:
        found = select(_c.id).where(*_conditions((name, "", *hidden), brands))
        bounded = found.limit(bindparam("most")).subquery()
        return select(func.count()).select_from(bounded).scalar_subquery().label(name)

    counts: Any = select(*(count(name) for name in COUNTED))  # the overloads end at ten columns
    return PreparedStatement(counts)


def _item(
    connection: Connection, statement: PreparedJoin, row: Sequence[Any], *, waiting: bool
) -> ListedConversation:
    conversation, customer, last, handoff_row = statement.split(row)
    handoff = rows.handoff(connection, handoff_row) if handoff_row else None
    position = ListPosition(order=conversation.last_at, id=conversation.id)
    if waiting and handoff is not None:
        position = ListPosition(order=handoff.priority, id=handoff.id)
    return ListedConversation(
        conversation=rows.conversation(connection, conversation),
        customer=rows.customer(connection, customer),
        position=position,
        preview=preview(connection, last) if last else "",
        mood=conversation.mood,
        last_at=rows.from_ms(conversation.last_at),
        last_from=conversation.last_from,
        agent=conversation.agent_id,
        handoff=handoff,
    )
