"""What a customer does on a page with a chat, beside writing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from gateway.model import (
    Address,
    Attachment,
    Conversation,
    File,
    Message,
    RenderContext,
    Reply,
)
from gateway.pipeline.by_mail.mail_words import SUBJECT, TRANSCRIPT, language_of
from gateway.ports import Clock, Conflict, Event, Events, Files, NotFound, Voice
from gateway.routing.business_hours import BusinessHours
from gateway.store import NamedMail, Store

PAGE = 200
"""Messages that are read at once."""
MOST = 2_000
"""The newest messages that a transcript has."""


@dataclass(kw_only=True)
class CustomerVisits:
    """See `ports.Visits`."""

    store: Store
    files: Files
    voice: Voice
    hours: BusinessHours
    deliver: Callable[[str], None]
    events: Events
    clock: Clock

    async def person(self, address: Address) -> str | None:
        found = await self.store.queries.newest_at(address)
        has = found is not None and found.state == "person"
        return found.owner.name if found and has and found.owner else None

    async def begin_anew(self, address: Address) -> bool:
        found = await self.store.queries.newest_at(address)
        if found is None or found.state == "resolved":
            return False
        if found.state != "bot":
            return True
        now, line = self.clock.now(), "The customer begins a new conversation"
        with suppress(Conflict):  # a person took it just now, and keeps it
            await self.store.handoffs.end(found.id, found.epoch, now, line=line)
            self._announce(found)
            return False
        return True

    async def mail_transcript(self, address: Address) -> Address:
        to = await self.store.named_addresses.mailable(address)
        here = await self.store.queries.newest_at(address)
        if to is None or here is None:
            raise NotFound("no address is proven here")
        language = language_of(here.language)
        file = await self._transcript(address, here, language)
        text = self._rendered(TRANSCRIPT[language][0], to, here.brand, language)
        message = Message(
            id=0,
            conversation=0,
            author="bot",
            text=text,
            at=self.clock.now(),
            purpose="notice",
            attachments=(file,),
        )
        mail = NamedMail(message=message, subject=SUBJECT[language], language=language)
        await self.store.named_addresses.write(here.id, to, mail)
        self.deliver(to.lane)
        return to

    async def _transcript(self, address: Address, here: Conversation, language: str) -> Attachment:
        found: list[Message] = []
        page = await self.store.queries.messages(address, limit=PAGE, own=True)
        while page:
            found = [*found, *page][-MOST:]
            after = page[-1].id
            page = await self.store.queries.messages(address, after=after, limit=PAGE, own=True)
        hours = self.hours.of(here.brand)
        zone: tzinfo = ZoneInfo(hours.timezone) if hours else UTC
        lines = [_line(message, zone, language) for message in found]
        data = "\n\n".join(lines).encode()
        return await self.files.keep(File(name="chat.txt", media_type="text/plain", data=data))

    def _rendered(self, text: str, to: Address, brand: str, language: str) -> str:
        reply = Reply(opener="", body=(text,), language=language, purpose="notice")
        context = RenderContext(channel=to.channel, brand=brand, author="bot", language=language)
        return "\n\n".join(self.voice.render(reply, context).parts)

    def _announce(self, ended: Conversation) -> None:
        self.events.publish(Event(topic="desk", name="conversation", conversation=ended.id))


def _line(message: Message, zone: tzinfo, language: str) -> str:
    """One message with its time and author. File names alone stand for files."""
    _, customer, bot = TRANSCRIPT[language]
    person = message.agent.name if message.agent else bot
    who = customer if message.author == "customer" else person
    files = "".join(f"\n[{file.name}]" for file in message.attachments)
    at = message.at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return f"{at}  {who}:\n{message.text}{files}"
