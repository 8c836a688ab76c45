"""``warmline desk``: manage accounts, and print the hash of a password for the settings."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from gateway import OpenServices, WarmlineError, ask_before
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import (
    ROLES,
    SHORTEST_PASSWORD,
    DeskAccount,
    DeskAccounts,
    accounts_from_settings,
    hash_password,
)
from plugins.agents_desk.access.admin import AccountManager
from plugins.agents_desk.settings import DeskSettings

config_option = click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), default=None
)
name_argument = click.argument("name")
role_option = click.option("--role", type=click.Choice(ROLES), default="agent", show_default=True)
password_option = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="prompted for if omitted, which is safer: a shell keeps a history",
)


@click.group()
def desk() -> None:
    """The web desk."""


@desk.command()
@password_option
def password(password: str) -> None:
    """Print the hash of a password, for ``plugins.agents_desk.users``."""
    try:
        click.echo(hash_password(password))
    except WarmlineError:
        raise click.BadParameter(f"use at least {SHORTEST_PASSWORD} characters") from None


@desk.group()
def user() -> None:
    """People who may sign in. Users of the settings can be locked and signed out here too."""


@user.command()
@config_option
@name_argument
@role_option
@click.option("--display-name", default="", help="what colleagues see")
@click.option("--tier", default="front", show_default=True)
@click.option("--skill", "skills", multiple=True)
@click.option("--brand", "brands", multiple=True, help="sees only these brands; none: all")
@password_option
@click.pass_obj
def add(  # noqa: PLR0917  (click passes them by name)
    opening: OpenServices,
    config: Path | None,
    name: str,
    role: str,
    display_name: str,
    tier: str,
    skills: tuple[str, ...],
    brands: tuple[str, ...],
    password: str,
) -> None:
    """Add the user NAME."""
    _run(
        opening,
        config,
        lambda manager: manager.add(
            current_user(),
            name,
            password,
            role=role,
            display_name=display_name,
            tier=tier,
            skills=skills,
            brands=brands,
        ),
    )
    click.echo(f"{name} may sign in as {role}")


@user.command("list")
@config_option
@click.pass_obj
def list_users(opening: OpenServices, config: Path | None) -> None:
    """List everyone who may sign in."""

    async def print_all(manager: AccountManager) -> None:
        for account in await manager.accounts.all():
            click.echo(_describe(account))

    _run(opening, config, print_all)


@user.command()
@config_option
@name_argument
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def role(opening: OpenServices, config: Path | None, name: str, role: str) -> None:
    """Change the role of NAME to ROLE, from their next request on."""
    _run(opening, config, lambda manager: manager.set_role(current_user(), name, role))
    click.echo(f"{name} now has the role {role}")


@user.command()
@config_option
@name_argument
@click.option("--brand", "brands", multiple=True, help="none: all")
@click.pass_obj
def brands(opening: OpenServices, config: Path | None, name: str, brands: tuple[str, ...]) -> None:
    """Limit NAME to these brands, from their next request on. Without a brand, to none."""
    _run(opening, config, lambda manager: manager.set_brands(current_user(), name, brands))
    click.echo(f"{name} now sees {', '.join(brands) or 'all brands'}")


@user.command()
@config_option
@name_argument
@click.pass_obj
def lock(opening: OpenServices, config: Path | None, name: str) -> None:
    """Sign NAME out everywhere and refuse later sign-ins."""
    _run(opening, config, lambda manager: manager.lock(current_user(), name))
    click.echo(f"{name} is locked")


@user.command()
@config_option
@name_argument
@click.pass_obj
def unlock(opening: OpenServices, config: Path | None, name: str) -> None:
    """Let NAME sign in again."""
    _run(opening, config, lambda manager: manager.unlock(current_user(), name))
    click.echo(f"{name} is unlocked")


@user.command("password")
@config_option
@name_argument
@password_option
@click.pass_obj
def user_password(opening: OpenServices, config: Path | None, name: str, password: str) -> None:
    """Set the password of NAME and sign them out everywhere."""
    _run(opening, config, lambda manager: manager.set_password(current_user(), name, password))
    click.echo(f"{name} has a new password")


@user.command("sign-out")
@config_option
@name_argument
@click.pass_obj
def sign_out(opening: OpenServices, config: Path | None, name: str) -> None:
    """End all sessions of NAME."""
    _run(opening, config, lambda manager: manager.sign_out(current_user(), name))
    click.echo(f"{name} is signed out everywhere")


@user.command("reset-second-factor")
@config_option
@name_argument
@click.pass_obj
def reset_second_factor(opening: OpenServices, config: Path | None, name: str) -> None:
    """Remove the second factor of NAME, and sign NAME out everywhere."""
    _run(opening, config, lambda manager: manager.reset_second_factor(current_user(), name))
    click.echo(f"{name} has no second factor")


@user.command("export")
@config_option
@name_argument
@click.pass_obj
def export_user(opening: OpenServices, config: Path | None, name: str) -> None:
    """Print all that the desk stores about NAME, as JSON, without secrets."""

    async def print_data(manager: AccountManager) -> None:
        click.echo(json.dumps(await manager.export(current_user(), name), indent=2))

    _run(opening, config, print_data)


@user.command()
@config_option
@name_argument
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.pass_obj
def remove(opening: OpenServices, config: Path | None, name: str, yes: bool) -> None:
    """Remove the user NAME with their sessions and browsers. Records of what they did stay. On a
    terminal it asks first."""
    question = f"Remove {name}, with what the desk stores about them? Their answers stay."
    ask_before(question, yes=yes)
    _run(opening, config, lambda manager: manager.remove(current_user(), name))
    click.echo(f"{name} is removed")


def current_user() -> str:
    """Who runs the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # in a container the user may have no name
        return "cli:unknown"


def _run(
    opening: OpenServices, config: Path | None, action: Callable[[AccountManager], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with opening(config) as (services, settings):
            section = settings.section(DeskSettings)
            fixed = accounts_from_settings(section, settings.data_dir) if section else {}
            accounts = DeskAccounts(services.storage, fixed)
            data = PersonData(services.storage, accounts, services.audit, services)
            await action(AccountManager(accounts=accounts, audit=services.audit, data=data))

    asyncio.run(run())


def _describe(account: DeskAccount) -> str:
    limited = f"only {' and '.join(account.agent.brands)}" if account.agent.brands else ""
    marks = (
        account.role,
        limited,
        account.locked and "locked",
        account.fixed and "in the settings",
        account.has_second_factor and "second factor",
    )
    return f"{account.name}  {account.agent.name}  {', '.join(mark for mark in marks if mark)}"
