"""What pages, context cards, channels and suggestions read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from cachetools import LRUCache
from sqlalchemy import Connection, Row, bindparam, exists, func, or_, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.adapters.sql.pages.cards import past_conversation, read_cards, read_headings
from gateway.adapters.sql.pages.cases import (
    CasePeriod,
    find_changed_cases,
    read_cases,
    read_cases_by_id,
)
from gateway.adapters.sql.pages.lists import count_lists, read_list
from gateway.adapters.sql.pages.queue import KnownItems, read_queue
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    links,
    messages,
    outbox,
    surveys,
)
from gateway.adapters.sql.turns.promises import promises_of
from gateway.model import (
    UNREADABLE,
    Address,
    CaseRecord,
    ChangedCases,
    ContextCard,
    Conversation,
    ConversationFilter,
    ConversationHeading,
    ConversationList,
    Handoff,
    ListName,
    ListPosition,
    Message,
    PastAnswer,
    PastConversation,
    Promise,
    QueuePage,
    QueuePosition,
    Survey,
)
from gateway.ports import NotFound

QUEUES_REMEMBERED = 64
"""Sets of brands whose queue is remembered."""
LONGEST = 2_000
"""Characters of a question, and of its answer, in a past answer."""
_PUBLIC = (
    select(messages)
    .where(
        messages.c.lane == bindparam("lane"),
        messages.c.id > bindparam("after"),
        messages.c.internal.is_(False),
        messages.c.status.not_in(("discarded", "unsure")),
        # A message that was refused before it entered the outbox was never sent.
        or_(messages.c.status != "failed", exists().where(outbox.c.message_id == messages.c.id)),
    )
    .order_by(messages.c.id)
    .limit(bindparam("most"))
)
_REPLIES = _PUBLIC.where(messages.c.author.in_(("bot", "agent")))
_EARLIER = PreparedStatement(
    select(conversations, func.max(surveys.c.score).label("score"))
    .outerjoin(surveys, surveys.c.conversation_id == conversations.c.id)
    .where(conversations.c.customer_id == bindparam("customer"))
    .group_by(conversations.c.id)
    .order_by(conversations.c.id.desc())
    .limit(bindparam("most"))
)
_HAS_ANSWER = exists().where(
    messages.c.conversation_id == conversations.c.id,
    messages.c.author == "agent",
    messages.c.internal.is_(False),
)
_ANSWERED = (
    select(conversations.c.id)
    .where(
        conversations.c.state == "resolved",
        conversations.c.opened_at >= bindparam("since"),
        conversations.c.language.is_not(None),
        conversations.c.import_id.is_(None),
        _HAS_ANSWER,
    )
    .order_by(conversations.c.id.desc())
    .limit(bindparam("most"))
    .subquery()
)
_ANSWERED_MESSAGES = (
    select(
        messages,
        conversations.c.language,
        conversations.c.brand,
        conversations.c.customer_id,
        customers.c.name,
    )
    .join(_ANSWERED, _ANSWERED.c.id == messages.c.conversation_id)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .join(customers, customers.c.id == conversations.c.customer_id)
    .where(
        messages.c.internal.is_(False),
        messages.c.author.in_(("customer", "agent")),
        messages.c.status.not_in(("discarded", "unsure", "failed")),
    )
    .order_by(messages.c.conversation_id.desc(), messages.c.id)
)
_CONVERSATION = select(conversations).where(conversations.c.id == bindparam("id"))


class SqlQueries:
    """See `store.Queries`. Each method reads one snapshot."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database
        self._known: LRUCache[tuple[str, ...], KnownItems] = LRUCache(QUEUES_REMEMBERED)
        """What was read of the queue last, by the brands of its conversations."""

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        values = {"lane": address.lane, "after": after, "most": limit}
        query = _PUBLIC if own else _REPLIES
        return await self._db.read(
            lambda c: tuple(rows.message(c, row) for row in c.execute(query, values))
        )

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]:
        return await self._db.read(lambda c: _earlier(c, customer, limit))

    async def promises(self, conversation: int) -> tuple[Promise, ...]:
        return await self._db.read(lambda c: promises_of(c, conversation))

    async def surveys(self, customer: int, *, limit: int = 20) -> tuple[Survey, ...]:
        query = (
            select(surveys)
            .join(conversations, conversations.c.id == surveys.c.conversation_id)
            .where(conversations.c.customer_id == customer)
            .order_by(surveys.c.id.desc())
            .limit(limit)
        )
        return await self._db.read(lambda c: tuple(rows.survey(c, row) for row in c.execute(query)))

    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[PastAnswer, ...]:
        return await self._db.read(lambda c: _answered(c, since, limit), long=True)

    async def cases(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 200,
        imported: bool | None = False,
    ) -> tuple[CaseRecord, ...]:
        chosen = CasePeriod(since=since, until=until, imported=imported)
        return await self._db.read(
            lambda c: read_cases(c, chosen, after=after, limit=limit), long=True
        )

    async def cases_by_id(
        self, ids: Sequence[int], *, imported: bool | None = False
    ) -> tuple[CaseRecord, ...]:
        return await self._db.read(lambda c: read_cases_by_id(c, ids, imported), long=True)

    async def changed_cases(
        self, *, message: int, limit: int = 10_000, claimed: bool = False
    ) -> ChangedCases:
        return await self._db.read(
            lambda c: find_changed_cases(c, message, limit, claimed=claimed), long=True
        )

    async def newest_address(
        self, ref: str, *, channel: str, support_address: str = ""
    ) -> Address | None:
        query = (
            select(conversations.c.address)
            .join(customers, customers.c.id == conversations.c.customer_id)
            .where(
                customers.c.ref == ref,
                conversations.c.channel == channel,
                conversations.c.support_address == support_address,
                conversations.c.import_id.is_(None),
            )
            .order_by(conversations.c.id.desc())
            .limit(1)
        )
        value = await self._db.read(lambda c: c.execute(query).scalar())
        if value is None:
            return None
        return Address(channel=channel, value=value, support_address=support_address)

    async def is_proven(self, address: Address) -> bool:
        linked = exists().where(
            links.c.channel == address.channel,
            links.c.support_address == address.support_address,
            links.c.value == address.value,
            links.c.customer_id == customers.c.id,
            links.c.undone_at.is_(None),
        )
        query = (
            select(conversations.c.id)
            .join(customers, customers.c.id == conversations.c.customer_id)
            .where(conversations.c.lane == address.lane, customers.c.ref.is_not(None), ~linked)
            .limit(1)
        )
        return await self._db.read(lambda c: c.execute(query).first() is not None)

    async def conversation(self, id: int) -> Conversation:
        return await self._db.read(lambda c: rows.conversation(c, _conversation_row(c, id)))

    async def newest_at(self, address: Address) -> Conversation | None:
        newest = (
            select(conversations)
            .where(conversations.c.lane == address.lane)
            .order_by(conversations.c.id.desc())
            .limit(1)
        )

        def job(connection: Connection) -> Conversation | None:
            row = connection.execute(newest).one_or_none()
            return rows.conversation(connection, row) if row else None

        return await self._db.read(job)

    async def queue(
        self,
        *,
        after: QueuePosition | None = None,
        most: int | None = None,
        brands: tuple[str, ...] = (),
    ) -> QueuePage:
        before = self._known.get(brands, {})

        def job(connection: Connection) -> tuple[QueuePage, KnownItems]:
            return read_queue(connection, after, most, before, brands)

        page, known = await self._db.read(job, long=True)
        if after is None:
            self._known[brands] = known
        return page

    async def conversations(
        self, chosen: ConversationFilter, *, after: ListPosition | None = None, most: int = 50
    ) -> ConversationList:
        return await self._db.read(lambda c: read_list(c, chosen, after, most), long=True)

    async def list_counts(
        self, chosen: ConversationFilter, *, most: int = 100
    ) -> Mapping[ListName, int]:
        return await self._db.read(lambda c: count_lists(c, chosen, most), long=True)

    async def card(self, id: int) -> ContextCard:
        found = await self.cards((id,))
        if not found:
            raise NotFound(f"there is no conversation {id}")
        return found[0]

    async def cards(self, ids: Sequence[int]) -> tuple[ContextCard, ...]:
        return await self._db.read(lambda c: read_cards(c, ids), long=True)

    async def headings(self, ids: Sequence[int]) -> Mapping[int, ConversationHeading]:
        return await self._db.read(lambda c: read_headings(c, ids), long=True)

    async def messages_by_id(self, ids: Sequence[int]) -> Mapping[int, Message]:
        chosen = select(messages).where(messages.c.id.in_(ids))
        return await self._db.read(
            lambda c: {row.id: rows.message(c, row) for row in c.execute(chosen)}, long=True
        )

    async def handoff(self, id: int) -> Handoff:
        def job(connection: Connection) -> Handoff:
            row = connection.execute(select(handoffs).where(handoffs.c.id == id)).one_or_none()
            if row is None:
                raise NotFound(f"there is no handoff {id}")
            return rows.handoff(connection, row)

        return await self._db.read(job)


