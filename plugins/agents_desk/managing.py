"""What is done to accounts, by command or on the page: the same steps, each with its line in the
audit log."""

from __future__ import annotations

import argon2

from gateway import Agent, AuditLog, WarmlineError
from plugins.agents_desk.accounts import Account, Accounts
from plugins.agents_desk.roles import ROLES, Role
from plugins.agents_desk.settings import User

SHORTEST = 10
LONGEST = 1024


class Managing:
    """Accounts, changed by somebody: ``who`` is told to the audit log. Each raises WarmlineError
    with what is wrong."""

    def __init__(self, accounts: Accounts, audit: AuditLog) -> None:
        self._accounts, self._audit = accounts, audit

    async def add(
        self,
        who: str,
        name: str,
        password: str,
        *,
        role: str = "agent",
        display_name: str = "",
        tier: str = "front",
        skills: tuple[str, ...] = (),
    ) -> None:
        hashed = hash_of(password)
        try:
            user = User.model_validate(
                {"name": name, "password_hash": hashed, "display_name": display_name or None}
            )
        except ValueError:
            what = "a name has letters, digits and . _ @ -, at most 64, and begins with one of them"
            raise WarmlineError(what) from None
        agent = Agent(
            id=f"desk:{user.name.casefold()}",
            name=user.display_name or user.name,
            tier=tier,
            skills=skills,
        )
        account = Account(name=user.name, agent=agent, role=role_of(role), password_hash=hashed)
        await self._accounts.add(account)
        await self._did(who, "user_added", account, f"as {role}")

    async def role(self, who: str, name: str, role: str) -> None:
        wanted = role_of(role)
        changed = await self._accounts.change(name, lambda one: one.replace(role=wanted))
        await self._did(who, "user_changed", changed, f"role {role}")

    async def lock(self, who: str, name: str, *, locked: bool) -> None:
        """A locked person is signed out and stays out."""

        def how(one: Account) -> Account:
            return one.replace(locked=locked, era=one.era + 1)

        changed = await self._accounts.change(name, how)
        await self._did(who, "user_locked" if locked else "user_unlocked", changed)

    async def password(self, who: str, name: str, password: str) -> None:
        """Also signs the person out everywhere: who knew the old one may be somebody else."""
        hashed = hash_of(password)

        def how(one: Account) -> Account:
            return one.replace(password_hash=hashed, era=one.era + 1)

        changed = await self._accounts.change(name, how)
        await self._did(who, "user_changed", changed, "password")

    async def sign_out(self, who: str, name: str) -> None:
        """Everywhere: every session of this person is over."""
        changed = await self._accounts.change(name, lambda one: one.replace(era=one.era + 1))
        await self._did(who, "signed_out_everywhere", changed)

    async def remove(self, who: str, name: str) -> None:
        found = await self._accounts.find(name)
        await self._accounts.remove(name)
        if found is not None:
            await self._did(who, "user_removed", found)

    async def _did(self, who: str, what: str, account: Account, more: str = "") -> None:
        detail = f"{account.agent.id} {more}".strip()
        await self._audit.record(who, what, detail=detail)


def hash_of(password: str) -> str:
    """Raises WarmlineError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WarmlineError(f"a password has {SHORTEST} to {LONGEST} characters")
    return argon2.PasswordHasher().hash(password)


def role_of(text: str) -> Role:
    for role in ROLES:
        if text == role:
            return role
    raise WarmlineError(f"there is no role {text!r}; roles are {', '.join(ROLES)}")
