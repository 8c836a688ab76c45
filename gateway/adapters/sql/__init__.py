"""The store on SQL: SQLite or PostgreSQL."""
