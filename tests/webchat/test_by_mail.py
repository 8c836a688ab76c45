"""A chat at night that is answered by mail: real sockets, a real mailbox, a real mail server."""

from __future__ import annotations

import asyncio
import email as stdlib_email
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiohttp import ClientSession, CookieJar

import channels.email
import channels.webchat
import plugins.agents_desk
from gateway import Address, Agent, ContextCard
from gateway.testing import RunningGateway
from tests.agents_desk.conftest import PASSWORD, Visit, as_config, user
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

    def __init__(self, gw: RunningGateway, inbox: Dovecot | None, server: FakeMailServer) -> None:
        self.gw, self.inbox, self.server = gw, inbox, server

    @asynccontextmanager
    async def visitor(self, token: str = "") -> AsyncIterator[Tab]:
        async with (
            ClientSession() as http,
            http.ws_connect(f"{self.gw.url}/channels/webchat/socket") as socket,
        ):
            tab = Tab(socket)
            tab.missed = await tab.hello(**({"token": token} if token else {}))
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
        if self.inbox is not None:
            await asyncio.to_thread(self.inbox.deliver, raw)
        else:
            port = self.gw.gateway.registrations.channels["email"].smtp_port
            await aiosmtplib.send(mail, hostname="127.0.0.1", port=port)
        async with asyncio.timeout(20):
            while await self.count() == known:  # noqa: ASYNC110  (another process takes the mail)
                await asyncio.sleep(0.02)
        await self.gw.settled()

    async def count(self) -> int:
        """Mails that came in so far."""
        return int(self.gw.metric("warmline_accepted_total", channel="email"))

    async def card(self, tab: Tab) -> ContextCard:
        queue = await self.gw.services.desk.queue()
        item = next(item for item in queue if item.conversation.address == tab.address)
        return await self.gw.services.desk.card(item.conversation.id)

    def code_in(self, mail: EmailMessage) -> str:
        return next(word.strip(" .;,") for word in text_of(mail).split() if word[:6].isdecimal())


@asynccontextmanager
async def night_shop(
    tmp_path: Path,
    *,
    at: datetime = NIGHT,
    mailboxed: bool = True,
    imap: bool = False,
    **config: Any,
) -> AsyncIterator[NightShop]:
    """``imap``: mail comes from a mailbox at Dovecot; else to our own port, which is faster."""
    async with AsyncExitStack() as stack:
        inbox = await stack.enter_async_context(dovecot()) if imap else None
        server, port = await stack.enter_async_context(mail_server())
        section: dict[str, Any] = {
            "address": "Lindenhof Shop <help@lindenhof.example>",
            "outgoing": {"host": "127.0.0.1", "port": port},
        }
        section |= {"imap": mailbox(inbox.port)} if inbox else {"smtp_port": 0}
        awake = {"webchat": {}, **({"email": section} if mailboxed else {})}
        modules = (channels.webchat, channels.email, plugins.agents_desk)
        tree = {"channels": awake, **config}
        ana = {**as_config(user("ana")), "display_name": "ana"}
        desk = {"agents_desk": {"users": [ana], "undo_send": 0}}
        async with talking_shop(tmp_path, *modules, at=at, policy=HOURS, config=tree, **desk) as gw:
            yield NightShop(gw, inbox, server)


async def test_a_chat_at_night_is_answered_by_mail(tmp_path: Path) -> None:
    """Chat, address, code, the answer next morning by mail, and the reply: one history."""
    async with night_shop(tmp_path, imap=True) as shop, shop.visitor() as tab:
        told = await shop.say(tab, "a human please, my order is 4711")
        assert "write me your e-mail address" in told[-1]
        assert "on Wednesday 25 November at 09:00" in " ".join(told)
        told = await shop.say(tab, f"sure: {ADA.title()}")
        assert told[0].startswith(f"I have sent a code to {ADA}. Repeat it here, or reply to")
        mail = await shop.mail(1)
        assert mail["To"] == ADA
        assert "4711" not in mail.as_string()
        told = await shop.say(tab, shop.code_in(mail))
        assert told[0].startswith(f"Thank you. Our answer goes to {ADA}.")

        await shop.gw.pass_time(MORNING)
        ana = shop.gw.desk_agent("ana")
        card = await ana.claim(await shop.card(tab))
        assert card.handoff
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
        assert held[0].handoff.reasons[0].code == "asked_for_person"
        assert held[0].conversation.tier == "specialist"
        assert held[0].handoff.created_at == card.handoff.created_at
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


