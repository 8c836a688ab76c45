"""Everybody's state, as assignment and care look at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway import Value
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff.shifts import in_shift
from plugins.agents_desk.staff.storage import LOAD, PRESENCE, PROFILE, SEEN, StaffStorage
from plugins.agents_desk.staff.values import LoadSummary, Presence, PresenceState, StaffProfile


class TeamMember(Value, frozen=True, kw_only=True):
    """One person with everything that assignment and care look at."""

    account: DeskAccount
    profile: StaffProfile
    presence: Presence
    load: LoadSummary | None
    at_work: bool
    """In a shift, and not away."""

    @property
    def id(self) -> str:
        return self.account.agent.id


class StaffTeam:
    """Reads everybody's state."""

    def __init__(
        self, storage: StaffStorage, accounts: DeskAccounts, settings: DeskSettings
    ) -> None:
        self._storage, self._accounts, self._settings = storage, accounts, settings

    async def members(self, now: datetime) -> list[TeamMember]:
        """All whose account is not locked, by name."""
        profiles = await self._storage.all(PROFILE, StaffProfile)
        presences = await self._storage.all(PRESENCE, Presence)
        seen = await self._storage.all(SEEN, datetime)
        loads = await self._storage.all(LOAD, LoadSummary)
        found = []
        for account in await self._accounts.all():
            if account.locked:
                continue
            agent = account.agent.id
            profile = profiles.get(agent) or StaffProfile(agent=agent)
            presence = presences.get(agent) or Presence(since=now)
            load = loads.get(agent)
            state = presence_now(
                presence, seen.get(agent), load, now, away_after=self._settings.away_after
            )
            found.append(
                TeamMember(
                    account=account,
                    profile=profile,
                    presence=presence.replace(state=state),
                    load=load,
                    at_work=state != "away" and in_shift(profile, now),
                )
            )
        return found

    async def is_at_work(self, agent: str, now: datetime) -> bool:
        """Whether the person with this agent's id is in a shift and not away."""
        presence = await self._storage.presence(agent, now)
        seen = await self._storage.get(SEEN + agent, datetime)
        load = await self._storage.load(agent)
        state = presence_now(presence, seen, load, now, away_after=self._settings.away_after)
        return state != "away" and in_shift(await self._storage.profile(agent), now)


def presence_now(
    presence: Presence,
    seen: datetime | None,
    load: LoadSummary | None,
    now: datetime,
    *,
    away_after: int,
) -> PresenceState:
    """What somebody said last, unless they have neither a page of the desk open nor done anything,
    on whichever side (an answer in Slack counts), for ``away_after`` seconds: then they are away.
    Pure."""
    # What they wrote or closed counts; that they were given something does not.
    acted = datetime.fromtimestamp(load.at if load else 0.0, UTC)
    last = max(seen or acted, acted)
    if now - last >= timedelta(seconds=away_after):
        return "away"
    return presence.state
