"""Passwords: telling the right one, and the demo's own user."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

import argon2

from gateway import Agent, WarmlineError
from plugins.agents_desk.accounts import Account, Accounts
from plugins.agents_desk.settings import DeskSettings

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits that cannot be mistaken for one another."""

NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$/fOUT7uxk3Z//IxEPvvvNA"
    "$B9VrUFtR20xhi4jVndbMju5CNpbs+8E/FhdMEtHjcfo"
)
"""A hash of a password that was thrown away, at the cost of everybody's: a start need not make one.
Who is compared with it is refused in any case."""


class People:
    """Tells a name and a password from a wrong one, in the same time for known and unknown names.

    Checking is slow and takes memory by design (RFC 9106), so at most two are under way at once,
    off the event loop.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._hasher = argon2.PasswordHasher()
        self._turnstile = asyncio.Semaphore(2)

    async def knows(self, name: str) -> bool:
        return await self._accounts.find(name) is not None

    async def sign_in(self, name: str, password: str) -> Account | None:
        """The person, or None when the name or the password is wrong, or the account is locked:
        a locked one takes as long as any other."""
        account = await self._accounts.find(name)
        hashed = account.password_hash if account else None
        async with self._turnstile:
            right = await asyncio.to_thread(self._matches, hashed or NOBODY, password)
        if account is None or hashed is None or account.locked:
            return None
        return account if right else None

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except argon2.exceptions.VerificationError:
            return False


def fixed(settings: DeskSettings, data_dir: Path) -> dict[str, Account]:
    """Everyone of the settings, by casefolded name; makes and keeps the demo user's password if
    there is one. The demo's user may do everything."""
    found = {
        user.name.casefold(): Account(
            name=user.name,
            agent=Agent(
                id=f"desk:{user.name.casefold()}",
                name=user.display_name or user.name,
                skills=user.skills,
                tier=user.tier,
            ),
            role=user.role,
            password_hash=user.password_hash.get_secret_value(),
            fixed=True,
        )
        for user in settings.users
    }
    if name := settings.demo_user:
        # Of 80 random bits: there is nothing to be won by making it slow to guess.
        hashed = argon2.PasswordHasher(time_cost=1, memory_cost=64).hash(demo_password(data_dir))
        agent = Agent(id=f"desk:{name.casefold()}", name=name.capitalize())
        found[name.casefold()] = Account(
            name=name, agent=agent, role="admin", password_hash=hashed, fixed=True
        )
    return found


def demo_password(data_dir: Path) -> str:
    """The demo user's password, made at the first call. Raises WarmlineError."""
    return kept_password(data_dir / "desk-password")


def kept_password(path: Path) -> str:
    """The password in the file at ``path``, which only its owner can read; made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        password = path.read_text("utf-8").strip()
        if len(password) < 8:
            raise WarmlineError(f"{path} holds no password; remove the file") from None
        return password
    groups = ["".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4)]
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("-".join(groups) + "\n")
    return "-".join(groups)
