"""The routes by which files come to the desk, and the form fields that name them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import BodyPartReader, MultipartReader, web

from gateway import NotFound, RateLimit, Services, TooLarge, TooMany, Value, read_bounded
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import MALFORMED, InvalidForm, RequestGuard
from plugins.agents_desk.html import HtmlRenderer, redirect, with_security_headers
from plugins.agents_desk.outgoing.unsent import NO_CONVERSATION, UnsentFiles

MOST_AT_ONCE = 10
"""Files in one upload."""
UPLOAD_TIMEOUT = 120.0
"""Seconds in which an upload must arrive: 10 MB over a slow line."""
UPLOADS_PER_MINUTE = 60
LONGEST_FIELD = 200_000
"""Bytes of one text field: an answer of the greatest length, in any script."""
MOST_FIELDS = 40
CHUNK = 65_536

ConversationPage = Callable[[web.Request, DeskSession, str, str], Awaitable[web.Response]]
"""The page of a conversation, with the typed text and a problem."""


class ReceivedForm(Value, frozen=True, kw_only=True):
    """The text fields of an upload."""

    fields: dict[str, str]


@dataclass(kw_only=True)
class UploadRoutes:
    """Takes files for a conversation, or for a first message, and forgets them again."""

    services: Services
    unsent: UnsentFiles
    guard: RequestGuard
    html: HtmlRenderer
    page: ConversationPage
    largest: int
    """Bytes of one file."""

    def __post_init__(self) -> None:
        self._limit = RateLimit(UPLOADS_PER_MINUTE, what="files")

    def routes(self) -> list[web.RouteDef]:
        act, upload = self.guard.act, self.guard.upload
        return [
            web.post(r"/desk/c/{id:\d{1,18}}/attach", upload(self._attach)),
            web.post(r"/desk/c/{id:\d{1,18}}/detach", act(self._detach)),
            web.post("/desk/new/attach", upload(self._attach)),
            web.post("/desk/new/detach", act(self._detach)),
        ]

    async def _attach(
        self, request: web.Request, session: DeskSession, reader: MultipartReader
    ) -> web.Response:
        """Store the uploaded files: JSON for scripts, else the page with what was typed."""
        conversation, text, problem = _conversation(request), "", ""
        try:
            if not await self._may_attach(conversation, session):
                return self.html.conversation_not_found()
            async with asyncio.timeout(UPLOAD_TIMEOUT):
                form = await self._receive(reader, conversation, session.agent.id)
            text = form.fields.get("text", "")
        except NotFound:
            return self.html.conversation_not_found()
        except (InvalidForm, TooMany) as error:
            problem = str(error)
        except MALFORMED:
            raise web.HTTPBadRequest(text="the body is not a valid form") from None
        except TimeoutError:
            problem = "The upload took too long. Try it again."
        if "application/json" in request.headers.get("Accept", ""):
            return _json(problem)
        return await self.page(request, session, text, problem)

    async def _receive(
        self, reader: MultipartReader, conversation: int, agent: str
    ) -> ReceivedForm:
        """Store the files one by one: never more than one is in memory."""
        fields: dict[str, str] = {}
        files = 0
        async for part in reader:
            if not isinstance(part, BodyPartReader) or len(fields) > MOST_FIELDS:
                raise InvalidForm("This is not a form of ours.")
            if part.filename is None:
                fields[part.name or ""] = await _text(part)
                continue
            data = await self._file(part)
            if not data and not part.filename:
                continue  # a file field that was left empty
            files += 1
            if files > MOST_AT_ONCE:
                raise InvalidForm(f"Attach at most {MOST_AT_ONCE} files at once.")
            await self._limit.take(agent)
            await self.unsent.add(conversation, agent, part.filename, data)
        return ReceivedForm(fields=fields)

    async def _file(self, part: BodyPartReader) -> bytes:
        try:
            return await read_bounded(_chunks(part), self.largest)
        except TooLarge:
            most = f"{self.largest / 1_000_000:.0f} MB"
            raise InvalidForm(f"{(part.filename or '')[:60]} is larger than {most}.") from None

    async def _detach(self, request: web.Request, session: DeskSession) -> web.Response:
        conversation = _conversation(request)
        fields = await request.post()
        await self.unsent.drop(conversation, session.agent.id, [str(fields.get("file", ""))])
        if "application/json" in request.headers.get("Accept", ""):
            return _json("")
        page = f"/desk/c/{conversation}" if conversation else "/desk/new"
        return redirect(page)

    async def _may_attach(self, conversation: int, session: DeskSession) -> bool:
        """Raises NotFound for an unknown conversation."""
        if conversation == NO_CONVERSATION:
            return True
        card = await self.services.desk.card(conversation)
        return may_see(session.role, session.agent, card.conversation)


def _conversation(request: web.Request) -> int:
    return int(request.match_info.get("id", NO_CONVERSATION))


def _json(problem: str) -> web.Response:
    body = {"error": {"code": "not_attached", "message": problem}} if problem else {}
    return with_security_headers(web.json_response(body, status=422 if problem else 200))


async def _text(part: BodyPartReader) -> str:
    try:
        return (await read_bounded(_chunks(part), LONGEST_FIELD)).decode("utf-8", "replace")
    except TooLarge:
        raise InvalidForm("The text is too long.") from None


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(CHUNK):
        yield chunk
