"""The desk shows an imported conversation, and offers nothing that would change it."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway import Address, ImportedConversation, ImportedMessage, NewImport
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import DeskGateway

LONG_AGO = datetime(2022, 1, 14, 9, 55, tzinfo=UTC)


async def test_it_can_be_read_and_not_answered(gw: DeskGateway, ana: Visit) -> None:
    """Its page says so and has the year; answering is refused without a page, too."""
    past = gw.services.past_conversations
    assert past is not None
    record = await past.begin_import(NewImport(source="/old", format="mbox", label="imported"))
    address = Address(channel="email", value="lucia@mail.example")
    asked = ImportedMessage(key="<1@x>", author="customer", text="My lamp?", at=LONG_AGO)
    await past.add_many(record.id, [ImportedConversation(address=address, messages=(asked,))])
    [case] = await gw.services.records.cases(imported=True)
    path = f"/desk/c/{case.conversation.id}"
    await ana.open(path)
    assert "This conversation was imported." in ana.page
    assert "14 Jan 2022" in ana.page
    assert "Reopen" not in ana.page
    assert "note-form" not in ana.page
    response = await ana.send(f"{path}/claim", epoch="0")
    assert "cannot be changed" in ana.page, response.status
    assert (await gw.services.records.cases(imported=True))[0].conversation.owner is None
