"""Runs these tests on SQLite and on PostgreSQL."""

from tests.both import both

pytest_generate_tests = both
