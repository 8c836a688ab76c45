"""Where the desk keeps what it knows about its people: its own plugin storage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from gateway import NotFound, Outdated, PluginStorage, StoredValue, WarmlineError
from plugins.agents_desk.access.accounts import PLUGIN, delete_entry, stored_entries
from plugins.agents_desk.staff.values import (
    GivenCase,
    LoadSummary,
    PraiseNote,
    Presence,
    StaffProfile,
    TeamCare,
)

PREFIX = "staff/"
PROFILE, PRESENCE, SEEN, LOAD = "staff/profile/", "staff/presence/", "staff/seen/", "staff/load/"
GIVEN, UNOPENED, WORK, PRAISE = "staff/given/", "staff/new/", "staff/work/", "staff/praise/"
PULSED = "staff/pulsed/"
TEAM = "staff/team"
CURSOR = "staff/cursor"
OF_ONE_PERSON = (PROFILE, PRESENCE, SEEN, LOAD, PULSED)
"""Prefixes that the id of the agent follows and ends."""
ATTEMPTS = 5

V = TypeVar("V")


class StaffStorage:
    """Typed rows. What belongs to one conversation is stored with its id, so that the erasure of
    the customer takes it along."""

    def __init__(self, storage: PluginStorage) -> None:
        self.rows = storage

    # -- one row -----------------------------------------------------------------------------------

    async def get(self, key: str, kind: type[V]) -> V | None:
        entry = await self.rows.get(PLUGIN, key)
        return msgspec.json.decode(entry.value, type=kind) if entry else None

    async def change(
        self, key: str, kind: type[V], update: Callable[[V | None], V], *, conversation: int = 0
    ) -> V:
        """Store what ``update`` makes of the row, again if somebody else changes it meanwhile."""
        for _ in range(ATTEMPTS):
            entry = await self.rows.get(PLUGIN, key)
            before = msgspec.json.decode(entry.value, type=kind) if entry else None
            after = update(before)
            if after == before:
                return after
            text = msgspec.json.encode(after).decode()
            try:
                await self.rows.put(
                    PLUGIN,
                    key,
                    text,
                    version=entry.version if entry else 0,
                    conversation=conversation,
                )
            except Outdated:
                continue
            return after
        raise WarmlineError("somebody else is changing the same; try again")

    async def drop(self, key: str) -> None:
        while (entry := await self.rows.get(PLUGIN, key)) is not None:
            await delete_entry(self.rows, entry)

    async def all(self, prefix: str, kind: type[V]) -> dict[str, V]:
        """By what follows ``prefix`` in the key."""
        return {
            entry.key.removeprefix(prefix): msgspec.json.decode(entry.value, type=kind)
            async for entry in stored_entries(self.rows, prefix)
        }

    # -- people ------------------------------------------------------------------------------------

    async def profile(self, agent: str) -> StaffProfile:
        return await self.get(PROFILE + agent, StaffProfile) or StaffProfile(agent=agent)

    async def change_profile(
        self, agent: str, update: Callable[[StaffProfile], StaffProfile]
    ) -> StaffProfile:
        return await self.change(
            PROFILE + agent, StaffProfile, lambda p: update(p or StaffProfile(agent=agent))
        )

    async def presence(self, agent: str, now: datetime) -> Presence:
        return await self.get(PRESENCE + agent, Presence) or Presence(since=now)

    async def change_presence(
        self, agent: str, now: datetime, update: Callable[[Presence], Presence]
    ) -> Presence:
        return await self.change(
            PRESENCE + agent, Presence, lambda p: update(p or Presence(since=now))
        )

    async def saw(self, agent: str, at: datetime) -> None:
        """A page of the desk is open in a browser of this person."""
        await self.change(SEEN + agent, datetime, lambda before: max(at, before or at))

    async def load(self, agent: str) -> LoadSummary | None:
        return await self.get(LOAD + agent, LoadSummary)

    async def team(self) -> TeamCare | None:
        return await self.get(TEAM, TeamCare)

    async def cursor(self) -> int | None:
        """The newest message that was taken in; None before the first time."""
        return await self.get(CURSOR, int)

    async def keep_cursor(self, message: int) -> None:
        await self.change(CURSOR, int, lambda _: message)

    # -- cases -------------------------------------------------------------------------------------

    async def keep_given(self, given: GivenCase) -> None:
        """Remember whom a case was given to, until they open it, and why."""
        for prefix in (GIVEN, UNOPENED):
            key = f"{prefix}{given.conversation}"
            await self.change(key, GivenCase, lambda _: given, conversation=given.conversation)

    async def given(self, conversation: int) -> GivenCase | None:
        return await self.get(f"{GIVEN}{conversation}", GivenCase)

    async def unopened(self) -> tuple[GivenCase, ...]:
        return tuple((await self.all(UNOPENED, GivenCase)).values())

    async def opened(self, conversation: int) -> None:
        await self.drop(f"{UNOPENED}{conversation}")

    async def not_opened(self, given: GivenCase) -> None:
        """Remember that this person had it, for the next choice."""
        tried = tuple(dict.fromkeys((*given.tried, given.agent)))
        await self.change(
            f"{GIVEN}{given.conversation}",
            GivenCase,
            lambda _: given.replace(tried=tried),
            conversation=given.conversation,
        )
        await self.opened(given.conversation)

    async def keep_praise(self, note: PraiseNote) -> bool:
        """Whether it is new."""
        key = f"{PRAISE}{note.agent}/{note.message:015}"
        if await self.rows.get(PLUGIN, key) is not None:
            return False
        try:
            await self.rows.put(
                PLUGIN,
                key,
                msgspec.json.encode(note).decode(),
                conversation=note.conversation,
            )
        except (Outdated, NotFound):
            return False  # another process was faster, or the customer was erased
        return True

    async def praise_of(self, agent: str) -> tuple[PraiseNote, ...]:
        """Newest first."""
        notes = (await self.all(f"{PRAISE}{agent}/", PraiseNote)).values()
        return tuple(sorted(notes, key=lambda note: note.at, reverse=True))

    # -- a person leaves ---------------------------------------------------------------------------

    async def rows_of(self, agent: str) -> list[StoredValue]:
        """Every row about this person."""
        keys = [prefix + agent for prefix in OF_ONE_PERSON]
        found = [await self.rows.get(PLUGIN, key) for key in keys]
        rows = [row for row in found if row is not None]
        for prefix in (f"{WORK}{agent}/", f"{PRAISE}{agent}/"):
            rows += [row async for row in stored_entries(self.rows, prefix)]
        for prefix in (GIVEN, UNOPENED):
            async for row in stored_entries(self.rows, prefix):
                given = msgspec.json.decode(row.value, type=GivenCase)
                if agent == given.agent or agent in given.tried:
                    rows.append(row)
        return rows

    async def erase(self, agent: str) -> int:
        """Delete every row about this person; returns how many. Answers to the pulse are counts
        in which nobody can be found again."""
        return sum([await delete_entry(self.rows, row) for row in await self.rows_of(agent)])
