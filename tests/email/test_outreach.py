"""Copies, first mails and forwarded ones, through real servers: Dovecot and SMTP."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from gateway import Address, Agent, File, Message, RefusedByChannel

from ..conftest import until
from .conftest import ADDRESS, mail
from .test_roundtrip import MailShop, reply_to, shop, text_of

ANA = Agent(id="desk:ana", name="Ana")
CARRIER = "claims@carrier.example"
PDF = b"%PDF-1.7 label"
OURS = ADDRESS.partition("<")[2].rstrip(">")


async def public(mail_shop: MailShop, conversation: int) -> tuple[Message, ...]:
    card = await mail_shop.gateway.services.desk.card(conversation)
    return tuple(m for m in card.messages if not m.internal)


async def label(mail_shop: MailShop) -> tuple[File, object]:
    file = File(name="Rücksendung.pdf", media_type="application/pdf", data=PDF)
    return file, await mail_shop.gateway.services.files.keep(file)


async def test_copies_get_the_same_mail_in_one_transaction(tmp_path: Path) -> None:
    """They stand in its Cc, with the file as a part; a program that answers all writes to both."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        await mail_shop.sent_mail(1)
        desk = mail_shop.gateway.services.desk
        _, kept = await label(mail_shop)
        await desk.answer(
            1, ANA, "Here is the label.", key="k", attachments=(kept,),
            copies=("Bo@Example.org", "cy@example.org", "anna.berg@example.org"),
        )  # fmt: skip
        sent = await mail_shop.sent_mail(2)
        assert sent["To"] == "anna.berg@example.org"
        assert [a.addr_spec for a in sent["Cc"].addresses] == ["bo@example.org", "cy@example.org"]
        assert mail_shop.server.received[1].rcpt_tos == [
            "anna.berg@example.org",
            "bo@example.org",
            "cy@example.org",
        ]
        [part] = sent.iter_attachments()
        assert (part.get_filename(), part.get_content()) == ("Rücksendung.pdf", PDF)
        assert (await public(mail_shop, 1))[-1].copies == ("bo@example.org", "cy@example.org")


async def test_who_is_in_copy_of_a_customers_mail_is_known(tmp_path: Path) -> None:
    """Not our own address, nor the sender's."""
    async with shop(tmp_path) as mail_shop:
        asked = EmailMessage(policy=default)
        asked["From"], asked["To"] = "Anna <anna@example.org>", f"{ADDRESS}, boss@example.org"
        asked["Cc"] = "Partner <partner@example.org>, anna@example.org"
        asked["Subject"], asked["Message-ID"] = "Our lamp", "<cc1@example.org>"
        asked.set_content("Where is our lamp?")
        await mail_shop.deliver(asked.as_bytes(policy=default.clone(linesep="\r\n")))
        await mail_shop.sent_mail(1)
        assert (await public(mail_shop, 1))[0].copies == (
            "boss@example.org",
            "partner@example.org",
        )


async def test_a_first_mail_and_its_answer_are_one_conversation(tmp_path: Path) -> None:
    """The mail begins a thread; the answer comes back to the agent, and the bot is silent."""
    async with shop(tmp_path) as mail_shop:
        to = Address(channel="email", value="Anna.Berg@example.org")
        begun = await mail_shop.gateway.services.desk.begin(
            to, ANA, "Your lamp is here.", key="k", subject="Your lamp"
        )
        sent = await mail_shop.sent_mail(1)
        assert (sent["Subject"], sent["In-Reply-To"]) == ("Your lamp", None)
        assert sent["Auto-Submitted"] is None
        sent["References"] = ""
        await mail_shop.deliver(reply_to(sent, "Wonderful!", 1))

        async def answered() -> bool:
            return len(await public(mail_shop, begun.conversation)) == 2

        await until(answered, 20)
        assert (await public(mail_shop, begun.conversation))[-1].text == "Wonderful!"
        assert len(mail_shop.server.received) == 1


async def test_an_answer_to_a_forwarded_mail_never_reaches_the_customer(tmp_path: Path) -> None:
    """It comes into the agent's own conversation with the carrier."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        await mail_shop.sent_mail(1)
        there = await mail_shop.gateway.services.desk.forward(
            1, ANA, CARRIER, "Can you find this parcel?", key="k"
        )
        sent = await mail_shop.sent_mail(2)
        assert (sent["To"], sent["Subject"]) == (CARRIER, "Fwd: Where is my parcel?")
        assert (sent["In-Reply-To"], sent["References"]) == (None, None)
        text = text_of(sent)
        assert text.startswith("Can you find this parcel?")
        assert "Hello," in text
        assert "anna.berg@example.org" not in text
        sent["References"] = ""
        await mail_shop.deliver(reply_to(sent, "It is lost.", 1, sender=f"Claims <{CARRIER}>"))

        async def answered() -> bool:
            return len(await public(mail_shop, there.conversation)) == 2

        await until(answered, 20)
        await mail_shop.gateway.settled()
        assert len(mail_shop.server.received) == 2  # nobody was written to
        assert "It is lost." not in [m.text for m in await public(mail_shop, 1)]


@pytest.mark.parametrize(
    "value", ["nobody", "a@localhost", "a b@example.org", f"x@example.org\r\nBcc: {CARRIER}", ""]
)
async def test_what_is_no_address_is_refused_before_anything_is_stored(
    tmp_path: Path, value: str
) -> None:
    """As a receiver and as a copy."""
    async with shop(tmp_path) as mail_shop:
        desk = mail_shop.gateway.services.desk
        to = Address(channel="email", value=value)
        with pytest.raises(RefusedByChannel, match=r"is not an? (mail )?address"):
            await desk.begin(to, ANA, "Hi", key="k", subject="Hi")
        good = to.replace(value=CARRIER)
        with pytest.raises(RefusedByChannel, match=r"is not an? (mail )?address"):
            await desk.begin(good, ANA, "Hi", key="k", subject="Hi", copies=(value,))
        with pytest.raises(RefusedByChannel, match="our own address"):
            await desk.begin(to.replace(value=OURS), ANA, "Hi", key="k", subject="Hi")
        assert await desk.queue() == ()


async def test_a_refused_copy_stops_the_mail_and_is_named(tmp_path: Path) -> None:
    """The customer's own address is not suspended for it."""
    async with shop(tmp_path) as mail_shop:
        await mail_shop.deliver(mail("plain"))
        await mail_shop.sent_mail(1)
        real = mail_shop.server.handle_RCPT

        async def refuse(*arguments: object) -> str:
            if arguments[-2] == "gone@example.org":
                return "550 5.1.1 No such mailbox"
            return await real(*arguments)  # type: ignore[arg-type]

        mail_shop.server.handle_RCPT = refuse  # type: ignore[method-assign, assignment]
        desk = mail_shop.gateway.services.desk
        await desk.answer(1, ANA, "Here.", key="k", copies=("gone@example.org",))
        await mail_shop.gateway.settled()
        assert len(mail_shop.server.received) == 1
        lines = [m.text for m in (await desk.card(1)).messages if m.author == "system"]
        assert any("the copy to gone@example.org was refused" in line for line in lines)
        await desk.answer(1, ANA, "Here again.", key="k2")
        assert (await mail_shop.sent_mail(2))["To"] == "anna.berg@example.org"
