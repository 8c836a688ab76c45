"""The page that finds conversations by words, names, addresses and order numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from gateway import Address, SearchHit, SearchPage, Services, Value
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import may
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import HtmlRenderer

LONGEST = 300
"""Characters of a query."""
MOST_PARTS, ENOUGH = 5, 25
"""Parts that are read for one page, and the hits from which no further one is."""
AUTHORS: Mapping[str, str] = {"customer": "Customer", "agent": "Agent", "bot": "Bot"}


class HitView(Value, frozen=True, kw_only=True):
    """A hit as the page shows it. ``pieces`` are those of the excerpt, with whether each is a
    match."""

    conversation: int
    message: int
    at: datetime
    name: str
    place: str
    state: str
    author: str
    pieces: tuple[tuple[str, bool], ...]
    files: tuple[str, ...]


@dataclass(kw_only=True)
class SearchPages:
    """``/desk/search``: whoever may see a conversation finds it."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    colleagues: bool = False
    """Whether everybody reads what colleagues have."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/desk/search", self.guard.read(self._search))]

    async def _search(self, request: web.Request, session: DeskSession) -> web.Response:
        asked = request.query.get("q", "").strip()[:LONGEST]
        before = request.query.get("before", "")
        is_id = before.isascii() and before.isdecimal() and len(before) < 19
        page, found = await self._find(asked, session, int(before) if is_id else 0)
        hits = [self._view(hit, session) for hit in found]
        return self.html.page("search.html", session=session, asked=asked, page=page, hits=hits)

    async def _find(
        self, asked: str, session: DeskSession, before: int
    ) -> tuple[SearchPage, list[SearchHit]]:
        """The last part that was read, and what this person may see of all of them: where most
        conversations are colleagues', one part would leave a page nearly empty."""
        page, found = SearchPage(before=before), list[SearchHit]()
        if not asked or self.services.search is None:
            return SearchPage(), found
        for _ in range(MOST_PARTS):
            page = await self.services.search.find(
                asked, brands=session.agent.brands, before=page.before
            )
            found += [
                hit for hit in page.hits if may_find(hit, session, colleagues=self.colleagues)
            ]
            if not page.before or len(found) >= ENOUGH:
                break
        await self.services.audit.record(session.agent.id, "searched")
        return page, found

    def _view(self, hit: SearchHit, session: DeskSession) -> HitView:
        address = Address.from_lane(hit.address)
        brand = self.services.brands.get(hit.brand, hit.brand)
        places = (labels.channel(address.channel), address.support_address, brand)
        return HitView(
            conversation=hit.conversation,
            message=hit.message,
            at=hit.at,
            name=labels.customer_name(hit.customer_name, address),
            place=", ".join(place for place in places if place),
            state=labels.state_of(hit.state, hit.owner, session.agent.id),
            author="Note" if hit.internal else AUTHORS.get(hit.author, "Warmline"),
            pieces=tuple(pieces(hit)),
            files=hit.files,
        )


def may_find(hit: SearchHit, session: DeskSession, *, colleagues: bool = False) -> bool:
    """As `accounts.may_see`."""
    if not session.agent.works_for(hit.brand):
        return False
    return (
        colleagues
        or hit.owner is None
        or hit.owner.id == session.agent.id
        or may(session.role, "see_all")
    )


def pieces(hit: SearchHit) -> Iterator[tuple[str, bool]]:
    at = 0
    for start, end in hit.matches:
        yield hit.excerpt[at:start], False
        yield hit.excerpt[start:end], True
        at = end
    yield hit.excerpt[at:], False
