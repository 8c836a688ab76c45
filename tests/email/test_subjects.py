"""A request that stands in the subject, and a new subject within a thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels import email as package
from gateway import Turn
from gateway.pipeline.subject import base_subject, with_subject
from gateway.testing import FakeHandler, running

from .conftest import ADDRESS
from .test_roundtrip import echo, reply_to, shop

ORDER = "Bitte Bestellung LL-20417 stornieren"


@pytest.mark.parametrize(
    "text",
    [
        "Hi, as in the subject. Thanks!\n\nInes",
        "See subject line.",
        "See above, please.\nKind regards\nInes Roth",
        "Hallo,\n\nsiehe Betreff.\n\nViele Grüße\nInes",
        "Wie oben.",
        "Bonjour,\n\nvoir l'objet du mail.\n\nCordialement",
        "Comme indiqué dans l'objet, merci.",
        "Hola:\n\nver asunto.\n\nUn saludo",
        "Como indica el asunto. Gracias.",
        "Buongiorno,\n\nvedi oggetto.\n\nCordiali saluti",
        "Come da oggetto.",
        "Goedemiddag,\n\nzie onderwerp.\n\nMet vriendelijke groet,\nInes",
        "Hej,\n\nse ämnesraden.\n\nMvh Ines",
        "Hej\n\nSe emnefeltet.\n\nVenlig hilsen\nInes",
        "Dzień dobry,\n\njak w temacie.\n\nPozdrawiam",
        "j.w.",
        "Prezados senhores,\n\nconforme o assunto, obrigada pela atenção.\n\nAtenciosamente,\nInes",
        "Merhaba,\n\nkonuda yazdığım gibi, yardımınızı rica ederim.\n\nSaygılarımla\nInes",
        "お世話になっております。件名の通りです。よろしくお願いいたします。",
        "السلام عليكم، كما هو مذكور في الموضوع، وشكرا جزيلا لكم مقدما",
        "Please find attached.",
        "Siehe Anhang.",
        "Hello,\n\nInes",
        "Thanks\nInes Roth",
        "Any news?",
        "",
    ],
)
def test_a_text_that_leaves_the_request_to_the_subject_is_read_with_it(text: str) -> None:
    """In thirteen languages: "as above", "see attachment", a greeting alone, or nothing."""
    assert with_subject(ORDER, text).startswith(ORDER)
    assert with_subject(ORDER, text).endswith(text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Where is my parcel?", "I ordered a lamp on Friday and it has not arrived. Where is it?"),
        ("Hello", "Where is it?"),
        ("A question", "hello"),
        ("Cancel my order LL-20417", "Please cancel my order LL-20417."),
        (ORDER, "Die Lampe, die ich am Montag bestellt habe, ist noch nicht hier angekommen."),
        ("My old lamp broke", "The subject that my son studies at school is art. Have you a book?"),
    ],
)
def test_a_text_of_its_own_stays_alone(subject: str, text: str) -> None:
    """A subject that only names the topic is not put before a whole question."""
    assert with_subject(subject, text) == text


@pytest.mark.parametrize(
    "subject",
    ["Re: Lamp", "RE: re: Lamp", "AW: Lamp", "WG: AW: Lamp", "Fwd: Lamp", "RV: Lamp", "R: Lamp",
     "Antw: Lamp", "SV: Lamp", "VS: Lamp", "Odp: Lamp", "Re[2]: Lamp", "TR: Lamp", "[EXT] Re: lamp",
     "RES: Lamp", "ENC: Lamp", "Antwort: Lamp", "Svar: Lamp", "YNT: Lamp", "رد: Lamp", "回覆：Lamp",
     "  lamp "],
)  # fmt: skip
def test_prefixes_of_replies_make_no_new_subject(subject: str) -> None:
    """In the languages of mail programs."""
    assert base_subject(subject) == base_subject("Lamp")


@pytest.mark.parametrize("text", ["よろしくお願いします。", "はい"])
def test_a_subject_without_blanks_may_be_a_request(text: str) -> None:
    """Japanese and Chinese do not separate words."""
    assert with_subject("注文番号12345のキャンセル", text) == f"注文番号12345のキャンセル\n\n{text}"
    assert with_subject("ランプ", text) == text


def mail_of(subject: str, text: str, number: int = 1) -> bytes:
    return (
        f"From: Ines Roth <ines@post.example>\r\nTo: help@lindenhof.example\r\n"
        f"Subject: {subject}\r\nMessage-ID: <s{number}@post.example>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


async def test_a_request_in_the_subject_reaches_understanding_and_the_agent(
    tmp_path: Path,
) -> None:
    """The handler and the card have its words, and the order number is stated."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail_of("Please cancel my order LL-20417", "As above. Thank you!"))
        await mail_shop.sent_mail(1)
        card = await mail_shop.gateway.services.desk.card(1)
    (turn,) = mail_shop.handler.turns
    assert turn.message.text == "Please cancel my order LL-20417\n\nAs above. Thank you!"
    assert card.messages[0].text == turn.message.text
    assert card.messages[0].subject == "Please cancel my order LL-20417"


async def test_a_new_subject_in_an_old_thread_is_kept_shown_and_answered_under(
    tmp_path: Path,
) -> None:
    """The conversation goes on under the customer's new subject; a "Re:" is not a new one."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail_of("Broken lamp", "The shade of my new lamp has a crack."))
        first = await mail_shop.sent_mail(1)
        again = reply_to(first, "And it flickers, too, as I see now.", 1, "ines@post.example")
        await mail_shop.deliver(again)
        second = await mail_shop.sent_mail(2)
        assert second["Subject"] == "Re: Broken lamp"

        changed = reply_to(second, "see subject", 2, "ines@post.example")
        changed = changed.replace(b"Subject: Re: Broken lamp", b"Subject: Refund for LL-20417")
        await mail_shop.deliver(changed)
        third = await mail_shop.sent_mail(3)
        assert third["Subject"] == "Re: Refund for LL-20417"
        card = await mail_shop.gateway.services.desk.card(1)
    turns = mail_shop.handler.turns
    assert [turn.message.subject for turn in turns] == ["Broken lamp", None, "Refund for LL-20417"]
    assert turns[2].message.text == "Refund for LL-20417\n\nsee subject"
    assert turns[2].conversation.id == turns[0].conversation.id or turns[0].conversation.id == 0
    assert card.conversation.subject == "Refund for LL-20417"
    shown = [message.subject for message in card.messages if message.author == "customer"]
    assert shown == ["Broken lamp", None, "Refund for LL-20417"]


async def test_an_attachment_alone_is_about_its_subject(tmp_path: Path) -> None:
    """The subject is the message, with the file; under the old subject nothing is repeated."""
    handler = FakeHandler(echo)
    config = {"channels": {"email": {"address": ADDRESS, "maildir": "sent", "smtp_port": 0}}}
    async with running(package, handler, config=config, tmp_path=tmp_path) as gateway:
        ines = gateway.customer("email", "ines@post.example")
        await ines.say("", subject="Invoice for LL-20417", remote_id="<1@post.example>")
        await gateway.settled()
        turn: Turn = handler.turns[0]
        assert turn.message.text == "Invoice for LL-20417"
