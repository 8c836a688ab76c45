"""What people do: every deed is a plain form, goes through `Services.desk`, and ends on its page."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web

from gateway import Agent, Conflict, Event, NotAccepted, NotFound, Services
from plugins.agents_desk import view
from plugins.agents_desk.accounts import Accounts
from plugins.agents_desk.forms import Form, Mistake, posted, read
from plugins.agents_desk.guard import Guard, redirect
from plugins.agents_desk.linking import LINKING, Linking
from plugins.agents_desk.pages import ID, Draft, Pages, show
from plugins.agents_desk.paper import sealed
from plugins.agents_desk.roles import may, sees
from plugins.agents_desk.sessions import Session

SHOWN = 2.0
"""Seconds to wait at most until what was said stands in the history."""

Deed = Callable[[web.Request, Session, Form], Awaitable[web.Response]]


class Deeds:
    """Claim, answer, note, resolve, hand back, transfer, ignore, and advice while writing."""

    def __init__(
        self, services: Services, pages: Pages, guard: Guard, accounts: Accounts, *, longest: int
    ) -> None:
        self._services, self._pages, self._guard = services, pages, guard
        self._accounts = accounts
        self._longest = longest

    def routes(self) -> list[web.RouteDef]:
        deeds = {
            "claim": self._claim,
            "answer": self._answer,
            "note": self._note,
            "resolve": self._resolve,
            "hand-back": self._hand_back,
            "transfer": self._transfer,
            "ignore": self._ignore,
            "advice": self._advice,
            "assign": self._assign,
            **self._linking(),
        }
        return [
            web.post(f"/desk/c/{ID}/{name}", self._guard.act(self._doing(name, deed)))
            for name, deed in deeds.items()
        ]

    def _linking(self) -> dict[str, Deed]:
        """What is done with a customer's addresses; each ends on the page of the conversation."""
        linking = Linking(self._services.desk)

        def then_back(do: Callable[[Form, Agent], Awaitable[None]]) -> Deed:
            async def done(request: web.Request, session: Session, form: Form) -> web.Response:
                try:
                    await do(form, session.agent)
                except NotAccepted as refused:
                    raise Mistake(f"This was not done: {refused}.") from refused
                return back(request, form)

            return done

        return {name: then_back(do) for name, do in linking.deeds().items()}

    def _doing(
        self, name: str, deed: Deed
    ) -> Callable[[web.Request, Session], Awaitable[web.Response]]:
        async def done(request: web.Request, session: Session) -> web.Response:
            draft, form, status = Draft(), None, 422
            try:
                form = read(request, await posted(request))
                draft = _draft(name, form)
                card = await self._services.desk.card(form.conversation)
                if not sees(session.role, session.agent, card.conversation):
                    return self._pages.theirs(card.conversation, form.text)
                self._fits(form)
                return await deed(request, session, form)
            except Conflict as conflict:
                if conflict.conversation.id != int(request.match_info["id"]):
                    draft = draft.replace(problem=f"{conflict}. Nothing was sent.")
                    return await self._pages.conversation(request, session, draft, 409)
                card = await self._services.desk.card(int(request.match_info["id"]))
                seen = form or Form(conversation=card.conversation.id)
                changed = view.change(card, session.agent, state=seen.state, last=seen.last)
                draft, status = draft.replace(change=changed), 409
            except NotFound:
                return self._pages.missing()
            except Mistake as mistake:
                draft = draft.replace(problem=str(mistake))
            except NotAccepted:
                problem = "It could not be stored, so it was not sent. Please try again."
                draft, status = draft.replace(problem=problem), 503
            return await self._pages.conversation(request, session, draft, status)

        return done

    def _fits(self, form: Form) -> None:
        if len(form.text) > self._longest:
            raise Mistake(f"This is too long: at most {self._longest} characters fit.")

    async def _claim(self, request: web.Request, session: Session, form: Form) -> web.Response:
        card = await self._services.desk.claim(form.conversation, session.agent, epoch=form.epoch)
        return back(request, form, way=",".join(str(m.id) for m in card.on_its_way))

    async def _answer(self, request: web.Request, session: Session, form: Form) -> web.Response:
        if not form.text.strip():
            raise Mistake("There is nothing to send yet.")
        if not form.key:
            raise Mistake("This page had become too old. Please send it again.")
        card = await self._services.desk.card(form.conversation)
        if form.via is not None and form.via not in card.identities:
            raise Mistake("This address is not the customer's (any more). Nothing was sent.")
        accepted = await self._services.desk.answer(
            form.conversation,
            session.agent,
            form.text,
            key=once(session.agent.id, form),
            suggestion=form.suggestion,
            via=form.via,
        )
        # It is safe already; wait until it also stands in the history that comes next.
        said = await self._services.mailbox.answer(accepted.turn, timeout=SHOWN)
        return back(request, form, to=said[0].conversation if said else 0)

    async def _note(self, request: web.Request, session: Session, form: Form) -> web.Response:
        if not form.text.strip():
            raise Mistake("The note is empty.")
        await self._services.desk.note(form.conversation, session.agent, form.text)
        return back(request, form)

    async def _resolve(self, request: web.Request, session: Session, form: Form) -> web.Response:
        await self._services.desk.resolve(form.conversation, session.agent, epoch=form.epoch)
        return back(request, form)

    async def _hand_back(self, request: web.Request, session: Session, form: Form) -> web.Response:
        await self._services.desk.hand_back(form.conversation, session.agent, epoch=form.epoch)
        return back(request, form)

    async def _transfer(self, request: web.Request, session: Session, form: Form) -> web.Response:
        if not form.tier:
            raise Mistake("Choose to whom it goes.")
        await self._services.desk.transfer(
            form.conversation,
            session.agent,
            epoch=form.epoch,
            tier=form.tier,
            skills=form.skills,
            reason=form.reason,
        )
        return back(request, form)

    async def _assign(self, request: web.Request, session: Session, form: Form) -> web.Response:
        """Give it to a colleague: a lead's deed, recorded under the lead's name too."""
        if not may(session.role, "reassign"):
            return self._guard.forbidden()
        account = await self._accounts.find(form.to) if form.to else None
        if account is None or account.locked:
            raise Mistake("Choose a colleague.")
        await self._services.desk.claim(form.conversation, account.agent, epoch=form.epoch)
        await self._services.audit.record(
            session.agent.id,
            "assigned",
            conversation=form.conversation,
            detail=f"to {account.agent.id}",
        )
        return back(request, form)

    async def _ignore(self, request: web.Request, session: Session, form: Form) -> web.Response:
        if form.suggestion is None:
            raise Mistake("There is no suggestion to ignore.")
        card = await self._services.desk.card(form.conversation)
        if card.suggestion is None or card.suggestion.id != form.suggestion:
            raise Mistake("This suggestion is gone already.")
        await self._services.desk.ignore_suggestion(form.suggestion, session.agent)
        return back(request, form)

    async def _advice(self, request: web.Request, session: Session, form: Form) -> web.Response:
        """What the brand voice would change: as JSON while typing, as a page without scripts.

        The customer's page may show meanwhile that someone writes.
        """
        findings = await self._services.desk.advise(form.conversation, form.text)
        if "application/json" not in request.headers.get("Accept", ""):
            draft = _draft("answer", form).replace(findings=findings)
            return await self._pages.conversation(request, session, draft)
        now = (await self._services.desk.card(form.conversation)).conversation
        if now.owner is not None and now.owner.id == session.agent.id:
            data = {"author": "agent", "name": session.agent.name}
            typing = Event(topic=now.address.lane, name="typing", conversation=now.id, data=data)
            self._services.events.publish(typing)
        fields = ("rule", "severity", "start", "end", "message", "suggestion")
        told = [{name: getattr(one, name) for name in fields} for one in findings]
        return sealed(web.json_response(told))


def once(agent: str, form: Form) -> str:
    """The same words from the same page are one message, however often they are sent; other
    words are another message, also when the first attempt was thought to have failed."""
    via = form.via.lane if form.via else ""
    said = f"{form.conversation}\0{via}\0{form.text}"
    digest = hashlib.sha256(said.encode()).hexdigest()
    return f"{agent}:{form.key}:{digest[:16]}"


def back(request: web.Request, form: Form, *, way: str = "", to: int = 0) -> web.Response:
    """To the conversation of ``form``; ``to``: to another, where it went on."""
    query = {"show": show(request), "way": way}
    wanted = urlencode({k: v for k, v in query.items() if v and v != "all"}, safe=",")
    return redirect(f"/desk/c/{to or form.conversation}" + (f"?{wanted}" if wanted else ""))


def _draft(deed: str, form: Form) -> Draft:
    """What was typed is never lost because a deed failed."""
    if deed == "note":
        return Draft(note=form.text)
    if deed in LINKING:
        return Draft(channel=form.channel, value=form.value)
    if deed != "answer":
        return Draft()
    return Draft(answer=form.text, suggestion=form.suggestion, via=form.via)
