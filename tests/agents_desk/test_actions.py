"""Actions on conversations, as plain forms: all of this works without scripts."""

from __future__ import annotations

import asyncio

import pytest

from gateway import Address, Finding, Inbound, NotAccepted
from plugins.agents_desk.actions import answer_key
from plugins.agents_desk.guard import ActionForm
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    BEN,
    HOURS,
    MARIA,
    SUGGESTION,
    TOM,
    WEBCHAT,
    DeskGateway,
)

PATH = f"/desk/c/{MARIA}"
ANSWER_FORM = 'id="answer-form"'


async def claim(visit: Visit, number: int = MARIA) -> None:
    await visit.open(f"/desk/c/{number}")
    response = await visit.send(f"/desk/c/{number}/claim", epoch=visit.field("epoch"))
    assert response.status == 200


def hidden_fields(visit: Visit, form: str = ANSWER_FORM) -> dict[str, str]:
    names = ("key", "epoch", "state", "last") if form == ANSWER_FORM else ("epoch", "state", "last")
    return {name: visit.field(name, form) for name in names}


async def test_claim_and_answer(ana: Visit, gw: DeskGateway) -> None:
    """After a claim the customer gets the answer exactly as it was typed."""
    await claim(ana)
    assert await gw.owner(MARIA) == "desk:ana"
    assert "With you" in ana.page
    await ana.send(f"{PATH}/answer", **hidden_fields(ana), text="A new one\r\nleaves today.")
    assert await gw.sent_answers() == ["A new one\nleaves today."]
    assert gw.channels["webchat"].sent[-1].text == "A new one\nleaves today."
    assert "leaves today." in ana.page


async def test_repeated_submits_are_one_message(ana: Visit, gw: DeskGateway) -> None:
    """The same form sent again sends nothing again; with another text it is another message."""
    await claim(ana)
    page, fields = ana.page, hidden_fields(ana)
    for _ in range(3):
        ana.page = page
        await ana.send(f"{PATH}/answer", **fields, text="Once.")
    ana.page = page
    await ana.send(f"{PATH}/answer", **fields, text="Something else.")
    assert await gw.sent_answers() == ["Once.", "Something else."]


def test_answer_keys_differ_by_agent_page_and_conversation() -> None:
    """Two people, two pages or two conversations never share a key."""
    form = ActionForm(conversation=1, text="a", key="k")
    keys = {
        answer_key("desk:ana", form),
        answer_key("desk:ben", form),
        answer_key("desk:ana", form.replace(key="l")),
        answer_key("desk:ana", form.replace(conversation=2)),
    }
    assert len(keys) == 4


async def test_second_claim_shows_owner_and_changes(
    ana: Visit, ben: Visit, gw: DeskGateway
) -> None:
    """The second to claim sees who has it and what changed, and nothing is done."""
    await ana.open(PATH)
    fields = {name: ana.field(name) for name in ("epoch", "state", "last")}
    await claim(ben)
    await gw.write(WEBCHAT, "Are you there?")
    response = await ana.send(f"{PATH}/claim", **fields)
    assert response.status == 409
    assert "With Ben." in ana.page
    assert "When you opened it: waiting for a person. Now: with Ben." in ana.page
    assert "New since then: 1 message, 1 from the customer." in ana.page
    assert await gw.owner(MARIA) == "desk:ben"


