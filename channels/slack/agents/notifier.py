"""Telling agents what they alone should see, and signs on their messages.

What is to be told is written down first, so that an outage of Slack only delays it. An ephemeral
message cannot be read back: cut off, it may come twice, and never not at all.
"""

from __future__ import annotations

import asyncio

import structlog

from channels.slack.agents.context import Backoff, Office
from channels.slack.agents.line import Refused
from channels.slack.agents.store import Kept, Tell
from gateway import Outdated, TryLater, Unsure

log = structlog.get_logger(__name__)


class Teller:
    """The worker."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        backoff = Backoff()
        while True:
            self._wake.clear()
            async for kept in self._office.book.all("tell/", Tell):
                await self._until_told(kept, backoff)
            await self._wake.wait()

    async def _until_told(self, kept: Kept[Tell], backoff: Backoff) -> None:
        while True:
            try:
                await self._tell(kept.value)
            except (TryLater, Unsure) as error:
                await self._office.house.clock.sleep(backoff.after(error))
                continue
            except Refused as refused:
                if refused.error != "already_reacted":
                    log.warning("agents_slack.not_told", id=kept.key, error=refused.error)
            backoff.over()
            try:
                await self._office.book.drop(kept)
            except Outdated:
                log.warning("agents_slack.told_twice", id=kept.key)
            return

    async def _tell(self, tell: Tell) -> None:
        line, channel = self._office.line, self._office.channel
        if tell.emoji:
            await line.call(
                "reactions.add", channel=channel, timestamp=tell.thread, name=tell.emoji
            )
            return
        where = {"thread_ts": tell.thread} if tell.thread else {}
        shown = {"blocks": tell.blocks} if tell.blocks else {}
        await line.call(
            "chat.postEphemeral", channel=channel, user=tell.user, text=tell.text, **where, **shown
        )
