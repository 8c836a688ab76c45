"""Pages of saved replies: ``/desk/replies`` to write, import and preview them, and the list that
the composer of a conversation offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from gateway import (
    NotFound,
    RenderContext,
    Reply,
    Services,
    Value,
    WarmlineError,
    counted,
)
from plugins.agents_desk import labels
from plugins.agents_desk.access.accounts import may, may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.composing.placeholders import MEANINGS, fill, variables
from plugins.agents_desk.composing.reply_import import LineProblem, read_replies
from plugins.agents_desk.composing.saved_replies import (
    SHARED,
    SavedReplies,
    SavedReply,
    may_change,
    problem_of,
)
from plugins.agents_desk.guard import RequestGuard, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect, with_security_headers
from plugins.agents_desk.pages import ID

PAGE = "/desk/replies"
SAMPLE = {"name": "Maria", "order": "4471"}
"""Values of variables in a preview."""


class ReplyPreview(Value, frozen=True, kw_only=True):
    """How a reply looks on one channel, and what the voice would advise."""

    channel: str
    parts: tuple[str, ...]
    advice: tuple[str, ...]
    segments: int | None


class ReplyForm(Value, frozen=True, kw_only=True):
    """What fills the form of the page. ``problem`` says why it was not stored."""

    reply: SavedReply
    problem: str = ""
    previews: tuple[ReplyPreview, ...] = ()
    line_problems: tuple[LineProblem, ...] = ()


@dataclass(kw_only=True)
class ReplyPages:
    """Every agent has replies of their own; leads write the shared ones."""

    services: Services
    html: HtmlRenderer
    guard: RequestGuard
    replies: SavedReplies

    def routes(self) -> list[web.RouteDef]:
        read, act = self.guard.read, self.guard.act
        return [
            web.get(PAGE, read(self._page)),
            web.post(f"{PAGE}/save", act(self._save)),
            web.post(f"{PAGE}/delete", act(self._delete)),
            web.post(f"{PAGE}/import", act(self._import)),
            web.get(f"/desk/c/{ID}/replies", read(self._offered)),
        ]

    async def _page(self, request: web.Request, session: DeskSession) -> web.Response:
        form = ReplyForm(reply=SavedReply(name="", text=""))
        if id := request.query.get("edit", ""):
            try:
                form = ReplyForm(reply=await self.replies.find(id, session.agent))
            except NotFound as error:
                return self.html.message("Not found", f"{error}.", status=404)
        return await self._show(session, form)

    async def _show(self, session: DeskSession, form: ReplyForm, status: int = 200) -> web.Response:
        leads = may(session.role, "see_all")
        agent = session.agent
        brands = [brand for brand in self.services.brands if agent.works_for(brand)]
        return self.html.page(
            "replies.html",
            status=status,
            session=session,
            replies=await self.replies.seen_by(agent),
            changeable=lambda reply: may_change(reply, agent, leads=leads),
            form=form,
            leads=leads,
            brands=brands,
            all_brands=not agent.brands,
            meanings=MEANINGS,
        )

    async def _save(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = _texts(await read_fields(request))
        reply = SavedReply(
            id=fields.get("id", ""),
            name=fields.get("name", "").strip(),
            text=fields.get("text", "").strip(),
            language=fields.get("language", "").strip().casefold(),
            brand=fields.get("brand", ""),
            owner="" if fields.get("scope") == "shared" else session.agent.id,
            by=session.agent.id,
            at=self.services.clock.now(),
        )
        form = ReplyForm(reply=reply)
        try:
            if reply.id:
                stored = await self.replies.find(reply.id, session.agent)
                reply = reply.replace(owner=stored.owner)
                self._check(stored, session)
            self._check(reply, session)
            _check_wording(reply)
            if "preview" in fields:
                return await self._show(session, form.replace(previews=self._previews(reply)))
            saved = await self.replies.save(reply)
        except WarmlineError as error:
            return await self._show(session, form.replace(problem=f"{error}"), 422)
        await self._record(session, "reply_changed" if reply.id else "reply_added", saved)
        return redirect(f"{PAGE}#{quote(saved.id)}")

    async def _delete(self, request: web.Request, session: DeskSession) -> web.Response:
        fields = _texts(await read_fields(request))
        try:
            reply = await self.replies.find(fields.get("id", ""), session.agent)
            self._check(reply, session)
        except WarmlineError as error:
            empty = ReplyForm(reply=SavedReply(name="", text=""), problem=f"{error}")
            return await self._show(session, empty, 422)
        await self.replies.delete(reply)
        await self._record(session, "reply_deleted", reply)
        return redirect(PAGE)

    async def _import(self, request: web.Request, session: DeskSession) -> web.Response:
        """All replies of a file, or none of them."""
        fields = await read_fields(request)
        upload: Any = fields.get("file")
        data = upload.file.read() if isinstance(upload, web.FileField) else b""
        owner = "" if fields.get("scope") == "shared" else session.agent.id
        stamp = {"owner": owner, "by": session.agent.id, "at": self.services.clock.now()}
        empty = SavedReply(name="", text="", owner=owner)
        try:
            self._check(empty, session)
        except WarmlineError as error:
            return await self._show(session, ReplyForm(reply=empty, problem=f"{error}"), 422)
        seen = await self.replies.seen_by(session.agent)
        known = [reply for reply in seen if reply.owner == owner]
        found = read_replies(data, known=known)
        if found.problems:
            form = ReplyForm(reply=empty, line_problems=found.problems)
            return await self._show(session, form, 422)
        try:
            for reply in found.replies:
                await self.replies.save(reply.replace(**stamp), is_free=True)
        except WarmlineError as error:
            return await self._show(session, ReplyForm(reply=empty, problem=f"{error}"), 422)
        await self.services.audit.record(
            session.agent.id,
            "replies_imported",
            detail=counted(len(found.replies), "reply", "replies"),
        )
        return redirect(PAGE)

    async def _offered(self, request: web.Request, session: DeskSession) -> web.Response:
        """The replies for one conversation with their variables filled in: JSON for the composer, a
        page without scripts."""
        number = int(request.match_info["id"])
        try:
            card = await self.services.desk.card(number)
        except NotFound:
            return self.html.conversation_not_found()
        conversation = card.conversation
        if not may_see(session.role, session.agent, conversation):
            return self.html.forbidden()
        known = variables(card, session.agent)
        fitting = [
            (reply, fill(reply.text, known))
            for reply in await self.replies.seen_by(session.agent)
            if reply.brand in ("", conversation.brand)
        ]
        # Those in the customer's language first, then the ones used most.
        language = (conversation.language or "").partition("-")[0]
        fitting.sort(
            key=lambda found: (
                found[0].language.partition("-")[0] not in ("", language),
                -found[0].uses,
                found[0].name.casefold(),
            )
        )
        if "application/json" not in request.headers.get("Accept", ""):
            return self.html.page(
                "offered-replies.html", session=session, fitting=fitting, number=number
            )
        body = [
            {
                "id": reply.id,
                "name": reply.name,
                "text": filled.text,
                "missing": list(filled.missing),
                "note": describe_reply(reply),
            }
            for reply, filled in fitting
        ]
        return with_security_headers(web.json_response(body))

    def _check(self, reply: SavedReply, session: DeskSession) -> None:
        """Raises WarmlineError unless this person may write the reply."""
        if reply.brand and reply.brand not in self.services.brands:
            raise WarmlineError(f"there is no brand {reply.brand}")
        if not may_change(reply, session.agent, leads=may(session.role, "see_all")):
            raise WarmlineError("only a lead who works for its brand may change a shared reply")

    def _previews(self, reply: SavedReply) -> tuple[ReplyPreview, ...]:
        text = fill(reply.text, SAMPLE).text
        return tuple(self._preview(channel, text, reply) for channel in labels.CHANNELS)

    def _preview(self, channel: str, text: str, reply: SavedReply) -> ReplyPreview:
        language = reply.language or "en"
        rendered = self.services.voice.render(
            Reply(opener="", body=(text,), language=language, purpose="message"),
            RenderContext(channel=channel, brand=reply.brand, author="agent", language=language),
        )
        return ReplyPreview(
            channel=channel,
            parts=rendered.parts,
            advice=tuple(finding.message for finding in rendered.advice),
            segments=rendered.segments,
        )

    async def _record(self, session: DeskSession, what: str, reply: SavedReply) -> None:
        kind = "shared" if reply.id.startswith(SHARED) else "own"
        code = reply.id.rpartition("/")[2]
        await self.services.audit.record(session.agent.id, what, detail=f"{kind} {code}")


def _check_wording(reply: SavedReply) -> None:
    if why := problem_of(reply):
        raise WarmlineError(why)


def describe_reply(reply: SavedReply) -> str:
    """Where a reply fits and how often it was used: ``de · used 14 times``."""
    times = {0: "not used yet", 1: "used once"}.get(reply.uses, f"used {reply.uses} times")
    whose = "yours" if reply.owner else ""
    return " · ".join(part for part in (reply.language, reply.brand, whose, times) if part)


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    found = {name: value for name, value in fields.items() if isinstance(value, str)}
    return {name: value.replace("\r\n", "\n") for name, value in found.items()}
