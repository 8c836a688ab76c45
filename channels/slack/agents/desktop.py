"""The App Home of those who look at it, kept current at a modest pace."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta

import msgspec
import structlog

from channels.slack.agents import home
from channels.slack.agents.blocks import Block
from channels.slack.agents.context import Office
from channels.slack.agents.home import Desktop
from channels.slack.agents.line import Refused
from channels.slack.agents.store import Day, Person, Thread
from gateway import TryLater, Unsure, WarmlineError

log = structlog.get_logger(__name__)
LOOKS = timedelta(minutes=15)
"""After opening it somebody is taken to look at it for so long."""


class Desktops:
    """The worker. What it does not manage to show is shown at the next round, or when the agent
    opens the page again: nothing depends on it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._looking: dict[str, datetime] = {}
        self._shown: dict[str, str] = {}
        self._due: dict[str, None] = {}
        self._wake = asyncio.Event()

    async def opened(self, user: str) -> None:
        """They look at it now."""
        self._looking[user] = self._office.house.clock.now()
        self._shown.pop(user, None)
        self.changed(user)

    def changed(self, user: str) -> None:
        """Something of theirs has changed."""
        if user in self._looking:
            self._due[user] = None
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rounds())
            while True:
                self._wake.clear()
                while self._due:
                    user = next(iter(self._due))
                    del self._due[user]
                    await self._publish(user)
                await self._wake.wait()

    async def of(self, user: str) -> Desktop:
        """All that concerns this agent, now."""
        house, book = self._office.house, self._office.book
        day = await book.get(f"day/{user}/{self._office.today}", Day)
        person = await book.get(f"person/{user}", Person)
        live = await book.live()
        return Desktop(
            me=f"slack:{user}",
            items=await house.desk.queue(),
            threads={k.value.conversation: k.value.ts async for k in book.all("open/", Thread)},
            held=tuple(k.value for k in live if k.value.user == user and k.value.stage != "new"),
            day=day.value if day else Day(),
            away_since=person.value.away_since if person else "",
            archive=self._office.people.archive,
            now=house.clock.now(),
        )

    async def _rounds(self) -> None:
        while True:
            await self._office.house.clock.sleep(self._office.settings.refresh)
            now = self._office.house.clock.now()
            for user, since in tuple(self._looking.items()):
                if now - since > LOOKS:
                    del self._looking[user]
                else:
                    self.changed(user)

    async def _publish(self, user: str) -> None:
        try:
            agent = await self._office.people.agent(user)
            view: Block = home.view(await self.of(user)) if agent else home.stranger()
            digest = hashlib.sha256(msgspec.json.encode(view)).hexdigest()
            if self._shown.get(user) != digest:
                await self._office.line.call("views.publish", user_id=user, view=view)
                self._shown[user] = digest
        except (TryLater, Unsure, Refused) as error:
            log.info("agents_slack.home_not_shown", error=str(error))
        except WarmlineError as error:
            log.warning("agents_slack.home_failed", error=str(error))
