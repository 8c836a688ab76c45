"""Accounts: who may sign in, with which password, and what each role may do.

Accounts come from the settings, from ``warmline desk user`` and the page Users, and from Slack.
What can change is in the plugin's storage, one entry per person. Every process reads it on every
request, so that a lock, a new role or "sign out everywhere" takes effect at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import argon2
import msgspec

from gateway import (
    Agent,
    Conversation,
    DeskRight,
    NotFound,
    Outdated,
    PluginStorage,
    StoredValue,
    Value,
    WarmlineError,
)
from plugins.agents_desk.access.second_factor import CLEAR_CHARACTERS, SecondFactor
from plugins.agents_desk.settings import DeskSettings, Role

PLUGIN = "agents_desk"
"""The name under which the desk stores its entries."""
USER_PREFIX = "user/"
CHANGE_ATTEMPTS = 5
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024

UNUSED_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$/fOUT7uxk3Z//IxEPvvvNA"
    "$B9VrUFtR20xhi4jVndbMju5CNpbs+8E/FhdMEtHjcfo"
)
"""A hash of a discarded password, with the cost of a new hash. Unknown names are checked against
it, so that they take as long as known ones. A constant saves computing it at every start."""

ROLES: tuple[Role, ...] = ("agent", "lead", "admin")
RIGHTS: dict[Role, frozenset[DeskRight]] = {
    "agent": frozenset({"work"}),
    "lead": frozenset({"work", "see_all", "reassign"}),
    "admin": frozenset({"work", "see_all", "reassign", "read_audit", "manage"}),
}
RIGHT_DESCRIPTIONS: dict[DeskRight, str] = {
    "work": "claims and answers conversations that nobody else has",
    "see_all": "sees colleagues' conversations in the queue, and each one's audit log",
    "reassign": "takes over a colleague's conversation, or assigns one to a colleague",
    "read_audit": "reads the whole audit log",
    "manage": "manages users and signs them out",
}


class DeskAccount(Value, frozen=True, kw_only=True):
    """A person who may sign in. Without ``password_hash`` only Slack signs them in."""

    name: str
    agent: Agent
    role: Role = "agent"
    password_hash: str | None = None
    locked: bool = False
    era: int = 0
    """Grows when the person is signed out everywhere; sessions of an earlier era are over."""
    fixed: bool = False
    """Whether the account is in the settings; its role and password are changed only there."""
    second_factor: SecondFactor | None = None

    @property
    def has_second_factor(self) -> bool:
        """Whether the person has an authenticator, and has shown that it works."""
        return self.second_factor is not None and self.second_factor.confirmed


AccountUpdate = Callable[[DeskAccount], DeskAccount]


class DeskAccounts:
    """All accounts. ``fixed`` are those of the settings, by casefolded name."""

    def __init__(self, storage: PluginStorage, fixed: Mapping[str, DeskAccount]) -> None:
        self._storage, self._fixed = storage, dict(fixed)
        self._hasher = argon2.PasswordHasher()
        hashes = (account.password_hash for account in fixed.values())
        # What the check of an unknown name costs: as much as that of the costliest known one.
        self._reference = max([UNUSED_HASH, *filter(None, hashes)], key=_cost)
        # By design a check is slow and uses much memory (RFC 9106): at most two run at a time.
        self._slots = asyncio.Semaphore(2)

    async def find(self, name: str) -> DeskAccount | None:
        return self._account(name.casefold(), await self._entry(name))

    async def all(self) -> tuple[DeskAccount, ...]:
        """All accounts, sorted by name."""
        stored = {
            entry.key.removeprefix(USER_PREFIX): entry
            async for entry in stored_entries(self._storage, USER_PREFIX)
        }
        names = sorted({*self._fixed, *stored})
        accounts = (self._account(name, stored.get(name)) for name in names)
        return tuple(account for account in accounts if account is not None)

    async def authenticate(self, name: str, password: str) -> DeskAccount | None:
        """The account, or None when the name or password is wrong or the account is locked.

        Takes the same time in every case, and checks the password off the event loop: a hash of
        another cost than the costliest one is checked beside that.
        """
        account = await self.find(name)
        password_hash = account.password_hash if account else None
        async with self._slots:
            matches = await asyncio.to_thread(self._verify, password_hash, password)
        allowed = account is not None and password_hash is not None and not account.locked
        return account if matches and allowed else None

    async def hash(self, password: str) -> str:
        """`hash_password` off the event loop, in its turn. Raises WarmlineError."""
        async with self._slots:
            return await asyncio.to_thread(hash_password, password)

    async def add(self, account: DeskAccount) -> None:
        """Raises WarmlineError when the name is taken."""
        if account.name.casefold() in self._fixed:
            raise WarmlineError(f"{account.name} is already defined in the settings")
        try:
            await self._put(account, None)
        except Outdated:
            raise WarmlineError(f"the user {account.name} exists already") from None

    async def change(self, name: str, update: AccountUpdate) -> DeskAccount:
        """Apply ``update``, again if someone else changes the account at the same time.

        Raises NotFound, and WarmlineError for what only the settings can change.
        """
        for _ in range(CHANGE_ATTEMPTS):
            entry = await self._entry(name)
            before = self._account(name.casefold(), entry)
            if before is None:
                raise NotFound(f"there is no user {name}")
            after = update(before)
            same = (
                before.role == after.role
                and before.password_hash == after.password_hash
                and before.agent.brands == after.agent.brands
            )
            if before.fixed and not same:
                raise WarmlineError(f"{before.name} is defined in the settings; change it there")
            try:
                await self._put(after, entry)
            except Outdated:
                continue
            return after
        raise WarmlineError(f"{name} is being changed by somebody else; try again")

    async def remove(self, name: str) -> DeskAccount | None:
        """Remove an account and return it; None when only an entry is left of an
        account that was removed from the settings.

        Raises NotFound, and WarmlineError for a user of the settings.
        """
        entry = await self._entry(name)
        account = self._account(name.casefold(), entry)
        if account is not None and account.fixed:
            raise WarmlineError(f"{name} is defined in the settings; remove it there, or lock it")
        if entry is None:
            raise NotFound(f"there is no user {name}")
        await self._storage.drop(PLUGIN, entry.key, version=entry.version)
        return account

    async def _entry(self, name: str) -> StoredValue | None:
        return await self._storage.get(PLUGIN, USER_PREFIX + name.casefold())

    async def _put(self, account: DeskAccount, entry: StoredValue | None) -> None:
        stored = account.replace(password_hash=None) if account.fixed else account
        await self._storage.put(
            PLUGIN,
            USER_PREFIX + account.name.casefold(),
            msgspec.json.encode(stored).decode(),
            version=entry.version if entry else 0,
        )

    def _account(self, name: str, entry: StoredValue | None) -> DeskAccount | None:
        stored = msgspec.json.decode(entry.value, type=DeskAccount) if entry else None
        fixed = self._fixed.get(name)
        if fixed is None:
            # An account that was removed from the settings leaves an entry, which grants no access.
            return None if stored is None or stored.fixed else stored
        if stored is None:
            return fixed
        return fixed.replace(
            locked=stored.locked, era=stored.era, second_factor=stored.second_factor
        )

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if password_hash is None or _cost(password_hash) != _cost(self._reference):
            self._matches(self._reference, password)
        return password_hash is not None and self._matches(password_hash, password)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except argon2.exceptions.VerificationError:
            return False


def _cost(password_hash: str) -> int:
    """What checking a password against it costs: memory times passes (RFC 9106, section 3.1)."""
    parameters = argon2.extract_parameters(password_hash)
    return parameters.memory_cost * parameters.time_cost


def password_digest(account: DeskAccount) -> str:
    """Tells two passwords of one account apart: a session and a link to a new password remember
    with which one they were made."""
    return hashlib.sha256((account.password_hash or "").encode()).hexdigest()


def may(role: Role, right: DeskRight) -> bool:
    return right in RIGHTS[role]


def may_see(
    role: Role, agent: Agent, conversation: Conversation, *, colleagues: bool = False
) -> bool:
    """Whether this person may read the conversation. One of another brand is visible to nobody who
    is limited to some; a claimed one to its owner, to leads and to admins, and with ``colleagues``
    (see `DeskSettings.read_colleagues`) to everybody."""
    if not agent.works_for(conversation.brand):
        return False
    return colleagues or may_work_on(role, agent, conversation)


def may_work_on(role: Role, agent: Agent, conversation: Conversation) -> bool:
    """Whether this person may change the conversation and answer in it: not one that a colleague
    has, unless they are a lead or an admin."""
    owner = conversation.owner
    own = owner is None or owner.id == agent.id or may(role, "see_all")
    return own and agent.works_for(conversation.brand)


def agent_id(name: str) -> str:
    """The id of the agent whose account ``name`` is. People who sign in with Slack have one id on
    both sides."""
    return name if name.startswith("slack:") else f"desk:{name.casefold()}"


def desk_agent(
    name: str,
    display_name: str | None = None,
    *,
    tier: str = "front",
    skills: tuple[str, ...] = (),
    brands: tuple[str, ...] = (),
) -> Agent:
    """The agent of the account ``name``."""
    return Agent(
        id=agent_id(name),
        name=display_name or name,
        tier=tier,
        skills=skills,
        brands=brands,
    )


def accounts_from_settings(settings: DeskSettings, data_dir: Path) -> dict[str, DeskAccount]:
    """The accounts of the settings, by casefolded name. Creates the demo user's password if there
    is a demo user, who is an admin."""
    accounts = {
        user.name.casefold(): DeskAccount(
            name=user.name,
            agent=desk_agent(
                user.name,
                user.display_name,
                tier=user.tier,
                skills=user.skills,
                brands=user.brands,
            ),
            role=user.role,
            password_hash=user.password_hash.get_secret_value(),
            fixed=True,
        )
        for user in settings.users
    }
    if name := settings.demo_user:
        # The password has 80 random bits: a slow hash would add nothing. The same password has the
        # same hash, as sessions end with another one.
        hasher = argon2.PasswordHasher(time_cost=1, memory_cost=64)
        password = demo_password(data_dir)
        salt = hashlib.sha256(password.encode()).digest()[:16]
        accounts[name.casefold()] = DeskAccount(
            name=name,
            agent=desk_agent(name, name.capitalize()),
            role="admin",
            password_hash=hasher.hash(password, salt=salt),
            fixed=True,
        )
    return accounts


def hash_password(password: str) -> str:
    """Raises WarmlineError for a password that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WarmlineError(
            f"a password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        )
    return argon2.PasswordHasher().hash(password)


def demo_password(data_dir: Path) -> str:
    """The demo user's password, from a file that only its owner can read; created at the first
    call. Raises WarmlineError when the file holds no password."""
    path = data_dir / "desk-password"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        password = path.read_text("utf-8").strip()
        if len(password) < 8:
            raise WarmlineError(f"{path} holds no password; delete the file") from None
        return password
    groups = ["".join(secrets.choice(CLEAR_CHARACTERS) for _ in range(4)) for _ in range(4)]
    password = "-".join(groups)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(password + "\n")
    return password


async def stored_entries(storage: PluginStorage, prefix: str) -> AsyncIterator[StoredValue]:
    """All entries of the desk whose keys start with ``prefix``. They may be deleted meanwhile."""
    after = ""
    while page := await storage.scan(PLUGIN, prefix, after=after):
        for entry in page:
            yield entry
        after = page[-1].key


async def delete_entry(storage: PluginStorage, entry: StoredValue) -> bool:
    """Delete the entry unless it has changed since it was read; return whether it was deleted."""
    try:
        await storage.drop(PLUGIN, entry.key, version=entry.version)
    except Outdated:
        return False
    return True
