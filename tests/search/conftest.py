"""These tests run on both databases."""

from __future__ import annotations

from tests.both import both

pytest_generate_tests = both
