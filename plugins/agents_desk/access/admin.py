"""Administration: changes to accounts, the page Users, and the pages of the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway import AuditEntry, AuditLog, Json, NotFound, Services, WarmlineError
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import (
    RIGHT_DESCRIPTIONS,
    RIGHTS,
    ROLES,
    AccountUpdate,
    DeskAccount,
    DeskAccounts,
    desk_agent,
    hash_password,
    may_see,
)
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard, SessionHandler, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.pages import ID
from plugins.agents_desk.settings import DeskUser, Role

LINES_PER_PAGE = 200
NOT_ON_OWN_ACCOUNT = frozenset({"role", "lock", "remove", "reset-second-factor"})
"""Another admin must do these to an admin's account, so that there is always an admin left."""

AccountAction = Callable[[str, str, Mapping[str, str]], Awaitable[None]]
"""Called with who does it, the name of the account, and the fields of the form."""


@dataclass(kw_only=True)
class AccountManager:
    """Changes accounts, from the page Users or the command line, and records it in the audit log.

    ``by`` is who makes the change. Every method raises WarmlineError with what is wrong.
    """

    accounts: DeskAccounts
    audit: AuditLog
    data: PersonData

    async def add(
        self,
        by: str,
        name: str,
        password: str,
        *,
        role: str = "agent",
        display_name: str = "",
        tier: str = "front",
        skills: tuple[str, ...] = (),
        brands: tuple[str, ...] = (),
    ) -> None:
        password_hash = hash_password(password)
        try:
            DeskUser.model_validate(
                {
                    "name": name,
                    "password_hash": password_hash,
                    "display_name": display_name or None,
                }
            )
        except ValueError:
            rule = (
                "a name has at most 64 letters, digits and . _ @ -, and starts with a letter or "
                "digit; a display name has at most 80 characters"
            )
            raise WarmlineError(rule) from None
        account = DeskAccount(
            name=name,
            agent=desk_agent(name, display_name, tier=tier, skills=skills, brands=brands),
            role=parse_role(role),
            password_hash=password_hash,
        )
        await self.accounts.add(account)
        await self._record(by, "user_added", account, f"as {role}")

    async def set_role(self, by: str, name: str, role: str) -> None:
        new = parse_role(role)
        await self._change(by, name, "user_changed", lambda a: a.replace(role=new), f"role {role}")

    async def set_brands(self, by: str, name: str, brands: tuple[str, ...]) -> None:
        """Limit the person to ``brands``; none: they see all."""
        await self._change(
            by,
            name,
            "user_changed",
            lambda a: a.replace(agent=a.agent.replace(brands=brands)),
            f"brands {', '.join(brands) or 'all'}",
        )

    async def lock(self, by: str, name: str) -> None:
        """Sign the person out everywhere and refuse later sign-ins."""
        await self._change(by, name, "user_locked", lambda a: a.replace(locked=True, era=a.era + 1))

    async def unlock(self, by: str, name: str) -> None:
        await self._change(
            by, name, "user_unlocked", lambda a: a.replace(locked=False, era=a.era + 1)
        )

    async def set_password(self, by: str, name: str, password: str) -> None:
        """Also signs the person out everywhere: somebody else may know the old password."""
        new = hash_password(password)
        await self._change(
            by,
            name,
            "user_changed",
            lambda a: a.replace(password_hash=new, era=a.era + 1),
            "password",
        )

    async def reset_second_factor(self, by: str, name: str) -> None:
        """Remove the person's second factor, for example when the phone is lost, and sign them
        out everywhere."""
        await self._change(
            by,
            name,
            "second_factor_removed",
            lambda a: a.replace(second_factor=None, era=a.era + 1),
        )

    async def sign_out(self, by: str, name: str) -> None:
        """End all sessions of the person."""
        await self._change(by, name, "signed_out_everywhere", lambda a: a.replace(era=a.era + 1))

    async def remove(self, by: str, name: str) -> None:
        """Remove the account and everything that the desk stores about the person."""
        try:
            account = await self.accounts.remove(name)
        except NotFound:
            if not await self.data.erase(name):
                raise
            return
        await self.data.erase(name, account.agent.id if account else "")
        if account is not None:
            await self._record(by, "user_removed", account)

    async def export(self, by: str, name: str) -> dict[str, Json]:
        """Everything that the desk stores about the person. Raises NotFound."""
        exported = await self.data.export(name)
        await self.audit.record(by, "exported", detail=desk_agent(name).id)
        return exported

    async def _change(
        self, by: str, name: str, what: str, update: AccountUpdate, detail: str = ""
    ) -> None:
        await self._record(by, what, await self.accounts.change(name, update), detail)

    async def _record(self, by: str, what: str, account: DeskAccount, detail: str = "") -> None:
        await self.audit.record(by, what, detail=f"{account.agent.id} {detail}".strip())


