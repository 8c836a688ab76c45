"""An answer that is taken back: its files and its copies are in the form again."""

from __future__ import annotations

import pytest

from plugins.agents_desk.outgoing.unsent import UnsentFiles
from tests.agents_desk.conftest import Visit

from .conftest import PDF, OutgoingGateway, answer, attach, claimed

HOLD = 5


@pytest.fixture
def undo_send() -> int:
    return HOLD


async def test_files_and_copies_come_back_with_the_text(gw: OutgoingGateway, ana: Visit) -> None:
    """Sent again, they go out once."""
    path = await claimed(gw, ana, "email", subject="Lamp")
    await attach(ana, path, ("label.pdf", PDF))
    await answer(ana, path, "Print this.", copies="bo@example.org")
    assert ana.field("files", 'id="answer-form"') == ""
    await ana.send(f"{path}/take-back", turn=ana.field("turn"))
    assert "label.pdf" in ana.page
    assert "Print this.</textarea>" in ana.page
    assert 'value="bo@example.org"' in ana.page
    await gw.running.pass_time(HOLD)
    assert gw.mail.sent[1:] == []
    await answer(ana, path, "Print this, please.", copies="bo@example.org")
    await gw.running.pass_time(HOLD)
    assert await gw.sent_files(gw.mail) == [("label.pdf", "application/pdf", PDF)]
    assert gw.mail.sent[-1].copies == ("bo@example.org",)


async def test_a_file_comes_back_where_the_answer_was_to_go(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """It was uploaded in another conversation of the customer."""
    number = int((await claimed(gw, ana)).rpartition("/")[2])
    services = gw.services
    unsent = UnsentFiles(storage=services.storage, files=services.files, clock=services.clock)
    file = await gw.keep("label.pdf", PDF, "application/pdf")
    await unsent.put_back(number, "desk:ana", (file,))
    assert [waiting.file for waiting in await unsent.of(number, "desk:ana")] == [file]
