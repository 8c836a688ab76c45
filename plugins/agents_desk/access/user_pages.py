"""The page Users, and one page for each user: for admins."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from gateway import Services, WarmlineError
from plugins.agents_desk.access.accounts import (
    RIGHT_DESCRIPTIONS,
    RIGHTS,
    ROLES,
    SHORTEST_PASSWORD,
    DeskAccount,
)
from plugins.agents_desk.access.admin import AccountManager
from plugins.agents_desk.access.joining import AccountJoining
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard, SessionHandler, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect, with_security_headers

PERSON = r"{name:[^/{}]{1,80}}"
NOT_ON_OWN_ACCOUNT = frozenset({"role", "brands", "lock", "remove", "reset-second-factor"})
"""Another admin must do these to an admin's account, so that there is always an admin left."""
ON_NEW_ACCOUNT = frozenset({"add", "invite"})

Fields = Mapping[str, str]
AccountAction = Callable[[str, str, Fields], Awaitable[None]]
"""Called with who does it, the name of the account, and the fields of the form."""


@dataclass(kw_only=True)
class UserPages:
    """Lists and changes users, and makes links to choose a password by.

    An admin who is limited to brands manages only people of these brands: else they could give
    themselves the others.
    """

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    manager: AccountManager
    joining: AccountJoining

    def routes(self) -> list[web.RouteDef]:
        read, act, manager = self.guard.read, self.guard.act, self.manager
        actions: dict[str, AccountAction] = {
            "add": lambda by, name, fields: manager.add(
                by,
                name,
                fields["password"],
                role=fields.get("role", ""),
                display_name=fields.get("display_name", "")[:80],
                brands=_brands(fields),
            ),
            "role": lambda by, name, fields: manager.set_role(by, name, fields.get("role", "")),
            "brands": lambda by, name, fields: manager.set_brands(by, name, _brands(fields)),
            "lock": lambda by, name, _: manager.lock(by, name),
            "unlock": lambda by, name, _: manager.unlock(by, name),
            "password": lambda by, name, fields: manager.set_password(by, name, fields["password"]),
            "reset-second-factor": lambda by, name, _: manager.reset_second_factor(by, name),
            "sign-out": lambda by, name, _: manager.sign_out(by, name),
            "remove": lambda by, name, _: manager.remove(by, name),
        }
        return [
            web.get("/desk/users", read(self._users, "manage")),
            web.get(f"/desk/user/{PERSON}", read(self._user, "manage")),
            web.post("/desk/users/invite", act(self._invite, "manage")),
            web.post("/desk/users/reset", act(self._reset, "manage")),
            web.post("/desk/users/revoke", act(self._revoke, "manage")),
            web.post("/desk/users/export", act(self._export, "manage")),
            *(
                web.post(f"/desk/users/{name}", act(self._handler(name, action), "manage"))
                for name, action in actions.items()
            ),
            web.post("/desk/sign-out-everywhere", act(self._sign_out_everywhere)),
        ]

    def _handler(self, action_name: str, action: AccountAction) -> SessionHandler:
        async def handle(request: web.Request, session: DeskSession) -> web.Response:
            fields = await _read(request)
            name = fields.get("name", "")
            try:
                await self._check(action_name, name, session, fields)
                await action(session.agent.id, name, fields)
            except WarmlineError as error:
                return await self._refuse(session, error, name, fields, action_name)
            account = await self.manager.accounts.find(name)
            known = account is not None and action_name != "add"
            return redirect(f"/desk/user/{quote(name)}" if known else "/desk/users")

        return handle

    async def _check(
        self, action_name: str, name: str, session: DeskSession, fields: Fields
    ) -> None:
        """Raises WarmlineError for what this admin may not do."""
        if action_name in NOT_ON_OWN_ACCOUNT and name.casefold() == session.name.casefold():
            raise WarmlineError("only another admin can do this to your account")
        account = await self.manager.accounts.find(name)
        if account is not None and not _reaches(session, account.agent.brands):
            raise WarmlineError(f"{account.name} works for brands that you do not work for")
        if action_name in {"brands", *ON_NEW_ACCOUNT}:
            brands = _brands(fields)
            if not brands and fields.get("reach") == "some":
                raise WarmlineError("choose at least one brand, or all")
            present = account.agent.brands if account else ()
            unknown = set(brands).difference(self.services.brands, present)
            if unknown:
                raise WarmlineError(f"there is no brand {min(unknown)}")
            if not _reaches(session, brands):
                raise WarmlineError("choose among the brands that you work for")

    async def _invite(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = await _read(request)
        name = fields.get("name", "")
        try:
            await self._check("invite", name, session, fields)
            address = await self.joining.invite(
                session,
                name,
                role=fields.get("role", ""),
                display_name=fields.get("display_name", ""),
                brands=_brands(fields),
            )
        except WarmlineError as error:
            return await self._refuse(session, error, name, fields, "invite")
        return self._link_page(session, fields.get("display_name") or name, address, reset=False)

    async def _reset(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = await _read(request)
        name = fields.get("name", "")
        try:
            await self._check("reset", name, session, fields)
            address = await self.joining.reset(session, name)
        except WarmlineError as error:
            return await self._refuse(session, error, name, fields, "reset")
        account = await self.manager.accounts.find(name)
        shown = account.agent.name if account else name
        return self._link_page(session, shown, address, reset=True)

    async def _revoke(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = await _read(request)
        try:
            pending = await self.joining.links.get(fields.get("id", ""))
            if pending is not None:
                await self._check("revoke", pending.link.name, session, fields)
            await self.joining.revoke(session, fields.get("id", ""))
        except WarmlineError as error:
            return await self._users_page(session, problem=f"{error}.", status=422)
        return redirect("/desk/users")

    async def _export(self, request: web.Request, session: DeskSession) -> web.Response:
        """What the desk stores about the person, as a file."""
        fields = await _read(request)
        name = fields.get("name", "")
        try:
            await self._check("export", name, session, fields)
            exported = await self.manager.export(session.agent.id, name)
        except WarmlineError as error:
            return await self._refuse(session, error, name, fields, "export")
        body = json.dumps(exported, indent=2, ensure_ascii=False).encode()
        response = web.Response(body=body, content_type="application/json")
        response.headers["Content-Disposition"] = 'attachment; filename="user.json"'
        return with_security_headers(response)

    async def _users(self, _: web.Request, session: DeskSession) -> web.Response:
        return await self._users_page(session)

    async def _user(self, request: web.Request, session: DeskSession) -> web.Response:
        name = request.match_info["name"].replace("\x00", "")  # which PostgreSQL does not take
        account = await self.manager.accounts.find(name)
        if account is None:
            return self.html.message("Not found", "There is no such user.", status=404)
        return self._user_page(session, account)

    async def _refuse(
        self,
        session: DeskSession,
        error: WarmlineError,
        name: str,
        fields: Fields,
        action_name: str,
    ) -> web.Response:
        """The page that the form was on, with what is wrong."""
        account = await self.manager.accounts.find(name)
        if account is None or action_name in ON_NEW_ACCOUNT:
            typed = fields if action_name in ON_NEW_ACCOUNT else {}
            return await self._users_page(session, problem=f"{error}.", status=422, typed=typed)
        return self._user_page(session, account, problem=f"{error}.", status=422)

    async def _users_page(
        self,
        session: DeskSession,
        *,
        problem: str = "",
        status: int = 200,
        typed: Fields | None = None,
    ) -> web.Response:
        return self.html.page(
            "access/users.html",
            status=status,
            session=session,
            users=await self.manager.accounts.all(),
            pending=await self.joining.links.pending(),
            brands=self._choices(session),
            typed={"name": "", "display_name": "", "role": "agent", **(typed or {})},
            chosen=_brands(typed or {}) or session.agent.brands,
            roles=ROLES,
            rights=RIGHTS,
            right_descriptions=RIGHT_DESCRIPTIONS,
            shortest=SHORTEST_PASSWORD,
            problem=problem,
        )

    def _user_page(
        self, session: DeskSession, account: DeskAccount, *, problem: str = "", status: int = 200
    ) -> web.Response:
        return self.html.page(
            "access/user.html",
            status=status,
            session=session,
            user=account,
            is_self=account.name == session.name,
            brands={
                **self._choices(session),
                **{id: self.services.brands.get(id, id) for id in account.agent.brands},
            },
            chosen=account.agent.brands,
            roles=ROLES,
            shortest=SHORTEST_PASSWORD,
            problem=problem,
        )

    def _link_page(
        self, session: DeskSession, shown: str, address: str, *, reset: bool
    ) -> web.Response:
        return self.html.page(
            "access/link.html", session=session, shown=shown, address=address, reset=reset
        )

    def _choices(self, session: DeskSession) -> dict[str, str]:
        """The brands that this admin can give, with their names."""
        return {id: title for id, title in self.services.brands.items()
                if session.agent.works_for(id)}  # fmt: skip

    async def _sign_out_everywhere(self, _: web.Request, session: DeskSession) -> web.Response:
        await self.manager.sign_out(session.agent.id, session.name)
        return redirect("/desk/sign-in")


async def _read(request: web.Request) -> dict[str, str]:
    """The fields of a form; the brands that were ticked are one field, with commas between."""
    given = await read_fields(request)
    fields = {k: v.strip() for k, v in given.items() if isinstance(v, str)}
    fields["password"] = str(given.get("password", ""))
    # PostgreSQL stores no NUL, and no name has one.
    fields["name"] = fields.get("name", "").replace("\x00", "")
    ticked = [k.removeprefix("brand.") for k in fields if k.startswith("brand.")]
    fields["brands"] = ",".join(ticked) if fields.get("reach") == "some" else ""
    return fields


def _brands(fields: Fields) -> tuple[str, ...]:
    """None: all."""
    return tuple(brand for brand in fields.get("brands", "").split(",") if brand)


def _reaches(session: DeskSession, brands: tuple[str, ...]) -> bool:
    """Whether the admin works for all of what somebody with ``brands`` works for."""
    own = session.agent.brands
    return not own or (bool(brands) and set(brands) <= set(own))