async def test_yes_in_answer_to_the_mail_proves_the_address(tmp_path: Path) -> None:
    """The customer has left the chat, and hears when the answer comes."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "bitte human")
        assert "Mail mit JA" in (await shop.say(tab, f"bitte an {ADA}"))[0]
        await shop.answer_mail(await shop.mail(1), "Ja")
        told = "".join([text_of(await shop.mail(number)) for number in (2, 3)])
        assert "Danke. Unsere Antwort geht an ada@example.org." in told
        assert "Mittwoch, 25. November" in told
        card = await shop.card(tab)
        assert [link.how for link in card.linked] == ["reply"]
        assert [c.address.channel for c in card.history] == ["webchat", "email"]


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Who are you? I did not write to you.", {}),
        ("Yes", {"Auto_Submitted": "auto-replied"}),
        ("Yes", {"sender": "eve@example.org"}),
    ],
)
async def test_no_other_answer_proves_an_address(
    tmp_path: Path, text: str, headers: dict[str, str]
) -> None:
    """A stranger's question, an out-of-office note, and a mail from elsewhere link nothing; the
    agent's answer stays in the chat, and none of its words go by mail."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please, my order is 4711")
        await shop.say(tab, ADA)
        await shop.answer_mail(await shop.mail(1), text, **headers)
        await shop.gw.pass_time(MORNING)
        ana = shop.gw.desk_agent("ana")
        card = await ana.claim(await shop.card(tab))
        assert (card.linked, card.history, card.answer_address) == ((), (), None)
        await ana.answer(card, "Your order 4711 leaves today.")
        heard = [m.text for m in await shop.gw.services.mailbox.messages(tab.address)]
        assert heard[-1] == "Your order 4711 leaves today."
        assert not any(b"4711" in (mail.original_content or b"") for mail in shop.server.received)


async def test_an_unproven_address_gets_one_neutral_mail(tmp_path: Path) -> None:
    """Naming it again a moment later sends none, and later at most one more."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please, my order is 4711")
        for _ in range(2):
            await shop.say(tab, ADA)
        await shop.mail(1)
        await shop.gw.pass_time(120)
        await shop.say(tab, ADA)
        await shop.gw.pass_time(120)
        refused = await shop.say(tab, ADA)
        assert refused[0].startswith(f"I cannot send a mail to {ADA} now.")
        assert shop.recipients == [ADA, ADA]


async def test_strangers_cannot_be_flooded(tmp_path: Path) -> None:
    """Neither from many chats, nor with many addresses in one."""
    config = {"answer_by_mail": {"mails_per_hour": 4}}
    async with night_shop(tmp_path, **config) as shop:
        for _ in range(4):
            async with shop.visitor() as tab:
                await shop.say(tab, "a human please")
                await shop.say(tab, ADA)
        assert shop.recipients == [ADA, ADA]
        async with shop.visitor() as tab:
            await shop.say(tab, "a human please")
            for name in ("bo", "cy", "di"):
                await shop.say(tab, f"{name}@example.org")
        assert shop.recipients == [ADA, ADA, "bo@example.org", "cy@example.org"]


async def test_a_code_cannot_be_guessed(tmp_path: Path) -> None:
    """After five wrong ones the right one is void, too; another chat cannot use it at all."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab, shop.visitor() as other:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        code = shop.code_in(await shop.mail(1))
        await shop.say(other, "a human please")
        assert "Thank you" not in " ".join(await shop.say(other, code))
        for guess in range(5):
            wrong = f"{(int(code) + guess + 1) % 10**6:06}"
            assert (await shop.say(tab, wrong))[0].startswith("That is not the code")
        assert (await shop.say(tab, code))[0].startswith("That is not the code")
        assert (await shop.card(tab)).linked == ()