async def test_conflict_keeps_the_typed_answer(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """An answer that comes too late is not sent, and its text is still on the page."""
    await claim(ana)
    fields = hidden_fields(ana)
    card = await gw.desk.card(MARIA)
    await gw.desk.transfer(MARIA, BEN, epoch=card.conversation.epoch, tier="front")
    await claim(ben)
    response = await ana.send(f"{PATH}/answer", **fields, text="I typed this long answer.")
    assert response.status == 409
    assert "I typed this long answer." in ana.page
    assert await gw.sent_answers() == []


async def test_note_is_internal(ana: Visit, gw: DeskGateway) -> None:
    """A note is stored as a note and never sent."""
    await ana.open(PATH)
    fields = hidden_fields(ana, 'id="note-form"')
    await ana.send(f"{PATH}/note", **fields, text="Careful, third time.")
    last = (await gw.desk.card(MARIA)).messages[-1]
    assert (last.internal, last.text) == (True, "Careful, third time.")
    assert await gw.sent_answers() == []
    assert gw.channels["webchat"].sent == []
    assert "Note, only for colleagues" in ana.page


async def test_suggestion_sent_unchanged(ana: Visit, gw: DeskGateway) -> None:
    """The suggestion's own form sends exactly its text, recorded as sent."""
    await claim(ana)
    suggestion = (await gw.desk.card(MARIA)).suggestion
    key = ana.field("key", 'class="suggest"')
    await ana.send(f"{PATH}/answer", key=key, suggestion=str(suggestion.id), text=suggestion.text)
    assert await gw.sent_answers() == [SUGGESTION]
    assert (await gw.suggestion())[0] == "sent"
    assert 'class="suggest"' not in ana.page


async def test_suggestion_edited(ana: Visit, gw: DeskGateway) -> None:
    """Edit fills the answer box, and what is sent is recorded as edited."""
    await claim(ana)
    await ana.open(f"{PATH}?edit=1")
    assert SUGGESTION in ana.page[ana.page.index('id="answer"') :]
    fields = hidden_fields(ana) | {"suggestion": ana.field("suggestion", ANSWER_FORM)}
    await ana.send(f"{PATH}/answer", **fields, text="My own words.")
    await gw.running.settled()
    assert await gw.suggestion() == ("edited", "My own words.")


async def test_suggestion_ignored(ana: Visit, gw: DeskGateway) -> None:
    """Ignoring is recorded, but not for a suggestion of another conversation."""
    await claim(ana)
    number = str((await gw.desk.card(MARIA)).suggestion.id)
    response = await ana.send(f"/desk/c/{TOM}/ignore", suggestion=number)
    assert response.status == 422
    assert (await gw.suggestion())[0] == "open"
    await ana.open(PATH)
    await ana.send(f"{PATH}/ignore", suggestion=number)
    assert (await gw.suggestion())[0] == "ignored"
    assert 'class="suggest"' not in ana.page


@pytest.mark.parametrize(("action", "state"), [("resolve", "resolved"), ("hand-back", "bot")])
async def test_resolve_and_hand_back(ana: Visit, gw: DeskGateway, action: str, state: str) -> None:
    """Resolve and hand back end the person's part."""
    await claim(ana)
    await ana.send(f"{PATH}/{action}", epoch=ana.field("epoch"))
    conversation = (await gw.desk.card(MARIA)).conversation
    assert (conversation.state, conversation.owner) == (state, None)
    assert ANSWER_FORM not in ana.page


async def test_transfer_passes_tier_skills_and_reason(ana: Visit, gw: DeskGateway) -> None:
    """The next person gets the tier, the skills and the reason."""
    await claim(ana)
    fields = {"tier": "specialist", "skills": "billing,  de ,", "reason": "needs a refund"}
    await ana.send(f"{PATH}/transfer", epoch=ana.field("epoch"), **fields)
    card = await gw.desk.card(MARIA)
    assert (card.conversation.state, card.conversation.tier) == ("waiting", "specialist")
    assert (card.handoff.tier, card.handoff.skills) == ("specialist", ("billing", "de"))
    assert "needs a refund" in [reason.detail for reason in card.handoff.reasons]


async def test_advice_does_not_prevent_sending(ana: Visit, gw: DeskGateway) -> None:
    """Advice is JSON while typing and a page without scripts; sending is always possible."""
    gw.voice.findings = (
        Finding(rule="cheer", severity="error", start=0, end=5, message="too cheerful",
                suggestion="Sorry"),
    )  # fmt: skip
    await claim(ana)
    fields, page = hidden_fields(ana), ana.page
    async with gw.services.events.listen(WEBCHAT.lane) as events:
        response = await ana.http.post(
            f"{ana.url}{PATH}/advice",
            data={"csrf": ana.field("csrf"), "text": "Great!"},
            headers={"Accept": "application/json"},
        )
        async with asyncio.timeout(5):
            event = await anext(events)
    assert await response.json() == [
        {"rule": "cheer", "severity": "error", "start": 0, "end": 5, "message": "too cheerful",
         "suggestion": "Sorry"}
    ]  # fmt: skip
    assert (event.name, event.data["author"]) == ("typing", "agent")
    await ana.send(f"{PATH}/advice", **fields, text="Great!")
    assert "too cheerful" in ana.page
    assert ">\nGreat!</textarea>" in ana.page
    ana.page = page
    await ana.send(f"{PATH}/answer", **fields, text="Great!")
    assert await gw.sent_answers() == ["Great!"]


async def test_bot_message_in_flight_at_the_claim_is_shown(ana: Visit, gw: DeskGateway) -> None:
    """A bot message that was being sent during the claim is shown, also after a refresh."""
    channel, number = gw.channels["webchat"], TOM + 1
    channel.hold()
    await gw.services.intake.accept(
        Inbound(address=Address(channel="webchat", value="v-new"), text=HOURS, at=gw.clock.now())
    )
    await asyncio.wait_for(channel.reached.wait(), 5)
    await ana.open(f"/desk/c/{number}")
    response = await ana.send(f"/desk/c/{number}/claim", epoch=ana.field("epoch"))
    assert "The bot was sending this" in ana.page
    channel.release()
    await gw.running.settled()
    await ana.open(response.url.path_qs)
    assert "We open at nine." in ana.page[ana.page.index("The bot was sending this") :]


@pytest.mark.parametrize(("action", "fields", "problem"), [
    ("answer", {"key": "k", "text": "  "}, "nothing to send"),
    ("answer", {"text": "hello"}, "out of date"),
    ("answer", {"key": "k", "text": "x" * 2001}, "too long"),
    ("note", {"text": ""}, "empty"),
    ("claim", {"epoch": "many"}, "out of date"),
    ("claim", {"epoch": "9" * 40}, "out of date"),
    ("claim", {"epoch": "٣"}, "out of date"),
    ("transfer", {}, "Choose a tier"),
    ("ignore", {}, "no suggestion"),
])  # fmt: skip
async def test_invalid_form_changes_nothing(
    ana: Visit, gw: DeskGateway, action: str, fields: dict[str, str], problem: str
) -> None:
    """A form that cannot be accepted does nothing and says why, on the page it came from."""
    await claim(ana)
    before = await gw.state()
    response = await ana.send(f"{PATH}/{action}", **fields)
    assert response.status == 422
    assert problem in ana.page
    assert await gw.state() == before


@pytest.mark.parametrize("action", ["claim", "answer", "note", "resolve", "transfer", "advice"])
async def test_unknown_conversation_is_404(ana: Visit, action: str) -> None:
    """A conversation that does not exist has a page that says so."""
    await ana.open("/desk")
    response = await ana.send(f"/desk/c/999/{action}", epoch="0", text="x", key="k", tier="front")
    assert response.status == 404
    assert "no such conversation" in ana.page


async def test_invalid_form_for_an_unknown_conversation_is_404(ana: Visit) -> None:
    await ana.open("/desk")
    response = await ana.send("/desk/c/999/claim", epoch="many")
    assert response.status == 404
    assert "no such conversation" in ana.page


async def test_failing_database_keeps_the_typed_answer(
    ana: Visit, gw: DeskGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the answer cannot be stored, the page says so and still holds the text."""
    await claim(ana)

    async def fail(*_: object, **__: object) -> None:
        raise NotAccepted("disk full")

    monkeypatch.setattr(gw.desk, "answer", fail)
    response = await ana.send(f"{PATH}/answer", **hidden_fields(ana), text="Precious words")
    assert response.status == 503
    assert ">\nPrecious words</textarea>" in ana.page


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("note: she is a regular", "she is a regular"),
        ("**Internal:** she is a regular", "she is a regular"),
        ("> note: she is a regular", "she is a regular"),
        ("Interne Notiz: Stammkundin", "Stammkundin"),
    ],
)
async def test_a_note_in_the_answer_box_stays_internal(
    ana: Visit, gw: DeskGateway, text: str, note: str
) -> None:
    """It is kept as a note, and nothing is sent."""
    await claim(ana)
    await ana.send(f"{PATH}/answer", **hidden_fields(ana), text=text)
    assert await gw.sent_answers() == []
    card = await gw.services.desk.card(MARIA)
    assert [m.text for m in card.messages if m.internal and m.author == "agent"][-1] == note


@pytest.mark.parametrize(
    "text",
    ["the customer is angry again", "She already sent the photo, we should refund her",
     "Die Kundin hat schon zweimal angerufen", "@ben can you check"],
)  # fmt: skip
async def test_words_for_colleagues_in_the_answer_box_are_asked_about(
    ana: Visit, gw: DeskGateway, text: str
) -> None:
    """The text is kept; the agent sends it to the customer all the same, or keeps it as a note."""
    await claim(ana)
    response = await ana.send(f"{PATH}/answer", **hidden_fields(ana), text=text)
    assert response.status == 422
    assert await gw.sent_answers() == []
    assert "Keep as a note" in ana.page
    await ana.send(f"{PATH}/answer-as-is", **hidden_fields(ana), text=text)
    assert await gw.sent_answers() == [text]
