"""Reads sources, documents, passages, changes and uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
)

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.adapters.sql.schema import (
    conversations,
    knowledge_changes,
    knowledge_documents,
    knowledge_passages,
    knowledge_sources,
    knowledge_uses,
    knowledge_vectors,
    messages,
    suggestions,
)
from gateway.model import (
    CitedPassage,
    DecidedDraft,
    DocumentChange,
    KnowledgeDocument,
    KnowledgeSource,
    Passage,
    SourceUse,
)

AT_ONCE = 500
"""Ids in one statement."""
FEW = 4
"""Ids that are read one after another: a statement that is compiled already takes less time."""
MOST_DECIDED, LOOKED_AT = 1_000, 5
"""Decided drafts of one call, and how many drafts are looked at for each of them."""
_IS_CURRENT = and_(
    knowledge_documents.c.version == knowledge_passages.c.version,
    knowledge_documents.c.state == "current",
)
_PASSAGES = (
    select(
        knowledge_passages,
        knowledge_documents.c.source_id,
        knowledge_documents.c.title,
        knowledge_documents.c.location,
        knowledge_documents.c.language,
        knowledge_documents.c.updated_at,
        knowledge_sources.c.brand,
        _IS_CURRENT.label("current"),
    )
    .join(knowledge_documents, knowledge_documents.c.id == knowledge_passages.c.document_id)
    .join(knowledge_sources, knowledge_sources.c.id == knowledge_documents.c.source_id)
)
_PASSAGE = PreparedStatement(_PASSAGES.where(knowledge_passages.c.id == bindparam("passage")))
_NEWEST = PreparedStatement(select(func.max(knowledge_changes.c.id).label("newest")))
_CURRENT = PreparedStatement(
    select(knowledge_passages.c.id)
    .join(knowledge_documents, knowledge_documents.c.id == knowledge_passages.c.document_id)
    .where(knowledge_passages.c.id == bindparam("passage"), _IS_CURRENT)
)


def all_sources(connection: Connection) -> tuple[KnowledgeSource, ...]:
    query = select(knowledge_sources).order_by(knowledge_sources.c.id)
    return tuple(source(row) for row in connection.execute(query))


def documents_of(connection: Connection, source: int) -> tuple[KnowledgeDocument, ...]:
    table = knowledge_documents
    query = select(table).where(table.c.source_id == source).order_by(table.c.id)
    return tuple(document(row) for row in connection.execute(query))


def by_id(connection: Connection, ids: Sequence[int]) -> Mapping[int, Passage]:
    if len(ids) <= FEW:
        each = (_PASSAGE.one(connection, {"passage": id}) for id in ids)
        return {row.id: passage(row) for row in each if row is not None}
    found: dict[int, Passage] = {}
    for start in range(0, len(ids), AT_ONCE):
        query = _PASSAGES.where(knowledge_passages.c.id.in_(ids[start : start + AT_ONCE]))
        found |= {row.id: passage(row) for row in connection.execute(query)}
    return found


def are_current(connection: Connection, ids: Sequence[int]) -> bool:
    """Whether all of ``ids`` are passages that are current."""
    return all(_CURRENT.scalar(connection, {"passage": id}) is not None for id in set(ids))


def of_document(connection: Connection, document: int, version: int | None) -> tuple[Passage, ...]:
    """In their order; those of the newest version, also of a document that is gone, when None."""
    table = knowledge_passages.c
    wanted = knowledge_documents.c.version if version is None else version
    query = _PASSAGES.where(table.document_id == document, table.version == wanted)
    return tuple(passage(row) for row in connection.execute(query.order_by(table.position)))


def current(connection: Connection, after: int, limit: int) -> tuple[Passage, ...]:
    table = knowledge_passages.c
    query = _PASSAGES.where(table.id > after, _IS_CURRENT).order_by(table.id).limit(limit)
    return tuple(passage(row) for row in connection.execute(query))


def newest_change(connection: Connection) -> int:
    """The id of the newest change; 0 of none."""
    return int(_NEWEST.scalar(connection, {}) or 0)


def unsettled(connection: Connection, limit: int) -> tuple[DocumentChange, ...]:
    open_ones = text("settled_by = '' AND kind IN ('changed', 'gone', 'removed')")
    query = select(knowledge_changes).where(open_ones)
    newest = query.order_by(knowledge_changes.c.id.desc()).limit(limit)
    return tuple(change(row) for row in connection.execute(newest))


def vectors_of(connection: Connection, ids: Sequence[int], model: str) -> Mapping[int, bytes]:
    table = knowledge_vectors.c
    found: dict[int, bytes] = {}
    for start in range(0, len(ids), AT_ONCE):
        chosen = table.passage_id.in_(ids[start : start + AT_ONCE])
        query = select(table.passage_id, table.vector).where(chosen, table.model == model)
        found |= {row.passage_id: bytes(row.vector) for row in connection.execute(query)}
    return found


def cited(connection: Connection, ids: Sequence[int]) -> tuple[CitedPassage, ...]:
    """See `KnowledgeStore.cited`."""
    found = by_id(connection, ids)
    table = knowledge_changes.c
    query = select(table.document_id, table.version, table.kind, table.at).where(
        table.document_id.in_({each.document for each in found.values()})
    )
    changes = connection.execute(query.order_by(table.id)).all() if found else []
    return tuple(_cited(found[id], changes) for id in ids if id in found)


def _cited(passage: Passage, changes: Sequence[Any]) -> CitedPassage:
    own = [row for row in changes if row.document_id == passage.document]
    read = next((row.at for row in own if row.version == passage.version), None)
    later = (
        row.at
        for row in own
        if row.version > passage.version or (row.kind == "gone" and row.version == passage.version)
    )
    return CitedPassage(
        passage=passage,
        read_at=rows.maybe_from_ms(read),
        gone=bool(own) and own[-1].kind == "gone",
        changed_at=None if passage.current else rows.maybe_from_ms(next(later, None)),
    )


def used_in(connection: Connection, conversations: Sequence[int]) -> tuple[SourceUse, ...]:
    table = knowledge_uses
    query = select(table).where(table.c.conversation_id.in_(conversations)).order_by(table.c.id)
    return tuple(_use(row) for row in connection.execute(query.limit(AT_ONCE)))


def uses_of(connection: Connection, document: int, limit: int) -> tuple[SourceUse, ...]:
    table = knowledge_uses
    query = select(table).where(table.c.document_id == document).order_by(table.c.id.desc())
    return tuple(_use(row) for row in connection.execute(query.limit(limit)))


def decided(connection: Connection, limit: int) -> tuple[DecidedDraft, ...]:
    """See `KnowledgeStore.decided_drafts`."""
    found = connection.execute(_decided(limit)).all()
    drafts = _by_key(connection, suggestions, [row.id for row in found])
    opened = _by_key(connection, conversations, [row.conversation_id for row in found])
    said_ids = (id for row in found for id in (row.question, row.answer) if id is not None)
    said = _by_key(connection, messages, list(said_ids))
    return tuple(
        _decided_draft(
            connection,
            drafts[row.id],
            opened[row.conversation_id],
            question=said[row.question],
            answer=None if row.answer is None else said[row.answer],
        )
        for row in found
        if {row.question, row.answer} - {None} <= said.keys() and row.id in drafts
    )


def count_decided(connection: Connection, limit: int) -> int:
    chosen = _decided(limit).subquery()
    return int(connection.execute(select(func.count(chosen.c.id))).scalar_one())


def _decided(limit: int) -> Select[Any]:
    """The newest decided drafts with the ids of the customer's message and, where the draft stayed
    open, of the agent's. From the newest draft back by the primary key, and for each by the index
    of its conversation: no join, which PostgreSQL may carry out by reading all messages."""
    limit = min(limit, MOST_DECIDED)
    table = suggestions.c
    newest = (
        select(table.id, table.conversation_id, table.at, table.outcome, table.passages)
        .order_by(table.id.desc())
        .limit(LOOKED_AT * limit)
        .subquery()
    )
    asked, answered, later = messages.alias(), messages.alias(), suggestions.alias()
    question = (
        select(asked.c.id)
        .where(
            asked.c.conversation_id == newest.c.conversation_id,
            asked.c.author == "customer",
            asked.c.at <= newest.c.at,
        )
        .order_by(asked.c.id.desc())
        .limit(1)
    )
    first_answer = (
        select(answered.c.id)
        .where(
            newest.c.outcome == "open",
            answered.c.conversation_id == newest.c.conversation_id,
            answered.c.author == "agent",
            ~answered.c.internal,
            answered.c.at >= newest.c.at,
        )
        .order_by(answered.c.id)
        .limit(1)
        .correlate(newest)
    )
    draft = (
        select(
            newest,
            question.correlate(newest).scalar_subquery().label("question"),
            first_answer.with_only_columns(answered.c.id).scalar_subquery().label("answer"),
            first_answer.with_only_columns(answered.c.at).scalar_subquery().label("answered_at"),
        )
        .where(newest.c.passages.is_not(None))
        .subquery()
    )
    # Agents see the newest draft alone: an earlier one was replaced before anybody decided.
    replaced = (
        exists()
        .where(
            later.c.conversation_id == draft.c.conversation_id,
            later.c.id > draft.c.id,
            later.c.at <= draft.c.answered_at,
        )
        .correlate(draft)
    )
    was_left = and_(draft.c.answer.is_not(None), ~replaced)
    return (
        select(draft)
        .where(draft.c.question.is_not(None), or_(draft.c.outcome != "open", was_left))
        .order_by(draft.c.id.desc())
        .limit(limit)
    )


def _by_key(connection: Connection, table: Table, ids: Sequence[int]) -> Mapping[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(ids), AT_ONCE):
        query = select(table).where(table.c.id.in_(ids[start : start + AT_ONCE]))
        found |= {row.id: row for row in connection.execute(query)}
    return found


def _decided_draft(
    connection: Connection,
    row: Row[Any],
    conversation: Row[Any],
    *,
    question: Row[Any],
    answer: Row[Any] | None,
) -> DecidedDraft:
    draft = rows.suggestion(connection, row)
    agent = draft.agent.id if draft.agent else conversation.agent_id
    final = draft.final
    if answer is not None:
        final = rows.readable(connection, "messages.text", answer.lane, answer.text)
    return DecidedDraft(
        id=draft.id,
        customer=conversation.customer_id,
        question=rows.readable(connection, "messages.text", question.lane, question.text),
        language=conversation.language or "",
        brand=conversation.brand,
        passages=draft.passages,
        outcome="ignored" if draft.outcome == "open" else draft.outcome,
        draft=draft.text,
        final=final,
        agent=agent or "",
    )


def source(row: Row[Any]) -> KnowledgeSource:
    return KnowledgeSource(
        id=row.id,
        location=row.location,
        title=row.title,
        brand=row.brand,
        owner=row.owner,
        language=row.language,
        private=row.private,
        added_at=rows.from_ms(row.added_at),
        checked_at=rows.maybe_from_ms(row.checked_at),
    )


def document(row: Row[Any]) -> KnowledgeDocument:
    return KnowledgeDocument(
        id=row.id,
        source=row.source_id,
        location=row.location,
        title=row.title,
        language=row.language,
        digest=row.digest,
        version=row.version,
        state=row.state,
        passages=row.passages,
        read_at=rows.from_ms(row.read_at),
        updated_at=rows.maybe_from_ms(row.updated_at),
        etag=row.etag,
        last_modified=row.last_modified,
    )


def passage(row: Row[Any]) -> Passage:
    return Passage(
        id=row.id,
        document=row.document_id,
        version=row.version,
        source=row.source_id,
        title=row.title,
        location=row.location,
        language=row.language,
        brand=row.brand,
        updated_at=rows.maybe_from_ms(row.updated_at),
        current=bool(row.current),
        headings=rows.from_json(row.headings, tuple[str, ...]),
        text=row.text,
        kind=row.kind,
        question=row.question,
        anchor=row.anchor,
    )


def change(row: Row[Any]) -> DocumentChange:
    return DocumentChange(
        id=row.id,
        at=rows.from_ms(row.at),
        kind=row.kind,
        source=row.source_id,
        document=row.document_id,
        title=row.title,
        location=row.location,
        version=row.version,
        differences=rows.from_json(row.differences, tuple[str, ...]),
        settled_by=row.settled_by,
    )


def _use(row: Row[Any]) -> SourceUse:
    return SourceUse(
        passage=row.passage_id,
        document=row.document_id,
        version=row.version,
        conversation=row.conversation_id,
        turn=row.turn,
        at=rows.from_ms(row.at),
    )
