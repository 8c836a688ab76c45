"""The tables. Times are milliseconds since 1970 in UTC; ``data`` and ``payload`` are JSON text.

Hot tables have partial indexes over the rows that are still to be handled, so that finding work
costs the same however long the history is. A change here needs a migration in
``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.adapters.sql.engine.dialect import Key, Words, short

# SQLite generates ids only for a column declared INTEGER; PostgreSQL needs 64 bits.
Id = BigInteger().with_variant(Integer, "sqlite")

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


def _index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> Index:
    clause = text(where) if where else None
    return Index(name, *columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


def _support_address() -> Column[str]:
    """As `Address.support_address`."""
    return Column("support_address", short(64), nullable=False, server_default="")


customers = Table(
    "customers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text),
    Column("language", short(16)),
    Column("opted_out", Boolean, nullable=False, default=False),
    Column("ref", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("brand", short(64), nullable=False, server_default=""),
    _index("ix_customers_ref", "ref", where="ref IS NOT NULL"),
)

identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("channel", short(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("unreachable", Boolean, nullable=False, default=False),
    Column("opted_out", Boolean, nullable=False, default=False),
    _support_address(),
    # Since when nothing from here is answered, because people blocked it.
    Column("blocked_at", BigInteger),
    UniqueConstraint("channel", "value", "support_address"),
    _index("ix_identities_customer", "customer_id"),
    _index("ix_identities_blocked", "id", where="blocked_at IS NOT NULL"),
)

_LISTED_BY = ("channel", "brand", "language", "mood", "last_from", "agent_id", "skills", "labels")
"""A row of an index has 2,704 bytes at most on PostgreSQL: each of these is bounded."""

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("channel", short(64), nullable=False),
    Column("address", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", short(16), nullable=False),
    Column("epoch", Integer, nullable=False, default=0),
    Column("owner", Text),
    Column("tier", short(32), nullable=False, default="bot"),
    Column("language", short(16)),
    Column("subject", Text),
    Column("intent", Text),
    Column("mood", short(16), nullable=False, default="calm"),
    Column("opened_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    _support_address(),
    Column("brand", short(64), nullable=False, server_default=""),
    # The time and the author of the last public message: customer, bot or agent.
    Column("last_at", BigInteger, nullable=False, server_default="0"),
    Column("last_from", short(16), nullable=False, server_default=""),
    # The id of the agent who has it, or had it last.
    Column("agent_id", Text),
    # Those of its newest handoff, as there, as far as `LISTED_SKILLS` reaches.
    Column("skills", Text, nullable=False, server_default="[]"),
    # The keys in `conversation_labels`, with blanks between them: one row shows the conversation.
    Column("labels", Text, nullable=False, server_default=""),
    Column("snoozed_until", BigInteger),
    Column("snoozed_by", Text),
    Column("woken_at", BigInteger),
    # The first conversation of the same history, at another address. No foreign key: each is
    # deleted when its own time has come.
    Column("continues", BigInteger),
    Column("forwarded_from", BigInteger),
    # The import that it came with. No foreign key: an import is deleted after its conversations.
    Column("import_id", BigInteger),
    _index("ix_conversations_import", "import_id", "id", where="import_id IS NOT NULL"),
    _index("ix_conversations_forwarded", "forwarded_from", where="forwarded_from IS NOT NULL"),
    _index("ix_conversations_lane", "lane", "id"),
    _index("ix_conversations_customer", "customer_id", "id"),
    _index("ix_conversations_open", "state", where="state IN ('waiting', 'person')"),
    # All that lists are filtered by, so that no row is read that is not shown.
    _index("ix_conversations_last", "last_at", "id", "state", *_LISTED_BY),
    _index("ix_conversations_state_last", "state", "last_at", "id", *_LISTED_BY),
    _index("ix_conversations_continues", "continues", where="continues IS NOT NULL"),
    _index("ix_conversations_snoozed", "snoozed_until", where="snoozed_until IS NOT NULL"),
)

# Finds the conversations with a label.
conversation_labels = Table(
    "conversation_labels",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("label", short(48), primary_key=True),
    _index("ix_conversation_labels_label", "label", "conversation_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("lane", Text, nullable=False),
    Column("turn_id", BigInteger),
    Column("author", short(16), nullable=False),
    Column("internal", Boolean, nullable=False, default=False),
    Column("purpose", short(16), nullable=False),
    Column("status", short(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("remote_id", Text),
    Column("data", Text),
    _index("ix_messages_conversation", "conversation_id", "id"),
    _index("ix_messages_lane", "lane", "id"),
    _index("ix_messages_remote", "remote_id", where="remote_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("digest", short(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    _index("ix_attachments_digest", "digest"),
    _index("ix_attachments_message", "message_id"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("channel", short(64), nullable=False),
    Column("kind", short(16), nullable=False),
    Column("remote_id", Text),
    Column("conversation_id", BigInteger),
    Column("message_id", BigInteger),
    Column("payload", Text, nullable=False),
    Column("state", short(16), nullable=False, default="ready"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", BigInteger, nullable=False, default=0),
    Column("received_at", BigInteger, nullable=False),
    Column("error", Text),
    Column("process", short(32)),
    _index("uq_inbox_remote", "lane", "remote_id", where="remote_id IS NOT NULL", unique=True),
    _index("ix_inbox_ready", "lane", "id", where="state = 'ready'"),
    _index("ix_inbox_stuck", "id", where="state = 'stuck'"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("conversation_id", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    Column("channel", short(64), nullable=False),
    Column("author", short(16), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("key", short(64), nullable=False, unique=True),
    Column("payload", Text, nullable=False),
    Column("state", short(16), nullable=False, default="ready"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", BigInteger, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("error", Text),
    Column("process", short(32)),
    _index("ix_outbox_open", "lane", "id", where="state IN ('ready', 'sending')"),
    _index("ix_outbox_dead", "id", where="state IN ('dead', 'unsure')"),
    _index("ix_outbox_message", "message_id"),
    sqlite_autoincrement=True,
)

timers = Table(
    "timers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("lane", Text, nullable=False),
    Column("name", short(64), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("data", Text, nullable=False),
    _index("ix_timers_due", "due_at"),
    _index("ix_timers_conversation", "conversation_id"),
)

handoffs = Table(
    "handoffs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("tier", short(32), nullable=False),
    Column("skills", Text, nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("agent", Text),
    Column("claimed_at", BigInteger),
    Column("closed_at", BigInteger),
    # Of one that continues another: the first one, which keeps its place and its time.
    Column("first_id", BigInteger),
    Column("first_at", BigInteger),
    _index("ix_handoffs_conversation", "conversation_id", "id"),
    _index("ix_handoffs_open", "id", where="closed_at IS NULL"),
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("text", Text, nullable=False),
    Column("source", short(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("outcome", short(16), nullable=False, default="open"),
    Column("final", Text),
    Column("agent", Text),
    # Ids as a JSON list; not of a key: a draft outlives the passages it rests on.
    Column("passages", Text),
    _index("ix_suggestions_conversation", "conversation_id", "id"),
)

surveys = Table(
    "surveys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("kind", short(16), nullable=False),
    Column("scale", short(16), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("score", Integer),
    Column("solved", Boolean),
    Column("comment", Text),
    Column("aspect", short(16)),
    UniqueConstraint("conversation_id", "kind"),
)

notes_of_guests = Table(
    "notes_of_guests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("guest", short(64), nullable=False),
    Column("key", Key, nullable=False),
    Column("version", Integer, nullable=False),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("value", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("guest", "key"),
    _index("ix_notes_of_guests_conversation", "conversation_id"),
)

hooks = Table(
    "hooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("event", short(64), nullable=False),
    Column("endpoint", short(64), nullable=False),
    Column("name", short(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", short(16), nullable=False, default="ready"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", BigInteger, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("error", Text),
    _index("ix_hooks_ready", "endpoint", "conversation_id", "id", where="state = 'ready'"),
    _index("ix_hooks_dead", "id", where="state = 'dead'"),
    _index("ix_hooks_conversation", "conversation_id"),
    _index("ix_hooks_created", "created_at"),
    sqlite_autoincrement=True,
)

links = Table(
    "links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("before_id", BigInteger, nullable=False),
    Column("channel", short(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("how", short(16), nullable=False),
    Column("agent", Text),
    Column("at", BigInteger, nullable=False),
    Column("undone_at", BigInteger),
    _support_address(),
    _index("ix_links_customer", "customer_id"),
)

codes = Table(
    "codes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("channel", short(64), nullable=False),
    Column("value", Text, nullable=False),
    Column("digest", short(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    _support_address(),
    # Of a code that the customer asked for: our message with it, and when that was queued.
    Column("message_id", BigInteger),
    Column("sent_at", BigInteger, nullable=False, server_default="0"),
    _index("ix_codes_conversation", "conversation_id"),
    _index("ix_codes_message", "message_id", where="message_id IS NOT NULL"),
    _index("ix_codes_address", "channel", "value"),
)

# Addresses whose words a conversation holds besides its own customer's: they were forwarded.
forwarded_words = Table(
    "forwarded_words",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", short(64), primary_key=True),
    Column("value", Text, primary_key=True),
    _index("ix_forwarded_words_address", "channel", "value"),
)

processes = Table(
    "processes",
    metadata,
    Column("id", short(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", short(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    _index("ix_processes_name", "name"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", String(32), nullable=False),
    # No foreign keys: the record of what was done with an erased customer's data stays, by number.
    Column("conversation_id", BigInteger),
    Column("customer_id", BigInteger),
    Column("origin", Text, nullable=False),
    Column("detail", Text, nullable=False),
    _index("ix_audit_at", "at"),
    _index("ix_audit_conversation", "conversation_id", "id"),
    _index("ix_audit_who", "who", "id"),
    sqlite_autoincrement=True,
)

versions = Table(
    "versions",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", short(16), nullable=False),
    # The version of this kind before it. Unique, so that of two at once only one is stored.
    Column("before_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("restores", BigInteger),
    # The files that were written, as JSON; empty until they are.
    Column("written", Text, nullable=False),
    Column("examples", Text, nullable=False),
    Column("tree", Text, nullable=False),
    Column("originals", Text, nullable=False),
    UniqueConstraint("kind", "before_id"),
    _index("ix_versions_written", "id", where="written <> ''"),
)

adopted_examples = Table(
    "adopted_examples",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("intent", Text, nullable=False),
    Column("text", Text, nullable=False),
    _index("ix_adopted_examples_conversation", "conversation_id"),
    sqlite_autoincrement=True,
)

promises = Table(
    "promises",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("author", short(16), nullable=False),
    Column("agent", Text),
    Column("kind", short(16), nullable=False),
    # Where its words are in the message: they are stored there alone.
    Column("begins", Integer, nullable=False),
    Column("ends", Integer, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("remind_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("whole_day", Boolean, nullable=False),
    Column("state", short(16), nullable=False, default="open"),
    Column("settled_at", BigInteger),
    Column("settled_by", Text),
    Column("settled_message", BigInteger),
    Column("noticed", Boolean, nullable=False, default=False),
    _index("ix_promises_conversation", "conversation_id"),
    _index("ix_promises_message", "message_id"),
    _index("ix_promises_open", "remind_at", where="state = 'open'"),
)

confirmed_facts = Table(
    "confirmed_facts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("name", short(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("agent", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    UniqueConstraint("conversation_id", "name"),
)

# Past conversations that were imported. `secret` makes placeholders while an import runs.
imports = Table(
    "imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("format", short(32), nullable=False),
    Column("label", short(48), nullable=False),
    Column("brand", short(64), nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("skipped", Text, nullable=False),
    Column("secret", Text),
    sqlite_autoincrement=True,
)

# What the team's own sources say. Titles, locations and words are what the sources publish: they
# hold nothing of customers. See `gateway.ports.knowledge`.
knowledge_sources = Table(
    "knowledge_sources",
    metadata,
    Column("id", Id, primary_key=True),
    Column("location", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("brand", short(64), nullable=False),
    Column("owner", Text, nullable=False),
    Column("language", short(16), nullable=False),
    Column("private", Boolean, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("checked_at", BigInteger),
    sqlite_autoincrement=True,
)

knowledge_documents = Table(
    "knowledge_documents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", ForeignKey("knowledge_sources.id", ondelete="CASCADE"), nullable=False),
    Column("location", Text, nullable=False),
    # SHA-256 of the location: a row of an index is bounded, and a URL is not.
    Column("location_key", short(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("language", short(16), nullable=False),
    Column("digest", short(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", short(16), nullable=False),
    Column("passages", Integer, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    UniqueConstraint("source_id", "location_key"),
    sqlite_autoincrement=True,
)

knowledge_passages = Table(
    "knowledge_passages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document_id", ForeignKey("knowledge_documents.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("headings", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("kind", short(16), nullable=False),
    Column("question", Text, nullable=False),
    Column("anchor", Text, nullable=False),
    _index("ix_knowledge_passages_document", "document_id", "version", "position"),
    sqlite_autoincrement=True,
)

knowledge_vectors = Table(
    "knowledge_vectors",
    metadata,
    Column(
        "passage_id",
        ForeignKey("knowledge_passages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("model", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

# No foreign keys: a change outlives what it is about.
knowledge_changes = Table(
    "knowledge_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", short(16), nullable=False),
    Column("source_id", BigInteger, nullable=False),
    Column("document_id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("differences", Text, nullable=False),
    Column("settled_by", Text, nullable=False),
    _index(
        "ix_knowledge_changes_open",
        "id",
        where="settled_by = '' AND kind IN ('changed', 'gone', 'removed')",
    ),
    _index("ix_knowledge_changes_document", "document_id"),
    sqlite_autoincrement=True,
)

# No foreign key to passages: one that was removed meanwhile must not stop a turn's commit.
knowledge_uses = Table(
    "knowledge_uses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("passage_id", BigInteger, nullable=False),
    Column("document_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    _index("ix_knowledge_uses_conversation", "conversation_id"),
    _index("ix_knowledge_uses_document", "document_id", "id"),
)

# PostgreSQL's index for searching conversations. SQLite has it in a file of its own.
search_documents = Table(
    "search_documents",
    metadata,
    Column("id", ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("conversation_id", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    Column("brand", short(64), nullable=False),
    Column("words", Words, nullable=False),
    Index("ix_search_documents_words", "words", postgresql_using="gin"),
    _index("ix_search_documents_lane", "lane"),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("since", BigInteger, nullable=False),
)
