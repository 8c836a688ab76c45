"""Bounces as mail servers of many makes write them, in our own words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from channels.email import parse
from channels.email.bounce_reasons import explain
from gateway.testing import RunningGateway

from ..conftest import until
from .conftest import OURS, Fakes, channel, mail
from .test_roundtrip import MailShop, shop

ID = "<000000000000000000000000000000aa.warmline@lindenhof.example>"
COPY = f"""Received: from mx.lindenhof.example by relay.lindenhof.example
From: Lindenhof Shop <help@lindenhof.example>
To: ines@post.example
Subject: Re: Broken lamp
Message-ID: {ID}

Hello Ines, the new shade leaves us tomorrow."""
STATUS = """Final-Recipient: rfc822; ines@post.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user here"""


def bounce(sender: str, subject: str, body: str, *headers: str) -> bytes:
    lines = [f"From: {sender}", "To: help@lindenhof.example", f"Subject: {subject}",
             "Message-ID: <b1@mx.example>", *headers, "", body]  # fmt: skip
    return "\n".join(lines).replace("\n", "\r\n").encode()


def multipart(sender: str, subject: str, *parts: tuple[str, str]) -> bytes:
    inner = "".join(f"--xx\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts)
    kind = "Content-Type: multipart/mixed; boundary=xx"
    return bounce(sender, subject, f"{inner}--xx--", kind, "MIME-Version: 1.0")


QMAIL = bounce(
    "MAILER-DAEMON@mx.example",
    "failure notice",
    "Hi. This is the qmail-send program at mx.example.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
    "<ines@post.example>:\n192.0.2.7 does not like recipient.\n"
    "Remote host said: 550 5.1.1 no mailbox by that name\n\n"
    f"--- Below this line is a copy of the message.\n\n{COPY}",
    "Return-Path: <>",
)
SENDMAIL = bounce(
    "Mail Delivery Subsystem <MAILER-DAEMON@mx.example>",
    "Returned mail: User unknown",
    "The original message was received at Mon, 4 Mar 2024 10:00:00 +0100\n\n"
    "   ----- The following addresses had permanent fatal errors -----\nines@post.example\n\n"
    "   ----- Transcript of session follows -----\n>>> RCPT To:<ines@post.example>\n"
    "<<< 550 ines@post.example... User unknown\n\n"
    f"   ----- Original message follows -----\n{COPY}",
)
EXIM = bounce(
    "Mail Delivery System <Mailer-Daemon@mx.example>",
    "Mail delivery failed: returning message to sender",
    "A message that you sent could not be delivered to one of its recipients.\n\n"
    "  ines@post.example\n    Unrouteable address\n\n"
    f"------ This is a copy of the message, including all the headers. ------\n\n{COPY}",
    "X-Failed-Recipients: ines@post.example",
)
EXCHANGE = bounce(
    "System Administrator <postmaster@post.example>",
    "Undeliverable: Re: Broken lamp",
    "Your message\n\n  To:      ines@post.example\n  Subject: Re: Broken lamp\n\n"
    "did not reach the following recipient(s):\n\nines@post.example on Mon, 4 Mar 2024 10:00\n"
    "    The recipient name is not recognized\n",
    f"In-Reply-To: {ID}",
)
NOTES = multipart(
    "Postmaster@post.example",
    "DELIVERY FAILURE: User Ines (ines@post.example) not listed in Domino Directory",
    (
        "text/plain",
        (
            "Your message\n\n  Subject: Re: Broken lamp\n\nwas not delivered to:\n\n"
            "  ines@post.example\n\nbecause:\n\n  User Ines (ines@post.example) not listed in"
            " Domino Directory"
        ),
    ),
    ("message/rfc822", COPY),
)
YAHOO = bounce(
    "MAILER-DAEMON@yahoo.example",
    "Failure Notice",
    "Sorry, we were unable to deliver your message to the following address.\n\n"
    "<ines@post.example>:\nRemote host said: 554 delivery error: This user doesn't have a"
    f" post.example account\n\n--- Below this line is a copy of the message.\n\n{COPY}",
)
WORKMAIL = multipart(
    "MAILER-DAEMON@ses.example",
    "Delivery Status Notification (Failure)",
    (
        "text/plain",
        (
            "An error occurred while trying to deliver the mail to the following"
            f" recipients:\nines@post.example\n\nTechnical report:\n\n{STATUS}"
        ),
    ),
    ("message/rfc822", COPY),
)
POSTFIX = multipart(
    "MAILER-DAEMON@mx.example (Mail Delivery System)",
    "Undelivered Mail Returned to Sender",
    (
        "text/plain",
        (
            "I'm sorry to have to inform you that your message could not be delivered.\n\n"
            "<ines@post.example>: host mx.post.example[192.0.2.7] said: 550 5.1.1 User unknown"
        ),
    ),
    ("message/delivery-status", f"Reporting-MTA: dns; mx.example\n\n{STATUS}"),
    ("text/rfc822-headers", COPY.partition("\n\n")[0]),
)
OPENSMTPD = bounce(
    "Mailer Daemon <MAILER-DAEMON@mx.example>",
    "Delivery status notification: error",
    "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n"
    "    the following list of recipients:\n\nines@post.example: 550 5.1.1 User Unknown\n\n"
    f"    Below is a copy of the original message:\n\n{COPY}",
)
GMX = bounce(
    "GMX Mailer Daemon <mailer-daemon@gmx.example>",
    "Mail delivery failed: returning message to sender",
    'This is a permanent error. The following address failed:\n\n"ines@post.example":\n'
    "SMTP error from remote server after RCPT command:\n5.1.1 User Unknown\n\n"
    f"--- The header of the original message is following. ---\n\n{COPY}",
)
NO_FROM = multipart(
    "<>",
    "Delivery Status",
    ("text/plain", "<ines@post.example>   (No such user)"),
    ("message/delivery-status", STATUS),
    ("message/rfc822", COPY),
)
GERMAN = bounce(
    "postmaster@post.example",
    "Unzustellbar: Re: Broken lamp",
    "Ihre Nachricht konnte nicht zugestellt werden.\n\nines@post.example\n"
    f"Der Empfänger existiert nicht.\n\n{COPY}",
    "Content-Type: text/plain; charset=utf-8",
)
KINDS = {
    "qmail": QMAIL, "sendmail": SENDMAIL, "exim": EXIM, "exchange": EXCHANGE, "notes": NOTES,
    "yahoo": YAHOO, "workmail": WORKMAIL, "postfix": POSTFIX, "opensmtpd": OPENSMTPD, "gmx": GMX,
    "no_from": NO_FROM, "german": GERMAN,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_bounce_of_any_mail_server_names_our_mail_and_the_address(kind: str) -> None:
    """With its status code; a mailbox that does not exist is hard."""
    (found,) = parse(KINDS[kind], own_addresses=OURS).bounces
    assert (found.remote_id, found.address) == (ID, "ines@post.example")
    assert (found.status, found.hard, found.delivered) == ("5.1.1", True, False)


@pytest.mark.parametrize("kind", ["qmail", "sendmail", "exim", "yahoo", "opensmtpd", "gmx"])
def test_a_bounce_without_our_id_returns_our_words(kind: str) -> None:
    """Then the address and the words say which mail it is about."""
    raw = b"\n".join(line for line in KINDS[kind].split(b"\n") if ID.encode() not in line)
    (found,) = parse(raw, own_addresses=OURS).bounces
    assert (found.remote_id, found.address) == (None, "ines@post.example")
    assert "the new shade leaves us tomorrow" in found.words


@pytest.mark.parametrize(
    "raw",
    [
        QMAIL.replace(ID.encode(), b"<other@elsewhere.example>"),
        QMAIL.replace(b"MAILER-DAEMON@mx.example", b"Ines <ines@post.example>").replace(
            b"Return-Path: <>\r\n", b""
        ),
        bounce(
            "Ines <ines@post.example>",
            "Delivery failed",
            "The parcel could not be delivered to ines@post.example, says the courier.",
            f"In-Reply-To: {ID}",
        ),
        bounce("Ines <ines@post.example>", "Fwd: Undelivered Mail", f"I got this:\n\n{COPY}"),
        bounce(
            "no-reply@courier.example",
            "Delivery failed",
            "We were not able to deliver your parcel. Your neighbour refused it.",
            f"References: {ID}",
        ),
        bounce(
            "Ines <ines@post.example>",
            "Automatic reply: Lamp",
            "I am away and cannot be reached. Mail is not delivered to me.",
            f"In-Reply-To: {ID}",
            "Auto-Submitted: auto-replied",
            "Return-Path: <>",
        ),
        bounce(
            "mailer-daemon@mx.example",
            "Warning: message delayed 24 hours",
            "Your message has not yet been delivered to ines@post.example.\n"
            f"No action is required on your part.\n\n{COPY}",
        ),
        bounce(
            "Ines Roth <postmaster@post.example>",
            "Re: Your parcel",
            "The courier says that it could not be delivered: address not found. What now?",
            f"In-Reply-To: {ID}",
        ),
        bounce(
            "Ines Roth <mail@post.example>",
            "Re: Your parcel",
            f"This came back to me, why?\n\n{STATUS}\nMessage-ID: {ID}",
            f"In-Reply-To: {ID}",
        ),
        mail("bounce_delayed"),
    ],
)
def test_what_is_no_result_of_our_mail_is_no_bounce(raw: bytes) -> None:
    """Other people's bounces, customers on failed deliveries, forwards, vacations and delays."""
    assert parse(raw, own_addresses=OURS).bounces == ()


