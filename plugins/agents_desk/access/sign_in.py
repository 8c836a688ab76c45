"""Sign-in with name and password, and sign-out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from gateway import AuditLog, TooMany
from plugins.agents_desk.access.accounts import LONGEST_PASSWORD, DeskAccount, DeskAccounts
from plugins.agents_desk.access.sessions import DeskSession, DeskSessions, browser_name
from plugins.agents_desk.access.throttle import NetworkTurns, SignInThrottle
from plugins.agents_desk.guard import (
    OUTDATED_PAGE,
    RequestGuard,
    is_cross_site,
    read_fields,
    safe_target,
)
from plugins.agents_desk.html import HtmlRenderer, redirect

log = structlog.get_logger(__name__)
LONGEST_NAME = 64
"""Characters of a name that count; the form takes no more."""


@dataclass(kw_only=True)
class SignInPage:
    """The sign-in page. Nothing reveals whether the name or the password was wrong.

    ``slack``: whether the page offers to sign in with Slack.
    """

    accounts: DeskAccounts
    sessions: DeskSessions
    throttle: SignInThrottle
    html: HtmlRenderer
    guard: RequestGuard
    audit: AuditLog
    slack: bool
    turns: NetworkTurns = field(default_factory=NetworkTurns)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/sign-in", self._show),
            web.post("/desk/sign-in", self._sign_in),
            web.post("/desk/sign-out", self.guard.act(self._sign_out, unfinished=True)),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return_to = safe_target(request.query.get("next", ""))
        session = await self.sessions.find(request)
        if session is not None and not session.step:
            return redirect(return_to)
        return self._page(request, return_to=return_to)

    async def _sign_in(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        # PostgreSQL stores no NUL, and no name has one.
        name = str(fields.get("name", "")).replace("\x00", "").strip()
        password = str(fields.get("password", ""))
        return_to = safe_target(str(fields.get("next", "")))
        if is_cross_site(request) or not self.sessions.has_token(request, fields.get("csrf")):
            return self._page(
                request, status=403, return_to=return_to, name=name, problem=OUTDATED_PAGE
            )
        address = self.guard.client_address(request)
        try:
            async with self.turns.turn(address):
                account, wait = await self._authenticate(request, name, password, address)
        except TooMany as error:
            account, wait = None, error.after
        if wait:
            minutes = math.ceil(wait / 60)
            problem = f"Too many attempts. Try again in {minutes} min."
            page = self._page(request, status=429, return_to=return_to, name=name, problem=problem)
            page.headers["Retry-After"] = str(math.ceil(wait))
            return page
        if account is None:
            problem = "The name or the password is wrong."
            return self._page(request, status=401, return_to=return_to, name=name, problem=problem)
        response = redirect(return_to)
        await self.sessions.end_previous(request)
        session = await self.sessions.start(
            account, response, address, browser=browser_name(request)
        )
        if not session.step:
            browser = self.sessions.name_browser(request, response)
            await self.throttle.remember(account.name.casefold(), browser)
            await self.audit.record(account.agent.id, "signed_in", origin=address)
            log.info("desk.signed_in", agent=account.agent.id)
        return response

    async def _authenticate(
        self, request: web.Request, name: str, password: str, address: str
    ) -> tuple[DeskAccount | None, float]:
        """The account, or None and the seconds to wait before the next attempt."""
        browser, counted = self.sessions.browser(request), name.casefold()[:LONGEST_NAME]
        # The audit log has no unknown names: someone may type a password into the name field.
        known = await self.accounts.find(name) is not None
        agent_id = f"desk:{counted}" if known else ""
        if wait := await self.throttle.admit(counted, address, browser):
            await self.audit.record(agent_id, "locked_out", origin=address)
            log.warning("desk.sign_in_locked", address=address)
            return None, wait
        account = None
        if len(password) <= LONGEST_PASSWORD:
            account = await self.accounts.authenticate(name, password)
        if account is None:
            log.warning("desk.sign_in_failed", address=address, known=known)
            await self.throttle.failed(counted, address)
            await self.audit.record(agent_id, "sign_in_failed", origin=address)
        else:
            await self.throttle.succeeded(counted, address, browser)
        return account, 0.0

    async def _sign_out(self, _: web.Request, session: DeskSession) -> web.Response:
        response = redirect("/desk/sign-in")
        await self.sessions.end(session, response)
        await self.audit.record(session.agent.id, "signed_out")
        log.info("desk.signed_out", agent=session.agent.id)
        return response

    def _page(
        self,
        request: web.Request,
        *,
        return_to: str,
        status: int = 200,
        name: str = "",
        problem: str = "",
    ) -> web.Response:
        with_cookie = web.Response()
        page = self.html.page(
            "sign-in.html",
            status=status,
            csrf=self.sessions.anonymous_token(request, with_cookie),
            return_to=return_to,
            typed=name,
            problem=problem,
            slack=self.slack,
        )
        page.cookies.update(with_cookie.cookies)
        return page
