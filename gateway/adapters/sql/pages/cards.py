"""Context cards: a fixed number of statements, however many conversations they are of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from gateway.adapters.sql import rows
from gateway.adapters.sql.linked.links import links_of
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    identities,
    messages,
    outbox,
    suggestions,
    surveys,
)
from gateway.adapters.sql.turns.promises import confirmed_by_customer, promises_by_conversation
from gateway.model import (
    DRAFT_TOKENS,
    Address,
    ContextCard,
    Conversation,
    ConversationHeading,
    Fact,
    Message,
    PastConversation,
)

T = TypeVar("T")
AT_ONCE = 100
"""Conversations of one read: their histories and customers, too, are parameters."""
MOST_MESSAGES = 500
"""Messages on a card."""
MOST_EARLIER = 20
"""Earlier conversations on a card, before those of its own history are left out."""
Ids = Collection[int]
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
"""The statements are built once: that costs more than to run them."""
_CONVERSATIONS = select(conversations).where(conversations.c.id.in_(_IDS))
_CUSTOMERS = select(customers).where(customers.c.id.in_(_IDS))
_HISTORIES = (
    select(conversations)
    .where(or_(conversations.c.id.in_(_IDS), conversations.c.continues.in_(_IDS)))
    .order_by(conversations.c.id)
)
_IDENTITIES = select(identities).where(identities.c.customer_id.in_(_IDS)).order_by(identities.c.id)
_older = messages.alias("older")
_FIRST_SHOWN = (
    select(_older.c.id)
    .where(_older.c.conversation_id == conversations.c.id)
    .order_by(_older.c.id.desc())
    .limit(1)
    .offset(bindparam("most") - 1)
    .scalar_subquery()
)
_MESSAGES = (
    select(messages)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(conversations.c.id.in_(_IDS), messages.c.id >= func.coalesce(_FIRST_SHOWN, 0))
    .order_by(messages.c.id)
)
_past = conversations.alias("past")
_FIRST_EARLIER = (
    select(_past.c.id)
    .where(_past.c.customer_id == customers.c.id)
    .order_by(_past.c.id.desc())
    .limit(1)
    .offset(MOST_EARLIER - 1)
    .scalar_subquery()
)
_EARLIER = (
    select(conversations, func.max(surveys.c.score).label("score"))
    .join(customers, customers.c.id == conversations.c.customer_id)
    .outerjoin(surveys, surveys.c.conversation_id == conversations.c.id)
    .where(customers.c.id.in_(_IDS), conversations.c.id >= func.coalesce(_FIRST_EARLIER, 0))
    .group_by(conversations.c.id)
    .order_by(conversations.c.id.desc())
)
_OVERTAKEN = and_(
    outbox.c.state == "sending",
    outbox.c.author == "bot",
    outbox.c.epoch < conversations.c.epoch,
)
_ON_THEIR_WAY = (
    select(messages, outbox.c.conversation_id.label("sent_in"))
    .join(outbox, outbox.c.message_id == messages.c.id)
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(outbox.c.conversation_id.in_(_IDS), or_(outbox.c.state == "unsure", _OVERTAKEN))
    .order_by(messages.c.id)
)


def _newest_of(table: Table) -> Select[Any]:
    newest = (
        select(func.max(table.c.id))
        .where(table.c.conversation_id.in_(_IDS))
        .group_by(table.c.conversation_id)
    )
    return select(table).where(table.c.id.in_(newest))


_HANDOFFS, _SUGGESTIONS = _newest_of(handoffs), _newest_of(suggestions)


def read_cards(connection: Connection, ids: Sequence[int]) -> tuple[ContextCard, ...]:
    """The cards of the conversations ``ids`` that exist, in this order, each without what the desk
    adds."""
    parts = [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
    return tuple(card for part in parts for card in _read(connection, part))


def read_headings(connection: Connection, ids: Sequence[int]) -> dict[int, ConversationHeading]:
    """See `Queries.headings`."""
    found = connection.execute(_CONVERSATIONS, {"ids": ids}).all()
    people = _customers(connection, {row.customer_id for row in found})
    return {
        row.id: ConversationHeading(
            conversation=rows.conversation(connection, row),
            customer=rows.customer(connection, people[row.customer_id]),
        )
        for row in found
    }


class _Found(NamedTuple):
    """What belongs to several conversations, by their ids or their customers' ids."""

    histories: Mapping[int, tuple[Conversation, ...]]
    people: Mapping[int, Row[Any]]
    addresses: Mapping[int, list[Address]]
    messages: Mapping[int, list[Message]]
    handoffs: Mapping[int, Row[Any]]
    suggestions: Mapping[int, Row[Any]]
    earlier: Mapping[int, list[PastConversation]]
    on_their_way: Mapping[int, list[Message]]


