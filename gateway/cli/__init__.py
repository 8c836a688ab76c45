"""The ``warmline`` command line. It knows no plugin by name and calls all through Protocols."""

from gateway.cli.main import main

__all__ = ["main"]
