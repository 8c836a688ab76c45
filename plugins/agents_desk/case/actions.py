"""One click: confirm a fact that the customer gave, and settle a promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway import NotAccepted, NotFound, Services
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.actions import to_conversation
from plugins.agents_desk.guard import OUTDATED_PAGE, InvalidForm, RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer
from plugins.agents_desk.pages import ID, DeskPages, PageDraft

LONGEST_VALUE = 500
"""Characters of a fact."""
LONGEST_ID = 18
"""Digits of an id."""

Fields = Mapping[str, str]


@dataclass(kw_only=True)
class CaseActions:
    """The forms of the card."""

    services: Services
    pages: DeskPages
    html: HtmlRenderer
    guard: RequestGuard

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"/desk/c/{ID}/fact", self.guard.act(self._handler(self._confirm))),
            web.post(f"/desk/c/{ID}/promise", self.guard.act(self._handler(self._settle))),
        ]

    def _handler(
        self, act: Callable[[int, DeskSession, Fields], Awaitable[None]]
    ) -> Callable[[web.Request, DeskSession], Awaitable[web.Response]]:
        async def handle(request: web.Request, session: DeskSession) -> web.Response:
            number = int(request.match_info["id"])
            fields = {k: v for k, v in (await read_fields(request)).items() if isinstance(v, str)}
            try:
                card = await self.services.desk.card(number)
                if not may_see(session.role, session.agent, card.conversation):
                    return self.pages.owned_by_colleague(card.conversation)
                await act(number, session, fields)
            except NotFound:
                return self.html.conversation_not_found()
            except (InvalidForm, NotAccepted) as refused:
                draft = PageDraft(problem=f"Nothing was changed: {refused}")
                return await self.pages.conversation(request, session, draft, 422)
            return to_conversation(request, number)

        return handle

    async def _confirm(self, conversation: int, session: DeskSession, fields: Fields) -> None:
        await self.services.desk.confirm_fact(
            conversation,
            session.agent,
            name=fields.get("name", "")[:LONGEST_ID],
            value=fields.get("value", "").replace("\r\n", "\n")[:LONGEST_VALUE],
            message=_id(fields, "message"),
        )

    async def _settle(self, conversation: int, session: DeskSession, fields: Fields) -> None:
        outcome = fields.get("outcome")
        if outcome not in ("kept", "withdrawn"):
            raise InvalidForm(OUTDATED_PAGE)
        await self.services.desk.settle_promise(
            conversation, _id(fields, "promise"), session.agent, kept=outcome == "kept"
        )
        self.pages.marks.views.outdate(session.agent.id)  # the next page shows what was done here


def _id(fields: Fields, name: str) -> int:
    value = fields.get(name, "")
    if not (value.isascii() and value.isdecimal() and len(value) <= LONGEST_ID):
        raise InvalidForm(OUTDATED_PAGE)
    return int(value)
