"""The pages of the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway import AuditEntry, NotFound, Services
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import HtmlRenderer
from plugins.agents_desk.pages import ID

LINES_PER_PAGE = 200


@dataclass(kw_only=True)
class AuditPages:
    """The whole audit log, for admins, and that of one conversation, for leads too."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard

    def routes(self) -> list[web.RouteDef]:
        read = self.guard.read
        return [
            web.get("/desk/audit", read(self._audit_log, "read_audit")),
            web.get(f"/desk/c/{ID}/audit", read(self._audit_log_of_conversation, "see_all")),
        ]

    async def _audit_log(self, request: web.Request, session: DeskSession) -> web.Response:
        before = request.query.get("before", "")
        who = request.query.get("who", "")[:200] or None
        is_id = before.isascii() and before.isdecimal() and len(before) < 19
        lines = await self.services.audit.lines(
            who=who, before=int(before) if is_id else None, limit=LINES_PER_PAGE
        )
        await self.services.audit.record(session.agent.id, "audit_read")
        return self._audit_page(
            session, lines, title="Audit log", more=len(lines) == LINES_PER_PAGE, who=who
        )

    async def _audit_log_of_conversation(
        self, request: web.Request, session: DeskSession
    ) -> web.Response:
        number = int(request.match_info["id"])
        try:
            card = await self.services.desk.card(number)
        except NotFound:
            return self.html.conversation_not_found()
        if not may_see(session.role, session.agent, card.conversation):
            return self.html.forbidden()
        lines = await self.services.audit.lines(conversation=number, limit=LINES_PER_PAGE)
        await self.services.audit.record(session.agent.id, "audit_read", conversation=number)
        return self._audit_page(session, lines, title=f"Audit log of conversation {number}")

    def _audit_page(
        self,
        session: DeskSession,
        lines: tuple[AuditEntry, ...],
        *,
        title: str,
        more: bool = False,
        who: str | None = None,
    ) -> web.Response:
        return self.html.page(
            "audit.html", session=session, lines=lines, title=title, more=more, who=who
        )
