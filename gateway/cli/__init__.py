"""The command ``warmline``. It needs no guest's name: everything goes through ports."""

from gateway.cli.main import main

__all__ = ["main"]
