"""The index for searching conversations: FTS5 beside SQLite, text search within PostgreSQL."""
