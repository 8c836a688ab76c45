"""``warmline history``: its commands are imported when one of them is called."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "audit": ("plugins.history.audit.command", "audit"),
    "import": ("plugins.history.importing.command", "import_history"),
    "list": ("plugins.history.importing.command", "list_imports"),
    "remove": ("plugins.history.importing.command", "remove_import"),
}
"""The module and the name of each."""


class LazyCommands(click.Group):
    """A group that loads a command when it is asked for: every start of ``warmline`` would pay for
    them else."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LazyCommands)
def history() -> None:
    """Import past conversations, and see what the bot would have done with them."""
