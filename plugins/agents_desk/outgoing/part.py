"""All that leaves the desk besides an answer's words, joined for `site` and the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from gateway import Address, Attachment, ContextCard, Message, Services, Value
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import HtmlRenderer
from plugins.agents_desk.outgoing.forwarding import ForwardingPages
from plugins.agents_desk.outgoing.thumbnails import Thumbnails
from plugins.agents_desk.outgoing.unsent import UnsentFile, UnsentFiles
from plugins.agents_desk.outgoing.uploads import UploadRoutes
from plugins.agents_desk.outgoing.writing import FirstMessageForm, WritingPages


class FilesView(Value, frozen=True, kw_only=True):
    """What the composer shows of files and copies. ``hint`` says what the channel takes,
    ``refusal`` why the waiting files cannot go; ``others`` got the customer's last message too."""

    waiting: tuple[UnsentFile, ...] = ()
    takes_files: bool = True
    hint: str = ""
    refusal: str | None = None
    takes_copies: bool = False
    others: tuple[str, ...] = ()

    @property
    def ids(self) -> str:
        """The value of the field ``files``."""
        return ",".join(unsent.id for unsent in self.waiting)


class ConversationPages(Protocol):
    """The conversation's page; see `DeskPages.typed`."""

    async def typed(
        self, request: web.Request, session: DeskSession, text: str, problem: str
    ) -> web.Response: ...


class Outgoing:
    """Routes, clean-up, and the view of what waits."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.unsent = UnsentFiles(
            storage=services.storage, files=services.files, clock=services.clock
        )

    @property
    def clean_ups(self) -> list[Callable[[], Awaitable[None]]]:
        return [self.unsent.delete_expired]

    def routes(
        self,
        *,
        html: HtmlRenderer,
        guard: RequestGuard,
        pages: ConversationPages,
        largest: int,
        longest: int,
    ) -> list[web.RouteDef]:
        """``largest``: bytes of a file; ``longest``: characters of a message."""
        services = self._services
        writing = WritingPages(
            services=services, html=html, guard=guard, unsent=self.unsent, longest=longest
        )

        async def page(
            request: web.Request, session: DeskSession, text: str, problem: str
        ) -> web.Response:
            if "id" in request.match_info:
                return await pages.typed(request, session, text, problem)
            form = FirstMessageForm(text=text)
            return await writing.page(request, session, form, problem, 422 if problem else 200)

        uploads = UploadRoutes(
            services=services, unsent=self.unsent, guard=guard, html=html, page=page,
            largest=largest,
        )  # fmt: skip
        thumbnails = Thumbnails(services=services, unsent=self.unsent, guard=guard, html=html)
        forwarding = ForwardingPages(services=services, html=html, guard=guard)
        return [
            *uploads.routes(),
            *thumbnails.routes(),
            *writing.routes(),
            *forwarding.routes(),
        ]

    async def view(self, card: ContextCard, session: DeskSession) -> FilesView:
        """What waits in this conversation, and what its channel takes."""
        address, desk = card.conversation.address, self._services.desk
        waiting = await self.unsent.of(card.conversation.id, session.agent.id)
        limits = desk.file_limits(address)
        files = [unsent.file for unsent in waiting]
        return FilesView(
            waiting=waiting,
            takes_files=limits.most > 0,
            hint=limits.hint,
            refusal=_refusal(files, limits.refusal(files) if limits.most else limits.hint),
            takes_copies=desk.takes_copies(address),
            others=_others(card.messages, card.identities),
        )


def _refusal(files: list[Attachment], why: str | None) -> str | None:
    return why if files else None


def _others(messages: tuple[Message, ...], known: tuple[Address, ...]) -> tuple[str, ...]:
    """Who besides us got the customer's last message."""
    for message in reversed(messages):
        if message.author == "customer" and not message.internal:
            own = {address.value for address in known}
            return tuple(copy for copy in message.copies if copy not in own)
    return ()