def _conversation_row(connection: Connection, id: int) -> Row[Any]:
    row = connection.execute(_CONVERSATION, {"id": id}).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {id}")
    return row


def _earlier(connection: Connection, customer: int, limit: int) -> tuple[PastConversation, ...]:
    found = _EARLIER.all(connection, {"customer": customer, "most": limit})
    return tuple(past_conversation(row) for row in found)


def _answered(connection: Connection, since: datetime, limit: int) -> tuple[PastAnswer, ...]:
    found = connection.execute(_ANSWERED_MESSAGES, {"since": rows.to_ms(since), "most": limit})
    by_conversation = groupby(found.all(), key=attrgetter("conversation_id"))
    return tuple(
        answered
        for _, conversation in by_conversation
        for answered in _first_answer(connection, conversation)
    )


def _first_answer(connection: Connection, conversation: Iterable[Row[Any]]) -> Iterator[PastAnswer]:
    """What the customer wrote before the first answer of a person, and that answer."""
    questions: list[str] = []
    for row in conversation:
        message = rows.message(connection, row)
        if message.text == UNREADABLE:
            return
        if message.author == "customer":
            questions.append(message.text)
            continue
        question = " ".join(questions).strip()
        if question and message.text.strip():
            customer_name = rows.readable(connection, "customers.name", "", row.name)
            names = (customer_name, message.agent.name if message.agent else None)
            yield PastAnswer(
                conversation=row.conversation_id,
                customer=row.customer_id,
                brand=row.brand,
                language=row.language,
                asked=question[:LONGEST],
                said=message.text[:LONGEST],
                names=tuple(name for name in names if name),
            )
        return
