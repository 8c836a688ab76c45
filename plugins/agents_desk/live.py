"""Server-sent events that tell open pages what to fetch again: the queue, or their conversation.

One task listens to the gateway, one tells the pages, and one ticker checks the sessions and the
connections, however many pages are open. For each stream is kept only what its page has to fetch,
so a slow or dead connection holds no memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog
from aiohttp import web
from aiohttp_sse import EventSourceResponse
from cachetools import TTLCache

from gateway import Agent, Event, Services
from plugins.agents_desk.access.accounts import may
from plugins.agents_desk.access.sessions import DeskSession, DeskSessions
from plugins.agents_desk.composing.presence import EVENT as PRESENCE
from plugins.agents_desk.composing.presence import ConversationPresence, people_json
from plugins.agents_desk.html import SECURITY_HEADERS
from plugins.agents_desk.queue import QueueBoard, QueueBoards

log = structlog.get_logger()
CHECK_INTERVAL = 15.0
"""Seconds between two checks of whether the session of a stream is still open, and between two
lines that keep proxies from closing a silent connection."""
STALLED = 30.0
"""Seconds after which a connection that takes no more data is closed."""
PACE = 100
"""Pages that are told in one second that the queue has changed. They fetch it at once; with more
open pages each one is told less often, so that customers do not wait for desks."""
LATE = 0.05
"""Seconds of delay, by other work, that are made up for by telling the next pages sooner."""
READ_INTERVAL = 0.2
"""Seconds between two reads of the queue while it keeps changing."""
OPENED_FOR = 150.0
"""Seconds for which a page counts as open after it was fetched. It fetches itself every minute."""
MOST_OPENED = 10_000
MOST_PENDING = 64
"""Conversations that wait to be named to one page. Few are open in one browser; a page also fetches
itself every minute."""


class LiveStream:
    """One open stream, and what its page has to be told."""

    def __init__(
        self, session: DeskSession, response: EventSourceResponse, board: QueueBoard
    ) -> None:
        self.session, self._response, self.board = session, response, board
        self.sees_all = may(session.role, "see_all")
        self.generation = 0
        """The generation of the queue that the page was last told of."""
        self._queue = self._page = self._ping = self.over = False
        self._conversations: dict[int, None] = {}
        self._typing: dict[str, None] = {}
        self._alerts: list[dict[str, object]] = []
        self._notices: list[dict[str, str | int]] = []
        self._present: dict[int, str] = {}
        self._wake = asyncio.Event()

    @property
    def newest(self) -> int:
        """The generation in which what this person sees of the queue last changed."""
        return self.board.generation_for(self.session.agent, sees_all=self.sees_all)

    def queue_changed(self, generation: int) -> None:
        self.generation, self._queue = generation, True
        self._wake.set()

    def conversation_changed(self, conversation: int) -> None:
        if len(self._conversations) < MOST_PENDING:
            self._conversations[conversation] = None
        self._wake.set()

    def customer_types(self, lane: str) -> None:
        if len(self._typing) < MOST_PENDING:
            self._typing[lane] = None
        self._wake.set()

    def alert(self, told: dict[str, object]) -> None:
        """Alert the person; ``told`` is what their page gets."""
        if len(self._alerts) < MOST_PENDING:
            self._alerts.append(told)
        self._wake.set()

    def refresh(self) -> None:
        """Let the whole page be fetched again."""
        self._page = True
        self._wake.set()

    def notice(self, data: dict[str, str | int]) -> None:
        """Something for this person alone; see `staff.runner`."""
        if len(self._notices) < MOST_PENDING:
            self._notices.append(data)
        self._wake.set()

    def people_changed(self, conversation: int, people: object) -> None:
        if len(self._present) < MOST_PENDING:
            told = {"conversation": conversation, "people": people}
            self._present[conversation] = json.dumps(told)
        self._wake.set()

    def keep_alive(self) -> None:
        self._ping = True
        self._wake.set()

    def end(self) -> None:
        self.over = True
        self._wake.set()

    async def send_all(self) -> None:
        """Send what is pending, until the stream is over."""
        await self._response.send("{}", event="hello", retry=2000)
        while not self.over:
            await self._wake.wait()
            self._wake.clear()
            if self.over:
                return
            for event, data in self._pending():
                await self._response.send(data, event=event)
            if self._ping:
                self._ping = False
                async with asyncio.timeout(STALLED):
                    await self._response.write(b": ping\r\n\r\n")

    def _pending(self) -> Iterator[tuple[str, str]]:
        """The events to send now; whatever comes meanwhile waits for the next time."""
        queue, self._queue = self._queue, False
        conversations, self._conversations = self._conversations, {}
        typing, self._typing = self._typing, {}
        alerts, self._alerts = self._alerts, []
        notices, self._notices = self._notices, []
        page, self._page = self._page, False
        for told in alerts:
            yield "alert", json.dumps(told)
        if page:
            yield "changed", json.dumps({"part": "page"})
        if queue:
            yield "changed", "{}"
        for conversation in conversations:
            yield "changed", json.dumps({"conversation": conversation})
        for lane in typing:
            yield "typing", json.dumps({"lane": lane})
        for notice in notices:
            yield "notice", json.dumps(notice)
        present, self._present = self._present, {}
        for people in present.values():
            yield "presence", people


class LiveStreams:
    """All open streams."""

    def __init__(self, *, services: Services, sessions: DeskSessions, boards: QueueBoards) -> None:
        self._services, self._sessions, self._boards = services, sessions, boards
        self.presence = ConversationPresence(
            services.events, services.clock, changed=self._people_changed
        )
        self._streams: dict[LiveStream, None] = {}
        """The one that was told of the queue longest ago comes first."""
        self._opened: TTLCache[tuple[str, int | str], None] = TTLCache(MOST_OPENED, ttl=OPENED_FOR)
        """The conversations that pages of a session show, by id and by lane."""
        self._outdated, self._read = asyncio.Event(), asyncio.Event()
        self._closed = False

    def opened(self, session: DeskSession, conversation: int, lane: str) -> None:
        """A page of ``session`` shows ``conversation``, so it is told of changes there."""
        self._opened[session.id, conversation] = None
        self._opened[session.id, lane] = None

    async def serve(self, request: web.Request, session: DeskSession) -> web.StreamResponse:
        """Stream until the browser disconnects, the session ends or the gateway stops."""
        response = EventSourceResponse(send_timeout=STALLED, ping_interval=86_400)
        response.headers.update(SECURITY_HEADERS)
        await response.prepare(request)
        stream = LiveStream(session, response, self._boards.of(session.agent.brands))
        stream.generation = stream.newest
        self._streams[stream] = None
        stream.over = self._closed
        async with response:
            try:
                with suppress(ConnectionError, TimeoutError):
                    await stream.send_all()
            finally:
                self._streams.pop(stream, None)
        return response

    def of_agents(self, chosen: Callable[[Agent], bool]) -> tuple[LiveStream, ...]:
        """The open streams of the agents whom ``chosen`` names."""
        return tuple(stream for stream in self._streams if chosen(stream.session.agent))

    async def run(self) -> None:
        """Until cancelled; then end all streams, so that the server does not wait for them."""
        self._closed = False
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._listen, self._read_queue, self._tell, self._check):
                    group.create_task(work())
        finally:
            self._closed = True
            for stream in tuple(self._streams):
                stream.end()

    async def _listen(self) -> None:
        async with self._services.events.listen("desk") as events:
            async for event in events:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        if event.name == "typing":
            lane = str(event.data.get("lane", ""))
            for stream in self._showing(lane):
                stream.customer_types(lane)
            return
        if event.name == "notice":
            kind, about = str(event.data.get("kind", "")), event.conversation
            for stream in self._streams:
                if stream.session.agent.id == event.data.get("to"):
                    stream.notice({"notice": kind, "about": about})
            return
        if event.name == PRESENCE:
            self.presence.note(event)
            return
        if self._boards.outdate(event):
            self._outdated.set()
        if event.conversation:
            for stream in self._showing(event.conversation):
                stream.conversation_changed(event.conversation)

    def _people_changed(self, conversation: int) -> None:
        for stream in self._showing(conversation):
            agent = stream.session.agent
            stream.people_changed(conversation, people_json(self.presence, conversation, agent))

    def _showing(self, conversation: int | str) -> Iterator[LiveStream]:
        """The streams whose pages show a conversation, given by its id or its lane."""
        return (s for s in self._streams if (s.session.id, conversation) in self._opened)

    async def _read_queue(self) -> None:
        """Read the queue after each change, for all streams, `READ_INTERVAL` apart."""
        while True:
            await self._outdated.wait()
            self._outdated.clear()
            if not self._streams:
                continue
            try:
                for board in {stream.board for stream in self._streams}:
                    await board.current()
            except Exception:
                log.exception("desk.queue_unreadable")  # the next event tries again
            self._read.set()
            await asyncio.sleep(READ_INTERVAL)

    async def _tell(self) -> None:
        """Tell the pages one by one that the queue has changed: first those whose own
        conversations changed, then the one that was told longest ago."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            stream = self._next()
            if stream is None:
                self._read.clear()
                await self._read.wait()
                continue
            stream.queue_changed(stream.newest)
            self._streams[stream] = self._streams.pop(stream)
            due = max(due + 1 / PACE, loop.time() - LATE)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _next(self) -> LiveStream | None:
        outdated = [s for s in self._streams if s.newest > s.generation]
        own = (s for s in outdated if s.board.own_generation(s.session.agent) > s.generation)
        return next(own, outdated[0] if outdated else None)

    async def _check(self) -> None:
        """End the streams of sessions that are over, and keep the other connections alive."""
        while True:
            known: dict[tuple[str, tuple[str, ...]], bool] = {}
            for stream in tuple(self._streams):
                session = stream.session
                key = session.id, session.agent.brands
                try:
                    if key not in known:  # several pages of one browser share a session
                        known[key] = await self._sessions.is_open(session)
                except Exception:
                    log.exception("desk.session_unreadable")  # the next round tries again
                    continue
                stream.keep_alive() if known[key] else stream.end()
            self._outdated.set()  # another program may have changed the queue
            await self._services.clock.sleep(CHECK_INTERVAL)