@pytest.mark.parametrize(
    ("said", "declared", "status", "hard", "temporary"),
    [
        ("550 5.1.1 <a@b.example>: User unknown", "", "5.1.1", True, False),
        ("550 No such user here", "5.0.0", "5.1.1", True, False),
        (
            "Host or domain name not found. Name service error: Host not found",
            "",
            "5.1.2",
            True,
            False,
        ),
        ("552 5.2.2 Mailbox full", "5.2.2", "5.2.2", False, True),
        ("452 4.2.2 The user you wrote to is over quota", "", "4.2.2", False, True),
        ("550 5.7.1 Message rejected as spam", "", "5.7.1", False, False),
        ("554 5.7.1 blocked using a blocklist", "", "5.7.1", False, False),
        ("553 5.1.8 Domain of sender address does not exist", "", "5.1.8", False, False),
        ("550 5.7.1 User temporarily locked, try again later", "", "5.7.1", False, False),
        ("450 4.1.1 User unknown in local table", "", "4.1.1", False, True),
        ("connect to mx.b.example: Connection timed out", "4.4.1", "4.4.1", False, True),
        ("", "5.1.1", "5.1.1", True, False),
        ("", "5.1.10", "5.1.10", True, False),
        ("Empfänger existiert nicht", "", "5.1.1", True, False),
        ("Boîte aux lettres pleine", "", "5.2.2", False, True),
        ("El destinatario no existe", "", "5.1.1", True, False),
        ("Destinatario sconosciuto", "", "5.1.1", True, False),
        ("Ontvanger onbekend", "", "5.1.1", True, False),
        ("Okänd mottagare", "", "5.1.1", True, False),
        ("Użytkownik nie istnieje", "", "5.1.1", True, False),
        ("connected to [192.0.2.5.1.1]", "", "5.0.0", False, False),
    ],
)
def test_only_a_useless_address_is_hard(
    said: str, declared: str, status: str, hard: bool, temporary: bool
) -> None:
    """A full mailbox, a block or a mistake about our own address leaves it in use."""
    assert explain(said, declared) == (status, hard, temporary)


