"""The command line put together: ours, and what the guests offer."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from gateway.cli.common import open_services, print_line
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import WarmlineError
from gateway.settings import BadConfig

OURS: Mapping[str, str] = {
    "serve": "serve:serve",
    "check": "show:check",
    "doctor": "doctor:doctor",
    "understand": "show:understand",
    "plugins": "show:plugins",
    "channels": "show:channels",
    "processes": "show:processes",
    "voice": "voice:voice",
    "eval": "evaluate:evaluate",
    "replay": "replay:replay",
    "outbox": "queues:outbox",
    "inbox": "queues:inbox",
    "customer": "queues:customer",
    "audit": "audit:audit",
    "keys": "database:keys",
    "webhooks": "queues:webhooks",
    "retention": "database:retention",
    "migrate": "database:migrate",
    "move": "database:move",
}
"""Our commands, and the module and name of each: only the one that is called is loaded, since
what others need (numpy, say) would be a third of a server's memory."""


class Commands(click.Group):
    """``warmline``: `OURS` and those of the guests (click's documentation, "Lazily loading
    subcommands")."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*OURS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in OURS:
            return super().get_command(ctx, cmd_name)
        module, _, name = OURS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"gateway.cli.{module}"), name)
        return command


def command() -> click.Group:
    """All commands. Raises BadGuest when a package offers a name that is taken."""
    group = Commands("warmline", help="A customer-service gateway: AI assists, people decide.")
    for name, theirs in PluginRegistry(installed_plugins()).commands().items():
        if name in OURS:
            raise click.ClickException(f"a plugin offers the command {name}, which is ours")
        group.add_command(theirs)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what goes wrong is told in words, with exit code 1."""
    try:
        command().main(args=arguments, prog_name="warmline", obj=open_services)
    except BadConfig as bad:
        for problem in bad.problems:
            click.echo(str(problem), err=True)
        sys.exit(1)
    except WarmlineError as error:
        print_line(str(error))
        sys.exit(1)
