"""A person's own pages: presence, the day's load, the break page, praise and the pulse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from gateway import Address, CaseRecord, Services, Value, WarmlineError, is_plain_thanks
from plugins.agents_desk.access.accounts import DeskAccounts
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff import shifts
from plugins.agents_desk.staff.care import load_now, upset_since_break, weight_of
from plugins.agents_desk.staff.forms import back, texts, week_rows
from plugins.agents_desk.staff.people_pages import PeoplePages
from plugins.agents_desk.staff.pulse import QUESTION, SCORES, Pulse
from plugins.agents_desk.staff.storage import StaffStorage
from plugins.agents_desk.staff.team import StaffTeam
from plugins.agents_desk.staff.values import PraiseNote, Presence, PresenceState

PRAISE_SHOWN = 30
PRAISE_WORDS = 400
"""Characters of a customer's words on the page of praise."""
STATES: tuple[PresenceState, ...] = ("available", "break", "away")


class PraiseView(Value, frozen=True, kw_only=True):
    """A praise with the words it was said in."""

    note: PraiseNote
    text: str
    address: Address


@dataclass(kw_only=True)
class OwnPages:
    """What each person sees of themselves."""

    services: Services
    settings: DeskSettings
    html: HtmlRenderer
    guard: RequestGuard
    storage: StaffStorage
    team: StaffTeam
    pulse: Pulse

    def routes(self) -> list[web.RouteDef]:
        read, act = self.guard.read, self.guard.act
        return [
            web.get("/desk/me", read(self._me)),
            web.post("/desk/me", act(self._change_me)),
            web.post("/desk/me/presence", act(self._set_presence)),
            web.post("/desk/me/pulse", act(self._answer_pulse)),
            web.get("/desk/break", read(self._break)),
            web.post("/desk/break", act(self._answer_break)),
            web.get("/desk/praise", read(self._praise)),
        ]

    async def _me(self, _: web.Request, session: DeskSession) -> web.Response:
        return await self._own_page(session)

    async def _own_page(
        self, session: DeskSession, *, problem: str = "", status: int = 200
    ) -> web.Response:
        now, agent = self.services.clock.now(), session.agent.id
        profile, load = await self.storage.profile(agent), await self.storage.load(agent)
        carried = load_now(load, now)
        return self.html.page(
            "staff/me.html",
            status=status,
            session=session,
            profile=profile,
            problem=problem,
            week=week_rows(profile),
            exceptions=shifts.exceptions_text(profile),
            in_shift=shifts.in_shift(profile, now),
            load=round(carried),
            weight=weight_of(carried),
            upset=upset_since_break(load, now) if load else 0,
            skills=tuple(dict.fromkeys((*session.agent.skills, *profile.skills))),
            question=QUESTION,
            scores=SCORES,
            weeks=await self.pulse.weeks(now),
            assignment=self.settings.assignment,
        )

    async def _change_me(self, request: web.Request, session: DeskSession) -> web.Response:
        """The time zone, and what the person agrees to."""
        fields = texts(await read_fields(request))
        try:
            zone = shifts.read_timezone(fields.get("timezone", "").strip() or "UTC")
            await self.storage.change_profile(
                session.agent.id,
                lambda p: p.replace(
                    timezone=zone,
                    peer="peer" in fields,
                    peer_contact=fields.get("peer_contact", "").strip()[:120],
                    share_load="share_load" in fields,
                    share_praise="share_praise" in fields,
                ),
            )
        except WarmlineError as error:
            return await self._own_page(session, problem=f"{error}.", status=422)
        return redirect("/desk/me")

    async def _set_presence(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = texts(await read_fields(request))
        state = next((s for s in STATES if s == fields.get("state")), None)
        if state is None:
            return await self._own_page(session, problem="Choose one of the three.", status=422)
        await self._change(session, state)
        return redirect("/desk/break" if state == "break" else back(fields))

    async def _answer_pulse(self, request: web.Request, session: DeskSession) -> web.Response:
        """No audit entry: it would tell when each person answered."""
        fields = texts(await read_fields(request))
        score = fields.get("score", "")
        try:
            chosen = int(score) if score.isascii() and score.isdecimal() else 0
            await self.pulse.answer(session.agent.id, chosen, self.services.clock.now())
        except WarmlineError as error:
            return await self._own_page(session, problem=f"{error}.", status=422)
        return redirect(back(fields))

    async def _break(self, _: web.Request, session: DeskSession) -> web.Response:
        now = self.services.clock.now()
        members = await self.team.members(now)
        peers = [m for m in members if m.profile.peer and m.at_work and m.id != session.agent.id]
        return self.html.page(
            "staff/break.html", session=session, peers=peers, help=self.settings.care.help
        )

    async def _answer_break(self, request: web.Request, session: DeskSession) -> web.Response:
        """Take the break, come back from it, or decline the proposal."""
        fields = texts(await read_fields(request))
        match fields.get("do"):
            case "start":
                await self._change(session, "break")
                return redirect("/desk/break")
            case "later":
                now = self.services.clock.now()
                await self.storage.change_presence(
                    session.agent.id, now, lambda p: p.replace(answered=now)
                )
                return redirect(back(fields))
        await self._change(session, "available")
        return redirect("/desk")

    async def _change(self, session: DeskSession, state: PresenceState) -> None:
        now = self.services.clock.now()

        def update(presence: Presence) -> Presence:
            ends = presence.state == "break" or state == "break"
            since = presence.since if presence.state == state else now
            answered = now if ends else presence.answered
            return presence.replace(state=state, since=since, missed=False, answered=answered)

        await self.storage.change_presence(session.agent.id, now, update)

    async def _praise(self, _: web.Request, session: DeskSession) -> web.Response:
        own = await self.storage.praise_of(session.agent.id)
        shared: list[PraiseNote] = []
        for member in await self.team.members(self.services.clock.now()):
            if member.profile.share_praise and member.id != session.agent.id:
                shared += await self.storage.praise_of(member.id)
        shared.sort(key=lambda note: note.at, reverse=True)
        return self.html.page(
            "staff/praise.html",
            session=session,
            mine=await self._with_words(own[:PRAISE_SHOWN], session),
            shared=await self._with_words(shared[:PRAISE_SHOWN], session),
            profile=await self.storage.profile(session.agent.id),
        )

    async def _with_words(
        self, notes: Iterable[PraiseNote], session: DeskSession
    ) -> list[PraiseView]:
        """The words, read from the conversations that are left, of the person's brands. Plain
        thanks that were noted before they counted as none are left out."""
        notes = list(notes)
        ids = list(dict.fromkeys(note.conversation for note in notes))
        cases = {c.conversation.id: c for c in await self.services.records.cases_by_id(ids)}
        return [
            PraiseView(note=note, text=text, address=case.conversation.address)
            for note in notes
            if (case := cases.get(note.conversation))
            and session.agent.works_for(case.conversation.brand)
            and (text := _words(case, note))
            and (note.score is not None or not is_plain_thanks(text))
        ]


def staff_routes(
    *,
    services: Services,
    settings: DeskSettings,
    html: HtmlRenderer,
    guard: RequestGuard,
    accounts: DeskAccounts,
) -> list[web.RouteDef]:
    """All routes of the people of the desk."""
    storage = StaffStorage(services.storage)
    team, pulse = StaffTeam(storage, accounts, settings), Pulse(storage)
    own = OwnPages(
        services=services,
        settings=settings,
        html=html,
        guard=guard,
        storage=storage,
        team=team,
        pulse=pulse,
    )
    people = PeoplePages(
        services=services,
        settings=settings,
        html=html,
        guard=guard,
        storage=storage,
        team=team,
        accounts=accounts,
        pulse=pulse,
    )
    return [*own.routes(), *people.routes()]


def _words(case: CaseRecord, note: PraiseNote) -> str:
    found = next((m.text for m in case.messages if m.id == note.message), "").strip()
    return found if len(found) <= PRAISE_WORDS else f"{found[: PRAISE_WORDS - 1].rstrip()}…"
