"""The tables, and the migrations that create them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text

from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.opening import (
    NEWEST,
    migrate,
    migrate_back,
    open_database,
    revision_of,
)
from gateway.adapters.sql.schema import (
    audit,
    conversations,
    customers,
    data_keys,
    forwarded_words,
    identities,
    metadata,
)
from gateway.settings import PostgresSettings


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqlDatabase]:
    found = open_database(database_url, PostgresSettings())
    await migrate(found)
    yield found
    await migrate(found)  # the next test reuses the database
    await found.stop()


async def test_the_migrations_create_the_schema(database: SqlDatabase) -> None:
    """After all migrations, tables, columns and indexes are those of ``schema.py``."""
    await migrate(database)  # a second run changes nothing

    def differences(connection: Connection) -> list[object]:
        return compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), metadata
        )

    assert await database.run_exclusive(differences) == []


async def test_the_newest_revision_is_known_from_its_file_name(database: SqlDatabase) -> None:
    """So an up-to-date start needs no Alembic."""
    assert await database.run_exclusive(revision_of) == NEWEST


async def test_the_migrations_go_back(database: SqlDatabase) -> None:
    """To an empty database, and forward again."""
    before, after = await migrate_back(database, "base")
    assert (before, after) == (LAST, "base")
    tables = await database.run_exclusive(lambda c: inspect(c).get_table_names())
    assert set(tables) == {"alembic_version"}
    assert await migrate(database) == ("base", LAST)


LAST = "0020"


async def test_the_migrations_go_back_with_data_in_place(database: SqlDatabase) -> None:
    """Older data survive a migration back and forward, also when the dropped tables have rows."""
    line = {"at": 1, "who": "desk:ana", "what": "viewed", "origin": "", "detail": ""}

    def fill(connection: Connection) -> None:
        connection.execute(customers.insert(), {"opted_out": False, "created_at": 1, "name": "Ana"})
        connection.execute(audit.insert(), line)
        connection.execute(data_keys.insert(), {"name": "ab12cd34", "since": 1})

    await database.write(fill)
    assert await migrate_back(database, "0004") == (LAST, "0004")
    assert await migrate(database) == ("0004", LAST)
    names = await database.read(lambda c: c.execute(select(customers.c.name)).scalars().all())
    assert names == ["Ana"]
    assert await database.read(lambda c: c.execute(select(audit)).all()) == []
    await database.write(lambda c: c.execute(audit.insert(), line).rowcount)


async def test_support_addresses_go_back_and_forward(database: SqlDatabase) -> None:
    """An older version sees an address of a channel that it does not have, never one of another
    support address; a newer one finds everything as it was."""
    known = {"customer_id": 1, "value": "+15550100", "unreachable": False, "opted_out": False}

    def fill(connection: Connection) -> None:
        for number, brand in ((1, ""), (2, "north")):
            row = {"id": number, "opted_out": False, "created_at": 1, "ref": "c7", "brand": brand}
            connection.execute(customers.insert(), row)
        for number, name in ((1, ""), (2, "north")):
            row = known | {"customer_id": number, "channel": "sms", "support_address": name}
            connection.execute(identities.insert(), row)

    await database.write(fill)
    before = await database.read(_addresses)
    await migrate_back(database, "0006")
    channels = text("SELECT channel FROM identities ORDER BY id")
    references = text("SELECT count(DISTINCT ref) FROM customers")
    old = await database.read(lambda c: c.execute(channels).scalars().all())
    assert old == ["sms", "sms/north"]
    assert await database.read(lambda c: c.execute(references).scalar()) == 2
    await migrate(database)
    assert await database.read(_addresses) == before


async def test_what_was_forwarded_before_is_linked_to_whose_words_it_is(
    database: SqlDatabase,
) -> None:
    """From the conversations that are still there, however often it was forwarded on."""
    begun = {"channel": "email", "state": "resolved", "opened_at": 1}

    def fill(connection: Connection) -> None:
        for number, name in ((1, "ana"), (2, "carrier"), (3, "depot")):
            connection.execute(
                customers.insert(), {"id": number, "opted_out": False, "created_at": 1}
            )
            connection.execute(
                identities.insert(),
                {"customer_id": number, "channel": "email", "value": name, "support_address": ""}
                | {"unreachable": False, "opted_out": False},
            )
            place = {"id": number, "customer_id": number, "address": name, "lane": f"email:{name}"}
            origin = {"forwarded_from": number - 1 or None}
            connection.execute(conversations.insert(), begun | place | origin)

    await database.write(fill)
    await migrate_back(database, "0019")
    await migrate(database)
    chosen = select(forwarded_words).order_by(*forwarded_words.primary_key)
    found = await database.read(lambda c: [tuple(row) for row in c.execute(chosen)])
    assert found == [(2, "email", "ana"), (3, "email", "ana"), (3, "email", "carrier")]


def _addresses(connection: Connection) -> list[tuple[object, ...]]:
    chosen = select(identities, customers.c.ref, customers.c.brand).join(customers)
    return [tuple(row) for row in connection.execute(chosen.order_by(identities.c.id))]
