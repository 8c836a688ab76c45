"""Support addresses: each of our numbers, mailboxes, bots and sites is a world of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway import Address, Receipt
from gateway.adapters.sql.identities import refused_by
from gateway.adapters.sql.schema import inbox
from gateway.pipeline.outcomes import SUSPENDED
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.spine.conftest import Barrier, before, echo

BRANDS = {
    "brands": {
        "north": {"title": "North Outdoor", "support_addresses": ["sms/north", "chat/north"]},
        "south": {"support_addresses": ["sms/south"]},
    }
}
NORTH, SOUTH = "sms/north", "sms/south"


class Provider:
    """Three numbers at one provider, and a chat of one brand."""

    def __init__(self, gw: RunningGateway, channels: dict[str, FakeChannel]) -> None:
        self.gw, self.channels = gw, channels

    def sent(self, key: str) -> list[str]:
        """What left from the support address ``key``."""
        return [message.text for message in self.channels[key].sent]


@pytest.fixture
async def provider(tmp_path: Path, answer_all: dict[str, Any]) -> AsyncIterator[Provider]:
    channels = {
        "sms": FakeChannel("sms"),
        NORTH: FakeChannel("sms", support_address="north"),
        SOUTH: FakeChannel("sms", support_address="south"),
        "chat/north": FakeChannel("chat", support_address="north"),
    }
    plugins = (*channels.values(), FakeHandler(echo))
    async with running(
        *plugins, config=answer_all | BRANDS, tmp_path=tmp_path, clock=FakeClock()
    ) as gw:
        yield Provider(gw, channels)


async def test_an_answer_leaves_from_where_the_message_came_in(provider: Provider) -> None:
    """The same customer writes to three numbers, and each answers its own."""
    for key in ("sms", NORTH, SOUTH):
        await provider.gw.customer(key, "+15550100").say(f"to {key}")
    assert [provider.sent(key) for key in ("sms", NORTH, SOUTH)] == [
        ["You said to sms."],
        ["You said to sms/north."],
        ["You said to sms/south."],
    ]


async def test_a_message_id_counts_once_for_each_support_address(provider: Provider) -> None:
    """Two bots number their messages alike: neither takes the other's for a duplicate."""
    accepted = [
        await provider.gw.customer(key, "+15550100").write("hello", remote_id="1")
        for key in (NORTH, SOUTH, SOUTH)
    ]
    assert [found.duplicate for found in accepted] == [False, False, True]


async def test_each_support_address_has_its_own_conversation(provider: Provider) -> None:
    """What was said to one number is no history of another."""
    for key in (NORTH, SOUTH):
        await provider.gw.customer(key, "+15550100").say("hello")
    desk, records = provider.gw.services.desk, provider.gw.services.records
    cards = [await desk.card(number) for number in (1, 2)]
    assert [card.conversation.address.channel_key for card in cards] == [NORTH, SOUTH]
    assert [card.conversation.brand for card in cards] == ["north", "south"]
    assert [len(card.messages) for card in cards] == [2, 2]
    assert [await records.earlier(card.customer.id) for card in cards] != []
    assert cards[0].customer.id != cards[1].customer.id


async def test_an_opt_out_counts_for_the_number_it_was_sent_to(provider: Provider) -> None:
    """STOP to one number does not silence the other."""
    await provider.gw.customer(NORTH, "+15550100").say("STOP", consent="out")
    await provider.gw.customer(NORTH, "+15550100").say("hello")
    await provider.gw.customer(SOUTH, "+15550100").say("hello")
    assert (provider.sent(NORTH), provider.sent(SOUTH)) == ([], ["You said hello."])


async def test_an_opt_out_in_words_counts_for_the_number_it_was_sent_to(
    provider: Provider,
) -> None:
    """So does its confirmation; a START to one number lifts what was said to that one."""
    north, south = (provider.gw.customer(key, "+15550100") for key in (NORTH, SOUTH))
    await north.say("Please stop sending me messages.")
    await south.say("Please stop sending me messages.")
    await south.say("START")
    for customer in (north, south):
        await customer.say("hello")
    assert "START" in provider.sent(NORTH)[-1]
    assert provider.sent(SOUTH)[-1] == "You said hello."


async def test_a_dead_address_is_suspended_at_the_number_that_found_it_dead(
    provider: Provider,
) -> None:
    """A bounce without an id, known by our words, is about the mailbox that it came to."""
    for key in (NORTH, SOUTH):
        await provider.gw.customer(key, "+15550100").say("hello to all of you")
    bounce = Receipt(
        channel="sms",
        ids=(),
        status="failed",
        at=provider.gw.clock.now(),
        address=Address(channel="sms", value="+15550100", support_address="south"),
        words="Undelivered: You said hello to all of you. User unknown",
        unreachable=True,
    )
    assert await provider.gw.services.intake.report(bounce)
    desk = provider.gw.services.desk
    cards = [await desk.card(number) for number in (1, 2)]
    assert [card.messages[1].status for card in cards] == ["sent", "failed"]
    addresses = [card.conversation.address for card in cards]
    why = await provider.gw.gateway.database.read(
        lambda c: [refused_by(c, address) for address in addresses]
    )
    assert why == [None, SUSPENDED]


