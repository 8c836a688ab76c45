"""The pages of lists: filters, saved views, and acts on many conversations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from gateway import NotFound, Outdated, Services, Value, WarmlineError
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, may, may_work_on
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.lists.bulk import (
    HOLD,
    MOST,
    WORDS,
    BulkAct,
    BulkActs,
    new_id,
    newest_message,
    outcome,
)
from plugins.agents_desk.lists.navigation import ListNavigator
from plugins.agents_desk.lists.query import (
    MOODS,
    STATES,
    TITLES,
    ListQuery,
    label_key,
    parse_query,
)
from plugins.agents_desk.lists.rows import parse_chosen
from plugins.agents_desk.lists.views import SavedViews, ViewProblem, may_change
from plugins.agents_desk.pages import DeskPages
from plugins.agents_desk.settings import DeskSettings

LIST = "/desk/list/{name}"
LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}
"""Offered as filters, by ISO 639-1 code."""
SNOOZES: Mapping[int, str] = {
    1: "for an hour",
    4: "for 4 hours",
    24: "for a day",
    72: "for 3 days",
    168: "for a week",
    0: "until the customer writes",
}
"""By hours."""
LAST_FROM: Mapping[str, str] = {"customer": "The customer", "us": "The bot or an agent"}


class FilterChoices(Value, frozen=True, kw_only=True):
    """What the fields of the filters offer: values with the words for them."""

    channel: dict[str, str]
    brand: dict[str, str]
    language: dict[str, str]
    skill: dict[str, str]
    state: dict[str, str]
    person: dict[str, str]
    mood: dict[str, str]
    last_from: dict[str, str]
    assign: dict[str, str]
    """Colleagues, by sign-in name; empty for those who may not assign."""
    snooze: dict[int, str]


class FilterError(WarmlineError):
    """A form that cannot be accepted; the message is for the person who filled it in."""


Step = Callable[[ListQuery, DeskSession, Mapping[str, Any], web.Request], Awaitable[str]]
"""Does what a form asks for; returns the address to go to."""


@dataclass(kw_only=True)
class ListPages:
    """``/desk/list/...``: every conversation that a person may see."""

    services: Services
    settings: DeskSettings
    html: HtmlRenderer
    guard: RequestGuard
    accounts: DeskAccounts
    pages: DeskPages
    navigator: ListNavigator
    views: SavedViews
    acts: BulkActs

    def routes(self) -> list[web.RouteDef]:
        steps: dict[str, Step] = {
            "act": self._hold,
            "undo": self._undo,
            "now": self._now,
            "view": self._save_view,
            "view/remove": self._remove_view,
        }
        return [
            web.get("/desk/list", self.guard.read(self._first)),
            web.get(LIST, self.guard.read(self._list)),
            *(
                web.post(f"{LIST}/{path}", self.guard.act(self._handler(step)))
                for path, step in steps.items()
            ),
        ]

    async def _first(self, _: web.Request, __: DeskSession) -> web.Response:
        return redirect("/desk/list/all")

    async def _list(
        self, request: web.Request, session: DeskSession, problem: str = "", title: str = ""
    ) -> web.Response:
        if request.match_info["name"] not in TITLES:
            return self.html.message("Not found", "There is no such list.", status=404)
        query = parse_query(request.match_info["name"], request.query)
        rows, following = await self.navigator.rows(session, query)
        act = await self.acts.find(session, request.query.get("act", "")[:64])
        nav = await self.navigator.view(session)
        opened = next((view for view in nav.views if view.id == query.view), None)
        return self.html.page(
            "lists/list.html",
            status=422 if problem else 200,
            session=session,
            view=None,
            queue=await self.pages.queue(request, session),
            nav=nav,
            listing=query,
            rows=rows,
            following=following,
            choices=await self._choices(session),
            act=act,
            outcome=outcome(act) if act else "",
            hold=int(HOLD.total_seconds()),
            opened=opened,
            may_change=opened is not None and may_change(session, opened),
            problem=problem,
            title=title or (opened.title if opened else ""),
        )

    async def _choices(self, session: DeskSession) -> FilterChoices:
        accounts = [account for account in await self.accounts.all() if not account.locked]
        brands = {b: t for b, t in self.services.brands.items() if session.agent.works_for(b)}
        return FilterChoices(
            channel=dict(labels.CHANNELS),
            brand=brands if len(brands) > 1 else {},
            language=dict(LANGUAGES),
            skill={skill: skill for skill in self.settings.skills},
            state={state: labels.STATES[state] for state in STATES},
            person={account.agent.id: account.agent.name for account in accounts},
            mood={mood: mood.capitalize() for mood in MOODS},
            last_from=dict(LAST_FROM),
            assign=_colleagues(session, accounts),
            snooze=dict(SNOOZES),
        )

    def _handler(self, step: Step) -> Callable[[web.Request, DeskSession], Awaitable[web.Response]]:
        """Does ``step`` and goes on to a list's page, which shows every problem."""

        async def handle(request: web.Request, session: DeskSession) -> web.Response:
            query = parse_query(request.match_info["name"], request.query)
            fields: Any = await read_fields(request)
            try:
                return redirect(await step(query, session, fields, request))
            except (FilterError, ViewProblem) as problem:
                return await self._list(request, session, str(problem), _text(fields, "title"))
            except (NotFound, Outdated):
                outdated = "Somebody else has changed or removed this meanwhile."
                return await self._list(request, session, outdated)

        return handle

    async def _hold(
        self,
        query: ListQuery,
        session: DeskSession,
        fields: Any,
        request: web.Request,
    ) -> str:
        """Hold an act on the chosen conversations, for as long as it can be taken back."""
        name = next((known for known in WORDS if known == _text(fields, "act")), None)
        chosen = [parse_chosen(text) for text in fields.getall("c", []) if isinstance(text, str)]
        if name is None or not chosen:
            raise FilterError("Choose conversations first, and then what to do with them.")
        act = BulkAct(
            id=new_id(),
            name=name,
            chosen=await self._seen([c for c in chosen if c][:MOST], session),
            agent=session.agent,
            account=session.name,
            role=session.role,
            due_at=self.services.clock.now() + HOLD,
            label=label_key(_text(fields, "label")),
            hours=_hours(_text(fields, "hours")),
            to=_text(fields, "to"),
            origin=self.guard.client_address(request),
        )
        if name in ("label", "unlabel") and not act.label:
            raise FilterError("Write the label first.")
        if name == "assign" and not (may(session.role, "reassign") and act.to):
            raise FilterError("Choose a colleague; leads and admins assign.")
        await self.acts.hold(act)
        return _with_act(query, act.id)

    async def _seen(
        self, chosen: list[tuple[int, int]], session: DeskSession
    ) -> tuple[tuple[int, int, int], ...]:
        """The chosen conversations that this person may work on, with the newest message of
        each."""
        epochs, found = dict(chosen), []
        cards = await self.services.desk.cards(tuple(epochs))
        if len(cards) < len(epochs):
            raise NotFound("a conversation is not there any more")
        for card in cards:
            id = card.conversation.id
            if not may_work_on(session.role, session.agent, card.conversation):
                raise FilterError(
                    f"Conversation {id} is not yours: choose without it. Nothing was changed."
                )
            found.append((id, epochs[id], newest_message(card)))
        return tuple(found)

    async def _undo(
        self, query: ListQuery, session: DeskSession, fields: Any, _: web.Request
    ) -> str:
        id = _text(fields, "id")
        if not await self.acts.undo(session, id):
            raise FilterError("It is too late: it has been done.")
        return _with_act(query, id)

    async def _now(
        self, query: ListQuery, session: DeskSession, fields: Any, _: web.Request
    ) -> str:
        id = _text(fields, "id")
        await self.acts.hasten(session, id)
        return _with_act(query, id)

    async def _save_view(
        self, query: ListQuery, session: DeskSession, fields: Any, _: web.Request
    ) -> str:
        title, id = _text(fields, "title"), _text(fields, "id")
        if id:
            view = await self.views.change(session, id, title, query)
        else:
            shared = _text(fields, "shared") == "yes"
            view = await self.views.save(session, title, query, shared=shared)
        return view.query.address

    async def _remove_view(
        self, query: ListQuery, session: DeskSession, fields: Any, _: web.Request
    ) -> str:
        await self.views.remove(session, _text(fields, "id"))
        return query.replace(view="").address


def _colleagues(session: DeskSession, accounts: list[DeskAccount]) -> dict[str, str]:
    if not may(session.role, "reassign"):
        return {}
    return {account.name: account.agent.name for account in accounts}


def _with_act(query: ListQuery, id: str) -> str:
    """The list's page, with what it says of the act."""
    return f"{query.address}{'&' if '?' in query.address else '?'}act={quote(id, safe='')}"


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value.strip()[:200] if isinstance(value, str) else ""


def _hours(text: str) -> int:
    return next((hours for hours in SNOOZES if str(hours) == text), 0)
