"""The rows of practice in the plugin's storage.

==============================  ===================  ==================================
key                             value                with the conversation's id
==============================  ===================  ==================================
``scenario/ID``                 `PracticeScenario`           yes: it holds masked words
``session/AGENT/ID``            `PracticeSession`    no: it holds the agent's words alone
``shared/ID``                   `SharedPractice`     no
==============================  ===================  ==================================

Erasing a customer removes the scenario of their conversation; a session whose scenario is gone is
deleted when anybody looks for it, and each night.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec

from gateway import Agent, NotFound, Outdated, PluginStorage, StoredValue, Value, WarmlineError
from plugins.practice.scenarios import SHIPPED, shipped_scenario
from plugins.practice.values import PracticeScenario, PracticeSession

PLUGIN = "practice"
SCENARIOS, SESSIONS, SHARED = "scenario/", "session/", "shared/"


class PracticeChanged(WarmlineError):
    """The session was changed in another window."""


class SharedPractice(Value, frozen=True, kw_only=True):
    """Where a shared session lies."""

    agent: str
    brand: str


class StoredPractice(Value, frozen=True, kw_only=True):
    """A session with its scenario and the version of its row."""

    session: PracticeSession
    scenario: PracticeScenario
    version: int


class PracticeStorage:
    """Reads and writes the rows of practice."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    # -- scenarios of the team's own conversations

    async def scenarios(self) -> tuple[PracticeScenario, ...]:
        """All of them, of all brands: show nobody those of a brand they do not work for."""
        return tuple([_scenario(row) async for row in self._rows(SCENARIOS)])

    async def keep_scenario(self, scenario: PracticeScenario) -> None:
        """Store it in place of an earlier one of the same conversation. One whose conversation was
        erased meanwhile is left out."""
        key = SCENARIOS + scenario.id
        stored = await self._storage.get(PLUGIN, key)
        with suppress(NotFound):
            await self._storage.put(
                PLUGIN,
                key,
                msgspec.json.encode(scenario).decode(),
                version=stored.version if stored else 0,
                conversation=scenario.conversation,
            )

    async def drop_scenario(self, id: str) -> None:
        await self._drop(SCENARIOS + id)

    async def scenario_of(self, session: PracticeSession) -> PracticeScenario | None:
        """The scenario of a session; None when its customer was erased."""
        if session.scenario.startswith(SHIPPED):
            return shipped_scenario(session.scenario, session.language)
        row = await self._storage.get(PLUGIN, SCENARIOS + session.scenario)
        return _scenario(row) if row else None

    # -- sessions

    async def sessions(self, agent: str) -> tuple[StoredPractice, ...]:
        """Those of one agent whose scenario is there, newest first."""
        rows = [row async for row in self._rows(f"{SESSIONS}{agent}/")]
        found = [stored for row in rows if (stored := await self._whole(row))]
        return tuple(sorted(found, key=lambda each: each.session.began_at, reverse=True))

    async def session(self, agent: str, id: str) -> StoredPractice:
        """Raises NotFound, also when the customer of its scenario was erased."""
        row = await self._storage.get(PLUGIN, f"{SESSIONS}{agent}/{id}")
        stored = await self._whole(row) if row else None
        if stored is None:
            raise NotFound("there is no such practice")
        return stored

    async def keep(self, session: PracticeSession, *, version: int = 0) -> None:
        """Store it; ``version`` is that of the row that was read, 0 for a new one. Raises
        PracticeChanged when somebody stored another one meanwhile."""
        value = msgspec.json.encode(session).decode()
        try:
            await self._storage.put(PLUGIN, _key(session), value, version=version)
        except Outdated:
            raise PracticeChanged(
                "this practice was changed in another window; load the page again"
            ) from None

    async def delete(self, session: PracticeSession) -> None:
        await self._drop(SHARED + session.id)
        await self._drop(_key(session))

    async def erase_agent(self, agent: str) -> int:
        """Delete all sessions of an agent; returns how many there were."""
        rows = [row async for row in self._rows(f"{SESSIONS}{agent}/")]
        for row in rows:
            await self.delete(_session(row))
        return len(rows)

    async def agents_sessions(self, agent: str) -> tuple[PracticeSession, ...]:
        """All sessions of an agent as they are stored, for their export."""
        return tuple([_session(row) async for row in self._rows(f"{SESSIONS}{agent}/")])

    async def sweep(self) -> frozenset[str]:
        """Delete the sessions whose scenario is gone. Returns the scenarios of those that stay."""
        used = set()
        async for row in self._rows(SESSIONS):
            if stored := await self._whole(row):
                used.add(stored.scenario.id)
        return frozenset(used)

    # -- sharing

    async def share(self, stored: StoredPractice) -> None:
        """Show it to the leads of its brand."""
        session = stored.session
        await self.keep(session.replace(shared=True), version=stored.version)
        if await self._storage.get(PLUGIN, SHARED + session.id) is None:
            where = SharedPractice(agent=session.agent, brand=session.brand)
            value = msgspec.json.encode(where).decode()
            await self._storage.put(PLUGIN, SHARED + session.id, value)

    async def take_back(self, stored: StoredPractice) -> None:
        """Show it to nobody else any more."""
        await self._drop(SHARED + stored.session.id)
        await self.keep(stored.session.replace(shared=False), version=stored.version)

    async def shared(self, lead: Agent) -> tuple[StoredPractice, ...]:
        """What others share with ``lead``, newest first."""
        found = []
        async for row in self._rows(SHARED):
            where = msgspec.json.decode(row.value, type=SharedPractice)
            if where.agent == lead.id or not lead.works_for(where.brand):
                continue
            with suppress(NotFound):
                found.append(await self.shared_session(lead, row.key.removeprefix(SHARED)))
        return tuple(sorted(found, key=lambda each: each.session.began_at, reverse=True))

    async def shared_session(self, lead: Agent, id: str) -> StoredPractice:
        """One that is shared with ``lead``. Raises NotFound."""
        row = await self._storage.get(PLUGIN, SHARED + id)
        if row is None:
            raise NotFound("there is no such practice")
        where = msgspec.json.decode(row.value, type=SharedPractice)
        stored = await self.session(where.agent, id)
        session = stored.session
        brands = (session.brand, stored.scenario.brand or session.brand)
        if not session.shared or not all(map(lead.works_for, brands)):
            raise NotFound("there is no such practice")
        return stored

    # -- rows

    async def _whole(self, row: StoredValue) -> StoredPractice | None:
        session = _session(row)
        scenario = await self.scenario_of(session)
        if scenario is None:
            await self.delete(session)
            return None
        return StoredPractice(session=session, scenario=scenario, version=row.version)

    async def _drop(self, key: str) -> None:
        if row := await self._storage.get(PLUGIN, key):
            await self._storage.drop(PLUGIN, key, version=row.version)

    async def _rows(self, prefix: str) -> AsyncIterator[StoredValue]:
        after = ""
        while page := await self._storage.scan(PLUGIN, prefix, after=after):
            for row in page:
                yield row
            after = page[-1].key


def _key(session: PracticeSession) -> str:
    return f"{SESSIONS}{session.agent}/{session.id}"


def _session(row: StoredValue) -> PracticeSession:
    return msgspec.json.decode(row.value, type=PracticeSession)


def _scenario(row: StoredValue) -> PracticeScenario:
    return msgspec.json.decode(row.value, type=PracticeScenario)
