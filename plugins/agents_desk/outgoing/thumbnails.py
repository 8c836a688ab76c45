"""Small and larger copies of images that came or went, and of those that wait to be sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web
from cachetools import LRUCache

from gateway import THUMBNAIL_TYPE, Attachment, NotFound, Services, is_image, thumbnail
from plugins.agents_desk.access.accounts import may_see
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import HtmlRenderer, with_security_headers
from plugins.agents_desk.outgoing.unsent import UnsentFiles

SIDES = {"thumbnail": 320, "preview": 1600}
"""Pixels of the longer side: sharp at 160 pixels on a screen with two for one, and on a whole
screen."""
KEPT = 16_000_000
"""Bytes of small copies that stay in memory: a thousand of them, or more."""
AT_ONCE = 2
"""Images that are unpacked at the same time: each may take 240 MB."""
DIGEST = r"{digest:[0-9a-f]{64}}"
SIDE = r"{size:thumbnail|preview}"


class DamagedImage(Exception):
    """Bytes of an image's type that cannot be read, or are too many pixels to unpack."""


@dataclass(kw_only=True)
class Thumbnails:
    """Serves copies that are made here. No byte of a stranger's file is ever shown in a page."""

    services: Services
    unsent: UnsentFiles
    guard: RequestGuard
    html: HtmlRenderer

    def __post_init__(self) -> None:
        self._made: LRUCache[tuple[str, int], bytes] = LRUCache(KEPT, getsizeof=len)
        self._slots = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        read = self.guard.read
        return [
            web.get(rf"/desk/c/{{id:\d{{1,18}}}}/files/{DIGEST}/{SIDE}", read(self._sent)),
            web.get(rf"/desk/c/{{id:\d{{1,18}}}}/unsent/{DIGEST}/{SIDE}", read(self._waiting)),
            web.get(rf"/desk/new/unsent/{DIGEST}/{SIDE}", read(self._waiting)),
        ]

    async def _sent(self, request: web.Request, session: DeskSession) -> web.Response:
        """A copy of an image of the conversation."""
        card = None
        try:
            card = await self.services.desk.card(int(request.match_info["id"]))
            if not may_see(session.role, session.agent, card.conversation):
                return self.html.forbidden()
            files = [file for message in card.messages for file in message.attachments]
            copy = await self._copy(request, files)
        except NotFound:
            return self._none()
        except DamagedImage:
            return self._damaged()
        if request.match_info["size"] == "preview":
            await self.services.audit.record(
                session.agent.id,
                "previewed",
                conversation=card.conversation.id,
                customer=card.customer.id,
                detail=f"file {request.match_info['digest'][:12]}",
            )
        return copy

    async def _waiting(self, request: web.Request, session: DeskSession) -> web.Response:
        """A copy of an image that this agent has uploaded."""
        conversation = int(request.match_info.get("id", 0))
        waiting = await self.unsent.of(conversation, session.agent.id)
        try:
            return await self._copy(request, [unsent.file for unsent in waiting])
        except NotFound:
            return self._none()
        except DamagedImage:
            return self._damaged()

    async def _copy(self, request: web.Request, files: list[Attachment]) -> web.Response:
        """Raises NotFound when the requested file is none of ``files``, or no image, and
        DamagedImage."""
        digest, side = request.match_info["digest"], SIDES[request.match_info["size"]]
        if not any(file.digest == digest and is_image(file.media_type) for file in files):
            raise NotFound("there is no such image")
        response = with_security_headers(
            web.Response(body=await self._made_copy(digest, side), content_type=THUMBNAIL_TYPE)
        )
        response.headers["Content-Disposition"] = "inline"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response.headers["Cache-Control"] = "private, max-age=300"
        return response

    async def _made_copy(self, digest: str, side: int) -> bytes:
        key = (digest, side)
        if key not in self._made:
            async with self._slots:
                data = await self.services.files.open(digest)
                copy = await asyncio.to_thread(thumbnail, data, side)
            if copy is None:
                raise DamagedImage
            if len(copy) > KEPT:
                return copy
            self._made[key] = copy
        return self._made[key]

    def _damaged(self) -> web.Response:
        text = "It is damaged, or has too many pixels. Download it to try it in another program."
        return self.html.message("The picture cannot be shown", text, status=422)

    def _none(self) -> web.Response:
        return self.html.message("Not found", "There is no such image.", status=404)