async def test_a_report_that_is_about_no_mail_of_ours_is_kept_and_shown(
    tmp_path: Path, fakes: Fakes
) -> None:
    """It is an automatic mail then, and not lost."""
    fakes.intake.knows_reported = False
    email = channel(tmp_path)
    await email.intake(fakes.services, asyncio.Semaphore(1)).store(QMAIL)
    (kept,) = fakes.intake.accepted
    assert kept.automatic
    assert "does not like recipient" in kept.text


async def other_words(mail_shop: MailShop, answer_id: str, code: str, said: str) -> None:
    raw = QMAIL.replace(ID.encode(), answer_id.encode()).replace(b"ines@post", b"anna.berg@post")
    raw = raw.replace(b"550 5.1.1 no mailbox by that name", f"{code} {said}".encode())
    await mail_shop.deliver(raw)


async def anna_has_failed(gateway: RunningGateway) -> bool:
    anna = gateway.customer("email", "anna.berg@example.org")
    found = await gateway.services.mailbox.messages(anna.address, after=0)
    return any(message.status == "failed" for message in found)


async def is_noted(gateway: RunningGateway, words: str) -> bool:
    card = await gateway.services.desk.card(1)
    return any(words in message.text for message in card.messages if message.internal)


async def test_a_hard_bounce_suspends_the_address_and_tells_the_agent(tmp_path: Path) -> None:
    """Nothing more is sent there until the customer writes again."""
    async with shop(tmp_path) as mail_shop:
        gateway = mail_shop.gateway
        await mail_shop.deliver(mail("plain"))
        answer = await mail_shop.sent_mail(1)
        await other_words(mail_shop, answer["Message-ID"], "550 5.1.1", "no such user")
        await until(gateway.services.desk.queue)
        ana = gateway.desk_agent("ana")
        card = await ana.claim()
        lines = [message.text for message in card.messages if message.author == "system"]
        assert any("no such user" in line and "suspended" in line for line in lines)
        assert card.handoff is not None
        assert [reason.code for reason in card.handoff.reasons] == ["undeliverable"]

        await ana.answer(card, "Are you there?")
        await gateway.settled()
        assert len(mail_shop.server.received) == 1
        card = await gateway.services.desk.card(card.conversation.id)
        assert any("Not sent" in message.text for message in card.messages)

        again = mail("plain").replace(b"<q1@example.org>", b"<q9@example.org>")
        again = again.replace(b"Subject:", b"In-Reply-To: <q1@example.org>\r\nSubject:", 1)
        await mail_shop.deliver(again)
        await gateway.settled()
        await until(lambda: mail_shop.inbox.flags() == ["\\Seen"] * 3)
        await gateway.settled()
        await ana.answer(await gateway.services.desk.card(card.conversation.id), "Good to hear.")
        await mail_shop.sent_mail(2)


