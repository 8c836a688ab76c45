"""Handles the frames of visitors, and turns the gateway's messages into frames for them."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

import msgspec

from channels.webchat import WebchatSettings, wire
from channels.webchat.tokens import (
    CHANNEL,
    BadFileReference,
    BadIdentity,
    BadSession,
    SessionTokens,
    Visitor,
)
from gateway import (
    Attachment,
    Event,
    Fact,
    Inbound,
    Message,
    NotAccepted,
    NotFound,
    RateLimit,
    Receipt,
    Services,
    TooMany,
    WarmlineError,
)


class FrameRefused(WarmlineError):
    """A frame was refused; ``frame`` tells the page why."""

    def __init__(
        self, code: str, message: str, *, id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.frame = wire.ErrorFrame(code=code, message=message, id=id, retry_after=retry_after)

    @classmethod
    def too_many(cls, error: TooMany, client_id: str | None = None) -> FrameRefused:
        """The refusal because of a limit."""
        return cls("too_many", str(error), id=client_id, retry_after=error.after)


class FrameHandler:
    """Handles frames, whether they come over a socket or as plain requests."""

    def __init__(
        self, services: Services, tokens: SessionTokens, settings: WebchatSettings
    ) -> None:
        self._services, self._tokens, self._settings = services, tokens, settings
        per_minute = settings.messages_per_minute
        self._messages = RateLimit(per_minute, what="messages")
        self._signals = RateLimit(per_minute * 4, what="signals")
        self._transcripts = RateLimit(
            settings.transcripts_per_hour, what="transcripts", seconds=3600.0
        )
        self._new_sessions = RateLimit(
            settings.sessions_per_minute, what="new sessions from your network"
        )

    async def greet(self, hello: wire.HelloFrame, ip: str) -> tuple[Visitor, wire.ReadyFrame]:
        """The visitor who says hello from ``ip``, and the answer; raises FrameRefused."""
        try:
            if hello.token and await self._is_outdated(self._tokens.visitor(hello.token)):
                hello = msgspec.structs.replace(hello, token=None)
            visitor, fresh = self._tokens.greet(hello.token, hello.identity)
            if visitor.ref is not None:
                visitor, fresh = await self._at_home(visitor, visitor.ref, hello, fresh=fresh)
            elif fresh:
                await self._new_sessions.take(ip)
        except BadSession as error:
            raise FrameRefused("bad_session", str(error)) from None
        except BadIdentity as error:
            raise FrameRefused("bad_identity", str(error)) from None
        except TooMany as error:
            raise FrameRefused.too_many(error) from None
        settings = self._settings
        return visitor, wire.ReadyFrame(
            token=self._tokens.issue(visitor),
            session=visitor.session,
            fresh=fresh,
            name=visitor.name,
            person=(await self.person(visitor)).name,
            limits=wire.PageLimits(
                text=settings.text, file_size=settings.file_size, file_types=settings.file_types
            ),
        )

    async def check(self, visitor: Visitor) -> None:
        """Raises BadSession for a token from before a login, when the session has become the
        user's: whoever else has that token must not read on."""
        if await self._is_outdated(visitor):
            raise BadSession("this session has ended; a new one begins")

    async def _is_outdated(self, visitor: Visitor) -> bool:
        return visitor.ref is None and await self._services.records.is_proven(visitor.address)

    async def _at_home(
        self, visitor: Visitor, ref: str, hello: wire.HelloFrame, *, fresh: bool
    ) -> tuple[Visitor, bool]:
        """A logged-in user in their own session, and whether it is another than the hello's.

        It is that of their newest conversation, on whatever device it was. Someone who logs in
        during a conversation keeps it: it is theirs from their next message on.
        """
        begun = hello.token is not None and not fresh
        if begun and self._tokens.visitor(hello.token or "").ref is None:
            own = await self._services.mailbox.messages(visitor.address, limit=1, own=True)
            if own:
                return visitor, False
        newest = await self._services.records.newest_address(
            ref, channel=CHANNEL, support_address=visitor.site
        )
        session = newest.value if newest else self._tokens.home(ref)
        return visitor.replace(session=session), fresh or session != visitor.session

    async def handle(self, visitor: Visitor, frame: wire.PageFrame) -> wire.GatewayFrame | None:
        """Do what ``frame`` asks, and return the answer, if there is one. Raises FrameRefused."""
        if isinstance(frame, wire.SayFrame):
            return await self._accept(visitor, frame)
        if isinstance(frame, wire.PingFrame):
            return wire.PongFrame()
        try:
            await self._signals.take(visitor.session)
        except TooMany as error:
            raise FrameRefused.too_many(error) from None
        if isinstance(frame, wire.NewFrame):
            return await self._begin_anew(visitor)
        if isinstance(frame, wire.TranscriptFrame):
            return await self._mail_transcript(visitor)
        if isinstance(frame, wire.TypingFrame):
            data = {"author": "customer", "lane": visitor.address.lane}
            self._services.events.publish(Event(topic="desk", name="typing", data=data))
        else:
            await self._report(visitor, frame)
        return None

    async def person(self, visitor: Visitor) -> wire.PersonFrame:
        """Who has the visitor's conversation."""
        visits = self._services.visits
        return wire.PersonFrame(name=await visits.person(visitor.address) if visits else None)

    async def _begin_anew(self, visitor: Visitor) -> wire.BegunFrame:
        visits = self._services.visits
        return wire.BegunFrame(person=await visits.begin_anew(visitor.address) if visits else False)

    async def _mail_transcript(self, visitor: Visitor) -> wire.MailedFrame:
        visits = self._services.visits
        refusal = FrameRefused("no_address", "no e-mail address is proven in this chat")
        if visits is None:
            raise refusal
        try:
            await self._transcripts.take(visitor.session)
            to = await visits.mail_transcript(visitor.address)
        except TooMany as error:
            raise FrameRefused.too_many(error) from None
        except NotFound:
            raise refusal from None
        return wire.MailedFrame(to=shortened(to.value))

    async def _accept(self, visitor: Visitor, frame: wire.SayFrame) -> wire.AcceptedFrame:
        try:
            await self._messages.take(visitor.session)
            accepted = await self._services.intake.accept(self._inbound(visitor, frame))
        except TooMany as error:
            raise FrameRefused.too_many(error, frame.id) from None
        except BadFileReference as error:
            raise FrameRefused("bad_file", str(error), id=frame.id) from None
        except NotAccepted as error:
            message = "the message could not be stored; send it again"
            after = math.ceil(error.after)
            raise FrameRefused("try_later", message, id=frame.id, retry_after=after) from None
        return wire.AcceptedFrame(id=frame.id, turn=accepted.turn, duplicate=accepted.duplicate)

    def _inbound(self, visitor: Visitor, frame: wire.SayFrame) -> Inbound:
        text = frame.text.strip()
        if len(text) > self._settings.text:
            message = f"a message may have at most {self._settings.text} characters"
            raise FrameRefused("too_long", message, id=frame.id)
        if not text and not frame.attachments:
            raise FrameRefused("empty", "the message is empty", id=frame.id)
        page = page_address(frame.page)
        return Inbound(
            address=visitor.address,
            text=text,
            at=self._services.clock.now(),
            remote_id=remote_id(visitor, frame.id),
            name=visitor.name,
            ref=visitor.ref,
            language=frame.language.partition("-")[0].lower() if frame.language else None,
            attachments=tuple(self._tokens.file(visitor, ref) for ref in frame.attachments),
            facts=(Fact(name="page", value=page),) if page else (),
        )

    async def _report(self, visitor: Visitor, frame: wire.DeliveredFrame | wire.ReadFrame) -> None:
        await self._services.intake.report(
            Receipt(
                channel=CHANNEL,
                ids=tuple(str(id) for id in frame.ids),
                status="read" if isinstance(frame, wire.ReadFrame) else "delivered",
                at=self._services.clock.now(),
                address=visitor.address,
            )
        )

    def message_frame(self, visitor: Visitor, message: Message) -> wire.MessageFrame:
        """``message`` as this visitor may see it."""
        client = None
        if message.author == "customer":
            client = (message.remote_id or "").removeprefix(remote_id(visitor, "")) or None
        return wire.MessageFrame(
            id=message.id,
            author=message.author,
            text=message.text,
            at=message.at,
            status=message.status,
            name=message.agent.name if message.agent else None,
            client=client,
            buttons=message.buttons,
            survey=message.survey,
            attachments=tuple(self.file_reference(visitor, file) for file in message.attachments),
        )

    def file_reference(self, visitor: Visitor, file: Attachment) -> wire.FileReference:
        """``file`` with the reference by which only this visitor can fetch it."""
        return wire.FileReference(
            ref=self._tokens.grant(visitor, file),
            name=file.name,
            media_type=file.media_type,
            size=file.size,
        )


def remote_id(visitor: Visitor, client_id: str) -> str:
    """The page's message id, made unique among all sessions."""
    return f"{visitor.session}:{client_id}"


def typing_frame(event: Event) -> wire.TypingFrame | None:
    """The typing event as the customer sees it; None when the customer is typing."""
    author = event.data.get("author", "bot")
    if author not in ("bot", "agent"):
        return None
    return wire.TypingFrame(
        author="agent" if author == "agent" else "bot", name=event.data.get("name")
    )


def shortened(address: str) -> str:
    """``a…@example.org``: enough to know one's own address by."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def page_address(url: str | None) -> str | None:
    """The page's URL without user, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
