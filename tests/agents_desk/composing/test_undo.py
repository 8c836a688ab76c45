"""Taking an answer back, and what is checked before one is sent: all of it without scripts."""

from __future__ import annotations

import re

import pytest

from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import BEN, MARIA, SMS, TOM, WEBCHAT, DeskGateway
from tests.agents_desk.test_actions import PATH, claim, hidden_fields
from tests.conftest import until

HOLD = 5


@pytest.fixture
def desk_settings() -> dict[str, object]:
    return {"undo_send": HOLD}


async def answer(visit: Visit, text: str, **fields: str) -> int:
    response = await visit.send(f"{PATH}/answer", **{**hidden_fields(visit), **fields}, text=text)
    return response.status


async def heard(gw: DeskGateway, answers: list[str]) -> None:
    """After the seconds of undo these answers have left, and no others."""
    gw.clock.advance(HOLD)

    async def left() -> bool:
        return await gw.sent_answers() == answers

    await until(left)


async def test_an_answer_waits_and_is_taken_back(ana: Visit, gw: DeskGateway) -> None:
    """The page says how long; then the text is in the box again, and nothing was sent."""
    await claim(ana)
    assert await answer(ana, "Dear Mario,\r\nit left.") == 200
    assert "Sending" in ana.page
    assert 'data-due="2026-11-23T14:20:05+00:00">5 s<' in ana.page
    turn = ana.field("turn")
    response = await ana.send(f"{PATH}/take-back", turn=turn)
    assert response.status == 200
    assert "Dear Mario,\nit left.</textarea>" in ana.page
    assert "Sending" not in ana.page
    gw.clock.advance(60)
    assert await gw.sent_answers() == []
    done = [entry.what for entry in await gw.audit() if entry.who == "desk:ana"]
    assert done[-2:] == ["answered", "taken_back"]


async def test_too_late(ana: Visit, gw: DeskGateway) -> None:
    """Once it is on its way the page says so, and the customer hears it once."""
    await claim(ana)
    await answer(ana, "It left.")
    turn = ana.field("turn")
    await heard(gw, ["It left."])
    response = await ana.send(f"{PATH}/take-back", turn=turn)
    assert response.status == 422
    assert "on its way already" in ana.page
    assert await gw.sent_answers() == ["It left."]


async def test_a_colleague_cannot_take_it_back(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """They see that it is being sent, without a button."""
    await claim(ana)
    await answer(ana, "It left.")
    turn = ana.field("turn")
    await ben.open(PATH)
    assert "Ana’s answer in" in ben.page
    assert "Undo" not in ben.page
    assert (await ben.send(f"{PATH}/take-back", turn=turn)).status == 422
    await heard(gw, ["It left."])


async def test_an_answer_to_another_address_can_be_taken_back_there(
    ana: Visit, gw: DeskGateway
) -> None:
    """Its conversation opens at once, with the button."""
    await claim(ana)
    fields = hidden_fields(ana)
    response = await ana.send(f"{PATH}/answer", **fields, text="By phone.", via=SMS.lane)
    there = f"/desk/c/{TOM + 1}"
    assert response.url.path == there
    await ana.send(f"{there}/take-back", turn=ana.field("turn"))
    gw.clock.advance(HOLD)
    await gw.running.settled()
    assert gw.channels["sms"].sent == []
    assert "By phone.</textarea>" in ana.page


async def test_a_message_that_came_meanwhile_is_shown_first(ana: Visit, gw: DeskGateway) -> None:
    """One more press sends; the text is kept meanwhile."""
    await claim(ana)
    page, fields = ana.page, hidden_fields(ana)
    await gw.write(WEBCHAT, "Forget it, it has <b>just</b> come!")
    await gw.desk.note(MARIA, BEN, "Do not refund this one.")
    ana.page = page
    response = await ana.send(f"{PATH}/answer", **fields, text="A new one leaves today.")
    assert response.status == 422
    warning = ana.page[ana.page.index('id="unseen"') :]
    assert "Forget it, it has &lt;b&gt;just&lt;/b&gt; come!" in warning
    assert re.search(r"Ben left a note.*Do not refund this one", warning)
    assert "A new one leaves today.</textarea>" in ana.page
    assert await answer(ana, "A new one leaves today.") == 200
    await heard(gw, ["A new one leaves today."])


async def test_ones_own_words_are_no_news(ana: Visit, gw: DeskGateway) -> None:
    """A second answer from the same page, and a note of one's own, warn of nothing."""
    await claim(ana)
    page = ana.page
    await answer(ana, "One.")
    await ana.send(f"{PATH}/note", text="Told her.")
    await heard(gw, ["One."])
    ana.page = page
    assert await answer(ana, "Two.") == 200
    await heard(gw, ["One.", "Two."])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Dear {{name}}, order {{ order }} left.", "Fill in {{name}}, {{order}}"),
        ("[bank.example](https://evil.example)", "names bank.example but leads to evil.example"),
        ("[x](javascript:alert(1))", "begins with https://"),
    ],
)
async def test_what_is_unfinished_is_not_sent(
    ana: Visit, gw: DeskGateway, text: str, says: str
) -> None:
    """The page says what to do, and the text is kept. Nor is it sent by the second press."""
    await claim(ana)
    for action in ("answer", "answer-as-is"):
        response = await ana.send(f"{PATH}/{action}", **hidden_fields(ana), text=text)
        assert response.status == 422
        assert says in ana.page
        assert f"{text}</textarea>" in ana.page
    gw.clock.advance(HOLD)
    assert await gw.sent_answers() == []
