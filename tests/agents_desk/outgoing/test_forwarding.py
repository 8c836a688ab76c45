"""Copies of an answer, and conversations forwarded to somebody outside."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Address, NotFound, RefusedByChannel
from plugins.agents_desk.guard import InvalidForm
from plugins.agents_desk.outgoing.writing import parse_copies
from tests.agents_desk.conftest import Visit

from .conftest import PDF, OutgoingGateway, answer, claimed, newest

CARRIER = "claims@carrier.example"


async def forward(browser: Visit, path: str, **fields: str) -> Any:
    await browser.open(f"{path}/forward")
    key = browser.field("key", 'class="write-form"')
    return await browser.send(f"{path}/forward", **{"key": key, "to": CARRIER, **fields})


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ()),
        (" , ", ()),
        ("a@example.org", ("a@example.org",)),
        ("a@example.org b@example.org", ("a@example.org", "b@example.org")),
        ("Bo <b@example.org>; a@example.org,a@example.org", ("b@example.org", "a@example.org")),
    ],
)
def test_copies_are_read_as_people_type_them(typed: str, found: tuple[str, ...]) -> None:
    """Each once."""
    assert parse_copies(typed) == found


@pytest.mark.parametrize("typed", ["Bo", "Bo Weaver", "a@example.org, Bo"])
def test_what_is_no_address_is_named(typed: str) -> None:
    with pytest.raises(InvalidForm, match="Bo"):
        parse_copies(typed)


async def test_an_answer_goes_to_those_in_copy_too(gw: OutgoingGateway, ana: Visit) -> None:
    """They are shown with the answer; the customer's own address is no copy."""
    path = await claimed(gw, ana, "email", subject="Lamp")
    await answer(ana, path, "Here.", copies="bo@example.org, maria@example.org")
    await gw.running.settled()
    assert gw.mail.sent[-1].copies == ("bo@example.org",)
    assert "Cc: bo@example.org" in ana.page


async def test_those_in_copy_of_the_customers_mail_are_shown_and_can_be_kept(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """Only if the agent chooses it."""
    path = await claimed(gw, ana, "email", subject="Lamp", copies=("partner@example.org",))
    assert "Also to: partner@example.org" in ana.page
    await answer(ana, path, "To you alone.")
    await answer(ana, path, "To both.", reply_all="partner@example.org")
    await gw.running.settled()
    assert [sent.copies for sent in gw.mail.sent[-2:]] == [(), ("partner@example.org",)]


async def test_nobody_gets_a_copy_who_asked_for_nothing_more(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """An opt-out and a block hold for copies too; nothing is sent, and the page says why."""
    out = gw.running.customer("email", "out@example.org")
    await out.say("Hello", subject="Hi")
    await out.say("STOP", subject="Hi", consent="out")
    spam = gw.running.customer("email", "spam@example.org")
    await spam.say("Buy!", subject="Buy")
    agent = gw.running.desk_agent("ben").agent
    await gw.services.desk.block(await newest(gw), agent)
    path = await claimed(gw, ana, "email", subject="Lamp")
    before = len(gw.mail.sent)
    for copy, why in (("out@example.org", "no more messages"), ("spam@example.org", "blocked")):
        response = await answer(ana, path, "Here.", copies=copy)
        assert response.status == 422
        assert f"{copy} cannot get a copy" in ana.page
        assert why in ana.page
    await gw.running.settled()
    assert len(gw.mail.sent) == before


async def test_a_chat_has_no_copies(gw: OutgoingGateway, ana: Visit) -> None:
    """A forged form gets an answer in words."""
    path = await claimed(gw, ana)
    assert 'name="copies"' not in ana.page
    response = await answer(ana, path, "Here.", copies="bo@example.org")
    assert response.status == 422
    assert "sends no copies" in ana.page


async def test_a_forwarded_conversation_is_one_of_its_own(gw: OutgoingGateway, ana: Visit) -> None:
    """With the note, the chosen messages and their files; the answer to it comes to the agent, and
    the customer gets nothing of either."""
    label = await gw.keep("label.pdf", PDF, "application/pdf")
    path = await claimed(gw, ana, attachments=(label,))
    await ana.send(f"{path}/note", text="She sounds upset.")
    card = await gw.services.desk.card(1)
    asked = next(m for m in card.messages if m.author == "customer")
    heard = len(gw.chat.sent)
    response = await forward(ana, path, note="Where is it?", message=str(asked.id), files="yes")
    assert response.url.path == "/desk/c/2"
    await gw.running.settled()
    [sent] = gw.mail.sent
    assert sent.address.value == CARRIER
    assert sent.text.startswith("Where is it?")
    assert "Where is my lamp?" in sent.text
    assert "upset" not in sent.text
    assert "A colleague will answer you." not in sent.text  # it was not chosen
    assert [file.name for file in sent.attachments] == ["label.pdf"]

    outside = gw.running.customer("email", CARRIER)
    await outside.say("It is lost.", subject=f"Re: {sent.subject}", thread=(f"email-{sent.key}",))
    there = await gw.services.desk.card(2)
    assert there.messages[-1].text == "It is lost."
    assert there.conversation.owner.id == "desk:ana"
    assert len(gw.mail.sent) == 1  # the bot does not answer the carrier
    assert len(gw.chat.sent) == heard
    here = await gw.services.desk.card(1)
    assert "It is lost." not in [m.text for m in here.messages]
    assert any("conversation 2" in m.text for m in here.messages if m.author == "system")


async def test_notes_and_what_was_not_sent_stay_inside(gw: OutgoingGateway, ana: Visit) -> None:
    """Neither is offered, and a forged id forwards nothing."""
    path = await claimed(gw, ana)
    await ana.send(f"{path}/note", text="She sounds upset.")
    note = next(m for m in (await gw.services.desk.card(1)).messages if m.text.endswith("upset."))
    await ana.open(f"{path}/forward")
    assert "She sounds upset." not in ana.page
    response = await forward(ana, path, message=str(note.id))
    assert response.status == 422
    await gw.running.settled()
    assert gw.mail.sent == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"to": "nobody", "message": "1"}, "is not a mail address"),
        ({"to": "", "message": "1"}, "Type the mail address"),
        ({"to": CARRIER}, "Choose at least one message"),
    ],
)
async def test_what_cannot_be_forwarded_is_said(
    gw: OutgoingGateway, ana: Visit, fields: dict[str, str], why: str
) -> None:
    """The note stays in the form."""
    path = await claimed(gw, ana)
    response = await forward(ana, path, **fields, note="My careful words.")
    assert response.status == 422
    assert why in ana.page
    assert "My careful words." in ana.page


