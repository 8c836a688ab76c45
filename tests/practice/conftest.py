"""Cheap passwords for the desk of these tests."""

from tests.agents_desk.conftest import cheap_passwords

__all__ = ["cheap_passwords"]
