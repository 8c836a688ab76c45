"""The pages ``/desk/practice``: what one can practise, and one page for each practice."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from gateway import (
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    Finding,
    NotFound,
    RenderContext,
    Services,
    Value,
    WarmlineError,
)
from plugins.practice.html import PracticeTemplates
from plugins.practice.lookback import look_back, thread
from plugins.practice.phrases import LANGUAGES
from plugins.practice.scenarios import shipped_scenarios
from plugins.practice.simulation import answer, emotion_at
from plugins.practice.storage import PracticeChanged, PracticeStorage, StoredPractice
from plugins.practice.values import PracticeLanguage, PracticeScenario, PracticeSession

PATH = "/desk/practice"
LONGEST_REPLY = 4000
"""Characters of one reply: far beyond what helps anybody."""
NO_BRAND = "no brand"
MOST_KEPT = 100
"""Practices of one agent; the oldest makes room."""


class LintedReply(Value, frozen=True, kw_only=True):
    """What the brand voice says of one reply."""

    reply: int
    findings: tuple[tuple[Finding, str], ...]
    """Each with the words that it is about."""


@dataclass(kw_only=True)
class PracticeListPage:
    """What the agent can practise, has practised, and what others share with a lead."""

    services: Services
    storage: PracticeStorage
    templates: PracticeTemplates
    path: str = PATH
    title: str = "Practice"
    right: DeskRight = "work"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        return await self._page(request)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Begin a practice."""
        language = _language(request.value("language"))
        every = [*shipped_scenarios(language), *await self._team(request, language)]
        scenario = next((each for each in every if each.id == request.value("scenario")), None)
        if scenario is None:
            return await self._page(request, problem="Please choose a customer.", status=422)
        brand = request.value("brand") or (request.agent.brands or ("",))[0]
        if brand not in ("", *self.services.brands) or not request.agent.works_for(brand):
            return await self._page(request, problem="Please choose a brand.", status=422)
        now = self.services.clock.now()
        session = PracticeSession(
            id=f"{now:%Y%m%d%H%M%S}-{secrets.token_hex(8)}",
            agent=request.agent.id,
            agent_name=request.agent.name,
            brand=scenario.brand if scenario.conversation else brand,
            scenario=scenario.id,
            language=language,
            began_at=now,
        )
        own = await self.storage.sessions(request.agent.id)
        for old in own[MOST_KEPT - 1 :]:
            await self.storage.delete(old.session)
        await self.storage.keep(session)
        return DeskPageResult(redirect=f"{PATH}/{session.id}")

    async def _page(
        self, request: DeskPageRequest, *, problem: str = "", status: int = 200
    ) -> DeskPageResult:
        language = _language(request.query.get("language", "") or request.value("language"))
        agent = request.agent
        own = [
            stored
            for stored in await self.storage.sessions(agent.id)
            if agent.works_for(stored.scenario.brand) or not stored.scenario.conversation
        ]
        lead = "see_all" in request.rights
        every = {"": NO_BRAND, **self.services.brands} if self.services.brands else {}
        brands = {key: name for key, name in every.items() if agent.works_for(key)}
        return self.templates.page(
            request,
            "list.html",
            title="Practice",
            status=status,
            problem=problem,
            language=language,
            shipped=shipped_scenarios(language),
            team=await self._team(request, language),
            own=own,
            shared=await self.storage.shared(agent) if lead else (),
            brands=brands,
        )

    async def _team(
        self, request: DeskPageRequest, language: PracticeLanguage
    ) -> Sequence[PracticeScenario]:
        return [
            scenario
            for scenario in await self.storage.scenarios()
            if scenario.language == language and request.agent.works_for(scenario.brand)
        ]


