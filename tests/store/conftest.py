"""These tests run on both databases; those that ask for ``postgres_url`` only on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.testing.databases import database_of
from tests.both import both
from tests.postgres import PostgresServer

pytest_generate_tests = both


@pytest.fixture
def postgres_url(postgres: PostgresServer, tmp_path: Path) -> str:
    """An empty PostgreSQL database for this test."""
    return database_of(tmp_path, postgres.url)


@pytest.fixture
def postgres_of_test(stored_in: str, request: pytest.FixtureRequest) -> str | None:
    """The URL of the PostgreSQL server; None where this test runs on SQLite."""
    if stored_in == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url
