"""The command line put together: ours, and what the guests offer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from gateway.cli import audit, boxes, evaluate, keys, moving, replay, serve, show, voice
from gateway.cli.start import house_of, say
from gateway.guests import Guests, installed
from gateway.ports import WarmlineError
from gateway.settings import BadConfig

OURS: tuple[click.Command, ...] = (
    serve.serve,
    show.check,
    show.understand,
    show.plugins,
    show.channels,
    show.processes,
    voice.voice,
    evaluate.evaluate,
    replay.replay,
    boxes.outbox,
    boxes.inbox,
    boxes.customer,
    audit.audit,
    keys.keys,
    moving.migrate,
    moving.move,
)


def command() -> click.Group:
    """All commands. Raises BadGuest when a package offers a name that is taken."""
    group = click.Group("warmline", help="A customer-service gateway: AI assists, people decide.")
    for ours in OURS:
        group.add_command(ours)
    for name, theirs in Guests(installed()).commands().items():
        if name in group.commands:
            raise click.ClickException(f"a plugin offers the command {name}, which is ours")
        group.add_command(theirs)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; what goes wrong is told in words, with exit code 1."""
    try:
        command().main(args=arguments, prog_name="warmline", obj=house_of)
    except BadConfig as bad:
        for problem in bad.problems:
            click.echo(str(problem), err=True)
        sys.exit(1)
    except WarmlineError as error:
        say(str(error))
        sys.exit(1)
