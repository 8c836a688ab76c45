"""``warmline desk``: who may sign in, and the hash of a password for the settings."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from gateway import OpenServices, WarmlineError
from plugins.agents_desk.accounts import Account, Accounts
from plugins.agents_desk.managing import SHORTEST, Managing, hash_of
from plugins.agents_desk.people import fixed
from plugins.agents_desk.roles import ROLES
from plugins.agents_desk.settings import DeskSettings

config = click.option("--config", type=click.Path(path_type=Path, dir_okay=False), default=None)
name = click.argument("name")
role_option = click.option("--role", type=click.Choice(ROLES), default="agent", show_default=True)
password_option = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="asked for when not given; better not given, as shells remember",
)


@click.group()
def desk() -> None:
    """The web desk."""


@desk.command()
@password_option
def password(password: str) -> None:
    """Print the hash of a password, for ``plugins.agents_desk.users``."""
    try:
        click.echo(hash_of(password))
    except WarmlineError:
        raise click.BadParameter(f"use at least {SHORTEST} characters") from None


@desk.group()
def user() -> None:
    """People who may sign in; those of the settings can be locked and signed out here too."""


@user.command()
@config
@name
@role_option
@click.option("--display-name", default="", help="what colleagues see")
@click.option("--tier", default="front", show_default=True)
@click.option("--skill", "skills", multiple=True)
@password_option
@click.pass_obj
def add(  # noqa: PLR0917  (click gives them by name)
    opening: OpenServices,
    config: Path | None,
    name: str,
    role: str,
    display_name: str,
    tier: str,
    skills: tuple[str, ...],
    password: str,
) -> None:
    """Let NAME in."""

    async def deed(managing: Managing, _: Accounts) -> None:
        await managing.add(
            operator(),
            name,
            password,
            role=role,
            display_name=display_name,
            tier=tier,
            skills=skills,
        )

    _run(opening, config, deed)
    click.echo(f"{name} may sign in as {role}")


@user.command("list")
@config
@click.pass_obj
def list_users(opening: OpenServices, config: Path | None) -> None:
    """Everyone who may sign in."""

    async def deed(_: Managing, accounts: Accounts) -> None:
        for one in await accounts.all():
            click.echo(_line(one))

    _run(opening, config, deed)


@user.command()
@config
@name
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def role(opening: OpenServices, config: Path | None, name: str, role: str) -> None:
    """Give NAME another ROLE; it holds at their next click."""
    _run(opening, config, lambda managing, _: managing.role(operator(), name, role))
    click.echo(f"{name} is {role} now")


@user.command()
@config
@name
@click.pass_obj
def lock(opening: OpenServices, config: Path | None, name: str) -> None:
    """Sign NAME out everywhere and let them in no more."""
    _run(opening, config, lambda managing, _: managing.lock(operator(), name, locked=True))
    click.echo(f"{name} is locked")


@user.command()
@config
@name
@click.pass_obj
def unlock(opening: OpenServices, config: Path | None, name: str) -> None:
    """Let NAME in again."""
    _run(opening, config, lambda managing, _: managing.lock(operator(), name, locked=False))
    click.echo(f"{name} is not locked")


@user.command("password")
@config
@name
@password_option
@click.pass_obj
def user_password(opening: OpenServices, config: Path | None, name: str, password: str) -> None:
    """Set the password of NAME, and sign them out everywhere."""
    _run(opening, config, lambda managing, _: managing.password(operator(), name, password))
    click.echo(f"{name} has a new password")


@user.command("sign-out")
@config
@name
@click.pass_obj
def sign_out(opening: OpenServices, config: Path | None, name: str) -> None:
    """End every session of NAME."""
    _run(opening, config, lambda managing, _: managing.sign_out(operator(), name))
    click.echo(f"{name} is signed out everywhere")


@user.command()
@config
@name
@click.pass_obj
def remove(opening: OpenServices, config: Path | None, name: str) -> None:
    """Forget NAME; sessions end, what they did stays on record."""
    _run(opening, config, lambda managing, _: managing.remove(operator(), name))
    click.echo(f"{name} is removed")


def operator() -> str:
    """Who gives the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return "cli:unknown"


def _run(
    opening: OpenServices,
    config: Path | None,
    deed: Callable[[Managing, Accounts], Awaitable[None]],
) -> None:
    async def run() -> None:
        async with opening(config) as (services, settings):
            mine = settings.section(DeskSettings)
            known = fixed(mine, settings.data_dir) if mine else {}
            accounts = Accounts(services.storage, known)
            await deed(Managing(accounts, services.audit), accounts)

    asyncio.run(run())


def _line(one: Account) -> str:
    marks = [one.role, "locked" if one.locked else "", "in the settings" if one.fixed else ""]
    return f"{one.name}  {one.agent.name}  {', '.join(mark for mark in marks if mark)}"
