"""A customer with a mail program and the real gateway, a real mailbox and a real mail server."""

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
from .test_outgoing import FarEnd, far_end

ANNA = "Anna Berg <anna.berg@example.org>"


def echo(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    return Reply(opener="", body=(f"You said: {turn.message.text.splitlines()[0]}",))


class Shop:
    """The gateway with our mailbox, and the server that our mail goes to."""

    def __init__(
        self, gateway: RunningGateway, inbox: Dovecot, end: FarEnd, handler: FakeHandler
    ) -> None:
        self.gateway, self.inbox, self.end, self.handler = gateway, inbox, end, handler

    async def receives(self, raw: bytes) -> None:
        await asyncio.to_thread(self.inbox.deliver, raw)

    async def answered(self, number: int) -> EmailMessage:
        """The mail that is the ``number``-th to leave."""
        await until(lambda: len(self.end.got) >= number, 20)
        read = stdlib_email.message_from_bytes(
            self.end.got[number - 1].original_content or b"", policy=default
        )
        assert isinstance(read, EmailMessage)
        await self.gateway.settled()
        return read


@asynccontextmanager
async def shop(tmp_path: Path, **answers: str) -> AsyncIterator[Shop]:
    handler = FakeHandler(echo)
    async with dovecot() as inbox, far_end(**answers) as (end, port):
        told: dict[str, Any] = {
            "address": ADDRESS,
            "imap": mailbox(inbox.port),
            "outgoing": {"host": "127.0.0.1", "port": port},
        }
        config = {"channels": {"email": told}}
        async with running(package, handler, config=config, tmp_path=tmp_path) as gateway:
            yield Shop(gateway, inbox, end, handler)


def reply_to(answer: EmailMessage, text: str, number: int, sender: str = ANNA) -> bytes:
    """What a mail program sends when its user answers ``answer``."""
    mine = EmailMessage(policy=default)
    mine["From"], mine["To"] = sender, answer["From"]
    mine["Subject"] = answer["Subject"]
    mine["Message-ID"] = f"<reply{number}@example.org>"
    mine["In-Reply-To"] = answer["Message-ID"]
    mine["References"] = f"{answer['References']} {answer['Message-ID']}"
    said = answer.get_body(("plain",))
    assert said is not None
    quoted = "\n".join(f"> {line}" for line in said.get_content().splitlines())
    mine.set_content(f"{text}\n\nOn Mon, 23 Nov 2026, Shop wrote:\n{quoted}\n")
    return mine.as_bytes(policy=default.clone(linesep="\r\n"))


async def test_a_question_an_answer_and_a_reply_are_one_conversation(tmp_path: Path) -> None:
    """IMAP IDLE brings the question, SMTP takes the answer into the same thread, and the reply
    to it continues the same conversation."""
    async with shop(tmp_path) as place:
        await place.receives(mail("plain"))
        answer = await place.answered(1)
        assert answer["In-Reply-To"] == "<q1@example.org>"
        assert answer["References"] == "<q1@example.org>"
        assert answer["Subject"] == "Re: Where is my parcel?"
        assert answer["To"] == "anna.berg@example.org"
        assert answer["Auto-Submitted"] == "auto-replied"

        await place.receives(reply_to(answer, "It is still not here.", 1))
        second = await place.answered(2)
        assert second["In-Reply-To"] == "<reply1@example.org>"
        assert second["References"].split() == [
            "<q1@example.org>",
            answer["Message-ID"],
            "<reply1@example.org>",
        ]
        assert second["Subject"] == "Re: Where is my parcel?"

    first_turn, second_turn = place.handler.turns
    assert first_turn.message.text.startswith("Hello,")
    assert second_turn.message.text == "It is still not here."
    assert second_turn.conversation.subject == "Where is my parcel?"
    assert [one.text.splitlines()[0] for one in second_turn.history] == [
        "Hello,",
        "You said: Hello,",
    ]


async def test_another_matter_is_another_conversation(tmp_path: Path) -> None:
    """A new mail of the same customer, with a thread of its own, begins anew."""
    async with shop(tmp_path) as place:
        await place.receives(mail("plain"))
        await place.answered(1)
        await place.receives(mail("nested"))
        await place.answered(2)
    assert place.handler.turns[1].history == ()
    assert [one.name for one in place.handler.turns[1].message.attachments] == [
        "lamp.png",
        "Rechnung für Anna.pdf",
        "mail.eml",
    ]


async def test_a_stranger_with_a_stolen_id_learns_nothing(tmp_path: Path) -> None:
    """Knowing a Message-ID is not enough: the sender must be the one of the conversation."""
    async with shop(tmp_path) as place:
        await place.receives(mail("plain"))
        answer = await place.answered(1)
        await place.receives(reply_to(answer, "What did I say?", 1, "Eve <eve@example.org>"))
        to_eve = await place.answered(2)
        assert to_eve["To"] == "eve@example.org"
    assert place.handler.turns[1].history == ()


async def test_the_same_mail_is_answered_once(tmp_path: Path) -> None:
    """A mail that is delivered twice, as mail servers do, has one answer."""
    async with shop(tmp_path) as place:
        for raw in (mail("plain"), mail("plain"), mail("german")):
            await place.receives(raw)
        await place.answered(2)
        await place.gateway.settled()
    assert [one.rcpt_tos for one in place.end.got] == [
        ["anna.berg@example.org"],
        ["joerg@example.de"],
    ]


@pytest.mark.parametrize("name", ["vacation", "mailing_list", "bounce_delayed"])
async def test_machines_are_never_answered(tmp_path: Path, name: str) -> None:
    """RFC 3834: automatic mail is taken in; only the person's mail after it gets an answer."""
    async with shop(tmp_path) as place:
        await place.receives(mail(name))
        await place.receives(mail("german"))
        await place.answered(1)
        await until(lambda: place.inbox.flags() == ["\\Seen"] * 2)
        await place.gateway.settled()
    assert [one.rcpt_tos for one in place.end.got] == [["joerg@example.de"]]


async def test_a_bounce_turns_our_answer_failed(tmp_path: Path) -> None:
    """The report that comes back hours later finds the very message, with its reason."""
    async with shop(tmp_path) as place:
        await place.receives(mail("plain"))
        answer = await place.answered(1)
        returned = mail("bounce").replace(
            b"<00000000000000000000000000000002.warmline@lindenhof.example>",
            answer["Message-ID"].encode(),
        )
        await place.receives(returned)
        anna = place.gateway.customer("email", "anna.berg@example.org")

        async def failed() -> bool:
            found = await place.gateway.services.mailbox.messages(anna.address, after=0)
            return any("User unknown" in (one.detail or "") for one in found)

        await until(failed)
        (message,) = await place.gateway.services.mailbox.messages(anna.address, after=0)
        assert message.status == "failed"


async def test_a_person_answers_without_the_marks_of_a_machine(tmp_path: Path) -> None:
    """What an agent writes is mail of a person, in the same thread."""
    async with shop(tmp_path) as place:
        await place.receives(mail("encrypted"))
        agent = place.gateway.desk_agent("ana")

        async def waits() -> bool:
            await place.gateway.settled()
            return bool(await place.gateway.services.desk.queue())

        await until(waits, 20)
        card = await agent.claim()
        before = len(place.end.got)
        await agent.answer(card, "Could you send it unencrypted, please?")
        answer = await place.answered(before + 1)
    assert answer["Auto-Submitted"] is None
    assert answer["In-Reply-To"] is not None
    body = answer.get_body(("plain",))
    assert body is not None
    assert "unencrypted" in body.get_content()
