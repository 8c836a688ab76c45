"""A chat at night that is answered by mail: real sockets, a real mailbox, a real mail server."""

from __future__ import annotations

import asyncio
import email as stdlib_email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

import channels.email
import channels.webchat
from gateway import Address, ContextCard, Inbound
from gateway.testing import RunningGateway
from tests.conftest import until
from tests.email.dovecot import Dovecot, dovecot
from tests.email.test_imap import mailbox
from tests.email.test_outgoing import FakeMailServer, mail_server
from tests.email.test_roundtrip import text_of
from tests.routing.dialogue import HOURS
from tests.routing.dialogue import shop as talking_shop
from tests.webchat.conftest import Tab

NIGHT = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
MORNING = 11 * 3600
ADA = "ada@example.org"


class NightShop:
    """A gateway with a chat and a mailbox, and the mail server that gets our mails."""

    def __init__(self, gw: RunningGateway, inbox: Dovecot, server: FakeMailServer) -> None:
        self.gw, self.inbox, self.server = gw, inbox, server

    @asynccontextmanager
    async def visitor(self, token: str = "") -> AsyncIterator[Tab]:
        async with (
            ClientSession() as http,
            http.ws_connect(f"{self.gw.url}/channels/webchat/socket") as socket,
        ):
            tab = Tab(socket)
            await tab.hello(**({"token": token} if token else {}))
            yield tab

    async def say(self, tab: Tab, text: str) -> list[str]:
        """What the bot says to ``text`` in the chat."""
        before = await self.gw.services.mailbox.messages(tab.address)
        await tab.say(text)
        await self.gw.settled()
        after = before[-1].id if before else 0
        return [m.text for m in await self.gw.services.mailbox.messages(tab.address, after=after)]

    async def mail(self, number: int) -> EmailMessage:
        """The ``number``-th mail that we sent."""
        await until(lambda: len(self.server.received) >= number, 20)
        read = stdlib_email.message_from_bytes(
            self.server.received[number - 1].original_content or b"", policy=default
        )
        assert isinstance(read, EmailMessage)
        await self.gw.settled()
        return read

    @property
    def recipients(self) -> list[str]:
        return [to for mail in self.server.received for to in mail.rcpt_tos]

    async def answer_mail(self, to: EmailMessage, text: str, **headers: str) -> None:
        """Somebody answers our mail ``to`` with a mail program."""
        mail = EmailMessage(policy=default)
        mail["From"], mail["To"] = headers.pop("sender", ADA), to["From"]
        mail["Subject"] = f"Re: {to['Subject']}"
        mail["Message-ID"] = f"<{abs(hash(text))}@example.org>"
        mail["In-Reply-To"] = mail["References"] = to["Message-ID"]
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        quoted = "\n".join(f"> {line}" for line in text_of(to).splitlines())
        mail.set_content(f"{text}\n\nOn Tue, 24 Nov 2026, Shop wrote:\n{quoted}\n")
        raw = mail.as_bytes(policy=default.clone(linesep="\r\n"))
        known = await self.count()
        await asyncio.to_thread(self.inbox.deliver, raw)
        async with asyncio.timeout(20):
            while await self.count() == known:  # noqa: ASYNC110  (another process takes the mail)
                await asyncio.sleep(0.02)
        await self.gw.settled()

    async def count(self) -> int:
        """Mails that came in so far."""
        return int(self.gw.metric("warmline_messages_accepted_total", channel="email"))

    async def card(self, tab: Tab) -> ContextCard:
        queue = await self.gw.services.desk.queue()
        item = next(item for item in queue if item.conversation.address == tab.address)
        return await self.gw.services.desk.card(item.conversation.id)

    def code_in(self, mail: EmailMessage) -> str:
        return next(word.strip(" .;,") for word in text_of(mail).split() if word[:6].isdecimal())


@asynccontextmanager
async def night_shop(
    tmp_path: Path, *, at: datetime = NIGHT, mailboxed: bool = True, **config: Any
) -> AsyncIterator[NightShop]:
    async with dovecot() as inbox, mail_server() as (server, port):
        section = {
            "address": "Lindenhof Shop <help@lindenhof.example>",
            "imap": mailbox(inbox.port),
            "outgoing": {"host": "127.0.0.1", "port": port},
        }
        awake = {"webchat": {}, **({"email": section} if mailboxed else {})}
        modules = (channels.webchat, channels.email)
        tree = {"channels": awake, **config}
        async with talking_shop(tmp_path, *modules, at=at, policy=HOURS, config=tree) as gw:
            yield NightShop(gw, inbox, server)


async def test_a_chat_at_night_is_answered_by_mail(tmp_path: Path) -> None:
    """Chat, address, code, the answer next morning by mail, and the reply: one history."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        told = await shop.say(tab, "a human please, my order is 4711")
        assert "write me your e-mail address" in told[-1]
        assert "on Wednesday 25 November at 09:00" in " ".join(told)
        assert await shop.say(tab, f"sure: {ADA.title()}") == [
            f"I have sent a code to {ADA}. Repeat it here, or reply to that mail with YES, and our "
            "answer goes to that address."
        ]
        mail = await shop.mail(1)
        assert mail["To"] == ADA
        assert "4711" not in mail.as_string()
        told = await shop.say(tab, shop.code_in(mail))
        assert told[0].startswith(f"Thank you. Our answer goes to {ADA}.")

        await shop.gw.pass_time(MORNING)
        ana = shop.gw.desk_agent("ana")
        card = await ana.claim(await shop.card(tab))
        assert card.answer_address == Address(channel="email", value=ADA)
        await ana.answer(card, "Your order 4711 leaves today.")
        answer = await shop.mail(2)
        assert answer["To"] == ADA
        assert "Your order 4711 leaves today." in text_of(answer)
        assert answer["References"] == mail["Message-ID"]
        heard = [m.text for m in await shop.gw.services.mailbox.messages(tab.address)]
        assert heard[-1] == f"We have answered you by e-mail, at {ADA}."
        assert not any("leaves today" in text for text in heard)

        await shop.answer_mail(answer, "Great, thank you Ana")
        held = (await shop.gw.services.desk.queue_page()).held
        assert [item.conversation.address.channel for item in held] == ["email"]
        card = await shop.gw.services.desk.card(held[0].conversation.id)
        said = [
            (card.channel_of(m), m.author, m.text.split(",")[0])
            for m in card.messages
            if not m.internal and m.author != "bot"
        ]
        assert said == [
            ("webchat", "customer", "a human please"),
            ("webchat", "customer", "sure: Ada@Example.Org"),
            ("webchat", "customer", shop.code_in(mail)),
            ("email", "agent", "Your order 4711 leaves today."),
            ("email", "customer", "Great"),
        ]
        same = await shop.gw.services.desk.card(card.history[0].id)
        assert same.messages == card.messages
