"""Long polling: we ask Telegram what is new, and confirm only what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from channels.telegram.api import Api
from channels.telegram.parse import whereabouts
from channels.telegram.receive import Unintelligible
from gateway import Clock, Json, NotAccepted, TryLater, Undeliverable, Unsure

log = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds between attempts while Telegram cannot be reached."""


class Polling:
    """Asks until cancelled; after a failure again, later each time."""

    def __init__(
        self, api: Api, take: Callable[[Json], Awaitable[None]], clock: Clock, *, wait: int
    ) -> None:
        self._api, self._take, self._clock, self._wait = api, take, clock, wait
        self._offset: int | None = None
        self._alone = False
        self.trouble: str | None = "Telegram was not reached yet"

    async def run(self) -> None:
        pause = FIRST_WAIT
        while True:
            try:
                await self._once()
            except (TryLater, Undeliverable, Unsure, NotAccepted) as error:
                self.trouble, self._alone = str(error), False
                log.warning("telegram.poll_failed", error=self.trouble, again_in=pause)
                await self._clock.sleep(max(pause, getattr(error, "after", None) or 0.0))
                pause = min(LONGEST_WAIT, pause * 2)
            else:
                self.trouble, pause = None, FIRST_WAIT

    async def _once(self) -> None:
        if not self._alone:
            # "You will not be able to receive updates using getUpdates for as long as an
            # outgoing webhook is set up" (Bot API). What waits there is not dropped.
            async with self._api.calling() as bot:
                await bot.delete_webhook(drop_pending_updates=False)
            self._alone = True
            # The first poll answers at once, so that we know that we are heard.
            found = await self._api.updates(self._offset, 0)
        else:
            found = await self._api.updates(self._offset, self._wait)
        if found:
            await self._take_all(found)

    async def _take_all(self, found: list[Json]) -> None:
        """Commit a batch: chats side by side, each in order. What is behind the first update that
        failed comes again, and is known by its id then."""
        chats: dict[int, list[Json]] = {}
        for raw in found:
            where = whereabouts(raw) if isinstance(raw, dict) else None
            chats.setdefault(where.chat if where else 0, []).append(raw)
        done = set().union(*await asyncio.gather(*(self._in_order(one) for one in chats.values())))
        for raw in found:
            if _id(raw) not in done:
                raise NotAccepted(f"update {_id(raw)} could not be taken in; it comes again")
            self._offset = max(self._offset or 0, _id(raw) + 1)

    async def _in_order(self, updates: list[Json]) -> set[int]:
        done = set()
        for raw in updates:
            try:
                await self._take(raw)
            except Unintelligible as error:
                log.warning("telegram.dropped", update=_id(raw), why=str(error))
            except NotAccepted as error:
                log.warning("telegram.not_accepted", update=_id(raw), error=str(error))
                break
            except Exception:
                log.exception("telegram.update_failed", update=_id(raw))
                break
            done.add(_id(raw))
        return done


def _id(raw: Json) -> int:
    id = raw.get("update_id") if isinstance(raw, dict) else None
    return id if isinstance(id, int) else -1
