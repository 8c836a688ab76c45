"""Parametrisation for tests that run on SQLite and on PostgreSQL."""

from __future__ import annotations

import os

import pytest


def both(metafunc: pytest.Metafunc) -> None:
    """For a conftest.py: ``pytest_generate_tests = both``. WARMLINE_TEST_DATABASE selects one."""
    if {"postgres", "own_server"} & set(metafunc.fixturenames):
        return  # the test chooses its database itself
    if "stored_in" not in metafunc.fixturenames or metafunc.definition.get_closest_marker("sqlite"):
        return
    chosen = os.environ.get("WARMLINE_TEST_DATABASE")
    metafunc.parametrize("stored_in", [chosen] if chosen else ["sqlite", "postgresql"])
