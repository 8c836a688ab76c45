"""Pages to read: the queue, a conversation with its context card, and attached files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from aiohttp import web
from cachetools import LRUCache, TTLCache

from gateway import (
    Address,
    ContextCard,
    Conversation,
    Finding,
    Message,
    NotFound,
    QueueItem,
    QueuePosition,
    Services,
    Value,
)
from plugins.agents_desk import labels, view
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, may, may_see
from plugins.agents_desk.access.sessions import DeskSession, is_background
from plugins.agents_desk.case.evidence import evidence
from plugins.agents_desk.composing.placeholders import fill, variables, with_proposal
from plugins.agents_desk.composing.presence import ConversationPresence, describe_people
from plugins.agents_desk.composing.saved_replies import SavedReplies
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import HtmlRenderer, with_security_headers
from plugins.agents_desk.lists.navigation import ListNavigator
from plugins.agents_desk.lists.query import FROM
from plugins.agents_desk.marks.part import DeskMarks
from plugins.agents_desk.outgoing.part import Outgoing
from plugins.agents_desk.queue import SHOWN, QueueBoards
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff.storage import StaffStorage

ID = r"{id:\d{1,18}}"
"""The path variable of a conversation's id."""
VIEW_INTERVAL = timedelta(minutes=15)
"""While a person keeps a page open, one view in this time is recorded."""
VIEWS_REMEMBERED = 10_000
LONGEST_LIST = 2_000
"""Characters of a list with its filters in a page's address."""
PARTS_REMEMBERED = 500
"""Compressed parts of pages, some kilobytes each."""


class PageDraft(Value, frozen=True, kw_only=True):
    """What fills the text boxes of a conversation's page, and what the page says about the last
    action."""

    answer: str = ""
    note: str = ""
    suggestion: int | None = None
    via: Address | None = None
    channel: str = ""
    value: str = ""
    problem: str = ""
    doubt: str = ""
    """Why the answer may be meant for colleagues; it was not sent."""
    unheard: tuple[str, ...] = ()
    """Names in the note that tell nobody; it was not stored."""
    copies: str = ""
    unseen: tuple[Message, ...] = ()
    """What others wrote since the page was loaded; the answer was not sent."""
    replies: str = ""
    """The ids of the saved replies in ``answer``, separated by spaces."""
    conflict: view.ConflictSummary | None = None
    findings: tuple[Finding, ...] | None = None


