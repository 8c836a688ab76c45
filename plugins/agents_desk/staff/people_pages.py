"""``/desk/people``: who works when, with what, for leads; and how the team is, naming nobody."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway import NotFound, Services, WarmlineError
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff import shifts
from plugins.agents_desk.staff.assignment import CHAT_UNITS, MAIL_UNITS, MESSAGING_UNITS
from plugins.agents_desk.staff.care import LEAST_PEOPLE, load_now, weight_of
from plugins.agents_desk.staff.forms import profile_of, texts, week_rows
from plugins.agents_desk.staff.pulse import QUESTION, Pulse
from plugins.agents_desk.staff.storage import StaffStorage
from plugins.agents_desk.staff.team import StaffTeam
from plugins.agents_desk.staff.values import StaffProfile

PERSON = r"{name:[^/{}]{1,80}}"


@dataclass(kw_only=True)
class PeoplePages:
    """The pages of leads about the team."""

    services: Services
    settings: DeskSettings
    html: HtmlRenderer
    guard: RequestGuard
    storage: StaffStorage
    team: StaffTeam
    accounts: DeskAccounts
    pulse: Pulse

    def routes(self) -> list[web.RouteDef]:
        read, act = self.guard.read, self.guard.act
        return [
            web.get("/desk/people", read(self._people, "reassign")),
            web.get(f"/desk/people/{PERSON}", read(self._person, "reassign")),
            web.post(f"/desk/people/{PERSON}", act(self._change, "reassign")),
        ]

    async def _people(self, _: web.Request, session: DeskSession) -> web.Response:
        now = self.services.clock.now()
        members = await self.team.members(now)
        return self.html.page(
            "staff/people.html",
            session=session,
            members=members,
            working={m.id for m in members if shifts.in_shift(m.profile, now)},
            shared={
                m.id: weight_of(load_now(m.load, now)) for m in members if m.profile.share_load
            },
            care=await self.storage.team(),
            least=LEAST_PEOPLE,
            weeks=await self.pulse.weeks(now),
            question=QUESTION,
            assignment=self.settings.assignment,
        )

    async def _person(self, request: web.Request, session: DeskSession) -> web.Response:
        try:
            account = await self._account(request)
        except NotFound as error:
            return self.html.message("Not found", f"{error}.", status=404)
        return self._form(session, account, await self.storage.profile(account.agent.id))

    async def _change(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = texts(await read_fields(request))
        try:
            account = await self._account(request)
        except NotFound as error:
            return self.html.message("Not found", f"{error}.", status=404)
        try:
            await self.storage.change_profile(
                account.agent.id, lambda profile: profile_of(fields, profile)
            )
        except WarmlineError as error:
            profile = await self.storage.profile(account.agent.id)
            return self._form(session, account, profile, fields=fields, problem=f"{error}.")
        await self.services.audit.record(session.agent.id, "staff_changed", detail=account.agent.id)
        return redirect("/desk/people")

    async def _account(self, request: web.Request) -> DeskAccount:
        """Raises NotFound for a name that nobody has."""
        name = request.match_info["name"]
        account = await self.accounts.find(name)
        if account is None:
            raise NotFound(f"there is no user {name}")
        return account

    def _form(
        self,
        session: DeskSession,
        account: DeskAccount,
        profile: StaffProfile,
        *,
        fields: dict[str, str] | None = None,
        problem: str = "",
    ) -> web.Response:
        """The form with what is stored, or with what was typed and cannot be."""
        typed = fields or {}
        week = [(day, name, typed.get(f"day{day}", text)) for day, name, text in week_rows(profile)]
        channels = [name for name in labels.CHANNELS if name != "rest"]
        return self.html.page(
            "staff/person.html",
            status=422 if problem else 200,
            session=session,
            account=account,
            problem=problem,
            week=week,
            languages=typed.get("languages", ", ".join(profile.languages)),
            skills=typed.get("skills", ", ".join(profile.skills)),
            offered=self.settings.skills,
            capacity=typed.get("capacity", str(profile.capacity)),
            most=[
                (name, typed.get(f"most.{name}", str(profile.most.get(name, ""))))
                for name in channels
            ],
            timezone=typed.get("timezone", profile.timezone),
            exceptions=typed.get("exceptions", shifts.exceptions_text(profile)),
            units=(CHAT_UNITS, MESSAGING_UNITS, MAIL_UNITS),
        )