def _read(connection: Connection, ids: Sequence[int]) -> list[ContextCard]:
    own = {row.id: row for row in connection.execute(_CONVERSATIONS, {"ids": ids})}
    if not own:
        return []
    people = {row.customer_id for row in own.values()}
    histories = _histories(connection, own)
    found = _Found(
        histories=histories,
        people=_customers(connection, people),
        addresses=_addresses(connection, people),
        messages=_messages(connection, {each.id for all_ in histories.values() for each in all_}),
        handoffs=_newest(connection, _HANDOFFS, own),
        suggestions=_newest(connection, _SUGGESTIONS, own),
        earlier=_earlier(connection, people),
        on_their_way=_on_their_way(connection, own),
    )
    promised = promises_by_conversation(connection, own)
    confirmed, linked = confirmed_by_customer(connection, people), links_of(connection, people)
    return [
        _card(connection, own[id], found).replace(
            promises=promised.get(id, ()),
            confirmed=confirmed.get(own[id].customer_id, ()),
            linked=linked.get(own[id].customer_id, ()),
        )
        for id in ids
        if id in own
    ]


def _card(connection: Connection, row: Row[Any], found: _Found) -> ContextCard:
    whole = found.histories[row.id]
    members = {each.id for each in whole}
    shown = sorted((m for id in members for m in found.messages[id]), key=lambda each: each.id)
    shown = shown[-MOST_MESSAGES:]
    handoff, suggestion = found.handoffs.get(row.id), found.suggestions.get(row.id)
    return ContextCard(
        conversation=next(each for each in whole if each.id == row.id),
        customer=rows.customer(connection, found.people[row.customer_id]),
        identities=tuple(found.addresses[row.customer_id]),
        handoff=rows.handoff(connection, handoff) if handoff else None,
        messages=tuple(shown),
        earlier=tuple(past for past in found.earlier[row.customer_id] if past.id not in members),
        facts=_facts(shown),
        summary=(),
        suggestion=rows.suggestion(connection, suggestion)
        if suggestion and suggestion.outcome == "open"
        else None,
        on_its_way=tuple(found.on_their_way[row.id]),
        history=whole if len(whole) > 1 else (),
    )


def _histories(
    connection: Connection, own: Mapping[int, Row[Any]]
) -> dict[int, tuple[Conversation, ...]]:
    """The history of each conversation, as `histories.history_of` tells it."""
    roots = {row.continues or row.id for row in own.values()}
    related = connection.execute(_HISTORIES, {"ids": list(roots)}).all()
    values = {row.id: rows.conversation(connection, row) for row in (*own.values(), *related)}
    members = _grouped(((row.continues or row.id, row.customer_id), row.id) for row in related)
    found: dict[int, tuple[Conversation, ...]] = {}
    for row in own.values():
        whole = members[row.continues or row.id, row.customer_id]
        found[row.id] = tuple(values[id] for id in (whole if row.id in whole else (row.id,)))
    return found


def _customers(connection: Connection, ids: Ids) -> dict[int, Row[Any]]:
    return {row.id: row for row in connection.execute(_CUSTOMERS, {"ids": list(ids)})}


def _addresses(connection: Connection, people: Ids) -> dict[int, list[Address]]:
    found = connection.execute(_IDENTITIES, {"ids": list(people)})
    return _grouped((row.customer_id, rows.address(row)) for row in found)


def _messages(connection: Connection, ids: Ids) -> dict[int, list[Message]]:
    """The newest `MOST_MESSAGES` of each conversation, oldest first."""
    found = connection.execute(_MESSAGES, {"ids": list(ids), "most": MOST_MESSAGES})
    return _grouped((row.conversation_id, rows.message(connection, row)) for row in found)


def _newest(connection: Connection, statement: Select[Any], ids: Ids) -> dict[int, Row[Any]]:
    """The newest row of each conversation."""
    found = connection.execute(statement, {"ids": list(ids)})
    return {row.conversation_id: row for row in found}


def _earlier(connection: Connection, people: Ids) -> dict[int, list[PastConversation]]:
    """The newest `MOST_EARLIER` conversations of each customer, the newest first."""
    found = connection.execute(_EARLIER, {"ids": list(people)})
    return _grouped((row.customer_id, past_conversation(row)) for row in found)


def past_conversation(row: Row[Any]) -> PastConversation:
    """From a row of ``conversations`` with the best ``score`` of its surveys."""
    return PastConversation(
        id=row.id,
        channel=row.channel,
        support_address=row.support_address,
        opened_at=rows.from_ms(row.opened_at),
        resolved_at=rows.maybe_from_ms(row.resolved_at),
        intent=row.intent,
        mood=row.mood,
        score=row.score,
        imported=row.import_id is not None,
    )


def _on_their_way(connection: Connection, ids: Ids) -> dict[int, list[Message]]:
    """The bot's messages that the provider may have, although a person has the conversation."""
    found = connection.execute(_ON_THEIR_WAY, {"ids": list(ids)})
    return _grouped((row.sent_in, rows.message(connection, row)) for row in found)


def _facts(shown: Iterable[Message]) -> tuple[Fact, ...]:
    """The facts from the customer's own messages, the newest value of each, without what the
    gateway itself notes with them."""
    customers_own = (message for message in shown if message.author == "customer")
    newest = {fact.name: fact for message in customers_own for fact in message.facts}
    newest.pop(DRAFT_TOKENS, None)
    return tuple(newest.values())


def _grouped(pairs: Iterable[tuple[Any, T]]) -> dict[Any, list[T]]:
    """The second values by the first; an empty list for what has none."""
    found: defaultdict[Any, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found