@dataclass(kw_only=True)
class DeskPages:
    """The pages of the desk. One page serves the first visit and every later refresh."""

    services: Services
    settings: DeskSettings
    html: HtmlRenderer
    guard: RequestGuard
    accounts: DeskAccounts
    boards: QueueBoards
    navigator: ListNavigator
    outgoing: Outgoing
    staff: StaffStorage
    replies: SavedReplies
    presence: ConversationPresence
    opened: Callable[[DeskSession, int, str], None]
    """Called when a page shows a conversation, with its id and its lane."""
    marks: DeskMarks

    def __post_init__(self) -> None:
        self._recent_views: TTLCache[tuple[str, int], None] = TTLCache(
            VIEWS_REMEMBERED,
            ttl=VIEW_INTERVAL.total_seconds(),
            timer=lambda: self.services.clock.now().timestamp(),
        )

        self._parts: LRUCache[tuple[object, ...], bytes] = LRUCache(PARTS_REMEMBERED)

    def routes(self) -> list[web.RouteDef]:
        read = self.guard.read
        return [
            web.get("/desk", read(self._queue)),
            web.get("/desk/", read(self._queue)),
            web.get("/desk/queue", read(self._queue_part)),
            web.get(f"/desk/c/{ID}", read(self.conversation)),
            web.get(rf"/desk/c/{ID}/files/{{digest:[0-9a-f]{{64}}}}", read(self._file)),
        ]

    async def _queue(self, request: web.Request, session: DeskSession) -> web.Response:
        queue = await self._queue_view(request, session)
        nav = await self.navigator.view(session)
        return self.html.page("queue.html", session=session, queue=queue, view=None, nav=nav)

    async def _queue_part(self, request: web.Request, session: DeskSession) -> web.Response:
        """Only what shows the queue: a page that was told of a change fetches no more than this.

        All who see the same get the same bytes, rendered and compressed once. There is no secret
        among them, so their length tells nothing (see breachattack.com).
        """
        current = _conversation_id(request.query.get("current", ""))
        gzipped = "gzip" in request.headers.get("Accept-Encoding", "")
        brand, origin = self._brand(request, session), list_of(request)
        if queue_position(request) is not None or brand or origin or not gzipped:
            queue = await self._queue_view(request, session, current=current, told=True)
            side = await self.navigator.side(session, origin)
            return self.html.page("queue-part.html", session=session, queue=queue, side=side)
        agent, sees_all = session.agent, may(session.role, "see_all")
        board = self.boards.of(agent.brands)
        page = await board.latest()
        key = (
            board.brands,
            board.generation_for(agent, sees_all=sees_all),
            agent.id if visible_items(page.held, session) else "",
            sees_all,
            current,
            queue_filter(request),
        )
        if key not in self._parts:
            queue = await self._queue_view(request, session, current=current, told=True)
            text = self.html.text("queue-part.html", session=session, queue=queue)
            self._parts[key] = gzip.compress(text.encode(), 1)
        return self.html.compressed(self._parts[key])

    async def conversation(
        self,
        request: web.Request,
        session: DeskSession,
        draft: PageDraft | None = None,
        status: int = 200,
    ) -> web.Response:
        """The page of the conversation in the request's path."""
        number = int(request.match_info["id"])
        try:
            card = with_proposal(await self.services.desk.card(number), session.agent)
        except NotFound:
            return self.html.conversation_not_found()
        if not self.may_read(session, card.conversation):
            typed = draft.answer or draft.note if draft else ""
            return self.owned_by_colleague(card.conversation, typed)
        await self._record_view(session, card)
        self.opened(session, number, card.conversation.address.lane)
        await self.marks.seen(session, number)
        conversation = view.conversation_view(card, session.agent, in_flight=_in_flight(request))
        suggestion = conversation.suggestion
        if draft is None and "propose" in request.query and card.story and card.story.need:
            draft = PageDraft(answer=card.story.need.proposal)
        if draft is None and "edit" in request.query and suggestion:
            draft = PageDraft(answer=suggestion.text, suggestion=suggestion.id)
        if draft is None and (key := request.query.get("due", "")[:80]):
            text = await self.marks.draft(session, number, key)
            findings = await self.services.desk.advise(number, text) if text else None
            draft = PageDraft(answer=text, findings=findings)
        if draft is None and (reply := request.query.get("reply")):
            draft = await self._filled_reply(reply, card, session)
        if not is_background(request):
            self.presence.publish(number, session.agent, "reading")
        return self.html.page(
            "conversation.html",
            status=status,
            session=session,
            queue=await self._queue_view(request, session, current=number),
            nav=await self.navigator.view(session),
            side=await self.navigator.side(session, list_of(request)),
            view=conversation,
            evidence=await evidence(self.services.knowledge, card.messages, suggestion),
            draft=draft or PageDraft(),
            outgoing=await self.outgoing.view(card, session),
            held=await self.services.desk.held_answers(number),
            present=describe_people(self.presence.others(number, session.agent)),
            tiers=dict.fromkeys((*self.settings.tiers, card.conversation.tier)),
            skills=self.settings.skills,
            colleagues=await self._colleagues(session),
            given=await self.staff.given(number),
            channels=dict.fromkeys(
                (*(address.channel for address in card.identities), *labels.CHANNELS)
            ),
        )

    def may_read(self, session: DeskSession, conversation: Conversation) -> bool:
        """Whether this person may read ``conversation``, by the settings of the desk."""
        return may_see(
            session.role,
            session.agent,
            conversation,
            colleagues=self.settings.read_colleagues,
        )

    async def typed(
        self, request: web.Request, session: DeskSession, text: str, problem: str
    ) -> web.Response:
        """The page of the conversation with a typed answer, and a problem if there is one."""
        draft = PageDraft(answer=text.replace("\r\n", "\n"), problem=problem)
        return await self.conversation(request, session, draft, 422 if problem else 200)

    async def _filled_reply(self, id: str, card: ContextCard, session: DeskSession) -> PageDraft:
        """A saved reply in the text box, for pages without scripts."""
        try:
            reply = await self.replies.find(id, session.agent)
        except NotFound:
            return PageDraft(problem="This saved reply is no longer there.")
        filled = fill(reply.text, variables(card, session.agent))
        return PageDraft(answer=filled.text, replies=reply.id)

    def owned_by_colleague(self, conversation: Conversation, typed: str = "") -> web.Response:
        """Says who has the conversation and shows nothing of it."""
        name = conversation.owner.name if conversation.owner else "A colleague"
        text = f"{name} has this conversation. Nothing was sent. Ask them or a lead."
        return self.html.message("With a colleague", text, status=403, typed=typed)

    async def queue(self, request: web.Request, session: DeskSession) -> view.QueueView:
        """The queue beside a page, as this person sees it."""
        return await self._queue_view(request, session)

    async def _queue_view(
        self, request: web.Request, session: DeskSession, *, current: int = 0, told: bool = False
    ) -> view.QueueView:
        """The part of the queue that the request asks for, as this person sees it. ``told``: the
        page was told of a change."""
        after, brand = queue_position(request), self._brand(request, session)
        board = self.boards.of((brand,) if brand else session.agent.brands)
        # Nobody is told of the queue of one brand alone, so it may not have been read since.
        page = await (board.latest() if told and not brand else board.current())
        if after is not None:
            later = await self.services.desk.queue_page(
                after=after, most=SHOWN, brands=board.brands
            )
            page = page.replace(waiting=later.waiting)
        return view.queue_view(
            page.replace(held=visible_items(page.held, session)),
            session.agent,
            queue_filter(request),
            current=current,
            after=after,
            brand=brand,
            brands=tuple(b for b in self.services.brands if session.agent.works_for(b)),
            origin=list_of(request),
        )

    def _brand(self, request: web.Request, session: DeskSession) -> str:
        """The one brand whose conversations the page's address asks for; empty for all."""
        brand = request.query.get("brand", "")
        known = brand in self.services.brands and session.agent.works_for(brand)
        return brand if known else ""

    async def _record_view(self, session: DeskSession, card: ContextCard) -> None:
        """Record the view before the page is shown, so that no page is shown unrecorded.

        An open page refreshes at every change. The interval is kept on our side: a header of the
        request could hide a first view.
        """
        conversation = card.conversation.id
        if (session.id, conversation) in self._recent_views:
            return
        await self.services.audit.record(
            session.agent.id, "viewed", conversation=conversation, customer=card.customer.id
        )
        self._recent_views[session.id, conversation] = None

    async def _colleagues(self, session: DeskSession) -> tuple[DeskAccount, ...]:
        """The people to whom this person may assign a conversation."""
        if not may(session.role, "reassign"):
            return ()
        accounts = await self.accounts.all()
        return tuple(a for a in accounts if not a.locked and a.name != session.name)

    async def _file(self, request: web.Request, session: DeskSession) -> web.Response:
        digest = request.match_info["digest"]
        try:
            card = await self.services.desk.card(int(request.match_info["id"]))
            if not self.may_read(session, card.conversation):
                return self.owned_by_colleague(card.conversation)
            files = (file for message in card.messages for file in message.attachments)
            attachment = next(file for file in files if file.digest == digest)
            data = await self.services.files.open(digest)
        except (NotFound, StopIteration):
            return self.html.message("Not found", "There is no such file.", status=404)
        await self.services.audit.record(
            session.agent.id,
            "downloaded",
            conversation=card.conversation.id,
            customer=card.customer.id,
            detail=f"file {digest[:12]}",
        )
        response = with_security_headers(
            web.Response(body=data, content_type="application/octet-stream")
        )
        response.headers["Content-Disposition"] = content_disposition(attachment.name)
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