@dataclass(kw_only=True)
class PracticePage:
    """One practice: the conversation, and when it has ended what moved the mood."""

    services: Services
    storage: PracticeStorage
    templates: PracticeTemplates
    path: str = f"{PATH}/{{id}}"
    title: str = ""
    right: DeskRight = "work"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        stored = await self._found(request)
        return self._page(request, stored)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Answer the customer, end, share, take back or delete."""
        stored = await self._own(request)
        session = stored.session
        try:
            match request.value("do"):
                case "reply":
                    return await self._reply(request, stored)
                case "end" if session.exchanges:
                    await self.storage.keep(session.replace(ended=True), version=stored.version)
                case "share" if session.ended:
                    await self.storage.share(stored)
                case "take_back":
                    await self.storage.take_back(stored)
                case "delete":
                    await self.storage.delete(session)
                    return DeskPageResult(redirect=PATH)
                case _:
                    return self._page(request, stored, problem="Please choose a button.")
        except PracticeChanged as error:
            return self._page(request, await self._own(request), problem=_sentence(error))
        return DeskPageResult(redirect=f"{PATH}/{session.id}")

    async def _reply(self, request: DeskPageRequest, stored: StoredPractice) -> DeskPageResult:
        """Take the reply and let the customer answer. A form that is sent twice counts once: it
        names how many replies its page showed."""
        session, text = stored.session, request.value("reply").strip()
        here = DeskPageResult(redirect=f"{PATH}/{session.id}#pr-reply")
        if session.ended or request.value("replies") != str(len(session.exchanges)):
            return here
        if not text or len(text) > LONGEST_REPLY:
            problem = f"Please write a reply of at most {LONGEST_REPLY} characters."
            return self._page(request, stored, problem=problem, typed=text)
        exchange, ended = answer(stored.scenario, session.exchanges, text)
        exchanges = (*session.exchanges, exchange)
        new = session.replace(exchanges=exchanges, ended=ended)
        await self.storage.keep(new, version=stored.version)
        return here

    async def _own(self, request: DeskPageRequest) -> StoredPractice:
        stored = await self.storage.session(request.agent.id, request.path["id"])
        if stored.scenario.conversation and not request.agent.works_for(stored.scenario.brand):
            raise NotFound("there is no such practice")
        return stored

    async def _found(self, request: DeskPageRequest) -> StoredPractice:
        """The agent's own, or one that is shared with this lead."""
        try:
            return await self._own(request)
        except NotFound:
            if "see_all" not in request.rights:
                raise
            return await self.storage.shared_session(request.agent, request.path["id"])

    def _page(
        self,
        request: DeskPageRequest,
        stored: StoredPractice,
        *,
        problem: str = "",
        typed: str = "",
    ) -> DeskPageResult:
        session, scenario = stored.session, stored.scenario
        done = session.ended and bool(session.exchanges)
        return self.templates.page(
            request,
            "practice.html",
            title=scenario.title,
            status=422 if problem else 200,
            session=session,
            scenario=scenario,
            mine=session.agent == request.agent.id,
            thread=thread(scenario, session),
            back=look_back(scenario, session) if done else None,
            advice=self._advice(stored) if done else (),
            brand=self.services.brands.get(session.brand, session.brand),
            longest=LONGEST_REPLY,
            problem=problem,
            typed=typed,
        )

    def _advice(self, stored: StoredPractice) -> tuple[LintedReply, ...]:
        """What the brand voice advises on each reply, at the mood that it met."""
        session, scenario = stored.session, stored.scenario
        found, distress = [], scenario.distress
        for number, exchange in enumerate(session.exchanges, 1):
            context = RenderContext(
                channel="webchat",
                brand=session.brand,
                emotion=emotion_at(scenario, distress),
                author="agent",
                language=session.language,
            )
            text, distress = exchange.reply, exchange.distress
            findings = self.services.voice.lint(text, context)
            about = tuple((finding, text[finding.start : finding.end]) for finding in findings)
            if about:
                found.append(LintedReply(reply=number, findings=about))
        return tuple(found)


def _language(text: str) -> PracticeLanguage:
    return next((code for code in LANGUAGES if code == text), "en")


def _sentence(error: WarmlineError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
