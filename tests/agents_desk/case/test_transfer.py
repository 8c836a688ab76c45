"""A transferred case, and one that moved up, keep their priority, reasons and waiting time."""

from __future__ import annotations

from datetime import timedelta

from gateway import Agent, Reason
from gateway.store import HandoffRequest
from tests.agents_desk.conversations import ANA, CHARGED, NOW, PHONE, TOM, DeskGateway

CLEO = Agent(id="desk:cleo", name="Cleo", tier="specialist")


async def transfer(gw: DeskGateway, conversation: int, **more: str) -> None:
    card = await gw.desk.claim(
        conversation, ANA, epoch=(await gw.desk.card(conversation)).conversation.epoch
    )
    await gw.desk.transfer(
        conversation, ANA, epoch=card.conversation.epoch, tier="specialist", **more
    )


async def test_a_transfer_keeps_priority_reasons_and_waiting_time(gw: DeskGateway) -> None:
    """The specialist sees why the case is here, and the customer does not queue twice."""
    before = next(i for i in (await gw.desk.queue_page()).waiting if i.conversation.id == TOM)
    gw.clock.advance(600)
    await transfer(gw, TOM, reason="smells of fire")
    after = next(i for i in (await gw.desk.queue_page()).waiting if i.conversation.id == TOM)
    assert after.handoff.priority == before.handoff.priority == 3
    codes = [reason.code for reason in after.handoff.reasons]
    assert codes == [*(reason.code for reason in before.handoff.reasons), "transferred"]
    assert after.waiting_since == before.waiting_since
    assert after.position == before.position


async def test_a_word_before_the_transfer_does_not_end_the_wait(gw: DeskGateway) -> None:
    """An agent who asks for patience and transfers has answered nothing yet."""
    before = next(i for i in (await gw.desk.queue_page()).waiting if i.conversation.id == PHONE)
    card = await gw.desk.card(PHONE)
    await gw.desk.answer(PHONE, ANA, "One moment, a colleague will look into it.", key="k")
    await gw.running.settled()
    gw.clock.advance(60)
    card = await gw.desk.card(PHONE)
    await gw.desk.transfer(PHONE, ANA, epoch=card.conversation.epoch, tier="specialist")
    after = next(i for i in (await gw.desk.queue_page()).waiting if i.conversation.id == PHONE)
    assert after.waiting_since == before.handoff.created_at
    await gw.claim(PHONE, CLEO)
    held = next(i for i in (await gw.desk.queue_page()).held if i.conversation.id == PHONE)
    assert held.handoff.first == before.handoff.id
    assert CHARGED in held.preview


async def test_twice_transferred_is_still_the_first_wait(gw: DeskGateway) -> None:
    """However often it moves, the place in the queue is that of the first handoff."""
    first = (await gw.desk.card(TOM)).handoff
    await transfer(gw, TOM)
    await transfer(gw, TOM)
    last = (await gw.desk.card(TOM)).handoff
    assert (last.first, last.first_at) == (first.id, first.created_at)


async def test_what_moves_up_keeps_reasons_that_came_meanwhile(gw: DeskGateway) -> None:
    """A handoff that nobody claimed moves up with its place, and with all that is known by then."""
    before = (await gw.desk.card(PHONE)).handoff
    request = HandoffRequest(reasons=(Reason(code="late"),), tier="specialist", priority=0)
    later = NOW + timedelta(hours=2)
    store = gw.running.gateway.store.handoffs
    assert await store.move_up(before.id, PHONE, request, later)
    item = next(i for i in (await gw.desk.queue_page()).waiting if i.conversation.id == PHONE)
    assert item.handoff.tier == "specialist"
    assert [r.code for r in item.handoff.reasons] == [*(r.code for r in before.reasons), "late"]
    assert item.handoff.priority == before.priority
    assert item.handoff.first == before.id
    assert item.waiting_since == before.created_at
