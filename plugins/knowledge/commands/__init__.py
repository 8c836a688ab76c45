"""``warmline knowledge``: the team's own sources on the command line."""

from __future__ import annotations

import click

from plugins.knowledge.commands.sources import add, list_sources, refresh, remove_source


@click.group()
def knowledge() -> None:
    """The team's own sources: sites, files and exports that answers are taken from."""


for _command in (add, list_sources, refresh, remove_source):
    knowledge.add_command(_command)
