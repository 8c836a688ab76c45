"""Whole conversations by mail: the real gateway, a real mailbox and a real SMTP server."""

from __future__ import annotations

import asyncio
import email as stdlib_email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from channels import email as package
from gateway import Reply, Turn
from gateway.testing import FakeHandler, RunningGateway, running

from ..conftest import until
from .conftest import ADDRESS, mail
from .dovecot import Dovecot, dovecot
from .test_imap import mailbox
from .test_outgoing import FakeMailServer, mail_server

ANNA = "Anna Berg <anna.berg@example.org>"


def echo(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    return Reply(opener="", body=(f"You said: {turn.message.text.splitlines()[0]}",))


class MailShop:
    """The gateway with our mailbox, and the mail server that receives our answers."""

    def __init__(
        self, gateway: RunningGateway, inbox: Dovecot, server: FakeMailServer, handler: FakeHandler
    ) -> None:
        self.gateway, self.inbox, self.server, self.handler = gateway, inbox, server, handler

    async def deliver(self, raw: bytes) -> None:
        await asyncio.to_thread(self.inbox.deliver, raw)

    async def sent_mail(self, number: int) -> EmailMessage:
        """The ``number``-th mail that we sent."""
        await until(lambda: len(self.server.received) >= number, 20)
        read = stdlib_email.message_from_bytes(
            self.server.received[number - 1].original_content or b"", policy=default
        )
        assert isinstance(read, EmailMessage)
        await self.gateway.settled()
        return read


@asynccontextmanager
async def shop(tmp_path: Path, **answers: str) -> AsyncIterator[MailShop]:
    handler = FakeHandler(echo)
    async with dovecot() as inbox, mail_server(**answers) as (server, port):
        section: dict[str, Any] = {
            "address": ADDRESS,
            "imap": mailbox(inbox.port),
            "outgoing": {"host": "127.0.0.1", "port": port},
        }
        config = {"channels": {"email": section}}
        async with running(package, handler, config=config, tmp_path=tmp_path) as gateway:
            yield MailShop(gateway, inbox, server, handler)


def text_of(answer: EmailMessage) -> str:
    body = answer.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r", "")


def reply_to(answer: EmailMessage, text: str, number: int, sender: str = ANNA) -> bytes:
    """The mail that a mail program sends as a reply to ``answer``."""
    reply = EmailMessage(policy=default)
    reply["From"], reply["To"] = sender, answer["From"]
    reply["Subject"] = answer["Subject"]
    reply["Message-ID"] = f"<reply{number}@example.org>"
    reply["In-Reply-To"] = answer["Message-ID"]
    reply["References"] = f"{answer['References']} {answer['Message-ID']}"
    quoted = "\n".join(f"> {line}" for line in text_of(answer).splitlines())
    reply.set_content(f"{text}\n\nOn Mon, 23 Nov 2026, Shop wrote:\n{quoted}\n")
    return reply.as_bytes(policy=default.clone(linesep="\r\n"))


async def test_question_answer_and_reply_are_one_conversation(tmp_path: Path) -> None:
    """The answer goes out in the same thread, and the reply to it continues the conversation."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        answer = await mail_shop.sent_mail(1)
        assert answer["In-Reply-To"] == "<q1@example.org>"
        assert answer["References"] == "<q1@example.org>"
        assert answer["Subject"] == "Re: Where is my parcel?"
        assert answer["To"] == "anna.berg@example.org"
        assert answer["Auto-Submitted"] == "auto-replied"

        await mail_shop.deliver(reply_to(answer, "It is still not here.", 1))
        second = await mail_shop.sent_mail(2)
        assert second["In-Reply-To"] == "<reply1@example.org>"
        assert second["References"].split() == [
            "<q1@example.org>",
            answer["Message-ID"],
            "<reply1@example.org>",
        ]
        assert second["Subject"] == "Re: Where is my parcel?"

    first_turn, second_turn = mail_shop.handler.turns
    assert first_turn.message.text.startswith("Hello,")
    assert second_turn.message.text == "It is still not here."
    assert second_turn.conversation.subject == "Where is my parcel?"
    assert [message.text.splitlines()[0] for message in second_turn.history] == [
        "Hello,",
        "You said: Hello,",
    ]


async def test_an_answer_holds_the_words_it_answers(tmp_path: Path) -> None:
    """Those of the customer's newest mail, without what that one quotes."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        answer = await mail_shop.sent_mail(1)
        assert "\nYou wrote:\n> Hello,\n" in text_of(answer)
        await mail_shop.deliver(reply_to(answer, "It is still not here.", 1))
        second = await mail_shop.sent_mail(2)
        told = text_of(second).partition("You said: It is still not here.")[2]
        assert told.endswith("You wrote:\n> It is still not here.\n")
        assert "Hello" not in told


async def test_a_new_thread_is_a_new_conversation(tmp_path: Path) -> None:
    """A mail of the same customer in a new thread starts a new conversation."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        await mail_shop.sent_mail(1)
        await mail_shop.deliver(mail("nested"))
        await mail_shop.sent_mail(2)
    assert mail_shop.handler.turns[1].history == ()
    assert [file.name for file in mail_shop.handler.turns[1].message.attachments] == [
        "lamp.png",
        "Rechnung für Anna.pdf",
        "mail.eml",
    ]


async def test_a_known_message_id_does_not_open_another_senders_thread(tmp_path: Path) -> None:
    """Only the sender of the conversation can continue it; a Message-ID alone is not enough."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        answer = await mail_shop.sent_mail(1)
        await mail_shop.deliver(reply_to(answer, "What did I say?", 1, "Eve <eve@example.org>"))
        to_eve = await mail_shop.sent_mail(2)
        assert to_eve["To"] == "eve@example.org"
    assert mail_shop.handler.turns[1].history == ()


async def test_the_same_mail_is_answered_once(tmp_path: Path) -> None:
    """A mail that a server delivers twice gets one answer."""
    async with shop(tmp_path) as mail_shop:
        for raw in (mail("plain"), mail("plain"), mail("german")):
            await mail_shop.deliver(raw)
        await mail_shop.sent_mail(2)
        await mail_shop.gateway.settled()
    assert [envelope.rcpt_tos for envelope in mail_shop.server.received] == [
        ["anna.berg@example.org"],
        ["joerg@example.de"],
    ]


@pytest.mark.parametrize("name", ["vacation", "mailing_list", "bounce_delayed"])
async def test_automatic_mail_is_never_answered(tmp_path: Path, name: str) -> None:
    """RFC 3834: automatic mail is stored; only the person's mail after it gets an answer."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail(name))
        await mail_shop.deliver(mail("german"))
        await mail_shop.sent_mail(1)
        await until(lambda: mail_shop.inbox.flags() == ["\\Seen"] * 2)
        await mail_shop.gateway.settled()
    assert [envelope.rcpt_tos for envelope in mail_shop.server.received] == [["joerg@example.de"]]


async def test_a_bounce_marks_our_answer_as_failed(tmp_path: Path) -> None:
    """A later delivery report finds our message and stores the reason."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        answer = await mail_shop.sent_mail(1)
        returned = mail("bounce").replace(
            b"<00000000000000000000000000000002.warmline@lindenhof.example>",
            answer["Message-ID"].encode(),
        )
        await mail_shop.deliver(returned)
        anna = mail_shop.gateway.customer("email", "anna.berg@example.org")

        async def failed() -> bool:
            found = await mail_shop.gateway.services.mailbox.messages(anna.address, after=0)
            return any("User unknown" in (message.detail or "") for message in found)

        await until(failed)
        (message,) = await mail_shop.gateway.services.mailbox.messages(anna.address, after=0)
        assert message.status == "failed"


async def test_an_agents_answer_is_not_marked_automatic(tmp_path: Path) -> None:
    """An agent's answer is a person's mail, in the same thread."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("encrypted"))
        agent = mail_shop.gateway.desk_agent("ana")

        async def is_queued() -> bool:
            await mail_shop.gateway.settled()
            return bool(await mail_shop.gateway.services.desk.queue())

        await until(is_queued, 20)
        card = await agent.claim()
        before = len(mail_shop.server.received)
        await agent.answer(card, "Could you send it unencrypted, please?")
        answer = await mail_shop.sent_mail(before + 1)
    assert answer["Auto-Submitted"] is None
    assert answer["In-Reply-To"] is not None
    body = answer.get_body(("plain",))
    assert body is not None
    assert "unencrypted" in body.get_content()
