"""``warmline desk password``: makes the hash that the settings ask for."""

from __future__ import annotations

import argon2
import click

SHORTEST = 10


@click.group()
def desk() -> None:
    """The web desk."""


@desk.command()
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="asked for when not given; better not given, as shells remember",
)
def password(password: str) -> None:
    """Print the hash of a password, for ``plugins.agents_desk.users``."""
    if len(password) < SHORTEST:
        raise click.BadParameter(f"use at least {SHORTEST} characters")
    click.echo(argon2.PasswordHasher().hash(password))
