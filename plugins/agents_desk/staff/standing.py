"""What every page of the desk says about the person who looks at it, and that they look."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from cachetools import TTLCache

from gateway import Clock
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff.care import is_proposed
from plugins.agents_desk.staff.pulse import Pulse
from plugins.agents_desk.staff.storage import StaffStorage
from plugins.agents_desk.staff.values import Standing

SEEN_EVERY = timedelta(minutes=1)
"""A person counts as seen for several times as long (`away_after`)."""
MOST_SEEN = 10_000
WITHOUT_BAR = frozenset({"/desk/live", "/desk/queue"})


class StandingReader:
    """Completes a session for a page."""

    def __init__(self, storage: StaffStorage, clock: Clock, settings: DeskSettings) -> None:
        self._storage, self._clock, self._settings = storage, clock, settings
        self._pulse = Pulse(storage)
        self._seen: TTLCache[str, None] = TTLCache(
            MOST_SEEN, ttl=SEEN_EVERY.total_seconds(), timer=lambda: clock.now().timestamp()
        )

    async def complete(self, session: DeskSession, request: web.Request) -> DeskSession:
        """``session`` with its standing. A conversation that is looked at counts as opened."""
        now, agent = self._clock.now(), session.agent.id
        if agent not in self._seen:
            await self._storage.saw(agent, now)
            self._seen[agent] = None
        if request.path in WITHOUT_BAR:
            return session
        looked_at = request.match_info.get("id", "")
        given = []
        for case in await self._storage.unopened():
            if case.agent != agent:
                continue
            if request.path.startswith("/desk/c/") and looked_at == str(case.conversation):
                await self._storage.opened(case.conversation)
            else:
                given.append(case)
        presence = await self._storage.presence(agent, now)
        return session.replace(
            standing=Standing(
                state=presence.state,
                missed=presence.missed,
                since=presence.since,
                proposal=is_proposed(presence, now),
                given=tuple(sorted(given, key=lambda case: case.at)),
                pulse=await self._pulse.is_due(agent, now),
            )
        )
