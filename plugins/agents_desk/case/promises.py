"""Whose desk an open promise comes up at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cachetools import TTLCache

from gateway import Agent, DuePromise, Services, Value

PRESENT_FOR = timedelta(minutes=3)
"""A page fetches itself every minute: whoever has none open this long is away."""
MOST_AGENTS = 2_000


class PromiseList(Value, frozen=True, kw_only=True):
    """The promises that one agent is shown: those that are broken first."""

    broken: tuple[DuePromise, ...] = ()
    due: tuple[DuePromise, ...] = ()

    @property
    def all(self) -> tuple[DuePromise, ...]:
        return (*self.broken, *self.due)


class PromiseBoard:
    """The open promises, as each agent is shown them.

    A promise comes up at the desk of whoever made it and of whoever has the conversation now, from
    its reminder on. One that is broken comes up at everybody's who may see the conversation when
    these are away, and one of the bot when nobody has the conversation. ``is_present`` says who has
    the desk open.
    """

    def __init__(self, services: Services, is_present: Callable[[str], bool] | None = None) -> None:
        self._services = services
        self._seen: TTLCache[str, None] = TTLCache(
            MOST_AGENTS,
            ttl=PRESENT_FOR.total_seconds(),
            timer=lambda: services.clock.now().timestamp(),
        )
        self._is_present = is_present or self._seen.__contains__

    def saw(self, agent: Agent) -> None:
        """``agent`` has a page of the desk open."""
        self._seen[agent.id] = None

    async def of(self, agent: Agent, *, colleagues: bool = True) -> PromiseList:
        """What ``agent`` is shown now. ``colleagues``: they may read what others have."""
        now = self._services.clock.now()
        found = await self._services.desk.promises_due(brands=agent.brands)
        shown = [due for due in found if self._concerns(due, agent, now, colleagues=colleagues)]
        return PromiseList(
            broken=tuple(d for d in shown if d.promise.is_overdue(now)),
            due=tuple(d for d in shown if not d.promise.is_overdue(now)),
        )

    def _concerns(self, due: DuePromise, agent: Agent, now: datetime, *, colleagues: bool) -> bool:
        people = {person.id for person in (due.promise.agent, due.owner) if person}
        if agent.id in people:
            return True
        if due.owner is not None and not colleagues:
            return False
        return due.promise.is_overdue(now) and not any(map(self._is_present, people))
