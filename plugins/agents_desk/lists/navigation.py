"""The lists in the left column: how many are in each, the saved views, and the list that an open
conversation comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cachetools import TTLCache

from gateway import ConversationFilter, ConversationList, ListName, Services, Value
from plugins.agents_desk.access.accounts import may
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.lists.query import TITLES, ListQuery, as_filter, parse_query
from plugins.agents_desk.lists.rows import ListRow, list_row
from plugins.agents_desk.lists.views import SavedView, SavedViews
from plugins.agents_desk.queue import QueueBoards

SHOWN = 50
"""Conversations on a page of a list."""
MOST_COUNTED = 100
"""From here on a count says "99+"."""
COUNTS_KEPT = 5.0
"""Seconds for which the counts stay as they were read."""
AGENTS = 1000
"""Agents whose counts are kept."""


class NavigationView(Value, frozen=True, kw_only=True):
    """The lists as one person sees them. ``counts`` are as they are shown; not every list has
    one."""

    counts: dict[str, str]
    views: tuple[SavedView, ...]

    @property
    def titles(self) -> Mapping[ListName, str]:
        return TITLES


class SideList(Value, frozen=True, kw_only=True):
    """The list that an open conversation comes from, beside it."""

    query: ListQuery
    title: str
    rows: tuple[ListRow, ...]
    following: ListQuery | None


@dataclass(kw_only=True)
class ListNavigator:
    """Reads lists as a person may see them. ``everybody``: agents see what colleagues have."""

    services: Services
    boards: QueueBoards
    views: SavedViews
    everybody: bool

    def __post_init__(self) -> None:
        self._counts: TTLCache[tuple[object, ...], Mapping[ListName, int]] = TTLCache(
            AGENTS, ttl=COUNTS_KEPT, timer=lambda: self.services.clock.now().timestamp()
        )

    def forget_counts(self) -> None:
        """Read the counts again the next time."""
        self._counts.clear()

    async def view(self, session: DeskSession) -> NavigationView:
        waiting = (await self.boards.of(session.agent.brands).latest()).count
        counts = {"waiting": waiting, **await self._counted(session)}
        return NavigationView(
            counts={name: _bounded(count) for name, count in counts.items()},
            views=await self.views.of(session),
        )

    async def read(self, session: DeskSession, query: ListQuery) -> ConversationList:
        """The page of a list that ``query`` asks for."""
        chosen = as_filter(
            query,
            session.agent,
            brands=self.services.brands,
            colleagues=self.sees_colleagues(session),
        )
        return await self.services.desk.conversations(chosen, after=query.after, most=SHOWN)

    async def rows(
        self, session: DeskSession, query: ListQuery
    ) -> tuple[tuple[ListRow, ...], ListQuery | None]:
        """The lines of that page, and the query of the next one."""
        found = await self.read(session, query)
        now, agent = self.services.clock.now(), session.agent.id
        rows = tuple(list_row(item, agent, now) for item in found.items)
        return rows, query.behind(found.following) if found.following else None

    async def side(self, session: DeskSession, text: str) -> SideList | None:
        """The list that ``text`` (`ListQuery.text`) names; None when there is none."""
        name, _, fields = text.partition("?")
        if name not in TITLES:
            return None
        query = parse_query(name, dict(parse_qsl(fields)))
        rows, following = await self.rows(session, query)
        views = await self.views.of(session) if query.view else ()
        titles = [view.title for view in views if view.id == query.view]
        return SideList(
            query=query, title=next(iter(titles), query.title), rows=rows, following=following
        )

    def sees_colleagues(self, session: DeskSession) -> bool:
        return self.everybody or may(session.role, "see_all")

    async def _counted(self, session: DeskSession) -> Mapping[ListName, int]:
        agent, colleagues = session.agent, self.sees_colleagues(session)
        key = (agent.id, agent.brands, colleagues)
        if key not in self._counts:
            chosen = ConversationFilter(
                agent=agent.id, colleagues=colleagues, brands=tuple(agent.brands)
            )
            self._counts[key] = await self.services.desk.list_counts(chosen, most=MOST_COUNTED)
        return self._counts[key]


def _bounded(count: int) -> str:
    return str(count) if count < MOST_COUNTED else f"{MOST_COUNTED - 1}+"
