"""Pages for leads and admins: users, and the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway import NotFound, Services, WarmlineError
from plugins.agents_desk.accounts import Accounts
from plugins.agents_desk.forms import posted
from plugins.agents_desk.guard import Guard, redirect
from plugins.agents_desk.managing import Managing
from plugins.agents_desk.pages import ID
from plugins.agents_desk.paper import Paper
from plugins.agents_desk.roles import MEANING, RIGHTS, ROLES, sees
from plugins.agents_desk.sessions import Session

PAGE = 200
Fields = dict[str, str]
Deed = Callable[[Session, Fields], Awaitable[None]]


class Office:
    """Users are an admin's; the whole log too; that of one conversation also a lead's."""

    def __init__(
        self, services: Services, paper: Paper, guard: Guard, accounts: Accounts, managing: Managing
    ) -> None:
        self._services, self._paper, self._guard = services, paper, guard
        self._accounts, self._managing = accounts, managing

    def routes(self) -> list[web.RouteDef]:
        read, act = self._guard.read, self._guard.act
        deeds: dict[str, Deed] = {
            "add": self._add,
            "role": self._role,
            "lock": self._lock,
            "unlock": self._unlock,
            "password": self._password,
            "sign-out": self._sign_out,
            "remove": self._remove,
        }
        return [
            web.get("/desk/users", read(self._users, "manage")),
            web.get("/desk/audit", read(self._audit, "read_audit")),
            web.get(f"/desk/c/{ID}/audit", read(self._of_conversation, "see_all")),
            *(
                web.post(f"/desk/users/{name}", act(self._doing(deed), "manage"))
                for name, deed in deeds.items()
            ),
            web.post("/desk/sign-out-everywhere", act(self._myself)),
        ]

    def _doing(self, deed: Deed) -> Callable[[web.Request, Session], Awaitable[web.Response]]:
        async def done(request: web.Request, session: Session) -> web.Response:
            given = await posted(request)
            fields = {k: v.strip() for k, v in given.items() if isinstance(v, str)}
            fields["password"] = str(given.get("password", ""))
            try:
                await deed(session, fields)
            except WarmlineError as wrong:
                return await self._page(session, problem=f"{wrong}.", status=422)
            return redirect("/desk/users")

        return done

    async def _users(self, _: web.Request, session: Session) -> web.Response:
        return await self._page(session)

    async def _page(
        self, session: Session, *, problem: str = "", status: int = 200
    ) -> web.Response:
        return self._paper.page(
            "users.html",
            status=status,
            session=session,
            users=await self._accounts.all(),
            roles=ROLES,
            rights=RIGHTS,
            meaning=MEANING,
            problem=problem,
        )

    async def _add(self, session: Session, fields: Fields) -> None:
        await self._managing.add(
            session.agent.id,
            fields.get("name", ""),
            fields["password"],
            role=fields.get("role", ""),
            display_name=fields.get("display_name", "")[:80],
        )

    async def _role(self, session: Session, fields: Fields) -> None:
        self._not_myself(session, fields)
        await self._managing.role(session.agent.id, fields.get("name", ""), fields.get("role", ""))

    async def _lock(self, session: Session, fields: Fields) -> None:
        self._not_myself(session, fields)
        await self._managing.lock(session.agent.id, fields.get("name", ""), locked=True)

    async def _unlock(self, session: Session, fields: Fields) -> None:
        await self._managing.lock(session.agent.id, fields.get("name", ""), locked=False)

    async def _password(self, session: Session, fields: Fields) -> None:
        await self._managing.password(session.agent.id, fields.get("name", ""), fields["password"])

    async def _sign_out(self, session: Session, fields: Fields) -> None:
        await self._managing.sign_out(session.agent.id, fields.get("name", ""))

    async def _remove(self, session: Session, fields: Fields) -> None:
        self._not_myself(session, fields)
        await self._managing.remove(session.agent.id, fields.get("name", ""))

    def _not_myself(self, session: Session, fields: Fields) -> None:
        """So that there is always an admin left."""
        if fields.get("name", "").casefold() == session.name.casefold():
            raise WarmlineError("another admin must do that to your own account")

    async def _myself(self, _: web.Request, session: Session) -> web.Response:
        await self._managing.sign_out(session.agent.id, session.name)
        return redirect("/desk/sign-in")

    async def _audit(self, request: web.Request, session: Session) -> web.Response:
        before = request.query.get("before", "")
        who = request.query.get("who", "")[:200] or None
        known = before.isascii() and before.isdecimal() and len(before) < 19
        lines = await self._services.audit.lines(
            who=who, before=int(before) if known else None, limit=PAGE
        )
        await self._services.audit.record(session.agent.id, "audit_read")
        return self._lines(session, lines, title="Audit log", more=len(lines) == PAGE, who=who)

    async def _of_conversation(self, request: web.Request, session: Session) -> web.Response:
        number = int(request.match_info["id"])
        try:
            card = await self._services.desk.card(number)
        except NotFound:
            return self._paper.plain("Not found", "There is no such conversation.", status=404)
        if not sees(session.role, session.agent, card.conversation):
            return self._guard.forbidden()
        lines = await self._services.audit.lines(conversation=number, limit=PAGE)
        await self._services.audit.record(session.agent.id, "audit_read", conversation=number)
        return self._lines(session, lines, title=f"Audit log of conversation {number}")

    def _lines(
        self,
        session: Session,
        lines: object,
        *,
        title: str,
        more: bool = False,
        who: str | None = None,
    ) -> web.Response:
        return self._paper.page(
            "audit.html", session=session, lines=lines, title=title, more=more, who=who
        )
