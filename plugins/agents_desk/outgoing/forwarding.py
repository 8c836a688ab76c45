"""Forward a conversation to somebody outside, by mail."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway import (
    Conflict,
    ContextCard,
    Message,
    NotAccepted,
    NotFound,
    RefusedByChannel,
    Services,
    Value,
)
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import InvalidForm, RequestGuard, message_key, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.outgoing.writing import shown_in

ID = r"{id:\d{1,18}}"
LONGEST_NOTE = 10_000


class ForwardForm(Value, frozen=True, kw_only=True):
    """What the form holds; ``messages`` are ids, None while nothing was chosen yet."""

    to: str = ""
    note: str = ""
    messages: tuple[int, ...] | None = None
    files: bool = True
    key: str = ""


@dataclass(kw_only=True)
class ForwardingPages:
    """Chooses messages and sends them. The answers come into a conversation of the agent's own, so
    that no answer from outside reaches the customer by mistake."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"/desk/c/{ID}/forward", self.guard.read(self._open)),
            web.post(f"/desk/c/{ID}/forward", self.guard.act(self._forward)),
        ]

    async def _open(self, request: web.Request, session: DeskSession) -> web.Response:
        try:
            card = await self._card(request, session)
        except NotFound:
            return self.html.conversation_not_found()
        return self._page(card, session, ForwardForm())

    def _page(
        self,
        card: ContextCard,
        session: DeskSession,
        form: ForwardForm,
        problem: str = "",
        status: int = 200,
    ) -> web.Response:
        return self.html.page(
            "outgoing/forward.html",
            status=status,
            session=session,
            card=card,
            customer=labels.customer_name(card.customer.name, card.conversation.address),
            messages=forwardable(card),
            form=form,
            problem=problem,
        )

    async def _forward(self, request: web.Request, session: DeskSession) -> web.Response:
        try:
            card = await self._card(request, session)
        except NotFound:
            return self.html.conversation_not_found()
        form = await _parse(request)
        try:
            _check(form)
            there = await self.services.desk.forward(
                card.conversation.id,
                session.agent,
                form.to,
                form.note,
                key=message_key(
                    session.agent.id,
                    form.key,
                    form.note,
                    *map(str, form.messages or ()),
                    str(form.files),
                ),
                messages=form.messages or (),
                files=form.files,
            )
        except (InvalidForm, RefusedByChannel) as refused:
            return self._page(card, session, form, str(refused), 422)
        except (Conflict, NotAccepted):
            problem = "It could not be stored, so nothing was sent. Please try again."
            return self._page(card, session, form, problem, 503)
        return redirect(f"/desk/c/{await shown_in(there, self.services)}")

    async def _card(self, request: web.Request, session: DeskSession) -> ContextCard:
        """Raises NotFound also for what this person may not see."""
        card = await self.services.desk.card(int(request.match_info["id"]))
        if not may_see(session.role, session.agent, card.conversation):
            raise NotFound("a colleague has it")
        return card


def forwardable(card: ContextCard) -> tuple[Message, ...]:
    """What may be forwarded: what the customer wrote or got."""
    return tuple(
        message
        for message in card.messages
        if not message.internal
        and message.author != "system"
        and message.status not in ("failed", "discarded")
    )


def _check(form: ForwardForm) -> None:
    if not form.key:
        raise InvalidForm("This page is out of date. Please try again.")
    if not form.to.strip():
        raise InvalidForm("Type the mail address to forward to.")
    if not form.messages:
        raise InvalidForm("Choose at least one message to forward.")
    if len(form.note) > LONGEST_NOTE:
        raise InvalidForm(f"The note is too long: at most {LONGEST_NOTE} characters fit.")


async def _parse(request: web.Request) -> ForwardForm:
    await read_fields(request)
    posted = await request.post()
    chosen = (value for value in posted.getall("message", []) if isinstance(value, str))
    ids = tuple(int(v) for v in chosen if v.isascii() and v.isdecimal() and len(v) < 19)

    def text(name: str) -> str:
        value = posted.get(name, "")
        return value if isinstance(value, str) else ""

    return ForwardForm(
        to=text("to")[:320],
        note=text("note").replace("\r\n", "\n"),
        messages=ids,
        files=bool(text("files")),
        key=text("key")[:80],
    )
