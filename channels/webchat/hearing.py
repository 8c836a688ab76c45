"""What a customer says, whichever way it came: checked, and handed to the gateway."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from channels.webchat import wire
from channels.webchat.limits import Rate, TooMany
from channels.webchat.settings import WebchatSettings
from channels.webchat.tokens import BadGrant, BadIdentity, BadSession, Tokens, Visitor
from gateway import (
    Address,
    Attachment,
    Event,
    Fact,
    Inbound,
    Message,
    NotAccepted,
    Receipt,
    Services,
    WarmlineError,
)

CHANNEL = "webchat"


class Refused(WarmlineError):
    """A frame was refused; ``frame`` tells the page why."""

    def __init__(self, frame: wire.Error) -> None:
        super().__init__(frame.message)
        self.frame = frame


class Hearing:
    """Takes frames of visitors, and puts the gateway's messages into frames for them."""

    def __init__(self, services: Services, tokens: Tokens, bounds: WebchatSettings) -> None:
        self._services, self._tokens, self._bounds = services, tokens, bounds
        self._said = Rate(bounds.messages_per_minute, what="messages")
        self._typed = Rate(bounds.messages_per_minute * 4, what="signals")
        self._begun = Rate(bounds.sessions_per_minute, what="new sessions from your network")

    async def greet(self, hello: wire.Hello, ip: str) -> tuple[Visitor, wire.Ready]:
        """Who says hello, and the answer to it; raises Refused."""
        try:
            visitor, fresh = self._tokens.greet(hello.token, hello.identity)
            if fresh:
                await self._begun.take(ip)
        except BadSession as error:
            raise Refused(wire.Error(code="bad_session", message=str(error))) from None
        except BadIdentity as error:
            raise Refused(wire.Error(code="bad_identity", message=str(error))) from None
        except TooMany as error:
            raise Refused(too_many(error)) from None
        bounds = self._bounds
        limits = wire.Limits(
            text=bounds.text, file_size=bounds.file_size, file_types=bounds.file_types
        )
        token = self._tokens.issue(visitor)
        return visitor, wire.Ready(
            token=token, session=visitor.session, fresh=fresh, limits=limits, name=visitor.name
        )

    async def hear(self, visitor: Visitor, frame: wire.Heard) -> wire.Said | None:
        """Do what ``frame`` asks; gives what to answer at once. Raises Refused."""
        if isinstance(frame, wire.Say):
            return await self._say(visitor, frame)
        if isinstance(frame, wire.Ping):
            return wire.Pong()
        try:
            await self._typed.take(visitor.session)
        except TooMany as error:
            raise Refused(too_many(error)) from None
        if isinstance(frame, wire.Typing):
            self._tell_the_desk(visitor)
        else:
            await self._report(visitor, frame)
        return None

    async def _say(self, visitor: Visitor, say: wire.Say) -> wire.Accepted:
        try:
            await self._said.take(visitor.session)
            accepted = await self._services.intake.accept(self._inbound(visitor, say))
        except TooMany as error:
            raise Refused(too_many(error, say.id)) from None
        except BadGrant as error:
            raise Refused(wire.Error(code="bad_file", message=str(error), id=say.id)) from None
        except NotAccepted as later:
            message = "it could not be stored just now; say it again"
            wait = math.ceil(later.after)
            frame = wire.Error(code="try_later", message=message, id=say.id, retry_after=wait)
            raise Refused(frame) from None
        return wire.Accepted(id=say.id, turn=accepted.turn, duplicate=accepted.duplicate)

    def _inbound(self, visitor: Visitor, say: wire.Say) -> Inbound:
        text = say.text.strip()
        if len(text) > self._bounds.text:
            message = f"a message may have at most {self._bounds.text} characters"
            raise Refused(wire.Error(code="too_long", message=message, id=say.id))
        if not text and not say.attachments:
            raise Refused(wire.Error(code="empty", message="there is nothing in it", id=say.id))
        page = _page(say.page)
        return Inbound(
            address=address(visitor),
            text=text,
            at=self._services.clock.now(),
            remote_id=remote_id(visitor, say.id),
            name=visitor.name,
            ref=visitor.ref,
            language=say.language.partition("-")[0].lower() if say.language else None,
            attachments=tuple(self._tokens.file(visitor, ref) for ref in say.attachments),
            facts=(Fact(name="page", value=page),) if page else (),
        )

    def _tell_the_desk(self, visitor: Visitor) -> None:
        data = {"author": "customer", "lane": address(visitor).lane}
        self._services.events.publish(Event(topic="desk", name="typing", data=data))

    async def _report(self, visitor: Visitor, frame: wire.Delivered | wire.Read) -> None:
        await self._services.intake.report(
            Receipt(
                channel=CHANNEL,
                ids=tuple(str(one) for one in frame.ids),
                status="read" if isinstance(frame, wire.Read) else "delivered",
                at=self._services.clock.now(),
                address=address(visitor),
            )
        )

    def show(self, visitor: Visitor, message: Message) -> wire.Message:
        """``message`` as this visitor may see it."""
        mine = message.author == "customer"
        client = (message.remote_id or "").removeprefix(remote_id(visitor, "")) if mine else ""
        return wire.Message(
            id=message.id,
            author=message.author,
            text=message.text,
            at=message.at,
            status=message.status,
            name=message.agent.name if message.agent else None,
            client=client or None,
            buttons=message.buttons,
            survey=message.survey,
            attachments=tuple(self.attached(visitor, file) for file in message.attachments),
        )

    def attached(self, visitor: Visitor, file: Attachment) -> wire.Attached:
        """``file`` with the reference by which this visitor alone can fetch it."""
        return wire.Attached(
            ref=self._tokens.grant(visitor, file),
            name=file.name,
            media_type=file.media_type,
            size=file.size,
        )


def address(visitor: Visitor) -> Address:
    """Where this visitor is reached."""
    return Address(channel=CHANNEL, value=visitor.session)


def remote_id(visitor: Visitor, client: str) -> str:
    """The id of a page's message among all visitors: nobody can speak for another's."""
    return f"{visitor.session}:{client}"


def too_many(error: TooMany, client: str | None = None) -> wire.Error:
    """A bound that was met, as the page is told of it."""
    return wire.Error(code="too_many", message=str(error), id=client, retry_after=error.after)


def _page(url: str | None) -> str | None:
    """Where the customer writes from, without query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
