"""What is read: the queue, a conversation with its card, and the files that came with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from gateway import Address, Conversation, Finding, NotFound, QueueItem, Services, Value
from plugins.agents_desk import view, words
from plugins.agents_desk.accounts import Account, Accounts
from plugins.agents_desk.guard import Guard
from plugins.agents_desk.paper import Paper, sealed
from plugins.agents_desk.roles import may, sees
from plugins.agents_desk.sessions import Session
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.views import Views

ID = r"{id:\d{1,18}}"


class Draft(Value, frozen=True, kw_only=True):
    """What stands in the boxes when the page comes, and what is to be said about it."""

    answer: str = ""
    note: str = ""
    suggestion: int | None = None
    via: Address | None = None
    channel: str = ""
    value: str = ""
    problem: str = ""
    change: view.Change | None = None
    findings: tuple[Finding, ...] | None = None


class Pages:
    """The pages of the desk. The same page serves the first visit and every refresh."""

    def __init__(
        self,
        services: Services,
        settings: DeskSettings,
        paper: Paper,
        guard: Guard,
        accounts: Accounts,
    ) -> None:
        self._services, self._settings, self._accounts = services, settings, accounts
        self._paper, self._guard = paper, guard
        self._views = Views(services.audit, services.clock)

    def routes(self) -> list[web.RouteDef]:
        read = self._guard.read
        return [
            web.get("/desk", read(self._queue)),
            web.get("/desk/", read(self._queue)),
            web.get(f"/desk/c/{ID}", read(self._conversation)),
            web.get(rf"/desk/c/{ID}/files/{{digest:[0-9a-f]{{64}}}}", read(self._file)),
        ]

    async def _queue(self, request: web.Request, session: Session) -> web.Response:
        items = visible(await self._services.desk.queue(), session)
        queue = view.queue(items, session.agent, show(request))
        return self._paper.page("queue.html", session=session, queue=queue, talk=None)

    async def _conversation(self, request: web.Request, session: Session) -> web.Response:
        try:
            card = await self._services.desk.card(int(request.match_info["id"]))
            if not sees(session.role, session.agent, card.conversation):
                return self.theirs(card.conversation)
            return await self.conversation(request, session)
        except NotFound:
            return self.missing()

    async def conversation(
        self, request: web.Request, session: Session, draft: Draft | None = None, status: int = 200
    ) -> web.Response:
        """The page of the conversation in the request's path; raises NotFound."""
        number = int(request.match_info["id"])
        card = await self._services.desk.card(number)
        if not sees(session.role, session.agent, card.conversation):
            given = draft or Draft()
            return self.theirs(card.conversation, given.answer or given.note)
        await self._views.record(session, "viewed", card)
        talk = view.talk(card, session.agent, way=_way(request))
        queue = view.queue(
            visible(await self._services.desk.queue(), session),
            session.agent,
            show(request),
            here=number,
        )
        if draft is None and "edit" in request.query and talk.suggestion:
            draft = Draft(answer=talk.suggestion.text, suggestion=talk.suggestion.id)
        return self._paper.page(
            "conversation.html",
            status=status,
            session=session,
            queue=queue,
            talk=talk,
            draft=draft or Draft(),
            tiers=dict.fromkeys((*self._settings.tiers, card.conversation.tier)),
            skills=self._settings.skills,
            colleagues=await self._colleagues(session),
            channels=dict.fromkeys((*(one.channel for one in card.identities), *words.CHANNELS)),
        )

    def missing(self) -> web.Response:
        return self._paper.plain("Not found", "There is no such conversation.", status=404)

    def theirs(self, conversation: Conversation, typed: str = "") -> web.Response:
        """A colleague has it; nothing of it is shown."""
        name = conversation.owner.name if conversation.owner else "A colleague"
        text = f"{name} has this conversation. Nothing was sent. Ask them, or a lead."
        return self._paper.plain("With a colleague", text, status=403, typed=typed)

    async def _colleagues(self, session: Session) -> tuple[Account, ...]:
        """To whom this person may give a conversation."""
        if not may(session.role, "reassign"):
            return ()
        found = await self._accounts.all()
        return tuple(one for one in found if not one.locked and one.name != session.name)

    async def _file(self, request: web.Request, session: Session) -> web.Response:
        digest = request.match_info["digest"]
        try:
            card = await self._services.desk.card(int(request.match_info["id"]))
            if not sees(session.role, session.agent, card.conversation):
                return self.theirs(card.conversation)
            kept = next(
                file for m in card.messages for file in m.attachments if file.digest == digest
            )
            data = await self._services.files.open(digest)
        except (NotFound, StopIteration):
            return self._paper.plain("Not found", "There is no such file.", status=404)
        await self._services.audit.record(
            session.agent.id,
            "downloaded",
            conversation=card.conversation.id,
            customer=card.customer.id,
            detail=f"file {digest[:12]}",
        )
        response = sealed(web.Response(body=data, content_type="application/octet-stream"))
        response.headers["Content-Disposition"] = _attachment(kept.name)
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


def visible(items: tuple[QueueItem, ...], session: Session) -> tuple[QueueItem, ...]:
    """Those of the queue that this person may see."""
    return tuple(one for one in items if sees(session.role, session.agent, one.conversation))


def show(request: web.Request) -> view.Show:
    wanted: Any = request.query.get("show")
    return wanted if wanted in view.SHOWS else "all"


def _way(request: web.Request) -> frozenset[int]:
    """Ids of bot messages that were on their way at the claim, from the address of the page."""
    told = request.query.get("way", "")[:400].split(",")
    return frozenset(int(one) for one in told if one.isdecimal())


def _attachment(name: str) -> str:
    """Always to be saved, never shown by the browser; the name by RFC 6266 and RFC 8187."""
    safe = "".join(c for c in name if c.isprintable() and c not in '/\\"')[:120] or "file"
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
