"""``/desk/account``: one's own password, and the browsers in which one is signed in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import structlog
from aiohttp import web

from gateway import AuditLog, PluginStorage, Value, WarmlineError, counted
from plugins.agents_desk.access.accounts import (
    LONGEST_PASSWORD,
    PLUGIN,
    SHORTEST_PASSWORD,
    DeskAccount,
    DeskAccounts,
    delete_entry,
    stored_entries,
)
from plugins.agents_desk.access.admin import check_repeated
from plugins.agents_desk.access.sessions import (
    SESSION_PREFIX,
    DeskSession,
    DeskSessions,
    StoredSession,
    browser_name,
    session_key,
)
from plugins.agents_desk.access.throttle import SignInThrottle
from plugins.agents_desk.guard import RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect

log = structlog.get_logger(__name__)
ACCOUNT_PAGE = "/desk/account"


class OwnSession(Value, frozen=True, kw_only=True):
    """A session in the person's own list. ``id`` names it; nobody can sign in with it."""

    id: str
    stored: StoredSession
    here: bool
    unfinished: bool
    """The password was given there, and the second factor was not."""


@dataclass(kw_only=True)
class AccountPage:
    """What everybody does with their own account."""

    storage: PluginStorage
    accounts: DeskAccounts
    sessions: DeskSessions
    throttle: SignInThrottle
    html: HtmlRenderer
    guard: RequestGuard
    audit: AuditLog

    def routes(self) -> list[web.RouteDef]:
        read, act = self.guard.read, self.guard.act
        return [
            web.get(ACCOUNT_PAGE, read(self._show)),
            web.post(f"{ACCOUNT_PAGE}/password", act(self._change_password)),
            web.post(f"{ACCOUNT_PAGE}/session", act(self._end_one)),
            web.post(f"{ACCOUNT_PAGE}/others", act(self._end_others)),
        ]

    async def _show(self, request: web.Request, session: DeskSession) -> web.Response:
        changed = "Your password is changed." if "changed" in request.query else ""
        return await self._page(session, done=changed)

    async def _change_password(
        self, request: web.Request, session: DeskSession
    ) -> web.StreamResponse:
        """Needs the present password, so that an unlocked screen is not enough. All other sessions
        end, and this one goes on under a new id."""
        fields = await read_fields(request)
        current, new = str(fields.get("current", "")), str(fields.get("password", ""))
        account = await self.accounts.find(session.name)
        if account is None or account.fixed or account.password_hash is None:
            return await self._page(session, problem="It is not changed here.", status=422)
        name, browser = session.name.casefold(), self.sessions.browser(request)
        address = self.guard.client_address(request)
        if wait := await self.throttle.admit(name, address, browser):
            await self.audit.record(session.agent.id, "locked_out", origin=address)
            problem = f"Too many attempts. Try again in {math.ceil(wait / 60)} min."
            page = await self._page(session, problem=problem, status=429)
            page.headers["Retry-After"] = str(math.ceil(wait))
            return page
        known = len(current) <= LONGEST_PASSWORD and await self.accounts.authenticate(name, current)
        if not known:
            await self.throttle.failed(name, address)
            await self.audit.record(session.agent.id, "password_refused", origin=address)
            problem = "The present password is wrong."
            return await self._page(session, problem=problem, status=422)
        await self.throttle.succeeded(name, address, browser)
        try:
            check_repeated(new, fields.get("again"))
            changed = await self._set_password(account, new)
        except WarmlineError as error:
            return await self._page(session, problem=f"{error}.", status=422)
        await self.audit.record(session.agent.id, "password_changed")
        log.info("desk.password_changed", agent=session.agent.id)
        response = redirect(f"{ACCOUNT_PAGE}?changed=password")
        await self.sessions.end_previous(request)
        await self.sessions.start(
            changed,
            response,
            address,
            second_factor=changed.has_second_factor,
            browser=browser_name(request),
        )
        return response

    async def _set_password(self, account: DeskAccount, password: str) -> DeskAccount:
        """Raises WarmlineError for a password against the rules, or when another was set at the
        same moment."""
        new = await self.accounts.hash(password)

        def change(now: DeskAccount) -> DeskAccount:
            if now.password_hash != account.password_hash or now.locked:
                raise WarmlineError("the password has just been changed elsewhere")
            return now.replace(password_hash=new, era=now.era + 1)

        return await self.accounts.change(account.name, change)

    async def _end_one(self, request: web.Request, session: DeskSession) -> web.Response:
        id = str((await read_fields(request)).get("id", ""))
        found = next((own for own in await self._own(session) if own.id == id), None)
        if found is None:
            return await self._page(session, problem="That session is over already.", status=422)
        if found.here:
            return await self._page(session, problem="To end this one, sign out.", status=422)
        await self._end(found)
        await self.audit.record(session.agent.id, "session_ended")
        return redirect(ACCOUNT_PAGE)

    async def _end_others(self, _: web.Request, session: DeskSession) -> web.Response:
        others = [own for own in await self._own(session) if not own.here]
        for own in others:
            await self._end(own)
        if others:
            detail = counted(len(others), "other")
            await self.audit.record(session.agent.id, "session_ended", detail=detail)
        return redirect(ACCOUNT_PAGE)

    async def _end(self, own: OwnSession) -> None:
        """Again when the browser is used at this moment."""
        while entry := await self.storage.get(PLUGIN, SESSION_PREFIX + own.id):
            await delete_entry(self.storage, entry)

    async def _own(self, session: DeskSession) -> list[OwnSession]:
        """The person's sessions that are not over; this one first, then by their last use."""
        account = await self.accounts.find(session.name)
        here, found = session_key(session.id), []
        async for entry in stored_entries(self.storage, SESSION_PREFIX):
            stored = msgspec.json.decode(entry.value, type=StoredSession)
            same = account is not None and stored.name.casefold() == account.name.casefold()
            if account is None or not same or not self.sessions.holds(stored, account):
                continue
            found.append(
                OwnSession(
                    id=entry.key.removeprefix(SESSION_PREFIX),
                    stored=stored,
                    here=entry.key == here,
                    unfinished=bool(self.sessions.step(stored, account)),
                )
            )
        return sorted(found, key=lambda own: (own.here, own.stored.seen), reverse=True)

    async def _page(
        self, session: DeskSession, *, problem: str = "", done: str = "", status: int = 200
    ) -> web.Response:
        account = await self.accounts.find(session.name)
        return self.html.page(
            "access/account.html",
            status=status,
            session=session,
            account=account,
            browsers=await self._own(session),
            required=account is not None and self.sessions.must_have_second_factor(account),
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
            problem=problem,
            done=done,
        )
