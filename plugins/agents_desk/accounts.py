"""Everyone who may sign in: from the settings, from `warmline desk user`, and by Slack.

What can change lies in the notebook, one entry for each person: every process reads it at every
request, so that a lock, another role or "signed out everywhere" holds at once and everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from gateway import Agent, NotFound, Outdated, PluginStorage, StoredValue, Value, WarmlineError
from plugins.agents_desk.roles import Role

GUEST = "agents_desk"
USER = "user/"
TIMES = 5


class Account(Value, frozen=True, kw_only=True):
    """One person. ``era`` grows when they are signed out everywhere: a session of an earlier one
    is over. Without ``password_hash`` they come in by Slack alone."""

    name: str
    agent: Agent
    role: Role = "agent"
    password_hash: str | None = None
    locked: bool = False
    era: int = 0
    fixed: bool = False
    """It stands in the settings: role and password are changed there."""


Change = Callable[[Account], Account]


class Accounts:
    """``fixed`` are those of the settings, by their casefolded names."""

    def __init__(self, storage: PluginStorage, fixed: Mapping[str, Account]) -> None:
        self._notebook, self._fixed = storage, dict(fixed)

    async def find(self, name: str) -> Account | None:
        return self._account(name.casefold(), await self._entry(name))

    async def all(self) -> tuple[Account, ...]:
        """By name."""
        kept: dict[str, StoredValue] = {}
        after = ""
        while page := await self._notebook.scan(GUEST, USER, after=after):
            kept |= {entry.key.removeprefix(USER): entry for entry in page}
            after = page[-1].key
        names = sorted({*self._fixed, *kept})
        found = (self._account(name, kept.get(name)) for name in names)
        return tuple(one for one in found if one is not None)

    async def add(self, account: Account) -> None:
        """Raises WarmlineError when the name is taken."""
        if account.name.casefold() in self._fixed:
            raise WarmlineError(f"{account.name} stands in the settings already")
        try:
            await self._notebook.put(GUEST, _key(account.name), _text(account))
        except Outdated:
            raise WarmlineError(f"there is a user {account.name} already") from None

    async def change(self, name: str, how: Change) -> Account:
        """Change one person, whoever else is changing them. Raises NotFound, and WarmlineError
        for what is changed in the settings."""
        for _ in range(TIMES):
            entry = await self._entry(name)
            before = self._account(name.casefold(), entry)
            if before is None:
                raise NotFound(f"there is no user {name}")
            after = how(before)
            self._allowed(before, after)
            try:
                await self._put(after, entry)
            except Outdated:
                continue
            return after
        raise WarmlineError(f"{name} is being changed by somebody else; try again")

    async def remove(self, name: str) -> None:
        """Raises NotFound, and WarmlineError for a user of the settings."""
        entry = await self._entry(name)
        if name.casefold() in self._fixed:
            raise WarmlineError(f"{name} stands in the settings; remove the entry there, or lock")
        if entry is None:
            raise NotFound(f"there is no user {name}")
        await self._notebook.drop(GUEST, entry.key, version=entry.version)

    async def _entry(self, name: str) -> StoredValue | None:
        return await self._notebook.get(GUEST, _key(name))

    async def _put(self, account: Account, entry: StoredValue | None) -> None:
        version = entry.version if entry else 0
        await self._notebook.put(GUEST, _key(account.name), _text(account), version=version)

    def _account(self, name: str, entry: StoredValue | None) -> Account | None:
        kept = msgspec.json.decode(entry.value, type=Account) if entry else None
        fixed = self._fixed.get(name)
        if fixed is None:
            # What is left of an entry that the settings once had opens nothing any more.
            return None if kept is None or kept.fixed else kept
        return fixed.replace(locked=kept.locked, era=kept.era) if kept else fixed

    def _allowed(self, before: Account, after: Account) -> None:
        same = before.role == after.role and before.password_hash == after.password_hash
        if before.fixed and not same:
            raise WarmlineError(f"{before.name} stands in the settings; change it there")


def _key(name: str) -> str:
    return USER + name.casefold()


def _text(account: Account) -> str:
    kept = account.replace(password_hash=None) if account.fixed else account
    return msgspec.json.encode(kept).decode()
