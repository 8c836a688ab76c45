"""Signing in and out."""

from __future__ import annotations

import math

import structlog
from aiohttp import web

from gateway import AuditLog
from plugins.agents_desk.forms import posted
from plugins.agents_desk.guard import Guard, ours, redirect
from plugins.agents_desk.paper import Paper
from plugins.agents_desk.people import People
from plugins.agents_desk.sessions import Session, Sessions
from plugins.agents_desk.tries import Tries

log = structlog.get_logger(__name__)

WRONG = "Name or password is wrong."
LONGEST = 1024


class Signing:
    """The sign-in page. A wrong name and a wrong password are told apart nowhere."""

    def __init__(
        self,
        *,
        people: People,
        sessions: Sessions,
        tries: Tries,
        paper: Paper,
        guard: Guard,
        audit: AuditLog,
        slack: bool,
    ) -> None:
        self._people, self._sessions, self._tries = people, sessions, tries
        self._paper, self._guard, self._audit, self._slack = paper, guard, audit, slack

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/sign-in", self._form),
            web.post("/desk/sign-in", self._sign_in),
            web.post("/desk/sign-out", self._guard.act(self._sign_out)),
        ]

    async def _form(self, request: web.Request) -> web.Response:
        wanted = ours(request.query.get("next", ""))
        if await self._sessions.find(request):
            return redirect(wanted)
        return self._page(request, wanted=wanted)

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await posted(request)
        name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
        wanted = ours(str(form.get("next", "")))
        if self._guard.foreign(request) or not self._sessions.genuine(request, form.get("csrf")):
            old = "This page had become too old. Please try again."
            return self._page(request, status=403, wanted=wanted, name=name, problem=old)
        address = self._guard.origin(request)
        # Unknown names share one counter, so that made-up names fill no memory.
        known = name.casefold() if await self._people.knows(name) else ""
        if wait := await self._tries.admit(known, address):
            await self._audit.record(_who(known), "locked_out", origin=address)
            return self._locked(request, wanted, name, wait)
        account = None
        if len(password) <= LONGEST:
            account = await self._people.sign_in(name, password)
        if account is None:
            log.warning("desk.sign_in_failed", address=address, known=bool(known))
            await self._audit.record(_who(known), "sign_in_failed", origin=address)
            return self._page(request, status=401, wanted=wanted, name=name, problem=WRONG)
        await self._tries.passed(known, address)
        response = redirect(wanted)
        await self._sessions.end_elsewhere(request)
        await self._audit.record(account.agent.id, "signed_in", origin=address)
        await self._sessions.start(account, response, address)
        log.info("desk.signed_in", agent=account.agent.id)
        return response

    async def _sign_out(self, _: web.Request, session: Session) -> web.Response:
        response = redirect("/desk/sign-in")
        await self._sessions.end(session, response)
        await self._audit.record(session.agent.id, "signed_out")
        log.info("desk.signed_out", agent=session.agent.id)
        return response

    def _locked(self, request: web.Request, wanted: str, name: str, wait: float) -> web.Response:
        minutes = math.ceil(wait / 60)
        problem = f"Too many attempts. Try again in {minutes} min."
        log.warning("desk.sign_in_locked", address=self._guard.origin(request))
        page = self._page(request, status=429, wanted=wanted, name=name, problem=problem)
        page.headers["Retry-After"] = str(math.ceil(wait))
        return page

    def _page(
        self,
        request: web.Request,
        *,
        wanted: str,
        status: int = 200,
        name: str = "",
        problem: str = "",
    ) -> web.Response:
        blank = web.Response()
        token = self._sessions.token(self._sessions.stranger(request, blank))
        page = self._paper.page(
            "sign-in.html",
            status=status,
            csrf=token,
            wanted=wanted,
            typed=name,
            problem=problem,
            slack=self._slack,
        )
        page.cookies.update(blank.cookies)
        return page


def _who(known: str) -> str:
    """Whose name was tried; of made-up names only that one was: a password may have been typed
    into the field of the name."""
    return f"desk:{known}" if known else ""
