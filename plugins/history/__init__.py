"""Past conversations of a team: imported, and looked at before the bot answers anybody."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import hookimpl
from plugins.history.command import history
from plugins.history.shadow.commands import shadow

__all__ = ["history"]


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(history)
    register(shadow)
