"""Tests that name ``stored_in`` themselves run on both databases, the others on one."""

from __future__ import annotations

from inspect import signature

import pytest

from tests.both import both


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stored_in" in signature(metafunc.function).parameters:
        both(metafunc)
