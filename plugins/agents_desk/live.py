"""Server-sent events: tell an open page that it should look again, and nothing else."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from gateway import Services
from plugins.agents_desk.guard import Guard
from plugins.agents_desk.paper import HEADERS
from plugins.agents_desk.sessions import Session, Sessions

LOOK = 15.0
"""Seconds between looks whether the session is still open."""


class Live:
    """``/desk/live``. An event carries no words of anyone: the page fetches what it may see.

    The stream ends when the browser goes, when the session ends and when ``closing`` is set.
    """

    def __init__(
        self, services: Services, sessions: Sessions, guard: Guard, closing: asyncio.Event
    ) -> None:
        self._services, self._sessions, self._guard = services, sessions, guard
        self._closing = closing

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/desk/live", self._guard.read(self._stream))]

    async def _stream(self, request: web.Request, session: Session) -> web.StreamResponse:
        out = EventSourceResponse()
        out.headers.update(HEADERS)
        await out.prepare(request)
        async with out:
            work = [
                asyncio.ensure_future(one)
                for one in (self._tell(out), self._watch(session), self._closing.wait(), out.wait())
            ]
            try:
                await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in work:
                    one.cancel()
                await asyncio.gather(*work, return_exceptions=True)
        return out

    async def _tell(self, out: EventSourceResponse) -> None:
        async with self._services.events.listen("desk") as events:
            await out.send("{}", event="hello", retry=2000)
            async for event in events:
                if event.name == "typing":
                    told = json.dumps({"lane": event.data.get("lane", "")})
                    await out.send(told, event="typing")
                else:
                    await out.send("{}", event="changed")

    async def _watch(self, session: Session) -> None:
        while await self._sessions.alive(session):
            await self._services.clock.sleep(LOOK)
