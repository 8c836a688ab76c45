"""The same frames over plain HTTP, where sockets cannot pass; and files, which need it anyway."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from channels.webchat import uploads, wire
from channels.webchat.gate import Gate, problem, refusal
from channels.webchat.hearing import Hearing, Refused, address, too_many
from channels.webchat.limits import Rate, TooMany
from channels.webchat.line import typing
from channels.webchat.settings import WebchatSettings
from channels.webchat.tokens import BadGrant, BadSession, Tokens, Visitor
from gateway import File, NotFound, Services, TooLarge

MOST_FRAME = 64 * 1024
"""Bytes of one frame from a page: the longest message and its file references fit well."""

MOST_WAIT = 25.0
"""Seconds that a poll waits for something new; proxies commonly give up after 30 or 60."""

SLOW = 60.0
"""Seconds in which a body must be here."""


class Polls:
    """The pages behind ``/messages`` and ``/files``."""

    def __init__(
        self,
        *,
        services: Services,
        hearing: Hearing,
        tokens: Tokens,
        gate: Gate,
        settings: WebchatSettings,
    ) -> None:
        self._services, self._hearing, self._tokens, self._gate = services, hearing, tokens, gate
        self._settings = settings
        self._uploads = Rate(settings.files_per_minute, what="files")

    async def say(self, request: web.Request) -> web.StreamResponse:
        """``POST messages``: one frame in, and the frame that answers it, if any, out."""
        try:
            async with asyncio.timeout(SLOW):
                frame = wire.decode(await uploads.read(request.content.iter_any(), MOST_FRAME))
            if isinstance(frame, wire.Hello):
                _, answer = await self._hearing.greet(frame, self._gate.ip(request))
                return _frame(answer)
            said = await self._hearing.hear(self._visitor(request), frame)
        except (BadSession, Refused, TooLarge, TimeoutError, wire.Malformed) as error:
            return _refused(error)
        return _frame(said) if said else web.Response(status=204)

    async def hear(self, request: web.Request) -> web.StreamResponse:
        """``GET messages?after=ID&wait=SECONDS``: what there is, or comes meanwhile."""
        try:
            after, wait = _number(request, "after", 2**62), _number(request, "wait", MOST_WAIT)
            visitor = self._visitor(request)
            with ExitStack() as held:
                held.enter_context(self._gate.place_of_ip(self._gate.ip(request)))
                held.enter_context(self._gate.place_of_session(visitor.session))
                frames = await self._news(visitor, int(after), wait)
        except (BadSession, TooMany, wire.Malformed) as error:
            return _refused(error)
        body = msgspec.json.encode({"frames": frames})
        return web.Response(body=body, content_type="application/json")

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """``POST files?name=NAME``: the bytes are the body; gives the reference to send it by."""
        try:
            visitor = self._visitor(request)
            await self._uploads.take(visitor.session)
            most = self._settings.file_size
            async with asyncio.timeout(SLOW):
                data = await uploads.read(request.content.iter_any(), most, request.content_length)
            media_type = uploads.sniff(data)
            if media_type not in self._settings.file_types:
                known = ", ".join(self._settings.file_types)
                return problem(415, "wrong_type", f"its content is none of {known}")
            name = uploads.safe_name(request.query.get("name", ""), media_type)
            kept = await self._services.files.keep(
                File(name=name, media_type=media_type, data=data)
            )
        except (BadSession, TooMany, TooLarge, TimeoutError) as error:
            return _refused(error)
        return _frame(self._hearing.attached(visitor, kept))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """``GET files/REF``: a file of this session's own, to be saved and never shown in place."""
        try:
            file = self._tokens.file(self._visitor(request), request.match_info["ref"])
            data = await self._services.files.open(file.digest)
        except BadSession as error:
            return _refused(error)
        except BadGrant as error:
            return problem(403, "bad_file", str(error))
        except NotFound:
            return problem(404, "not_found", "this file is no longer kept")
        name = quote(file.name, safe="")
        return web.Response(
            body=data,
            headers={
                hdrs.CONTENT_TYPE: file.media_type,
                hdrs.CONTENT_DISPOSITION: f"attachment; filename*=UTF-8''{name}",
                hdrs.CACHE_CONTROL: "private, max-age=3600",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _visitor(self, request: web.Request) -> Visitor:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            raise BadSession("say hello first, then send its token as `Authorization: Bearer`")
        return self._tokens.visitor(token.strip())

    async def _news(self, visitor: Visitor, after: int, wait: float) -> list[wire.Said]:
        async with self._services.events.listen(address(visitor).lane) as events:
            frames = await self._messages(visitor, after)
            if frames or not wait:
                return frames
            try:
                async with asyncio.timeout(wait) as limit:
                    with self._gate.waiting(limit):
                        async for event in events:
                            if event.name == "typing" and (seen := typing(event)):
                                return [seen]
                            if frames := await self._messages(visitor, after):
                                return frames
            except TimeoutError:
                # An event may have been lost; the mailbox has the last word.
                return await self._messages(visitor, after)
            return frames

    async def _messages(self, visitor: Visitor, after: int) -> list[wire.Said]:
        found = await self._services.mailbox.messages(address(visitor), after=after, own=True)
        return [self._hearing.show(visitor, message) for message in found]


def _number(request: web.Request, key: str, most: float) -> float:
    text = request.query.get(key, "0")
    try:
        number = float(text) if len(text) < 20 else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise wire.Malformed(f"`{key}` must be a number from 0 to {most:g}")
    return number


def _frame(frame: msgspec.Struct) -> web.Response:
    return web.Response(body=wire.encode(frame), content_type="application/json")


def _refused(error: Exception) -> web.Response:
    match error:
        case Refused():
            return refusal(error.frame)
        case TooMany():
            return refusal(too_many(error))
        case BadSession():
            return problem(401, "bad_session", str(error))
        case TooLarge():
            return problem(413, "too_large", str(error))
        case TimeoutError():
            return problem(408, "too_slow", f"the body was not here within {SLOW:g} s")
        case _:
            return problem(400, "malformed", str(error))
