"""Writes sources, documents and their versions.

Whoever adds a change holds `KNOWLEDGE_LOCK` until the commit. So the ids of changes, and those of
passages, grow in the order of the commits, and a reader that asks for what came after an id misses
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.adapters.sql.knowledge import reading
from gateway.adapters.sql.schema import (
    knowledge_changes,
    knowledge_documents,
    knowledge_passages,
    knowledge_sources,
    knowledge_uses,
)
from gateway.model import (
    ChangeKind,
    KnowledgeDocument,
    KnowledgeSource,
    NewDocument,
    NewPassage,
    NewSource,
)
from gateway.ports import NotFound, WarmlineError

KEPT_VERSIONS = 10
"""Versions of a document that stay whether or not an answer rests on them: a page that shows the
day changes every day."""
REMOVED_AT_ONCE = 20
"""Documents of a removed source that one transaction deletes."""
_PUT_VECTOR = text(
    "INSERT INTO knowledge_vectors (passage_id, model, vector) VALUES (:passage_id, :model,"
    " :vector) ON CONFLICT (passage_id) DO UPDATE SET model = excluded.model,"
    " vector = excluded.vector"
)
_USE = PreparedStatement(
    insert(knowledge_uses).from_select(
        ["conversation_id", "turn", "passage_id", "document_id", "version", "at"],
        select(
            bindparam("conversation", type_=BigInteger()),
            bindparam("turn", type_=BigInteger()),
            knowledge_passages.c.id,
            knowledge_passages.c.document_id,
            knowledge_passages.c.version,
            bindparam("at", type_=BigInteger()),
        ).where(knowledge_passages.c.id == bindparam("passage")),
    )
)


def add_source(connection: Connection, source: NewSource, at: int) -> KnowledgeSource:
    """Raises WarmlineError when there is a source with that location."""
    _lock(connection)
    known = select(knowledge_sources.c.id).where(knowledge_sources.c.location == source.location)
    if (id := connection.execute(known).scalar()) is not None:
        known_as = f"{source.location} is source {id} already"
        raise WarmlineError(f"{known_as}; read it again with `warmline knowledge refresh`")
    values = {
        "location": source.location,
        "title": source.title,
        "brand": source.brand,
        "owner": source.owner,
        "language": source.language,
        "private": source.private,
        "added_at": at,
    }
    [id] = connection.execute(insert(knowledge_sources), values).inserted_primary_key or (0,)
    stored = select(knowledge_sources).where(knowledge_sources.c.id == id)
    return reading.source(connection.execute(stored).one())


def put(
    connection: Connection, source: int, new: NewDocument, differences: Sequence[str], at: int
) -> KnowledgeDocument:
    """See `KnowledgeStore.put_document`."""
    _lock(connection)
    known = select(knowledge_sources.c.id).where(knowledge_sources.c.id == source)
    if connection.execute(known).scalar() is None:
        raise NotFound(f"there is no source {source}; `warmline knowledge list` names them")
    table = knowledge_documents
    key = sha256(new.location.encode()).hexdigest()
    chosen = select(table).where(table.c.source_id == source, table.c.location_key == key)
    before = connection.execute(chosen).one_or_none()
    kind = _kind_of_change(before, new)
    values = {
        "title": new.title,
        "read_at": at,
        "updated_at": None if new.updated_at is None else rows.to_ms(new.updated_at),
        "etag": new.etag,
        "last_modified": new.last_modified,
        "state": "current",
    }
    if before is not None and _is_same_text(before, new):
        connection.execute(update(table).where(table.c.id == before.id).values(values))
        id = int(before.id)
    else:
        id = _put_version(connection, source, new, before, values | {"location_key": key})
    stored = connection.execute(select(table).where(table.c.id == id)).one()
    if kind is not None:
        _add_change(connection, stored, kind, at, differences)
    return reading.document(stored)


def mark_gone(connection: Connection, document: int, at: int) -> None:
    """See `KnowledgeStore.mark_gone`. One that is gone already stays as it is."""
    _lock(connection)
    table = knowledge_documents
    known = connection.execute(select(table).where(table.c.id == document)).one_or_none()
    if known is None:
        raise NotFound(f"there is no document {document}; its source may have been removed")
    if known.state == "gone":
        return
    connection.execute(update(table).where(table.c.id == document).values(state="gone"))
    _add_change(connection, known, "gone", at)


def remove_next(connection: Connection, source: int, at: int) -> bool:
    """Delete the next documents of ``source``, or itself when it has none; return whether there is
    more. Raises NotFound."""
    _lock(connection)
    table = knowledge_documents
    chosen = select(table).where(table.c.source_id == source).order_by(table.c.id)
    found = connection.execute(chosen.limit(REMOVED_AT_ONCE)).all()
    if not found:
        removed = delete(knowledge_sources).where(knowledge_sources.c.id == source)
        if connection.execute(removed).rowcount == 0:
            raise NotFound(f"there is no source {source}; `warmline knowledge list` names them")
        return False
    ids = [row.id for row in found]
    told = knowledge_changes.c.document_id.in_(ids)
    connection.execute(delete(knowledge_changes).where(told))
    for row in found:
        _add_change(connection, row, "removed", at)
    connection.execute(delete(knowledge_uses).where(knowledge_uses.c.document_id.in_(ids)))
    connection.execute(delete(table).where(table.c.id.in_(ids)))
    return True


def put_vectors(connection: Connection, model: str, vectors: Mapping[int, bytes]) -> None:
    """See `KnowledgeStore.put_vectors`. The passages are locked, so that none is deleted before
    its vector is stored."""
    table = knowledge_passages.c
    known = select(table.id).where(table.id.in_(vectors)).order_by(table.id)
    locked = known.with_for_update(read=True, key_share=True)
    stored = [
        {"passage_id": id, "model": model, "vector": vectors[id]}
        for id in connection.execute(locked).scalars()
    ]
    if stored:
        connection.execute(_PUT_VECTOR, stored)


def record_uses(
    connection: Connection, conversation: int, turn: int, passages: Sequence[int], at: int
) -> None:
    """Note, in the transaction of a turn, that its answer rests on ``passages``. Those that do not
    exist any more are left out."""
    noted = {"conversation": conversation, "turn": turn, "at": at}
    for passage in sorted(set(passages)):
        _USE.count(connection, noted | {"passage": passage})


def _lock(connection: Connection) -> None:
    dialect.lock(connection, dialect.KNOWLEDGE_LOCK, ["changes"])


def _is_same_text(before: Row[Any], new: NewDocument) -> bool:
    """Whether the passages, and the vectors made of them with the title, stay as they are."""
    known = (before.digest, before.title, before.language)
    return known == (new.digest, new.title, new.language)


def _kind_of_change(before: Row[Any] | None, new: NewDocument) -> ChangeKind | None:
    if before is None:
        return "added"
    if before.state == "gone":
        return "returned"
    return None if _is_same_text(before, new) else "changed"


def _put_version(
    connection: Connection,
    source: int,
    new: NewDocument,
    before: Row[Any] | None,
    values: dict[str, Any],
) -> int:
    """Store the next version, with its passages; return the document's id."""
    version = before.version + 1 if before is not None else 1
    values |= {
        "source_id": source,
        "location": new.location,
        "language": new.language,
        "digest": new.digest,
        "version": version,
        "passages": len(new.passages),
    }
    table = knowledge_documents
    if before is not None:
        id = int(before.id)
        connection.execute(update(table).where(table.c.id == id).values(values))
        _drop_old_versions(connection, id, version)
    else:
        [id] = connection.execute(insert(table), values).inserted_primary_key or (0,)
    found = [
        _columns(passage) | {"document_id": id, "version": version, "position": position}
        for position, passage in enumerate(new.passages)
    ]
    if found:
        connection.execute(insert(knowledge_passages), found)
    return id


def _columns(passage: NewPassage) -> dict[str, Any]:
    return {
        "headings": rows.to_json(passage.headings),
        "text": passage.text,
        "kind": passage.kind,
        "question": passage.question,
        "anchor": passage.anchor,
    }


def _drop_old_versions(connection: Connection, document: int, version: int) -> None:
    table = knowledge_passages
    used = select(knowledge_uses.c.passage_id).where(knowledge_uses.c.document_id == document)
    connection.execute(
        delete(table).where(
            table.c.document_id == document,
            table.c.version <= version - KEPT_VERSIONS,
            table.c.id.not_in(used),
        )
    )


def _add_change(
    connection: Connection,
    document: Row[Any],
    kind: ChangeKind,
    at: int,
    differences: Sequence[str] = (),
) -> None:
    values = {
        "at": at,
        "kind": kind,
        "source_id": document.source_id,
        "document_id": document.id,
        "title": document.title,
        "location": document.location,
        "version": document.version,
        "differences": rows.to_json(tuple(differences)),
        "settled_by": "",
    }
    connection.execute(insert(knowledge_changes), values)