async def test_a_soft_bounce_leaves_the_address_in_use(tmp_path: Path) -> None:
    """A full mailbox is noted in the conversation, and calls nobody."""
    async with shop(tmp_path) as mail_shop:
        gateway = mail_shop.gateway
        await mail_shop.deliver(mail("plain"))
        answer = await mail_shop.sent_mail(1)
        await other_words(mail_shop, answer["Message-ID"], "552 5.2.2", "mailbox full")
        await until(lambda: is_noted(gateway, "mailbox full"))
        assert await gateway.services.desk.queue() == ()
        await mail_shop.deliver(mail("plain").replace(b"<q1@example.org>", b"<q8@example.org>"))
        await mail_shop.sent_mail(2)


async def test_a_bounce_without_an_id_is_matched_by_our_words(tmp_path: Path) -> None:
    """The address and the beginning of our text, or the subject, say which mail failed."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        await mail_shop.sent_mail(1)
        raw = bounce(
            "postmaster@example.org",
            "Undeliverable",
            "Your message\n  Subject: Re: Where is my parcel?\nwas not delivered to:\n"
            "  anna.berg@example.org\nUser unknown",
            "Return-Path: <>",
        )
        await mail_shop.deliver(raw)
        await until(lambda: anna_has_failed(mail_shop.gateway))


async def test_the_same_message_id_with_other_words_is_another_mail(tmp_path: Path) -> None:
    """Some programs give every mail one id; a second delivery of the same words is still one."""
    async with shop(tmp_path) as mail_shop:
        first = mail("plain")
        second = first.replace(b"Where is my parcel?", b"It is about my blue jacket now.")
        for raw in (first, first, second, second, mail("german")):
            await mail_shop.deliver(raw)
        await mail_shop.sent_mail(3)
        await mail_shop.gateway.settled()
    texts = [turn.message.text for turn in mail_shop.handler.turns]
    assert len(texts) == 3
    assert "my blue jacket" in texts[1]
    assert len(mail_shop.server.received) == 3
