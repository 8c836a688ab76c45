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
from plugins.agents_desk.access.account_links import LINK_PREFIX, AccountLink
from plugins.agents_desk.access.accounts import (
    PLUGIN,
    DeskAccounts,
    delete_entry,
    desk_agent,
    stored_entries,
)
from plugins.agents_desk.access.sessions import SESSION_PREFIX, StoredSession
from plugins.agents_desk.access.throttle import BROWSER_PREFIX, KnownBrowser
from plugins.agents_desk.lists.views import SavedViews
from plugins.agents_desk.staff.storage import StaffStorage

AUDIT_PAGE = 500
REMINDERS, OWN_REMINDERS, MENTIONS, ALERTS = "reminder/", "own-reminder/", "mention/", "alerts/"
"""The beginnings of the keys of the part `marks`, which imports this package."""
OWN_REPLIES = "reply/own/"
"""The beginning of the keys of people's own saved replies; the agent's id follows."""

V = TypeVar("V", StoredSession, KnownBrowser, AccountLink)


class PersonData:
    """The account of one person, their sessions and browsers, what is kept about their work, their
    lines of the audit log, and what the plugins of ``services.desk_pages`` keep (see
    `AgentDataHolder`)."""

    def __init__(
        self,
        storage: PluginStorage,
        accounts: DeskAccounts,
        audit: AuditLog,
        services: Services | None = None,
    ) -> None:
        self._storage, self._accounts, self._audit = storage, accounts, audit
        self._staff = StaffStorage(storage)
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
                {
                    "since": session.since,
                    "seen": session.seen,
                    "origin": session.origin,
                    "browser": session.browser,
                }
                async for _, session in self._entries(SESSION_PREFIX, name, StoredSession)
            ],
            "links": [
                {"kind": link.kind, "by": link.by, "made": link.made}
                async for _, link in self._entries(LINK_PREFIX, name, AccountLink)
            ],
            "browsers": [
                {"last_signed_in": browser.at}
                async for _, browser in self._entries(BROWSER_PREFIX, name, KnownBrowser)
            ],
            "views": [
                {"title": view.title, "list": view.list, "filters": view.fields}
                for view in await SavedViews(self._storage).made_by(name)
            ],
            **await self._own(account.agent.id),
            "saved_replies": [
                {"name": reply["name"], "text": reply["text"]}
                async for entry in stored_entries(
                    self._storage, f"{OWN_REPLIES}{account.agent.id}/"
                )
                for reply in (msgspec.json.decode(entry.value),)
            ],
            "staff": [
                {"key": row.key, "value": msgspec.json.decode(row.value)}
                for row in await self._staff.rows_of(account.agent.id)
            ],
            "audit": [line async for line in self._audit_lines(account.agent.id)],
            "plugins": await self._kept_by_plugins(account.agent.id),
        }
        plain: dict[str, Json] = msgspec.to_builtins(found)
        return plain

    async def _own(self, agent: str) -> dict[str, object]:
        """What the person keeps at the desk for themselves."""
        reminders = stored_entries(self._storage, f"{OWN_REMINDERS}{agent}/")
        mentions = stored_entries(self._storage, f"{MENTIONS}{agent}/")
        alerts = await self._storage.get(PLUGIN, ALERTS + agent)
        return {
            "reminders": [msgspec.json.decode(entry.value) async for entry in reminders],
            "mentions": [msgspec.json.decode(entry.value) async for entry in mentions],
            "alerts": msgspec.json.decode(alerts.value) if alerts else None,
        }

    async def erase(self, name: str, agent_id: str = "") -> int:
        """Delete the person's sessions, browsers, links to a password (also those that they made),
        own views and saved replies, reminders, mentions, settings of alerts, all rows about their
        work (profile, presence, load, praise, what they were given), and what plugins keep; returns
        how many. The account is deleted by `DeskAccounts.remove`; shared views are the team's, and
        the audit log keeps its lines for ``audit_days``."""
        agent = agent_id or (name if ":" in name else desk_agent(name).id)
        deleted = await self._staff.erase(agent)
        for services, holder in self._holders():
            deleted += await holder.erase_agent(services, agent)
        async for entry, _ in self._entries(SESSION_PREFIX, name, StoredSession):
            deleted += await delete_entry(self._storage, entry)
        async for entry, _ in self._entries(BROWSER_PREFIX, name, KnownBrowser):
            deleted += await delete_entry(self._storage, entry)
        async for entry in stored_entries(self._storage, LINK_PREFIX):
            link = msgspec.json.decode(entry.value, type=AccountLink)
            if name.casefold() in (link.name.casefold(), link.by.casefold()):
                deleted += await delete_entry(self._storage, entry)
        async for entry in stored_entries(self._storage, f"{OWN_REMINDERS}{agent}/"):
            due = REMINDERS + entry.key.removeprefix(f"{OWN_REMINDERS}{agent}/")
            await self._storage.drop(PLUGIN, due, version=entry.version)
            deleted += await delete_entry(self._storage, entry)
        async for entry in stored_entries(self._storage, f"{MENTIONS}{agent}/"):
            deleted += await delete_entry(self._storage, entry)
        async for entry in stored_entries(self._storage, f"{OWN_REPLIES}{agent}/"):
            deleted += await delete_entry(self._storage, entry)
        if (alerts := await self._storage.get(PLUGIN, ALERTS + agent)) is not None:
            deleted += await delete_entry(self._storage, alerts)
        return deleted + await SavedViews(self._storage).remove_all_of(name)

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
