"""Past conversations: what the bot would have answered, before and while people do."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import hookimpl
from plugins.history.audit.command import audit as audit_command
from plugins.history.shadow.commands import shadow


@click.group()
def history() -> None:
    """Past conversations: import them, and see what the bot would have answered."""


history.add_command(audit_command)


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(history)
    register(shadow)
