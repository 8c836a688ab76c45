"""What people do, by plain forms: everything here works without scripts."""

from __future__ import annotations

import pytest

from gateway import Finding, NotAccepted
from plugins.agents_desk.actions import answer_key
from plugins.agents_desk.guard import ActionForm
from tests.agents_desk.conftest import Visit
from tests.agents_desk.town import BEN, Town


async def claimed(visit: Visit, number: int = 1) -> None:
    await visit.open(f"/desk/c/{number}")
    answer = await visit.send(f"/desk/c/{number}/claim", epoch=visit.field("epoch"))
    assert answer.status == 200


def form(visit: Visit, of: str = 'id="answer-form"') -> dict[str, str]:
    names = (
        ("key", "epoch", "state", "last")
        if of == 'id="answer-form"'
        else ("epoch", "state", "last")
    )
    return {name: visit.field(name, of) for name in names}


async def test_a_person_takes_over_and_answers(ana: Visit, town: Town) -> None:
    """Claim, write, send: the customer gets the words as they were typed."""
    await claimed(ana)
    assert town.desk.cards[1].conversation.owner.id == "desk:ana"
    assert "With you" in ana.page
    await ana.send("/desk/c/1/answer", **form(ana), text="A new one\r\nleaves today.")
    assert town.desk.said == [(1, "A new one\nleaves today.", None)]
    assert "leaves today." in ana.page


async def test_sending_twice_is_one_message(ana: Visit, town: Town) -> None:
    """The same form sent again says nothing again; other words from it are another message."""
    await claimed(ana)
    page, fields = ana.page, form(ana)
    for _ in range(3):
        ana.page = page
        await ana.send("/desk/c/1/answer", **fields, text="Once.")
    ana.page = page
    await ana.send("/desk/c/1/answer", **fields, text="Something else.")
    assert [text for _, text, _ in town.desk.said] == ["Once.", "Something else."]


def test_the_key_is_of_this_person_and_this_page() -> None:
    """Two people, two pages or two conversations never share a key."""
    same = ActionForm(conversation=1, text="a", key="k")
    keys = [answer_key("desk:ana", same), answer_key("desk:ben", same), answer_key("desk:ana", same.replace(key="l")),
            answer_key("desk:ana", same.replace(conversation=2))]  # fmt: skip
    assert len(set(keys)) == 4


async def test_someone_was_faster(ana: Visit, ben: Visit, town: Town) -> None:
    """The one who comes second sees who has it and what changed, and nothing is done."""
    await ana.open("/desk/c/1")
    fields = {name: ana.field(name) for name in ("epoch", "state", "last")}
    await claimed(ben)
    town.desk.add(1, "customer", "Are you there?")
    answer = await ana.send("/desk/c/1/claim", **fields)
    assert answer.status == 409
    assert "With Ben." in ana.page
    assert "When you opened it: waiting for a person. Now: with Ben." in ana.page
    assert "New since then: 1 message, 1 from the customer." in ana.page
    assert town.desk.cards[1].conversation.owner.id == "desk:ben"


async def test_what_was_typed_survives_a_conflict(ana: Visit, ben: Visit, town: Town) -> None:
    """An answer that came too late is not sent, and its words are still on the page."""
    await claimed(ana)
    fields = form(ana)
    epoch = town.desk.cards[1].conversation.epoch
    await town.desk.transfer(1, BEN, epoch=epoch, tier="front")
    await claimed(ben)
    answer = await ana.send("/desk/c/1/answer", **fields, text="I typed this long answer.")
    assert answer.status == 409
    assert "I typed this long answer." in ana.page
    assert town.desk.said == []


async def test_a_note_stays_inside(ana: Visit, town: Town) -> None:
    """A note is kept as a note and is never said."""
    await ana.open("/desk/c/1")
    await ana.send("/desk/c/1/note", **form(ana, 'id="note-form"'), text="Careful, third time.")
    last = town.desk.cards[1].messages[-1]
    assert (last.internal, last.text, town.desk.said) == (True, "Careful, third time.", [])
    assert "Note, only for colleagues" in ana.page


async def test_a_suggestion_is_sent_as_it_is(ana: Visit, town: Town) -> None:
    """Its own form sends the very words, recorded as sent."""
    await claimed(ana)
    draft = town.desk.cards[1].suggestion
    key = ana.field("key", 'id="suggest-title"')
    await ana.send("/desk/c/1/answer", key=key, suggestion="5", text=draft.text)
    assert town.desk.said == [(1, draft.text, 5)]
    assert town.desk.cards[1].suggestion.outcome == "sent"
    assert "suggest-title" not in ana.page


async def test_a_suggestion_is_edited(ana: Visit, town: Town) -> None:
    """Edit fills the answer box, and what is sent is recorded as edited."""
    await claimed(ana)
    await ana.open("/desk/c/1?edit=1")
    box = ana.page[ana.page.index('id="answer"') :]
    assert town.desk.cards[1].suggestion.text in box
    fields = form(ana) | {"suggestion": ana.field("suggestion", 'id="answer-form"')}
    await ana.send("/desk/c/1/answer", **fields, text="My own words.")
    done = town.desk.cards[1].suggestion
    assert (done.outcome, done.final) == ("edited", "My own words.")


