"""The command line: our commands and those of the plugins."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from gateway.cli.common import configure_logging, open_services, print_note
from gateway.plugins import BadPlugin, PluginRegistry, installed_plugins
from gateway.ports import WarmlineError
from gateway.settings import BadConfig

COMMANDS: Mapping[str, str] = {
    "serve": "serve:serve",
    "check": "check:check",
    "doctor": "doctor:doctor",
    "understand": "show:understand",
    "plugins": "show:plugins",
    "channels": "show:channels",
    "processes": "show:processes",
    "voice": "voice:voice",
    "eval": "evaluate:evaluate",
    "replay": "replay:replay",
    "simulate": "simulate:simulate",
    "outbox": "queues:outbox",
    "inbox": "queues:inbox",
    "customer": "queues:customer",
    "audit": "audit:audit",
    "backup": "database:backup",
    "restore": "database:restore",
    "keys": "database:keys",
    "versions": "versions:versions",
    "webhooks": "queues:webhooks",
    "retention": "database:retention",
    "migrate": "database:migrate",
    "move": "database:move",
}
"""The gateway's own commands, and the module and name of each. Only the called one is imported:
what others import (such as numpy) would take a third of a server's memory."""


class Commands(click.Group):
    """``warmline``: `COMMANDS` and those of the plugins (see "Lazily Loading Subcommands" in
    click's documentation). With a ``broken`` plugin those of plugins are not known: they fail with
    it, and our own report it in their own way."""

    broken: BadPlugin | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if self.broken is not None:
                raise self.broken
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"gateway.cli.{module}"), name)
        return command


def command() -> click.Group:
    """The group of all commands. Raises ClickException if a plugin offers one of our names."""
    group = Commands(
        "warmline", help="Warmline, a customer-service gateway: AI assists, people decide."
    )
    group = click.version_option(package_name="warmline", message="%(package)s %(version)s")(group)
    try:
        found = PluginRegistry(installed_plugins()).commands()
    except BadPlugin as bad:
        group.broken, found = bad, {}
    for name, offered in found.items():
        if name in COMMANDS:
            raise click.ClickException(
                f"a plugin offers the command {name}, which is Warmline's own; remove the plugin"
            )
        group.add_command(offered)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Errors are printed without a traceback, with exit code 1."""
    # First of all: what structlog does by default shows the variables of each traceback, which
    # hold customers' words and secrets.
    configure_logging("auto", logging.ERROR)
    try:
        command().main(args=arguments, prog_name="warmline", obj=open_services)
    except BadConfig as bad:
        for problem in bad.problems:
            print_note(str(problem))
        sys.exit(1)
    except WarmlineError as error:
        print_note(str(error))
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        print_note(f"cannot use {error.filename}: {error.strerror}; {_remedy(error)}")
        sys.exit(1)


def _remedy(error: OSError) -> str:
    """What to do about a file that the system refuses."""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "check who owns it and its mode, and that this user may use its folder"
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full; make room"
        case errno.EROFS:
            return "the disk is mounted for reading only; set WARMLINE_DATA_DIR to another"
        case errno.EMFILE | errno.ENFILE:
            return "too many files are open; raise the limit (ulimit -n)"
        case _:
            return "correct the path in the settings"
