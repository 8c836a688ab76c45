"""Everything that the desk stores about one person, to hand over or to erase."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from gateway import (
    AgentDataHolder,
    AuditLog,
    Json,
    NotFound,
    PluginStorage,
    Services,
    StoredValue,
)
from plugins.agents_desk.access.accounts import (
    DeskAccounts,
    delete_entry,
    desk_agent,
    stored_entries,
)
from plugins.agents_desk.access.sessions import SESSION_PREFIX, StoredSession
from plugins.agents_desk.access.throttle import BROWSER_PREFIX, KnownBrowser

AUDIT_PAGE = 500

V = TypeVar("V", StoredSession, KnownBrowser)


class PersonData:
    """The account of one person, their sessions and browsers, their lines of the audit log, and
    what the plugins of ``services.desk_pages`` keep (see `AgentDataHolder`)."""

    def __init__(
        self,
        storage: PluginStorage,
        accounts: DeskAccounts,
        audit: AuditLog,
        services: Services | None = None,
    ) -> None:
        self._storage, self._accounts, self._audit = storage, accounts, audit
        self._services = services

    async def export(self, name: str) -> dict[str, Json]:
        """All of it but the secrets: of the password and the second factor it says only that
        there are some. Raises NotFound."""
        account = await self._accounts.find(name)
        if account is None:
            raise NotFound(f"there is no user {name}")
        factor = account.second_factor
        found: dict[str, object] = {
            "account": {
                "name": account.name,
                "agent": account.agent,
                "role": account.role,
                "locked": account.locked,
                "in_settings": account.fixed,
                "password": account.password_hash is not None,
                "second_factor": factor.since if factor and factor.confirmed else None,
                "recovery_codes": len(factor.recovery) if factor else 0,
            },
            "sessions": [
                {"since": session.since, "seen": session.seen, "origin": session.origin}
                async for _, session in self._entries(SESSION_PREFIX, name, StoredSession)
            ],
            "browsers": [
                {"last_signed_in": browser.at}
                async for _, browser in self._entries(BROWSER_PREFIX, name, KnownBrowser)
            ],
            "audit": [line async for line in self._audit_lines(account.agent.id)],
            "plugins": await self._kept_by_plugins(account.agent.id),
        }
        plain: dict[str, Json] = msgspec.to_builtins(found)
        return plain

    async def erase(self, name: str) -> int:
        """Delete the person's sessions, browsers and what plugins keep; returns how many. The
        account is deleted by `DeskAccounts.remove`; the audit log keeps its lines for
        ``audit_days``."""
        deleted = 0
        agent = name if ":" in name else desk_agent(name).id  # `slack:U1` is a name and an id
        for services, holder in self._holders():
            deleted += await holder.erase_agent(services, agent)
        async for entry, _ in self._entries(SESSION_PREFIX, name, StoredSession):
            deleted += await delete_entry(self._storage, entry)
        async for entry, _ in self._entries(BROWSER_PREFIX, name, KnownBrowser):
            deleted += await delete_entry(self._storage, entry)
        return deleted

    async def _kept_by_plugins(self, agent: str) -> list[Json]:
        kept = [await holder.export_agent(services, agent) for services, holder in self._holders()]
        return [each for each in kept if each]

    def _holders(self) -> list[tuple[Services, AgentDataHolder]]:
        if (services := self._services) is None:
            return []
        found = (plugin for plugin in services.desk_pages if isinstance(plugin, AgentDataHolder))
        return [(services, holder) for holder in found]

    async def _entries(
        self, prefix: str, name: str, kind: type[V]
    ) -> AsyncIterator[tuple[StoredValue, V]]:
        async for entry in stored_entries(self._storage, prefix):
            value = msgspec.json.decode(entry.value, type=kind)
            if value.name.casefold() == name.casefold():
                yield entry, value

    async def _audit_lines(self, agent_id: str) -> AsyncIterator[object]:
        before = None
        while lines := await self._audit.lines(who=agent_id, before=before, limit=AUDIT_PAGE):
            for line in lines:
                yield line
            before = lines[-1].id
