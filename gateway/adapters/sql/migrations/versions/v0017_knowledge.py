"""The team's sources: documents, passages with their vectors, changes, and what rests on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SHORT = sa.String(length=16).with_variant(sa.Text(), "postgresql")
KEY = sa.String(length=64).with_variant(sa.Text(), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "knowledge_sources",
        sa.Column("id", ID, nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("brand", KEY, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("language", SHORT, nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_sources")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "knowledge_documents",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("location_key", KEY, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", SHORT, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", SHORT, nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["knowledge_sources.id"],
            name=op.f("fk_knowledge_documents_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_documents")),
        sa.UniqueConstraint(
            "source_id", "location_key", name=op.f("uq_knowledge_documents_source_id_location_key")
        ),
        sqlite_autoincrement=True,
    )
    _passages()
    _changes_and_uses()


def _passages() -> None:
    op.create_table(
        "knowledge_passages",
        sa.Column("id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("headings", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kind", SHORT, nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("anchor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["knowledge_documents.id"],
            name=op.f("fk_knowledge_passages_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_passages")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_knowledge_passages_document",
        "knowledge_passages",
        ["document_id", "version", "position"],
    )
    op.create_table(
        "knowledge_vectors",
        sa.Column("passage_id", ID, autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"],
            ["knowledge_passages.id"],
            name=op.f("fk_knowledge_vectors_passage_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("passage_id", name=op.f("pk_knowledge_vectors")),
    )


def _changes_and_uses() -> None:
    op.create_table(
        "knowledge_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", SHORT, nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Text(), nullable=False),
        sa.Column("settled_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_changes")),
        sqlite_autoincrement=True,
    )
    is_open = sa.text("settled_by = '' AND kind IN ('changed', 'gone', 'removed')")
    op.create_index(
        "ix_knowledge_changes_open",
        "knowledge_changes",
        ["id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_knowledge_changes_document", "knowledge_changes", ["document_id"])
    op.create_table(
        "knowledge_uses",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_knowledge_uses_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_uses")),
    )
    op.create_index("ix_knowledge_uses_conversation", "knowledge_uses", ["conversation_id"])
    op.create_index("ix_knowledge_uses_document", "knowledge_uses", ["document_id", "id"])


def downgrade() -> None:
    for table in ("uses", "changes", "vectors", "passages", "documents", "sources"):
        op.drop_table(f"knowledge_{table}")
