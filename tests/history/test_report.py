"""A report on imported conversations reads them alone, and keeps nothing."""

from __future__ import annotations

import pytest

from gateway import Address, ImportedConversation, ImportedMessage, NewImport, Outdated
from gateway.testing import RunningGateway
from plugins.insights.report.imported import PassingStorage, with_imported
from tests.history.kit import MONDAY, past


@pytest.mark.sqlite
async def test_its_records_are_the_imported_ones(gw: RunningGateway) -> None:
    await gw.customer("email", "live@mail.example").say("Hello?", subject="Hi")
    record = await past(gw).begin_import(NewImport(source="/o", format="mbox", label="imported"))
    asked = ImportedMessage(key="<1@x>", author="customer", text="My lamp?", at=MONDAY)
    anna = Address(channel="email", value="anna@mail.example")
    await past(gw).add_many(record.id, [ImportedConversation(address=anna, messages=(asked,))])
    records = with_imported(gw.services).records
    [case] = await records.cases()
    [live] = await gw.services.records.cases()
    assert case.conversation.address == anna
    assert await records.cases_by_id([case.conversation.id, live.conversation.id]) == (case,)


async def test_its_storage_is_like_that_of_plugins() -> None:
    """Keys in order, versions checked."""
    storage = PassingStorage()
    for key in ("day/2", "day/1", "state"):
        await storage.put("insights", key, key)
    found = await storage.scan("insights", "day/", after="day/1")
    assert [value.key for value in found] == ["day/2"]
    assert await storage.count("insights", "day/", length=4) == {"day/": 2}
    with pytest.raises(Outdated):
        await storage.put("insights", "state", "new")
    assert (await storage.put("insights", "state", "new", version=1)).version == 2
    await storage.clear("insights", "day/")
    assert await storage.scan("insights", "day/") == ()
    assert await storage.get("other", "state") is None
