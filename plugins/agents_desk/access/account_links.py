"""Links by which people choose their password themselves: invitations, and resets.

A link holds a random token, of which only the digest is stored: whoever reads the database cannot
use it. It works once, for three days, while the admin who made it may still manage users.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from gateway import Clock, Outdated, PluginStorage, StoredValue, Value, WarmlineError
from plugins.agents_desk.access.accounts import (
    PLUGIN,
    DeskAccount,
    DeskAccounts,
    delete_entry,
    desk_agent,
    may,
    password_digest,
    stored_entries,
)
from plugins.agents_desk.settings import Role

LINK_PREFIX = "account-link/"
VALID_FOR = timedelta(hours=72)
"""Over a weekend, and not for good: a mailbox may be read by others later."""


class InvalidLink(WarmlineError):
    """The link was used, has expired, was revoked, or never existed: which of these is not said."""

    def __init__(self) -> None:
        super().__init__("this link is not valid, or not any more; ask for a new one")


class AccountLink(Value, frozen=True, kw_only=True):
    """What a link is for. ``by`` is the sign-in name of the admin who made it.

    An invitation holds the account to be made; a reset the digest of the ``password`` that it
    replaces, so that it ends when that has been changed.
    """

    kind: Literal["invitation", "reset"]
    name: str
    by: str
    made: datetime
    display_name: str = ""
    role: Role = "agent"
    brands: tuple[str, ...] = ()
    password: str = ""
    used: bool = False

    @property
    def expires(self) -> datetime:
        return self.made + VALID_FOR

    def account(self, password_hash: str) -> DeskAccount:
        """The account that an invitation makes."""
        agent = desk_agent(self.name, self.display_name, brands=self.brands)
        return DeskAccount(name=self.name, agent=agent, role=self.role, password_hash=password_hash)


class PendingLink(Value, frozen=True, kw_only=True):
    """A link that can still be used. ``id`` names it and is no token."""

    id: str
    link: AccountLink


NO_LINK = AccountLink(
    kind="invitation", name="", by="", made=datetime.fromtimestamp(0, UTC), used=True
)
"""Checked where there is no link, so that each token costs the same reads."""


class AccountLinks:
    """Makes links, and finds what is behind a token."""

    def __init__(self, storage: PluginStorage, accounts: DeskAccounts, clock: Clock) -> None:
        self._storage, self._accounts, self._clock = storage, accounts, clock

    async def make(self, link: AccountLink) -> str:
        """Store the link and return its token, which is not stored. Links for the same person that
        were made before no longer work."""
        await self.remove_all_of(link.name)
        token = secrets.token_urlsafe(32)
        await self._storage.put(PLUGIN, _key(token), _encode(link))
        return token

    async def find(self, token: str) -> AccountLink | None:
        """What the token is good for; None when it is not valid (any more)."""
        entry = await self._storage.get(PLUGIN, _key(token))
        link = _decode(entry) if entry else NO_LINK
        return link if await self._is_valid(link) else None

    async def take(self, token: str) -> AccountLink:
        """Use the link up: of two people at the same moment, one succeeds. Raises InvalidLink."""
        entry = await self._storage.get(PLUGIN, _key(token))
        link = _decode(entry) if entry else NO_LINK
        if not await self._is_valid(link) or entry is None:
            raise InvalidLink
        try:
            used = await self._storage.put(
                PLUGIN, entry.key, _encode(link.replace(used=True)), version=entry.version
            )
        except Outdated:
            raise InvalidLink from None
        await delete_entry(self._storage, used)
        return link

    async def pending(self) -> tuple[PendingLink, ...]:
        """The links that can be used, by name."""
        found = [
            PendingLink(id=entry.key.removeprefix(LINK_PREFIX), link=link)
            async for entry in stored_entries(self._storage, LINK_PREFIX)
            if await self._is_valid(link := _decode(entry))
        ]
        return tuple(sorted(found, key=lambda pending: pending.link.name.casefold()))

    async def get(self, id: str) -> PendingLink | None:
        return next((pending for pending in await self.pending() if pending.id == id), None)

    async def revoke(self, pending: PendingLink) -> None:
        if entry := await self._storage.get(PLUGIN, LINK_PREFIX + pending.id):
            await delete_entry(self._storage, entry)

    async def remove_all_of(self, name: str) -> int:
        """Delete the links for this person; returns how many."""
        deleted = 0
        async for entry in stored_entries(self._storage, LINK_PREFIX):
            if _decode(entry).name.casefold() == name.casefold():
                deleted += await delete_entry(self._storage, entry)
        return deleted

    async def delete_expired(self) -> None:
        async for entry in stored_entries(self._storage, LINK_PREFIX):
            if not await self._is_valid(_decode(entry)):
                await delete_entry(self._storage, entry)

    async def _is_valid(self, link: AccountLink) -> bool:
        by, account = await self._accounts.find(link.by), await self._accounts.find(link.name)
        if link.used or self._clock.now() >= link.expires:
            return False
        if by is None or by.locked or not may(by.role, "manage"):
            return False
        if link.kind == "invitation":
            return account is None
        return (
            account is not None and not account.locked and password_digest(account) == link.password
        )


def _key(token: str) -> str:
    return LINK_PREFIX + hashlib.sha256(token.encode()).hexdigest()


def _encode(link: AccountLink) -> str:
    return msgspec.json.encode(link).decode()


def _decode(entry: StoredValue) -> AccountLink:
    return msgspec.json.decode(entry.value, type=AccountLink)
