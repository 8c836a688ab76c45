"""Keeping cards and threads as the house has them.

Driven by the truth: for each conversation, what the desk says is compared with what was posted, and
the difference is posted. Events only say where to look; a look at all of them every ``refresh``
seconds finds what no event told. One worker posts everything, so Slack's order is ours.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from channels.slack.agents.context import Backoff, Office
from channels.slack.agents.line import Refused
from channels.slack.agents.publisher import Poster
from channels.slack.agents.store import Thread
from channels.slack.agents.threads import Threads
from channels.slack.agents.writing import Writing
from gateway import NotFound, Outdated, TryLater, Unsure, WarmlineError

log = structlog.get_logger(__name__)
GONE = frozenset({"message_not_found", "thread_not_found"})
OURS = frozenset(
    {
        "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive",
        "missing_scope", "no_permission", "access_denied", "channel_not_found", "not_in_channel",
        "is_archived", "team_access_not_granted", "ekm_access_denied", "org_login_required",
    }
)  # fmt: skip
"""Something about our app or the channel, which a person must mend: everything waits for it."""


class Mirror:
    """The worker."""

    def __init__(self, office: Office, poster: Poster) -> None:
        self._office, self._poster = office, poster
        self._dirty: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._threads = Threads(office.book)
        self._writing = Writing(office, poster, self._threads)
        self._working = False

    async def posting(self) -> bool:
        """Whether there is a card whose timestamp is not known yet."""
        if self._working:
            return self._threads.rootless()
        return any([not kept.value.ts async for kept in self._office.book.all("open/", Thread)])

    async def posted(self, within: float) -> None:
        """Wait until no card is being posted, or ``within`` seconds are over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while await self.posting():
                    self._writing.rooted.clear()
                    await self._writing.rooted.wait()

    def look(self, conversation: int) -> None:
        """Something happened there."""
        if not self._working:
            return  # in another process; at the start everything is looked at
        self._dirty[conversation] = None
        self._wake.set()

    def wake(self) -> None:
        """Look at every thread again, soon."""
        for conversation in self._threads:
            self._dirty[conversation] = None
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; from the beginning, for it may have run elsewhere meanwhile."""
        await self._threads.load()
        for conversation in self._threads:
            self._poster.saw(self._threads[conversation].ts)
        self._working = True
        try:
            await self._run()
        finally:
            self._working = False

    async def _run(self) -> None:
        async with self._office.house.events.listen("desk") as news, asyncio.TaskGroup() as group:

            async def listen() -> None:
                async for event in news:
                    if event.conversation:
                        self.look(event.conversation)

            group.create_task(listen())
            group.create_task(self._rounds())
            group.create_task(self._work())

    async def _rounds(self) -> None:
        while True:
            for item in await self._office.house.desk.queue():
                self._dirty.setdefault(item.conversation.id)
            self.wake()
            await self._office.house.clock.sleep(self._office.settings.refresh)

    async def _work(self) -> None:
        backoff = Backoff()
        while True:
            self._wake.clear()
            while self._dirty:
                await self._try(self._next(), backoff)
            await self._wake.wait()

    async def _try(self, conversation: int, backoff: Backoff) -> None:
        try:
            await self._writing.bring(conversation)
            backoff.over()
        except Outdated:
            await self._again(conversation)
        except NotFound:
            await self._writing.erase(conversation)
        except (TryLater, Unsure, Refused) as error:
            await self._failed(conversation, error, backoff)
        except Exception:
            # The next round looks at it again; the others must not wait for it.
            log.exception("agents_slack.mirror_failed", conversation=conversation)
            await self._again(conversation, look=False)

    def _next(self) -> int:
        """Who has no card yet comes first."""
        new = (id for id in self._dirty if id not in self._threads)
        conversation = next(new, None) or next(iter(self._dirty))
        del self._dirty[conversation]
        return conversation

    async def _again(self, conversation: int, *, look: bool = True) -> None:
        await self._threads.look_up(conversation)
        if look:
            self.look(conversation)

    async def _failed(self, conversation: int, error: WarmlineError, backoff: Backoff) -> None:
        log.warning("agents_slack.slack_failed", conversation=conversation, error=str(error))
        if isinstance(error, Refused) and error.error in GONE:
            await self._threads.lose(conversation)
        elif isinstance(error, Refused):
            self._office.line.trouble = str(error)
            if error.error not in OURS:
                # Something with this one alone: the next round tries it again.
                await self._again(conversation, look=False)
                return
        await self._again(conversation)
        await self._office.house.clock.sleep(backoff.after(error))