async def test_a_signed_in_user_is_at_home_at_each_site_of_its_own(provider: Provider) -> None:
    """The newest conversation is looked up at the site that is asked."""
    for value in ("first", "second"):
        await provider.gw.customer("chat/north", value).say("hello", ref="customer-7")
    await provider.gw.customer("sms", "+15550100").say("hello", ref="customer-7")
    find = provider.gw.services.records.newest_address
    north = await find("customer-7", channel="chat", support_address="north")
    assert north == Address(channel="chat", value="second", support_address="north")
    assert await find("customer-7", channel="chat") is None
    assert await find("customer-7", channel="sms", support_address="north") is None


async def test_thanks_after_the_end_stay_at_the_number_they_were_sent_to(
    provider: Provider,
) -> None:
    ana = provider.gw.desk_agent("ana")
    for key in (NORTH, SOUTH):
        await provider.gw.customer(key, "+15550100").say("hello")
    for number in (1, 2):
        card = await provider.gw.services.desk.card(number)
        await ana.claim(card)
        await ana.resolve(await provider.gw.services.desk.card(number))
    await provider.gw.customer(NORTH, "+15550100").say("Thanks!")
    cards = [await provider.gw.services.desk.card(number) for number in (1, 2)]
    assert ["Thanks!" in [m.text for m in card.messages] for card in cards] == [True, False]


async def test_a_damaged_message_keeps_its_brand(provider: Provider) -> None:
    """Its row cannot be read; where it came in is known."""
    barrier = Barrier()
    with before(provider.gw.gateway.store.inbox, "take", barrier):
        await provider.gw.customer(SOUTH, "+15550100").write("lost words")
        await barrier.reached.wait()
        damaged = update(inbox).values(payload="{")
        await provider.gw.gateway.database.write(lambda c: c.execute(damaged).close())
        barrier.opened.set()
    await provider.gw.settled()
    [item] = await provider.gw.services.desk.queue()
    assert (item.conversation.brand, item.conversation.address.channel_key) == ("south", SOUTH)


async def test_an_agents_answer_leaves_from_the_conversations_own_number(
    provider: Provider,
) -> None:
    """Also when the customer has written to another one since."""
    ana = provider.gw.desk_agent("ana")
    await provider.gw.customer(SOUTH, "+15550100").say("hello")
    await provider.gw.customer(NORTH, "+15550100").say("hello")
    card = await provider.gw.services.desk.card(1)
    await ana.answer(card, "This is Ana.")
    assert provider.sent(SOUTH)[-1] == "This is Ana."
    assert "This is Ana." not in provider.sent(NORTH)


async def test_the_same_reference_at_two_brands_is_two_people(provider: Provider) -> None:
    """Each shop numbers its own customers."""
    for key in ("chat/north", SOUTH):
        await provider.gw.customer(key, key).say("hello", ref="customer-7")
    first, second = [await provider.gw.services.desk.card(number) for number in (1, 2)]
    assert (first.customer.ref, second.customer.ref) == ("customer-7", "customer-7")
    assert first.customer.id != second.customer.id


async def test_the_same_reference_within_a_brand_is_one_person(provider: Provider) -> None:
    for key in ("chat/north", NORTH):
        await provider.gw.customer(key, key).say("hello", ref="customer-7")
    first, second = [await provider.gw.services.desk.card(number) for number in (1, 2)]
    assert first.customer.id == second.customer.id


async def test_a_receipt_without_an_address_is_found_at_any_support_address(
    provider: Provider,
) -> None:
    await provider.gw.customer(NORTH, "+15550100").say("hello")
    remote_id = f"sms-{provider.channels[NORTH].sent[0].key}"
    at = provider.gw.clock.now()
    receipt = Receipt(channel="sms", ids=(remote_id,), status="delivered", at=at)
    store = provider.gw.gateway.store.customers
    assert await store.report(receipt.replace(support_address="south")) is None
    assert await store.report(receipt) is not None
    assert (await provider.gw.services.desk.card(1)).messages[-1].status == "delivered"


async def test_a_customer_is_erased_at_one_support_address_or_at_all(provider: Provider) -> None:
    """``sms/south:...`` is one of them; a person may ask for all."""
    for key in ("sms", NORTH, SOUTH):
        await provider.gw.customer(key, "+15550100").say(f"words to {key}")
    customers = provider.gw.gateway.store.customers
    first = Address(channel="sms", value="+15550100")
    everywhere = await customers.at_support_addresses(first)
    assert [found.channel_key for found in everywhere] == ["sms", NORTH, SOUTH]
    await customers.erase(everywhere[2])
    assert await customers.at_support_addresses(first) == everywhere[:2]
    assert "words to sms/north" in str(await customers.export(everywhere[1]))
    assert "words to sms/north" not in str(await customers.export(first))


async def test_an_agent_links_within_a_brand_only(provider: Provider) -> None:
    """A new address of a customer is one of the same brand, at that brand's support address."""
    ana = provider.gw.desk_agent("ana")
    await provider.gw.customer("chat/north", "visitor").say("hello")
    desk = provider.gw.services.desk
    card = await desk.link(1, Address(channel="sms", value="+15550199"), ana.agent)
    assert card.linked[0].address.channel_key == NORTH


@pytest.mark.parametrize(
    "address",
    [
        Address(channel="sms", value="+15550100"),
        Address(channel="sms", value="a:b/c", support_address="sales"),
        Address(channel="slack", value="T1/C1:1.2"),
    ],
)
def test_a_lanes_key_names_its_address(address: Address) -> None:
    assert Address.from_lane(address.lane) == address


def test_an_address_without_a_support_address_has_the_key_it_always_had() -> None:
    """Old rows, keys and encrypted texts stay valid."""
    assert Address(channel="sms", value="+15550100").lane == "sms:+15550100"