async def test_nothing_is_forwarded_to_the_customer(gw: OutgoingGateway, ana: Visit) -> None:
    """A slip of the mouse must not show them what was meant for somebody else."""
    path = await claimed(gw, ana, "email", subject="Lamp")
    await forward(ana, path, to="MARIA@example.org", message="1", note="What a customer!")
    assert "own address" in ana.page
    await gw.running.settled()
    assert all("What a customer!" not in sent.text for sent in gw.mail.sent)


async def test_a_colleague_cannot_forward_what_they_may_not_see(
    gw: OutgoingGateway, ana: Visit, ben: Visit
) -> None:
    path = await claimed(gw, ben)
    assert (await ana.open(f"{path}/forward")).status == 404
    response = await ana.send(f"{path}/forward", to=CARRIER, message="1", key="k")
    assert response.status in (403, 404)
    await gw.running.settled()
    assert gw.mail.sent == []


async def test_erasing_the_customer_erases_what_was_forwarded(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """The thread with somebody outside holds the customer's words, and answers about them."""
    path = await claimed(gw, ana)
    await forward(ana, path, message="1")
    await gw.running.settled()
    data = gw.running.gateway.customer_data
    exported = await data.export(Address(channel="fake", value="maria"))
    assert {row["id"] for row in exported["conversations"]} == {1, 2}
    await data.erase(Address(channel="fake", value="maria"))
    with pytest.raises(NotFound):
        await gw.services.desk.card(2)


async def test_erasing_reaches_what_was_forwarded_twice(gw: OutgoingGateway, ana: Visit) -> None:
    """From the carrier's thread on to somebody else: the same words."""
    await claimed(gw, ana)
    agent, desk = gw.running.desk_agent("ana").agent, gw.services.desk
    first = await desk.forward(1, agent, CARRIER, key="1")
    await gw.running.settled()
    second = await desk.forward(first.conversation, agent, "depot@carrier.example", key="2")
    await gw.running.settled()
    data, maria = gw.running.gateway.customer_data, Address(channel="fake", value="maria")
    exported = await data.export(maria)
    assert {row["id"] for row in exported["conversations"]} == {
        1,
        first.conversation,
        second.conversation,
    }
    await data.erase(maria)
    with pytest.raises(NotFound):
        await desk.card(second.conversation)


async def test_somebody_outside_is_never_asked_for_an_opinion(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """A carrier is no customer."""
    path = await claimed(gw, ana)
    await forward(ana, path, message="1")
    assert (await gw.services.desk.card(2)).customer.opted_out


async def test_a_desk_without_a_mailbox_forwards_nothing(gw: OutgoingGateway, ana: Visit) -> None:
    """It says so."""
    path = await claimed(gw, ana)
    channels = gw.services.desk.desk.outreach.channels
    mail = channels.pop("email")
    try:
        with pytest.raises(RefusedByChannel, match="no mailbox"):
            await gw.services.desk.forward(1, gw.running.desk_agent("ana").agent, CARRIER, key="k")
    finally:
        channels["email"] = mail
    assert path
