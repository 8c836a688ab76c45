"""Who may sign in: names, argon2 hashes, and the demo's own user."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import argon2

from gateway import Agent, WarmlineError
from plugins.agents_desk.settings import DeskSettings

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits that cannot be mistaken for one another."""


class People:
    """Tells a name and a password from a wrong one, in the same time for known and unknown names.

    Checking is slow and takes memory by design (RFC 9106), so at most two are under way at once,
    off the event loop.
    """

    def __init__(self, users: Mapping[str, tuple[Agent, str]]) -> None:
        self._users = {name.casefold(): known for name, known in users.items()}
        self._hasher = argon2.PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._turnstile = asyncio.Semaphore(2)

    def knows(self, name: str) -> bool:
        return name.casefold() in self._users

    async def sign_in(self, name: str, password: str) -> Agent | None:
        """The person, or None when the name or the password is wrong."""
        agent, hashed = self._users.get(name.casefold(), (None, self._nobody))
        async with self._turnstile:
            right = await asyncio.to_thread(self._matches, hashed, password)
        return agent if right else None

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except argon2.exceptions.VerificationError:
            return False


def people(settings: DeskSettings, data_dir: Path) -> People:
    """Everyone of the settings; makes and keeps the demo user's password if there is one."""
    users = {
        user.name: (
            Agent(
                id=f"desk:{user.name.casefold()}",
                name=user.display_name or user.name,
                skills=user.skills,
                tier=user.tier,
            ),
            user.password_hash.get_secret_value(),
        )
        for user in settings.users
    }
    if name := settings.demo_user:
        password = demo_password(data_dir)
        agent = Agent(id=f"desk:{name.casefold()}", name=name.capitalize())
        users[name] = (agent, argon2.PasswordHasher().hash(password))
    return People(users)


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
