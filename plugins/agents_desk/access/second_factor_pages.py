"""The page of the second factor: giving a code after the password, enrolling, and removing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from gateway import AuditLog, Clock, WarmlineError
from plugins.agents_desk.access.accounts import AccountUpdate, DeskAccount, DeskAccounts
from plugins.agents_desk.access.second_factor import (
    SecondFactor,
    WrongCode,
    new_recovery_codes,
    new_second_factor,
    provisioning_uri,
    qr_code,
    recovery_digest,
    use_code,
)
from plugins.agents_desk.access.sessions import DeskSession, DeskSessions, browser_name
from plugins.agents_desk.access.throttle import SignInThrottle
from plugins.agents_desk.guard import SECOND_FACTOR_PAGE, RequestGuard, read_fields, safe_target
from plugins.agents_desk.html import HtmlRenderer, redirect

log = structlog.get_logger(__name__)

CODES_PER_NAME = 10
"""Codes that may be tried in the throttle's window, in all browsers that are not known together: a
guesser with the password then needs some years for an even chance (RFC 4226, section 7.3)."""


class Waiting(WarmlineError):
    """Too many codes were tried; the next may be tried in ``after`` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"Too many attempts. Try again in {math.ceil(after / 60)} min.")
        self.after = after


@dataclass(kw_only=True)
class SecondFactorPages:
    """``/desk/second-factor``: what it shows depends on what the person still needs."""

    accounts: DeskAccounts
    sessions: DeskSessions
    throttle: SignInThrottle
    html: HtmlRenderer
    guard: RequestGuard
    audit: AuditLog
    clock: Clock
    public_url: str

    def routes(self) -> list[web.RouteDef]:
        read, act = self.guard.read, self.guard.act
        return [
            web.get(SECOND_FACTOR_PAGE, read(self._show, unfinished=True)),
            web.post(f"{SECOND_FACTOR_PAGE}/code", act(self._give_code, unfinished=True)),
            web.post(f"{SECOND_FACTOR_PAGE}/start", act(self._start, unfinished=True)),
            web.post(f"{SECOND_FACTOR_PAGE}/confirm", act(self._confirm, unfinished=True)),
            web.post(f"{SECOND_FACTOR_PAGE}/recovery", act(self._renew_recovery_codes)),
            web.post(f"{SECOND_FACTOR_PAGE}/remove", act(self._remove)),
        ]

    async def _show(self, request: web.Request, session: DeskSession) -> web.Response:
        return_to = safe_target(request.query.get("next", ""))
        return await self._page(session, return_to=return_to)

    async def _give_code(self, request: web.Request, session: DeskSession) -> web.StreamResponse:
        """Finish signing in with a code."""
        fields = await read_fields(request)
        return_to = safe_target(str(fields.get("next", "")))
        if session.step != "code":
            return redirect(return_to)
        try:
            account = await self._use(request, session, lambda account: account)
        except WarmlineError as error:
            return await self._refuse(session, error, return_to)
        response = redirect(return_to)
        await self._finish(request, response, account)
        return response

    async def _start(self, request: web.Request, session: DeskSession) -> web.StreamResponse:
        """Make a new secret, which counts once it is confirmed."""
        fields = await read_fields(request)

        def update(account: DeskAccount) -> DeskAccount:
            if account.has_second_factor:
                return account
            return account.replace(second_factor=new_second_factor(self.clock.now()))

        if session.step != "code":
            await self.accounts.change(session.name, update)
        return_to = quote(safe_target(str(fields.get("next", ""))), safe="")
        return redirect(f"{SECOND_FACTOR_PAGE}?next={return_to}")

    async def _confirm(self, request: web.Request, session: DeskSession) -> web.StreamResponse:
        """The first code of a new authenticator: from now on it is asked for. All other sessions
        of the person end."""
        fields = await read_fields(request)
        return_to = safe_target(str(fields.get("next", "")))
        codes = new_recovery_codes()

        def confirm(account: DeskAccount) -> DeskAccount:
            factor = account.second_factor or new_second_factor(self.clock.now())
            confirmed = factor.replace(confirmed=True, recovery=_digests(codes))
            return account.replace(second_factor=confirmed, era=account.era + 1)

        account = await self.accounts.find(session.name)
        if session.step == "code" or account is None or account.has_second_factor:
            return redirect(SECOND_FACTOR_PAGE)
        try:
            account = await self._use(request, session, confirm)
        except WarmlineError as error:
            return await self._refuse(session, error, return_to)
        await self.audit.record(account.agent.id, "second_factor_added")
        page = self._codes_page(codes, return_to)
        await self._finish(request, page, account)
        return page

    async def _renew_recovery_codes(
        self, request: web.Request, session: DeskSession
    ) -> web.StreamResponse:
        codes = new_recovery_codes()

        def renew(account: DeskAccount) -> DeskAccount:
            return account.replace(
                second_factor=account.second_factor
                and account.second_factor.replace(recovery=_digests(codes))
            )

        try:
            account = await self._use(request, session, renew)
        except WarmlineError as error:
            return await self._refuse(session, error)
        await self.audit.record(account.agent.id, "recovery_codes_renewed")
        return self._codes_page(codes, "/desk")

    async def _remove(self, request: web.Request, session: DeskSession) -> web.StreamResponse:
        """Remove the authenticator; a role that must have one enrols the next at once."""

        def remove(account: DeskAccount) -> DeskAccount:
            return account.replace(second_factor=None, era=account.era + 1)

        try:
            account = await self._use(request, session, remove)
        except WarmlineError as error:
            return await self._refuse(session, error)
        await self.audit.record(account.agent.id, "second_factor_removed")
        response = redirect(SECOND_FACTOR_PAGE)
        await self.sessions.end_previous(request)
        address = self.guard.client_address(request)
        await self.sessions.start(account, response, address, browser=browser_name(request))
        return response

    async def _use(
        self, request: web.Request, session: DeskSession, update: AccountUpdate
    ) -> DeskAccount:
        """Use the code of the form and apply ``update``, in one change of the account: of two
        requests with one code, the second is refused. Raises Waiting or WrongCode."""
        code = str((await read_fields(request)).get("code", ""))[:64]
        name, browser = session.name.casefold(), self.sessions.browser(request)
        origin = self.guard.client_address(request)
        if wait := await self.throttle.admit_code(name, browser, most=CODES_PER_NAME):
            await self.audit.record(session.agent.id, "locked_out", origin=origin)
            log.warning("desk.code_locked", agent=session.agent.id)
            raise Waiting(wait)

        def use(account: DeskAccount) -> DeskAccount:
            if account.second_factor is None:
                raise WrongCode
            used = use_code(account.second_factor, code, self.clock.now())
            return update(account.replace(second_factor=used))

        try:
            account = await self.accounts.change(session.name, use)
        except WrongCode:
            await self.audit.record(session.agent.id, "second_factor_failed", origin=origin)
            log.warning("desk.code_failed", agent=session.agent.id)
            raise
        await self.throttle.code_succeeded(name, browser)
        return account

    async def _finish(
        self, request: web.Request, response: web.StreamResponse, account: DeskAccount
    ) -> None:
        """Sign the person in, under a new session id."""
        origin = self.guard.client_address(request)
        await self.sessions.end_previous(request)
        named = browser_name(request)
        await self.sessions.start(account, response, origin, second_factor=True, browser=named)
        browser = self.sessions.name_browser(request, response)
        await self.throttle.remember(account.name.casefold(), browser)
        detail = "with a second factor"
        await self.audit.record(account.agent.id, "signed_in", origin=origin, detail=detail)
        log.info("desk.signed_in", agent=account.agent.id)

    async def _refuse(
        self, session: DeskSession, error: WarmlineError, return_to: str = "/desk"
    ) -> web.Response:
        text = str(error)
        problem = f"{text[0].upper()}{text[1:].removesuffix('.')}."
        if not isinstance(error, Waiting):
            return await self._page(session, return_to=return_to, problem=problem, status=422)
        page = await self._page(session, return_to=return_to, problem=problem, status=429)
        page.headers["Retry-After"] = str(math.ceil(error.after))
        return page

    async def _page(
        self, session: DeskSession, *, return_to: str, problem: str = "", status: int = 200
    ) -> web.Response:
        account = await self.accounts.find(session.name)
        factor = account.second_factor if account else None
        new = factor if factor and not factor.confirmed and session.step != "code" else None
        return self.html.page(
            "second-factor.html",
            status=status,
            session=session,
            return_to=return_to,
            problem=problem,
            confirmed=factor is not None and factor.confirmed,
            recovery_codes=len(factor.recovery) if factor else 0,
            required=account is not None and self.sessions.must_have_second_factor(account),
            secret=_in_groups(new.secret) if new else "",
            qr=self._qr(new, session) if new else "",
            codes=(),
        )

    def _codes_page(self, codes: tuple[str, ...], return_to: str) -> web.Response:
        return self.html.page("recovery-codes.html", codes=codes, return_to=return_to)

    def _qr(self, factor: SecondFactor, session: DeskSession) -> str:
        """The picture, which the template inserts as it is: the library draws numbers only."""
        issuer = f"Warmline {urlsplit(self.public_url).hostname or 'desk'}"
        return qr_code(provisioning_uri(factor, session.name, issuer))


def _digests(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(recovery_digest, codes))


def _in_groups(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