def parse_role(text: str) -> Role:
    for role in ROLES:
        if text == role:
            return role
    raise WarmlineError(f"there is no role {text!r}; the roles are {', '.join(ROLES)}")


def _check_is_other(name: str, session: DeskSession) -> None:
    if name.casefold() == session.name.casefold():
        raise WarmlineError("only another admin can do this to your account")


@dataclass(kw_only=True)
class AdminPages:
    """The pages Users and Audit log, for admins, and the audit log of one conversation, for leads
    too."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    manager: AccountManager

    def routes(self) -> list[web.RouteDef]:
        read, act, manager = self.guard.read, self.guard.act, self.manager
        actions: dict[str, AccountAction] = {
            "add": lambda by, name, fields: manager.add(
                by,
                name,
                fields["password"],
                role=fields.get("role", ""),
                display_name=fields.get("display_name", "")[:80],
            ),
            "role": lambda by, name, fields: manager.set_role(by, name, fields.get("role", "")),
            "lock": lambda by, name, _: manager.lock(by, name),
            "unlock": lambda by, name, _: manager.unlock(by, name),
            "password": lambda by, name, fields: manager.set_password(by, name, fields["password"]),
            "reset-second-factor": lambda by, name, _: manager.reset_second_factor(by, name),
            "sign-out": lambda by, name, _: manager.sign_out(by, name),
            "remove": lambda by, name, _: manager.remove(by, name),
        }
        return [
            web.get("/desk/users", read(self._users, "manage")),
            web.get("/desk/audit", read(self._audit_log, "read_audit")),
            web.get(f"/desk/c/{ID}/audit", read(self._audit_log_of_conversation, "see_all")),
            *(
                web.post(f"/desk/users/{name}", act(self._handler(name, action), "manage"))
                for name, action in actions.items()
            ),
            web.post("/desk/sign-out-everywhere", act(self._sign_out_everywhere)),
        ]

    def _handler(self, action_name: str, action: AccountAction) -> SessionHandler:
        async def handle(request: web.Request, session: DeskSession) -> web.Response:
            given = await read_fields(request)
            fields = {k: v.strip() for k, v in given.items() if isinstance(v, str)}
            fields["password"] = str(given.get("password", ""))
            name = fields.get("name", "")
            try:
                if action_name in NOT_ON_OWN_ACCOUNT:
                    _check_is_other(name, session)
                await action(session.agent.id, name, fields)
            except WarmlineError as error:
                return await self._users_page(session, problem=f"{error}.", status=422)
            return redirect("/desk/users")

        return handle

    async def _users(self, _: web.Request, session: DeskSession) -> web.Response:
        return await self._users_page(session)

    async def _users_page(
        self, session: DeskSession, *, problem: str = "", status: int = 200
    ) -> web.Response:
        return self.html.page(
            "users.html",
            status=status,
            session=session,
            users=await self.manager.accounts.all(),
            roles=ROLES,
            rights=RIGHTS,
            right_descriptions=RIGHT_DESCRIPTIONS,
            problem=problem,
        )

    async def _sign_out_everywhere(self, _: web.Request, session: DeskSession) -> web.Response:
        await self.manager.sign_out(session.agent.id, session.name)
        return redirect("/desk/sign-in")

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
