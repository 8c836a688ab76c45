"""The chat over plain HTTP: the same frames where sockets cannot pass, and files, which need it
in any case."""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from pathlib import PurePosixPath
from urllib.parse import quote

from aiohttp import hdrs, web

from channels.webchat import WebchatSettings, wire
from channels.webchat.admission import Admission, error_response
from channels.webchat.frame_handler import FrameHandler, FrameRefused, typing_frame
from channels.webchat.sockets import MAX_FRAME
from channels.webchat.tokens import BadFileReference, BadSession, SessionTokens, Visitor
from gateway import File, NotFound, RateLimit, Services, TooLarge, TooMany, read_bounded

MAX_WAIT = 25.0
"""Seconds that a poll waits for something new; proxies commonly give up after 30 or 60."""

BODY_TIMEOUT = 60.0
"""Seconds in which a body must arrive."""

STATUS = {
    "bad_session": 401,
    "bad_identity": 401,
    "bad_file": 403,
    "too_long": 413,
    "too_many": 429,
    "try_later": 503,
}
"""HTTP statuses of refused frames by error code; 400 for all others."""

SIGNATURES = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBPVP", re.DOTALL)),
    ("application/pdf", re.compile(rb"%PDF-")),
)
"""The byte patterns of the WHATWG MIME Sniffing Standard, sections 6.1 and 7.1."""

BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Its "binary data bytes" (section 3), which no text contains."""

SUFFIXES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "application/pdf": (".pdf",),
    "text/plain": (".txt", ".text", ".log", ".csv", ".md"),
}
UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"<>|:*?\\/]'
)
"""Control characters, those that change the direction of writing, and what file systems forbid."""


class HttpApi:
    """Serves ``/messages`` and ``/files``."""

    def __init__(
        self,
        *,
        services: Services,
        handler: FrameHandler,
        tokens: SessionTokens,
        admission: Admission,
        settings: WebchatSettings,
    ) -> None:
        self._services, self._handler, self._tokens = services, handler, tokens
        self._admission, self._settings = admission, settings
        self._uploads = RateLimit(settings.files_per_minute, what="files")
        # A session is free to begin, so a limit for each would be none.
        self._uploads_of_ip = RateLimit(settings.files_per_minute_ip, what="files")

    async def post_frame(self, request: web.Request) -> web.StreamResponse:
        """``POST messages``: one frame in, and the frame that answers it, if any, out."""
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                frame = wire.decode(await read_bounded(request.content.iter_any(), MAX_FRAME))
            if isinstance(frame, wire.HelloFrame):
                ip = self._admission.client_ip(request)
                return _json((await self._handler.greet(frame, ip))[1])
            answer = await self._handler.handle(await self._visitor(request), frame)
        except (BadSession, FrameRefused, TooLarge, TimeoutError, wire.BadFrame) as error:
            return _refusal(error)
        return _json(answer) if answer else web.Response(status=204)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """``GET messages?after=ID&wait=SECONDS``: messages after ID, or the first to come."""
        try:
            after, wait = _number(request, "after", 2**62), _number(request, "wait", MAX_WAIT)
            visitor = await self._visitor(request)
            with ExitStack() as stack:
                ip = self._admission.client_ip(request)
                stack.enter_context(self._admission.ip_connections.hold(ip))
                stack.enter_context(self._admission.session_connections.hold(visitor.session))
                frames = await self._wait_for_frames(visitor, int(after), wait)
        except (BadSession, TooMany, wire.BadFrame) as error:
            return _refusal(error)
        return _json({"frames": frames})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """``POST files?name=NAME``: the bytes are the body. Returns the reference to send it by."""
        try:
            visitor = await self._visitor(request)
            await self._uploads.take(visitor.session)
            await self._uploads_of_ip.take(self._admission.client_ip(request))
            data = await self._read_file(request)
            media_type = sniff(data)
            if media_type not in self._settings.file_types:
                allowed = ", ".join(self._settings.file_types)
                return error_response(415, "wrong_type", f"the file's content is none of {allowed}")
            name = safe_name(request.query.get("name", ""), media_type)
            kept = await self._services.files.keep(
                File(name=name, media_type=media_type, data=data)
            )
        except (BadSession, TooMany, TooLarge, TimeoutError) as error:
            return _refusal(error)
        return _json(self._handler.file_reference(visitor, kept))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """``GET files/REF``: a file of this session, as an attachment that is never displayed."""
        try:
            file = self._tokens.file(await self._visitor(request), request.match_info["ref"])
            data = await self._services.files.open(file.digest)
        except BadSession as error:
            return _refusal(error)
        except BadFileReference as error:
            return error_response(403, "bad_file", str(error))
        except NotFound:
            return error_response(404, "not_found", "this file is no longer kept")
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

    async def _visitor(self, request: web.Request) -> Visitor:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            raise BadSession("send hello first, then its token as `Authorization: Bearer`")
        visitor = self._tokens.visitor(token.strip())
        await self._handler.check(visitor)
        return visitor

    async def _read_file(self, request: web.Request) -> bytes:
        limit = self._settings.file_size
        if (request.content_length or 0) > limit:
            raise TooLarge(f"the file is larger than {limit} bytes")
        async with asyncio.timeout(BODY_TIMEOUT):
            return await read_bounded(request.content.iter_any(), limit)

    async def _wait_for_frames(
        self, visitor: Visitor, after: int, wait: float
    ) -> list[wire.GatewayFrame]:
        async with self._services.events.listen(visitor.address.lane) as events:
            frames = await self._messages(visitor, after)
            if frames or not wait:
                return frames
            try:
                async with self._admission.polls.wait(wait):
                    async for event in events:
                        if event.name == "typing" and (typing := typing_frame(event)):
                            return [typing]
                        if event.name == "person":
                            return [await self._handler.person(visitor)]
                        if frames := await self._messages(visitor, after):
                            return frames
            except TimeoutError:
                # An event may have been lost: only the mailbox is certain.
                return await self._messages(visitor, after)
            return frames

    async def _messages(self, visitor: Visitor, after: int) -> list[wire.GatewayFrame]:
        messages = await self._services.mailbox.messages(visitor.address, after=after, own=True)
        if messages:
            await self._handler.check(visitor)
        return [self._handler.message_frame(visitor, message) for message in messages]


def sniff(data: bytes) -> str | None:
    """The media type that ``data`` has by its content; None for one that we do not know."""
    for media_type, signature in SIGNATURES:
        if signature.match(data):
            return media_type
    if not data or BINARY.search(data):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "text/plain"


def safe_name(name: str, media_type: str) -> str:
    """``name`` made safe to save on any system, with a suffix that fits its content."""
    base = UNSAFE.sub("", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    suffixes, suffix = SUFFIXES[media_type], PurePosixPath(base).suffix
    if suffix.lower() in suffixes:
        stem = base[: -len(suffix)]
    else:
        stem, suffix = base, suffixes[0]
    return (stem[: 100 - len(suffix)].strip(" .") or "file") + suffix


def _number(request: web.Request, key: str, most: float) -> float:
    text = request.query.get(key, "0")
    try:
        number = float(text) if len(text) < 20 else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise wire.BadFrame(f"`{key}` must be a number from 0 to {most:g}")
    return number


def _json(body: object) -> web.Response:
    return web.Response(body=wire.encode(body), content_type="application/json")


def _refusal(error: Exception) -> web.Response:
    match error:
        case TooMany():
            return _refusal(FrameRefused.too_many(error))
        case FrameRefused():
            frame = error.frame
            more = {"id": frame.id, "retry_after": frame.retry_after}
            shown = {key: value for key, value in more.items() if value is not None}
            status = STATUS.get(frame.code, 400)
            response = error_response(status, frame.code, frame.message, **shown)
            if frame.retry_after is not None:
                response.headers["Retry-After"] = str(max(1, round(frame.retry_after)))
            return response
        case BadSession():
            return error_response(401, "bad_session", str(error))
        case TooLarge():
            return error_response(413, "too_large", str(error))
        case TimeoutError():
            return error_response(408, "too_slow", f"the body took more than {BODY_TIMEOUT:g} s")
        case _:
            return error_response(400, "malformed", str(error))