async def test_no_session_reads_the_words_of_the_mail(tmp_path: Path) -> None:
    """Not another one, nor the chat that named the address: what is said by mail stays there."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab, shop.visitor() as other:
        for visitor in (tab, other):
            await shop.say(visitor, "a human please")
            await shop.say(visitor, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        await shop.gw.pass_time(MORNING)
        ana = shop.gw.desk_agent("ana")
        await ana.answer(await ana.claim(await shop.card(tab)), "The secret is 4711.")
        await shop.answer_mail(await shop.mail(3), "Keep 4711 to yourself")
        for visitor in (tab, other):
            async with shop.visitor(visitor.token) as again:
                assert again.session == visitor.session
                assert not any("4711" in frame["text"] for frame in again.missed)
        assert (await shop.card(other)).history == ()


async def test_nobody_in_danger_is_asked(tmp_path: Path) -> None:
    """Nor when the words of harm come later."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab, shop.visitor() as later:
        assert "e-mail" not in " ".join(await shop.say(tab, "fire, a human please"))
        await shop.say(later, "a human please")
        await shop.say(later, "there is a fire")
        assert await shop.say(later, ADA) == []
        assert shop.recipients == []


async def test_nobody_is_asked_where_the_brand_has_no_mailbox(tmp_path: Path) -> None:
    """There an answer could not be sent."""
    async with night_shop(tmp_path, mailboxed=False) as shop, shop.visitor() as tab:
        assert "e-mail" not in " ".join(await shop.say(tab, "a human please"))


async def test_within_opening_hours_the_customer_is_asked_after_a_while(tmp_path: Path) -> None:
    """Once, and not at all when somebody claims the conversation in time."""
    day = NIGHT.replace(hour=10)
    async with night_shop(tmp_path, at=day) as shop, shop.visitor() as tab, shop.visitor() as other:
        for visitor in (tab, other):
            assert "e-mail" not in " ".join(await shop.say(visitor, "a human please"))
        ana = shop.gw.desk_agent("ana")
        await ana.claim(await shop.card(other))
        for _ in range(2):
            await shop.gw.pass_time(301)
        asked = [
            [m.purpose for m in await shop.gw.services.mailbox.messages(v.address)]
            for v in (tab, other)
        ]
        assert [purposes.count("ask_address") for purposes in asked] == [1, 0]


async def test_who_comes_back_to_the_chat_gets_the_person(tmp_path: Path) -> None:
    """While Ana has the case by mail the bot does not answer; the new chat is part of it."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        await shop.gw.pass_time(MORNING)
        ana = shop.gw.desk_agent("ana")
        await ana.answer(await ana.claim(await shop.card(tab)), "Which size?")
        await shop.mail(2)
        assert "Two days." not in await shop.say(tab, "delivery?")
        card = await shop.card(tab)
        assert card.handoff
        assert card.handoff.reasons[0].code == "open_elsewhere"
        assert [c.address.channel for c in card.history] == ["webchat", "email", "webchat"]
        assert card.answer_address is None  # they are here now


async def test_an_answer_goes_to_the_chat_while_the_customer_is_there(tmp_path: Path) -> None:
    """Or where the agent says so."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        ana = shop.gw.desk_agent("ana")
        card = await ana.claim(await shop.card(tab))
        await ana.answer(card, "I am still here.")
        await shop.gw.pass_time(3600)
        await ana.answer(card, "And here.", via=tab.address)
        heard = [m.text for m in await shop.gw.services.mailbox.messages(tab.address)]
        assert heard[-2:] == ["I am still here.", "And here."]
        assert shop.recipients == [ADA]


