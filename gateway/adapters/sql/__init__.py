"""The SQL store: SQLAlchemy Core, each operation a plain function over a connection."""
