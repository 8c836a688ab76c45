"""Whose desk an open promise comes up at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from cachetools import TTLCache

from gateway import Agent, DuePromise, Services
from plugins.agents_desk.access.accounts import may
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.labels import customer_name
from plugins.agents_desk.marks.personal import DueItem

PRESENT_FOR = timedelta(minutes=3)
"""A page fetches itself every minute: whoever has none open this long is away."""
MOST_AGENTS = 2_000


class PromiseBoard:
    """The open promises, as each agent is shown them. A `DueSource`.

    A promise comes up at the desk of whoever made it and of whoever has the conversation now, from
    its reminder on. One that is broken comes up at everybody's who may see the conversation when
    these are away, and one of the bot when nobody has the conversation.

    ``is_at_work`` says of an agent's id whether this person is at work; without it, whoever has a
    page open is. ``colleagues``: whether agents may read what colleagues have.
    """

    name = "promises"

    def __init__(
        self,
        services: Services,
        is_at_work: Callable[[str, datetime], Awaitable[bool]] | None = None,
        *,
        colleagues: bool = True,
    ) -> None:
        self._services, self._colleagues = services, colleagues
        self._seen: TTLCache[str, None] = TTLCache(
            MOST_AGENTS,
            ttl=PRESENT_FOR.total_seconds(),
            timer=lambda: services.clock.now().timestamp(),
        )
        self._is_at_work = is_at_work or self._has_a_page

    def saw(self, agent: Agent) -> None:
        """``agent`` has a page of the desk open."""
        self._seen[agent.id] = None

    async def due(self, session: DeskSession, at: datetime) -> Sequence[DueItem]:
        """What this person, who has a page open now, is shown: broken ones first."""
        self.saw(session.agent)
        sees_all = self._colleagues or may(session.role, "see_all")
        found = await self.of(session.agent, at, sees_all=sees_all)
        return [_item(due, session.agent, at) for due in found]

    async def of(
        self, agent: Agent, at: datetime, *, sees_all: bool = True
    ) -> tuple[DuePromise, ...]:
        """What ``agent`` is shown: broken ones first, then the first due. ``sees_all``: they may
        read conversations that a colleague has."""
        found = await self._services.desk.promises_due(brands=agent.brands)
        present: dict[str, bool] = {}
        shown = [
            due for due in found if await self._concerns(due, agent, at, present, sees_all=sees_all)
        ]
        return tuple(sorted(shown, key=lambda due: not due.promise.is_overdue(at)))

    async def _concerns(
        self,
        due: DuePromise,
        agent: Agent,
        at: datetime,
        present: dict[str, bool],
        *,
        sees_all: bool,
    ) -> bool:
        people = {person.id for person in (due.promise.agent, due.owner) if person}
        if agent.id in people:
            return True
        if not due.promise.is_overdue(at) or not (sees_all or due.owner is None):
            return False
        for person in people - present.keys():
            present[person] = await self._is_at_work(person, at)
        return not any(present[person] for person in people)

    async def _has_a_page(self, agent: str, _at: datetime) -> bool:
        return agent in self._seen


def _item(due: DuePromise, agent: Agent, at: datetime) -> DueItem:
    promise = due.promise
    maker = promise.agent
    return DueItem(
        key=f"promise/{promise.id}",
        source=PromiseBoard.name,
        conversation=promise.conversation,
        message=promise.message,
        words=promise.words,
        due_at=promise.due,
        late=promise.is_overdue(at),
        customer=customer_name(due.customer, due.address),
        by="you" if maker and maker.id == agent.id else maker.name if maker else "the bot",
    )