async def test_an_answer_that_ends_the_chat_is_not_held(tmp_path: Path) -> None:
    """What the chat says of the mail is true at that moment: the answer cannot be taken back."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        await shop.gw.pass_time(MORNING)
        card = await shop.gw.desk_agent("ana").claim(await shop.card(tab))
        desk, agent = shop.gw.services.desk, card.conversation.owner
        assert agent
        sent = await desk.answer(card.conversation.id, agent, "It left.", key="k", hold=10)
        await shop.mail(2)
        assert await desk.held_answers(sent.conversation) == ()
        heard = [m.text for m in await shop.gw.services.mailbox.messages(tab.address)]
        assert heard[-1] == f"We have answered you by e-mail, at {ADA}."


async def test_an_answer_that_ends_the_chat_is_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the chat cannot be ended, no mail leaves either; the same answer sent again does both,
    once."""

    def full(*_: object) -> None:
        raise OSError("no space left")

    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        await shop.gw.pass_time(MORNING)
        ana, desk = Agent(id="desk:ana", name="ana"), shop.gw.services.desk
        card = await shop.card(tab)
        id = card.conversation.id
        await desk.claim(id, ana, epoch=card.conversation.epoch)
        with monkeypatch.context() as broken:
            broken.setattr("gateway.adapters.sql.inbox.leave", full)
            with pytest.raises(OSError, match="no space"):
                await desk.answer(id, ana, "It leaves today.", key="k")
        await shop.gw.settled()
        assert len(shop.recipients) == 1
        assert (await desk.card(id)).conversation.state == "person"
        for _ in range(2):
            await desk.answer(id, ana, "It leaves today.", key="k")
        assert text_of(await shop.mail(2)).strip().startswith("It leaves today.")
        assert (await desk.card(id)).conversation.state == "resolved"
        assert len(shop.recipients) == 2


async def test_an_answer_stays_in_the_chat_when_no_mail_may_be_sent(tmp_path: Path) -> None:
    """The customer would be told of a mail that never comes."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        await shop.gw.pass_time(MORNING)
        card = await shop.card(tab)
        assert card.answer_address == Address(channel="email", value=ADA)
        await shop.gw.gateway.store.marks.block(card.answer_address, at=NIGHT)
        await shop.gw.desk_agent("ana").answer(card, "It left.")
        heard = [m.text for m in await shop.gw.services.mailbox.messages(tab.address)]
        assert heard[-1] == "It left."
        assert shop.recipients == [ADA]


async def test_what_is_not_said_is_no_promise(tmp_path: Path) -> None:
    """The word about the address takes the place of the bot's other answer, and of its promise."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        [*_, asked] = await shop.say(tab, "a human please")
        assert "e-mail address" in asked
        await shop.say(tab, ADA)
        card = await shop.card(tab)
        texts = {message.id: message.text for message in card.messages}
        for made in card.promises:
            assert made.words in texts[made.message]
            assert "answer after we open" in made.words


async def test_an_own_address_named_again_begins_nothing(tmp_path: Path) -> None:
    """It is said again where the answer goes; one conversation there waits for it."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(1)))
        before = len((await shop.card(tab)).history)
        for _ in range(3):
            assert "goes to" in (await shop.say(tab, ADA))[0]
        assert len((await shop.card(tab)).history) == before


async def test_erasing_the_customer_erases_both(tmp_path: Path) -> None:
    """The chat and the mails; of an address that nobody has proven nothing stays either."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        await shop.say(tab, "bo@example.org")
        await shop.say(tab, ADA)
        await shop.say(tab, shop.code_in(await shop.mail(2)))
        await shop.gw.pass_time(MORNING)
        ana = shop.gw.desk_agent("ana")
        await ana.answer(await ana.claim(await shop.card(tab)), "It leaves today.")
        await shop.mail(3)
        customers = shop.gw.gateway.store.customers
        await customers.erase(tab.address)
        for value in (ADA, "bo@example.org"):
            assert await customers.at_support_addresses(Address(channel="email", value=value)) == ()
        assert (await shop.gw.services.desk.queue_page()).items == ()


