"""The part as a whole: builds it, follows events, and fires reminders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog
from aiohttp import web

from gateway import Agent, Event, Message, NotFound, Services
from plugins.agents_desk.access.accounts import DeskAccounts
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import HtmlRenderer
from plugins.agents_desk.live import LiveStreams
from plugins.agents_desk.marks.actions import MarkActions
from plugins.agents_desk.marks.alerts import AlertKind, AlertStore, alert_of, as_sent
from plugins.agents_desk.marks.mentions import Mentions, pieces
from plugins.agents_desk.marks.pages import MarkPages
from plugins.agents_desk.marks.personal import DueSource, PersonalViews
from plugins.agents_desk.marks.reminders import Reminders
from plugins.agents_desk.marks.team_labels import TeamLabels
from plugins.agents_desk.marks.when import PRESETS

log = structlog.get_logger()
LOOK_INTERVAL = 5.0
"""Seconds between two looks for reminders that have become due: one scan of those alone."""
READ = "mentions_read"


class DeskMarks:
    """Labels, snooze, reminders, mentions, spam and alerts of the web desk. ``sources``: further
    parts whose due items the strip shows."""

    def __init__(
        self, services: Services, accounts: DeskAccounts, sources: Sequence[DueSource] = ()
    ) -> None:
        storage, events = services.storage, services.events
        self._services = services
        self._labels = TeamLabels(storage)
        self._reminders = Reminders(storage, events)
        self._mentions = Mentions(storage, events)
        self._alerts = AlertStore(storage)
        self._sources = (self._reminders, *sources)
        self.views = PersonalViews(
            clock=services.clock,
            sources=self._sources,
            mentions=self._mentions,
            labels=self._labels,
            accounts=accounts,
        )
        self.actions = MarkActions(
            services=services,
            labels=self._labels,
            reminders=self._reminders,
            mentions=self._mentions,
            accounts=accounts,
            views=self.views,
        )
        self._live: LiveStreams | None = None
        self._pages: MarkPages | None = None
        self._fired: set[str] = set()

    @property
    def shared(self) -> Mapping[str, object]:
        """What the templates of all parts may call."""
        return {
            "own": self.views.of,
            "team_label": self._labels.shown,
            "note_pieces": self._pieces,
            "time_presets": PRESETS,
        }

    def routes(
        self, html: HtmlRenderer, guard: RequestGuard, live: LiveStreams, *, colleagues: bool
    ) -> list[web.RouteDef]:
        """``colleagues``: whether everybody may read what others have."""
        self._live = live
        self._pages = MarkPages(
            services=self._services,
            html=html,
            guard=guard,
            labels=self._labels,
            reminders=self._reminders,
            mentions=self._mentions,
            alerts=self._alerts,
            views=self.views,
            colleagues=colleagues,
        )
        return self._pages.routes()

    async def seen(self, session: DeskSession, conversation: int) -> None:
        """See `MarkPages.seen`."""
        if self._pages is not None:
            await self._pages.seen(session, conversation)

    async def draft(self, session: DeskSession, conversation: int, key: str) -> str:
        """The words of a reminder of this person and conversation as a draft; empty if it is
        gone."""
        with suppress(NotFound):
            found = await self._reminders.find(key, session.agent.id)
            if found.conversation == conversation:
                return found.words
        return ""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._fire())

    async def _listen(self) -> None:
        async with self._services.events.listen("desk") as events:
            async for event in events:
                try:
                    await self._handle(event)
                except Exception:
                    log.exception("desk.mark_event_failed", name=event.name)

    async def _handle(self, event: Event) -> None:
        if event.name == "note":
            await self._mention(event)
        if event.name in {READ, self._mentions.name, *(s.name for s in self._sources)}:
            agent = event.data.get("agent", "")
            self.views.outdate(agent)
            self._refresh(agent)
        if event.name == "conversation":
            self.views.outdate_due()
        if (alert := alert_of(event)) is not None:
            await self._alert(alert.kind, alert.conversation, alert.to)

    async def _mention(self, event: Event) -> None:
        """A note from wherever it was written: the web desk, or a chat such as Slack."""
        try:
            card = await self._services.desk.card(event.conversation)
        except NotFound:
            return
        wanted = event.data.get("message", "")
        note: Message | None = next((m for m in card.messages if str(m.id) == wanted), None)
        if note is not None:
            await self.actions.noted(note)

    async def _fire(self) -> None:
        """Alert people to reminders that have become due. The strip needs no alert: it goes by the
        clock, also after a restart or while nobody looked."""
        while True:
            try:
                await self.fire()
            except Exception:
                log.exception("desk.reminders_unreadable")  # the next look tries again
            await self._services.clock.sleep(LOOK_INTERVAL)

    async def fire(self) -> None:
        """Alert people to what has become due since the last look."""
        due = await self._reminders.all_due(self._services.clock.now())
        new = [reminder for reminder in due if reminder.key not in self._fired]
        self._fired = {reminder.key for reminder in due}
        for reminder in new:
            self.views.outdate(reminder.agent)
            self._refresh(reminder.agent)
            whose = _is(reminder.agent)
            await self._alert("reminder", reminder.conversation, whose)

    async def _alert(self, kind: AlertKind, conversation: int, to: Callable[[Agent], bool]) -> None:
        streams = self._live.of_agents(to) if self._live else ()
        settings = await self._alerts.of_many({stream.session.agent.id for stream in streams})
        for stream in streams:
            told = as_sent(kind, conversation, settings[stream.session.agent.id])
            if told is not None:
                stream.alert(told)

    def _refresh(self, agent: str) -> None:
        for stream in self._live.of_agents(_is(agent)) if self._live else ():
            stream.refresh()

    def _pieces(self, text: str, session: DeskSession) -> list[tuple[str, bool]]:
        """A note's text in pieces, with whether each mentions a colleague."""
        found = pieces(text, self.views.of(session).people)
        return [(part, account is not None) for part, account in found]


def _is(agent: str) -> Callable[[Agent], bool]:
    return lambda known: known.id == agent
