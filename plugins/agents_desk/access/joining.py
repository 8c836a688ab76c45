"""Invitations and resets as people meet them: an admin makes a link, and whoever has it chooses a
password and is signed in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from gateway import AuditLog, Clock, TooMany, WarmlineError
from plugins.agents_desk.access.account_links import AccountLink, AccountLinks, InvalidLink
from plugins.agents_desk.access.accounts import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    DeskAccount,
    DeskAccounts,
    password_digest,
)
from plugins.agents_desk.access.admin import check_name, check_repeated, parse_role
from plugins.agents_desk.access.sessions import DeskSession, DeskSessions, browser_name
from plugins.agents_desk.access.throttle import NetworkTurns, SignInThrottle
from plugins.agents_desk.guard import OUTDATED_PAGE, RequestGuard, is_cross_site, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect

log = structlog.get_logger(__name__)
JOIN_PAGE = "/desk/join"


@dataclass(kw_only=True)
class AccountJoining:
    """Makes links for admins, and what links are good for. All of it is in the audit log."""

    accounts: DeskAccounts
    links: AccountLinks
    audit: AuditLog
    clock: Clock
    public_url: str

    async def invite(
        self,
        admin: DeskSession,
        name: str,
        *,
        role: str,
        display_name: str = "",
        brands: tuple[str, ...] = (),
    ) -> str:
        """The address that the invited person opens. Raises WarmlineError for what cannot be."""
        check_name(name, display_name)
        if await self.accounts.find(name) is not None:
            raise WarmlineError(f"the user {name} exists already")
        link = AccountLink(
            kind="invitation",
            name=name,
            by=admin.name,
            made=self.clock.now(),
            display_name=display_name,
            role=parse_role(role),
            brands=brands,
        )
        token = await self.links.make(link)
        detail = f"{link.account('').agent.id} as {role}"
        await self.audit.record(admin.agent.id, "invited", detail=detail)
        return self._address(token)

    async def reset(self, admin: DeskSession, name: str) -> str:
        """The address where the person chooses a new password; the old one works until then.
        Raises WarmlineError for a person without a password of the desk."""
        account = await self.accounts.find(name)
        if account is None:
            raise WarmlineError(f"there is no user {name}")
        if account.fixed:
            raise WarmlineError(f"{account.name} is defined in the settings; change it there")
        if account.password_hash is None:
            raise WarmlineError(f"{account.agent.name} signs in with Slack and has no password")
        if account.locked:
            raise WarmlineError(f"{account.name} is locked; unlock the account first")
        link = AccountLink(
            kind="reset",
            name=account.name,
            by=admin.name,
            made=self.clock.now(),
            display_name=account.agent.name,
            password=password_digest(account),
        )
        token = await self.links.make(link)
        await self.audit.record(admin.agent.id, "reset_link_made", detail=account.agent.id)
        return self._address(token)

    async def revoke(self, admin: DeskSession, id: str) -> None:
        """Raises WarmlineError when the link has gone meanwhile."""
        pending = await self.links.get(id)
        if pending is None:
            raise WarmlineError("this link was used or revoked already, or has expired")
        await self.links.revoke(pending)
        detail = f"{pending.link.account('').agent.id} {pending.link.kind}"
        await self.audit.record(admin.agent.id, "link_revoked", detail=detail)

    async def choose_password(self, token: str, password: str) -> DeskAccount:
        """The account of the link, with its new password. Signs out wherever the old one was used.
        Raises InvalidLink, and WarmlineError for a password against the rules: then the link can
        be used again."""
        password_hash = await self.accounts.hash(password)
        link = await self.links.take(token)
        if link.kind == "invitation":
            account = link.account(password_hash)
            await self.accounts.add(account)
            await self.audit.record(account.agent.id, "joined", detail=f"as {link.role}")
            return account

        def change(account: DeskAccount) -> DeskAccount:
            if password_digest(account) != link.password or account.locked:
                raise InvalidLink
            return account.replace(password_hash=password_hash, era=account.era + 1)

        account = await self.accounts.change(link.name, change)
        await self.audit.record(account.agent.id, "password_changed", detail="by a link")
        return account

    def _address(self, token: str) -> str:
        """The token is in the query, which our logs leave out."""
        return f"{self.public_url.rstrip('/')}{JOIN_PAGE}?link={token}"


@dataclass(kw_only=True)
class JoinPage:
    """``/desk/join``, for people who are not signed in and have a link."""

    joining: AccountJoining
    sessions: DeskSessions
    throttle: SignInThrottle
    html: HtmlRenderer
    guard: RequestGuard
    audit: AuditLog
    turns: NetworkTurns = field(default_factory=NetworkTurns)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(JOIN_PAGE, self._show), web.post(JOIN_PAGE, self._join)]

    async def _show(self, request: web.Request) -> web.Response:
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            # From a mail the browser sends no Strict cookie, and a new one would sign out whoever
            # is signed in here; a refresh of a page of ours sends it.
            return self.html.message(
                "Opening the desk", "One moment.", status=200, refresh=request.path_qs
            )
        token = request.query.get("link", "")
        link = await self.joining.links.find(token)
        return await (self._refuse(request) if link is None else self._page(request, link, token))

    async def _join(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        token, password = str(fields.get("link", "")), str(fields.get("password", ""))
        link = await self.joining.links.find(token)
        if link is None:
            return await self._refuse(request)
        if is_cross_site(request) or not self.sessions.has_token(request, fields.get("csrf")):
            return await self._page(request, link, token, problem=OUTDATED_PAGE, status=403)
        address = self.guard.client_address(request)
        try:
            check_repeated(password, fields.get("again"))
            async with self.turns.turn(address):
                account = await self.joining.choose_password(token, password)
        except InvalidLink:
            return await self._refuse(request)
        except TooMany as error:
            page = await self._page(request, link, token, problem=f"{error}.", status=429)
            page.headers["Retry-After"] = str(math.ceil(error.after))
            return page
        except WarmlineError as error:
            return await self._page(request, link, token, problem=f"{error}.", status=422)
        return await self._sign_in(request, account, address)

    async def _sign_in(
        self, request: web.Request, account: DeskAccount, address: str
    ) -> web.Response:
        """Under a new session id; a second factor is asked for, or set up, as at any sign-in."""
        response = redirect("/desk")
        await self.sessions.end_previous(request)
        session = await self.sessions.start(
            account, response, address, browser=browser_name(request)
        )
        if not session.step:
            browser = self.sessions.name_browser(request, response)
            await self.throttle.remember(account.name.casefold(), browser)
            await self.audit.record(account.agent.id, "signed_in", origin=address)
        log.info("desk.password_chosen", agent=account.agent.id)
        return response

    async def _refuse(self, request: web.Request) -> web.Response:
        """The same for a link that was used, has expired, was revoked, or never existed."""
        address = self.guard.client_address(request)
        if wait := await self.throttle.refused_link(address):
            text = f"Too many attempts. Try again in {math.ceil(wait / 60)} min."
            response = self.html.message("Not now", text, status=429)
            response.headers["Retry-After"] = str(math.ceil(wait))
            return response
        await self.audit.record("", "link_refused", origin=address)
        log.warning("desk.link_refused", address=address)
        text = "This link was used already, has expired or was revoked. Ask an admin for a new one."
        return self.html.message("Not a valid link", text, status=404)

    async def _page(
        self,
        request: web.Request,
        link: AccountLink,
        token: str,
        *,
        problem: str = "",
        status: int = 200,
    ) -> web.Response:
        with_cookie = web.Response()
        page = self.html.page(
            "access/join.html",
            status=status,
            csrf=self.sessions.anonymous_token(request, with_cookie),
            link=link,
            token=token,
            shown_name=link.display_name or link.name,
            others=await self.sessions.find(request),
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
            problem=problem,
        )
        page.cookies.update(with_cookie.cookies)
        return page
