"""Saved views: a list with filters under a title, one's own or shared with the team."""

from __future__ import annotations

import secrets

import msgspec

from gateway import NotFound, PluginStorage, Value, WarmlineError
from plugins.agents_desk.access.accounts import PLUGIN, may
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.lists.query import FIELDS, ListQuery, parse_query

PREFIX = "written/view/"
"""Titles are words of people, so the views lie where erasing a customer looks for their name: see
`PluginStorage`."""
SHARED = "team"
MOST = 50
"""Views of one person, and of the team."""
LONGEST_TITLE = 60


class ViewProblem(WarmlineError):
    """A view that cannot be saved; the message is for the person."""


class SavedView(Value, frozen=True, kw_only=True):
    """A saved view. ``owner`` is the sign-in name of who made it."""

    id: str
    title: str
    list: str
    fields: dict[str, str]
    owner: str
    shared: bool = False

    @property
    def query(self) -> ListQuery:
        return parse_query(self.list, self.fields).replace(view=self.id)


class SavedViews:
    """The saved views, in the storage of the desk."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def of(self, session: DeskSession) -> tuple[SavedView, ...]:
        """The team's and the person's own, each by title."""
        found: list[SavedView] = []
        for place in (SHARED, _own(session.name)):
            entries = await self._storage.scan(PLUGIN, f"{PREFIX}{place}/", limit=MOST)
            views = (msgspec.json.decode(entry.value, type=SavedView) for entry in entries)
            found += sorted(views, key=lambda view: view.title.casefold())
        return tuple(found)

    async def save(
        self, session: DeskSession, title: str, query: ListQuery, *, shared: bool
    ) -> SavedView:
        """Save ``query`` as a new view. Raises ViewProblem."""
        view = SavedView(
            id=secrets.token_hex(6),
            title=_title(title),
            list=query.name,
            fields={key: value for key, value in query.fields.items() if key in FIELDS},
            owner=session.name,
            shared=shared,
        )
        place = SHARED if shared else _own(session.name)
        if len(await self._storage.scan(PLUGIN, f"{PREFIX}{place}/", limit=MOST)) >= MOST:
            raise ViewProblem(f"There are {MOST} views already. Remove one first.")
        await self._storage.put(PLUGIN, f"{PREFIX}{place}/{view.id}", _json(view))
        return view

    async def change(
        self, session: DeskSession, id: str, title: str, query: ListQuery
    ) -> SavedView:
        """Give the view another title and the filters of ``query``. Raises ViewProblem, NotFound,
        and Outdated when somebody else has just changed it."""
        key, version, view = await self._find(session, id)
        changed = view.replace(title=_title(title), list=query.name, fields=query.fields)
        await self._storage.put(PLUGIN, key, _json(changed), version=version)
        return changed

    async def remove(self, session: DeskSession, id: str) -> None:
        """Raises ViewProblem, NotFound, and Outdated when somebody else has just changed it."""
        key, version, _ = await self._find(session, id)
        await self._storage.drop(PLUGIN, key, version=version)

    async def made_by(self, name: str) -> tuple[SavedView, ...]:
        """The person's own views."""
        entries = await self._storage.scan(PLUGIN, f"{PREFIX}{_own(name)}/")
        return tuple(msgspec.json.decode(entry.value, type=SavedView) for entry in entries)

    async def remove_all_of(self, name: str) -> int:
        """Remove the person's own views; return how many there were."""
        views = await self.made_by(name)
        await self._storage.clear(PLUGIN, f"{PREFIX}{_own(name)}/")
        return len(views)

    async def _find(self, session: DeskSession, id: str) -> tuple[str, int, SavedView]:
        for place in (SHARED, _own(session.name)):
            key = f"{PREFIX}{place}/{id}"
            if entry := await self._storage.get(PLUGIN, key):
                view = msgspec.json.decode(entry.value, type=SavedView)
                if not may_change(session, view):
                    raise ViewProblem("Only who made this view, a lead or an admin changes it.")
                return key, entry.version, view
        raise NotFound("there is no such view")


def may_change(session: DeskSession, view: SavedView) -> bool:
    """Whether this person may change or remove the view: their own, and leads the team's."""
    return view.owner == session.name or (view.shared and may(session.role, "see_all"))


def _own(name: str) -> str:
    return f"of-{name.casefold()}"


def _title(text: str) -> str:
    title = " ".join(text.split())
    if not title:
        raise ViewProblem("Give the view a title.")
    if len(title) > LONGEST_TITLE:
        raise ViewProblem(f"A title has at most {LONGEST_TITLE} characters.")
    return title


def _json(view: SavedView) -> str:
    return msgspec.json.encode(view).decode()
