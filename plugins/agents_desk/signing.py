"""Signing in and out."""

from __future__ import annotations

import math

import structlog
from aiohttp import web

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
        behind_proxy: bool,
    ) -> None:
        self._people, self._sessions, self._tries = people, sessions, tries
        self._paper, self._guard, self._behind_proxy = paper, guard, behind_proxy

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/sign-in", self._form),
            web.post("/desk/sign-in", self._sign_in),
            web.post("/desk/sign-out", self._guard.act(self._sign_out)),
        ]

    async def _form(self, request: web.Request) -> web.Response:
        wanted = ours(request.query.get("next", ""))
        if self._sessions.find(request):
            return redirect(wanted)
        return self._page(request, wanted=wanted)

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await posted(request)
        name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
        wanted = ours(str(form.get("next", "")))
        if self._guard.foreign(request) or not self._sessions.genuine(request, form.get("csrf")):
            old = "This page had become too old. Please try again."
            return self._page(request, status=403, wanted=wanted, name=name, problem=old)
        address = self._address(request)
        # Unknown names share one counter, so that made-up names fill no memory.
        known = name.casefold() if self._people.knows(name) else ""
        if wait := self._tries.admit(known, address):
            return self._locked(request, wanted, name, wait)
        agent = None
        if len(password) <= LONGEST:
            agent = await self._people.sign_in(name, password)
        if agent is None:
            log.warning("desk.sign_in_failed", address=address, known=bool(known))
            return self._page(request, status=401, wanted=wanted, name=name, problem=WRONG)
        self._tries.passed(known, address)
        response = redirect(wanted)
        self._sessions.start(agent, response)
        log.info("desk.signed_in", agent=agent.id)
        return response

    async def _sign_out(self, _: web.Request, session: Session) -> web.Response:
        response = redirect("/desk/sign-in")
        self._sessions.end(session, response)
        log.info("desk.signed_out", agent=session.agent.id)
        return response

    def _locked(self, request: web.Request, wanted: str, name: str, wait: float) -> web.Response:
        minutes = math.ceil(wait / 60)
        problem = f"Too many attempts. Try again in {minutes} min."
        log.warning("desk.sign_in_locked", address=self._address(request))
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
            "sign-in.html", status=status, csrf=token, wanted=wanted, typed=name, problem=problem
        )
        page.cookies.update(blank.cookies)
        return page

    def _address(self, request: web.Request) -> str:
        """Whom to count: the peer, or what our own proxy says of it (its last entry)."""
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return (told if self._behind_proxy and told else request.remote or "")[:64]