async def test_a_suggestion_is_ignored(ana: Visit, town: Town) -> None:
    """Ignoring is recorded; another conversation's suggestion cannot be ignored from here."""
    await claimed(ana)
    answer = await ana.send("/desk/c/2/ignore", suggestion="5")
    assert (answer.status, town.desk.ignored) == (422, [])
    await ana.open("/desk/c/1")
    await ana.send("/desk/c/1/ignore", suggestion="5")
    assert town.desk.ignored == [5]
    assert "suggest-title" not in ana.page


@pytest.mark.parametrize(("deed", "state"), [("resolve", "resolved"), ("hand-back", "bot")])
async def test_letting_go(ana: Visit, town: Town, deed: str, state: str) -> None:
    """Resolve and hand back end the person's part."""
    await claimed(ana)
    await ana.send(f"/desk/c/1/{deed}", epoch=ana.field("epoch"))
    now = town.desk.cards[1].conversation
    assert (now.state, now.owner) == (state, None)
    assert 'id="answer-form"' not in ana.page


async def test_a_transfer_says_to_whom_and_why(ana: Visit, town: Town) -> None:
    """Tier, skills and reason reach the next person."""
    await claimed(ana)
    epoch = ana.field("epoch")
    fields = {"tier": "specialist", "skills": "billing,  de ,", "reason": "needs a refund"}
    await ana.send("/desk/c/1/transfer", epoch=epoch, **fields)
    assert town.desk.transfers == [("specialist", ("billing", "de"), "needs a refund")]


async def test_advice_never_keeps_from_sending(ana: Visit, town: Town) -> None:
    """Findings come as JSON while typing and as a page without scripts; sending is free."""
    finding = Finding(rule="cheer", severity="error", start=0, end=5,
                      message="too cheerful", suggestion="Sorry")  # fmt: skip
    town.desk.advice = (finding,)
    await claimed(ana)
    fields = form(ana)
    page = ana.page
    answer = await ana.http.post(
        f"{ana.url}/desk/c/1/advice",
        data={"csrf": ana.field("csrf"), "text": "Great!"},
        headers={"Accept": "application/json"},
    )
    assert await answer.json() == [
        {"rule": "cheer", "severity": "error", "start": 0, "end": 5, "message": "too cheerful",
         "suggestion": "Sorry"}
    ]  # fmt: skip
    typing = [e for e in town.events.published if e.name == "typing"]
    assert [(e.topic, e.data["author"]) for e in typing] == [("webchat:v-81f3", "agent")]
    await ana.send("/desk/c/1/advice", **fields, text="Great!")
    assert "too cheerful" in ana.page
    assert ">\nGreat!</textarea>" in ana.page
    ana.page = page
    await ana.send("/desk/c/1/answer", **fields, text="Great!")
    assert town.desk.said == [(1, "Great!", None)]


async def test_what_was_on_its_way_is_told(ana: Visit, town: Town) -> None:
    """A bot message that was leaving during the claim is shown, also after a refresh."""
    leaving = town.desk.cards[1].messages[5]
    town.desk.sending = (leaving,)
    await ana.open("/desk/c/1")
    answer = await ana.send("/desk/c/1/claim", epoch=ana.field("epoch"))
    assert "The bot was sending this" in ana.page
    await ana.open(answer.url.path_qs)
    assert "The bot was sending this" in ana.page
    assert leaving.text[:30] in ana.page[ana.page.index("The bot was sending this") :]


@pytest.mark.parametrize(("deed", "fields", "words"), [
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
async def test_mistakes_are_said_in_words(
    ana: Visit, town: Town, deed: str, fields: dict[str, str], words: str
) -> None:
    """A form that cannot be accepted does nothing and says why, on the page it came from."""
    await claimed(ana)
    before = dict(town.desk.cards)
    answer = await ana.send(f"/desk/c/1/{deed}", **fields)
    assert answer.status == 422
    assert words in ana.page
    assert town.desk.cards == before


@pytest.mark.parametrize("deed", ["claim", "answer", "note", "resolve", "transfer", "advice"])
async def test_an_unknown_conversation(ana: Visit, deed: str) -> None:
    """There is a page for what is not there, and no error of ours."""
    answer = await ana.send(f"/desk/c/999/{deed}", epoch="0", text="x", key="k", tier="front")
    assert answer.status == 404
    assert "no such conversation" in ana.page


async def test_words_survive_a_failing_store(
    ana: Visit, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it could not be committed, the page says so and still holds the words."""
    await claimed(ana)

    async def failing(*_: object, **__: object) -> None:
        raise NotAccepted("disk full")

    monkeypatch.setattr(town.desk, "answer", failing)
    answer = await ana.send("/desk/c/1/answer", **form(ana), text="Precious words")
    assert answer.status == 503
    assert ">\nPrecious words</textarea>" in ana.page
