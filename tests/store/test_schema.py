"""The tables, and the migrations that make them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from gateway.adapters.sql.migrating import migrate, migrate_back
from gateway.adapters.sql.opening import open_database
from gateway.adapters.sql.schema import metadata
from gateway.adapters.sql.units import AnyDatabase
from gateway.settings import Postgres


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AnyDatabase]:
    found = open_database(database_url, Postgres())
    await migrate(found)
    yield found
    await migrate(found)  # for who gets this database next
    await found.stop()


async def test_the_migrations_make_the_schema(database: AnyDatabase) -> None:
    """After all migrations nothing differs from ``schema.py``: tables, columns, indexes."""
    await migrate(database)  # a second start changes nothing

    def differences(connection: Connection) -> list[object]:
        return compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), metadata
        )

    assert await database.alone(differences) == []


async def test_the_migrations_go_back(database: AnyDatabase) -> None:
    """Down to nothing and up again."""
    before, after = await migrate_back(database, "base")
    assert (before, after) == (LAST, "base")
    tables = await database.alone(lambda c: inspect(c).get_table_names())
    assert set(tables) == {"alembic_version"}
    assert await migrate(database) == ("base", LAST)


LAST = "0004"