async def test_a_transcript_goes_to_the_proven_address_alone(tmp_path: Path) -> None:
    """As a file, in the thread of the mail that proved it; before there is no such address."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please, my order is 4711")
        await shop.say(tab, ADA)
        proof = await shop.mail(1)
        await tab.send(type="transcript")
        assert (await tab.next("error", "mailed"))["code"] == "no_address"
        await shop.say(tab, shop.code_in(proof))
        await tab.send(type="transcript")
        assert await tab.next("error", "mailed") == {"type": "mailed", "to": "a…@example.org"}
        mail = await shop.mail(2)
        assert (mail["To"], mail["In-Reply-To"]) == (ADA, proof["Message-ID"])
        [file] = list(mail.iter_attachments())
        content = file.get_content()
        text = content if isinstance(content, str) else content.decode()
        assert "2026-11-24 23:00  You:\na human please, my order is 4711" in text


async def test_a_new_conversation_loses_no_hand_over(tmp_path: Path) -> None:
    """What the bot has ends, and no survey follows; what waits for a person, or a person has, goes
    on."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "delivery?")
        await tab.send(type="new")
        assert await tab.next("begun") == {"type": "begun"}
        await shop.gw.pass_time(3 * 86_400)
        assert len(await shop.gw.services.mailbox.messages(tab.address)) == 1
        await shop.say(tab, "a human please")
        await tab.send(type="new")
        assert await tab.next("begun") == {"type": "begun", "person": True}
        await shop.say(tab, "and my order is 4711")
        card = await shop.card(tab)
        assert card.conversation.state == "waiting"
        said = [message.text for message in card.messages if message.author == "customer"]
        assert said == ["a human please", "and my order is 4711"]


async def test_the_page_hears_who_claims_the_conversation(tmp_path: Path) -> None:
    """At once, at the next hello, and when she gives it back."""
    async with night_shop(tmp_path) as shop, shop.visitor() as tab:
        await shop.say(tab, "a human please")
        ana = shop.gw.desk_agent("ana")
        card = await ana.claim(await shop.card(tab))
        assert await tab.next("person") == {"type": "person", "name": "Ana"}
        async with shop.visitor(tab.token) as again:
            assert again.person == "Ana"
        now = card.conversation
        await shop.gw.services.desk.hand_back(now.id, ana.agent, epoch=now.epoch)
        assert await tab.next("person") == {"type": "person"}


async def test_the_desk_shows_one_history(tmp_path: Path) -> None:
    """On the page of either conversation, each message with its channel; *Send to* says where the
    answer goes, and the agent may choose the chat."""
    async with (
        night_shop(tmp_path) as shop,
        shop.visitor() as tab,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as http,
    ):
        await shop.say(tab, "a human please")
        await shop.say(tab, ADA)
        await shop.answer_mail(await shop.mail(1), "Yes")
        await shop.gw.pass_time(MORNING)
        desk = Visit(http, shop.gw.url)
        await desk.sign_in("ana", PASSWORD)
        here = await shop.card(tab)
        claimed = f"/desk/c/{here.conversation.id}"
        await desk.open(claimed)
        await desk.send(f"{claimed}/claim", epoch=desk.field("epoch"))
        await desk.open(claimed)
        page = desk.page
        assert f'<option value="email:{ADA}" selected>' in page
        assert f'<option value="{tab.address.lane}">' in page
        assert re.findall(r'class="tag channel">([^<]+)<', page)[-1] == "E-mail"
        assert "confirmed by answering our mail" in page