def visible_items(items: tuple[QueueItem, ...], session: DeskSession) -> tuple[QueueItem, ...]:
    """The items of the queue that this person may see."""
    return tuple(item for item in items if may_see(session.role, session.agent, item.conversation))


def queue_filter(request: web.Request) -> view.QueueFilter:
    """The filter that the page's address asks for."""
    wanted: Any = request.query.get("show")
    return wanted if wanted in view.QUEUE_FILTERS else "all"


def list_of(request: web.Request) -> str:
    """The list that the open conversation comes from, as its address says; empty: the queue."""
    return request.query.get(FROM, "")[:LONGEST_LIST]


def queue_position(request: web.Request) -> QueuePosition | None:
    """Behind which conversation the page's part of the queue begins."""
    priority, _, handoff = request.query.get("after", "").partition("-")
    if not (_conversation_id(handoff) and priority.isdecimal() and len(priority) < 4):
        return None
    return QueuePosition(priority=int(priority), handoff=int(handoff))


def _conversation_id(text: str) -> int:
    """0 for what no page of ours sends."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _in_flight(request: web.Request) -> frozenset[int]:
    """Ids of bot messages that were being sent at the claim, from the page's address."""
    ids = request.query.get("way", "")[:400].split(",")
    return frozenset(int(text) for text in ids if text.isdecimal())


def content_disposition(name: str) -> str:
    """The header that makes browsers save a file and never display it (RFC 6266, RFC 8187)."""
    safe = "".join(c for c in name if c.isprintable() and c not in '/\\"')[:120] or "file"
    ascii_name = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(safe, safe='')}"
