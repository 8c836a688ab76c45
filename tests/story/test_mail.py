"""The whole story by mail: a real Dovecot, a real SMTP server, and the demo's own packages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from channels.email.composing import YOU_WROTE
from gateway.plugins import installed_plugins
from gateway.testing import FakeHandler, RunningGateway, running
from tests.conftest import until
from tests.demo.test_visit import ready, the_demo
from tests.email.dovecot import dovecot
from tests.email.test_imap import mailbox
from tests.email.test_outgoing import mail_server
from tests.email.test_roundtrip import MailShop, reply_to

CUSTOMER = "Mia Sand <mia@example.org>"
ADDRESS = "Magpie Panniers <help@magpie.example>"


@asynccontextmanager
async def the_shop(tmp_path: Path, models: Path) -> AsyncIterator[MailShop]:
    """The demo, with a mailbox that is watched and a mail server that takes its mail."""
    shutil.copytree(models, tmp_path / "var" / "nlu_local")
    config = the_demo(tmp_path, 0)
    config["plugins"]["followup"]["delay_minutes"] = 0.02
    async with dovecot() as inbox, mail_server() as (server, port):
        config["channels"]["email"] = {
            "address": ADDRESS,
            "imap": mailbox(inbox.port),
            "outgoing": {"host": "127.0.0.1", "port": port},
        }
        guests = [guest.module for guest in installed_plugins()]
        async with running(*guests, config=config, tmp_path=tmp_path) as gw:
            await until(lambda: ready(gw), 120, every=0.2)
            yield MailShop(gw, inbox, server, FakeHandler(lambda _: None))


def question(subject: str, text: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = CUSTOMER, ADDRESS, subject
    mail["Message-ID"] = f"<{abs(hash(subject))}@example.org>"
    mail.set_content(text)
    return mail.as_bytes()


def words(mail: EmailMessage) -> str:
    """What we wrote, without the customer's words below it."""
    body = mail.get_body(("plain",))
    assert body is not None
    ours = str(body.get_content()).partition(YOU_WROTE["en"])[0]
    return " ".join(ours.split())


async def conversations(gw: RunningGateway) -> list[int]:
    """The conversation of each message of the customer's, oldest first."""
    mia = gw.customer("email", "mia@example.org")
    found = await gw.services.mailbox.messages(mia.address, own=True)
    return [one.conversation for one in found if one.author == "customer"]


async def test_a_question_by_mail(tmp_path: Path, models: Path) -> None:
    """Question, answer in its thread, reply to it: one conversation under one subject."""
    async with the_shop(tmp_path, models) as shop:
        asked = question("Saturday", "Hello,\n\nare you open on Saturday?\n\nMia\n")
        await shop.deliver(asked)
        answer = await shop.sent_mail(1)
        assert "Tuesday to Saturday" in words(answer)
        assert answer["Subject"] == "Re: Saturday"
        first = f"<{abs(hash('Saturday'))}@example.org>"
        assert answer["In-Reply-To"] == answer["References"] == first

        await shop.deliver(reply_to(answer, "And where is the shop?", 1, CUSTOMER))
        second = await shop.sent_mail(2)
        assert "7 Tram Yard" in words(second)
        assert second["Subject"] == "Re: Saturday"
        assert second["In-Reply-To"] == "<reply1@example.org>"
        assert second["References"].split() == [first, answer["Message-ID"], "<reply1@example.org>"]
        assert len(set(await conversations(shop.gateway))) == 1
        assert await shop.gateway.services.desk.queue() == ()


async def test_an_angry_mail_becomes_a_case_that_ends_well(tmp_path: Path, models: Path) -> None:
    """Handed over, answered by a person, resolved, asked, and the answer stored: one thread."""
    async with the_shop(tmp_path, models) as shop:
        gw = shop.gateway
        await shop.deliver(
            question(
                "WHERE IS MY PANNIER",
                "This is the third time I write. I am FURIOUS, nobody answers me!!!\n",
            )
        )
        told = await shop.sent_mail(1)
        assert "!" not in words(told)
        assert told["Auto-Submitted"] == "auto-replied"

        una = gw.desk_agent("una")
        card = await una.claim()
        assert card.handoff is not None
        assert "strong_emotion" in {one.code for one in card.handoff.reasons}
        await una.answer(card, "I have found your pannier. It goes out today.")
        answer = await shop.sent_mail(2)
        assert "I have found your pannier. It goes out today." in words(answer)
        assert answer["Auto-Submitted"] is None
        assert answer["Subject"] == "Re: WHERE IS MY PANNIER"
        assert told["Message-ID"] in answer["References"]

        await shop.deliver(reply_to(answer, "It came. Thank you.", 1, CUSTOMER))

        async def heard() -> bool:
            await gw.settled()
            return len(await conversations(gw)) == 2

        await until(heard, 20)
        await una.resolve(await gw.services.desk.card(card.conversation.id))
        asked = await shop.sent_mail(3)
        assert "5" in words(asked)
        assert asked["Subject"] == "Re: WHERE IS MY PANNIER"
        assert asked["In-Reply-To"] == "<reply1@example.org>"

        await shop.deliver(reply_to(asked, "5", 2, CUSTOMER))
        thanks = await shop.sent_mail(4)
        assert thanks["In-Reply-To"] == "<reply2@example.org>"
        mia = gw.customer("email", "mia@example.org")
        held = await gw.gateway.store.customers.export(mia.address)
        assert isinstance(held, dict)
        (survey,) = held["surveys"]
        assert survey["score"] == 5
        assert survey["answered_at"] is not None
        assert len(held["conversations"]) == 1
        assert len(set(await conversations(gw))) == 1
        assert await gw.services.desk.queue() == ()
