"""These tests run on both databases."""

from tests.both import both

pytest_generate_tests = both
