"""The tables, and the migrations that make them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select

from gateway.adapters.sql import store
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import audit, customers, data_keys, metadata


async def test_the_migrations_make_the_schema(tmp_path: Path) -> None:
    """After all migrations nothing differs from ``schema.py``: tables, columns, indexes."""
    database = Database(tmp_path / "t.db")
    store.migrate(database)
    store.migrate(database)  # a second start changes nothing
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        assert differences == []
    await database.stop()


async def test_the_migrations_go_back(tmp_path: Path) -> None:
    """Down to nothing and up again."""
    database = Database(tmp_path / "t.db")
    store.migrate(database)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    store.migrate(database)
    await database.stop()


async def test_the_migrations_go_back_with_data_in_place(tmp_path: Path) -> None:
    """What was there before a migration is there after it was taken back and made again, also
    with lines in the tables that go."""
    file = tmp_path / "t.db"
    database = Database(file)
    store.migrate(database)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    with database.engine.connect() as connection, connection.begin():
        connection.execute(customers.insert(), {"opted_out": False, "created_at": 1, "name": "Ana"})
        line = {"at": 1, "who": "desk:ana", "what": "viewed", "origin": "", "detail": ""}
        connection.execute(audit.insert(), line)
        connection.execute(data_keys.insert(), {"name": "ab12cd34", "since": 1})
    for direction, revision in ((command.downgrade, "0003"), (command.upgrade, "head")):
        with database.engine.connect() as connection:
            config.attributes["connection"] = connection
            direction(config, revision)
    with database.engine.connect() as connection:
        assert connection.execute(select(customers.c.name)).scalars().all() == ["Ana"]
        assert connection.execute(select(audit)).all() == []
        connection.execute(audit.insert(), line)
    await database.stop()
