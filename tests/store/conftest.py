"""These tests run on both databases, or on PostgreSQL where they speak of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.testing.databases import database_of
from tests.both import both
from tests.postgres import Served

pytest_generate_tests = both


@pytest.fixture
def postgres_url(postgres: Served, tmp_path: Path) -> str:
    """An empty PostgreSQL database of this test."""
    return database_of(tmp_path, postgres.url)
