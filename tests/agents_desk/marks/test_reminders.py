"""Reminders, mentions and alerts: they reach the right person, also after a restart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway import Agent, Event
from plugins.agents_desk.access.accounts import DeskAccount, desk_agent
from plugins.agents_desk.marks.alerts import KINDS, TEXTS, AlertSettings, alert_of, as_sent
from plugins.agents_desk.marks.mentions import mentioned, pieces, unheard
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import ANA, BEN, JULES, MARIA, PRIYA, WEBCHAT, DeskGateway
from tests.conftest import until

PATH = f"/desk/c/{JULES}"
WORDS = "Ask her whether it fits"
HOUR = 3601


async def remind(visit: Visit, number: int = JULES, **fields: str) -> int:
    await visit.open(f"/desk/c/{number}")
    wanted = {"words": WORDS, "when": "hour", "epoch": visit.field("epoch"), **fields}
    return (await visit.send(f"/desk/c/{number}/remind", **wanted)).status


async def strip(visit: Visit) -> str:
    """The strip "Due now" of the person's desk."""
    await visit.open("/desk")
    found = re.search(r'<section class="due".*?</section>', visit.page, re.DOTALL)
    assert found
    return found[0]


async def wait(gw: DeskGateway, seconds: float, *visits: Visit) -> None:
    """Time passes; whose session has ended meanwhile signs in again."""
    gw.clock.advance(seconds)
    for visit, name in zip(visits, ("ana", "ben"), strict=False):
        await visit.sign_in(name)


def key_in(page: str) -> str:
    found = re.search(r'name="key" value="(reminder/[^"]+)"', page)
    assert found
    return found[1]


async def test_a_reminder_appears_when_it_is_due(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """At the top of the desk of who set it, and of nobody else."""
    assert await remind(ana) == 200
    assert WORDS not in await strip(ana)
    await wait(gw, HOUR, ana, ben)
    assert WORDS in await strip(ana)
    assert WORDS not in await strip(ben)


async def test_done_tomorrow_deleted(ana: Visit, gw: DeskGateway) -> None:
    """Each takes it from the strip; postponed ones come back."""
    await remind(ana)
    await wait(gw, HOUR, ana)
    key = key_in(await strip(ana))
    await ana.send("/desk/reminders", key=key, act="postpone", when="tomorrow", zone="UTC")
    assert WORDS not in await strip(ana)
    await wait(gw, 24 * 3600, ana)
    again = key_in(await strip(ana))
    assert again != key
    await ana.send("/desk/reminders", key=again, act="done")
    assert WORDS not in await strip(ana)
    response = await ana.send("/desk/reminders", key=again, act="done")
    assert response.status == 422
    assert "done already" in ana.page


async def test_the_words_become_a_draft(ana: Visit, gw: DeskGateway) -> None:
    """With the voice's advice beside it; nothing is sent."""
    await remind(ana)
    await wait(gw, HOUR, ana)
    key = key_in(await strip(ana))
    await ana.open(f"{PATH}?due={key}")
    box = re.search(r'<textarea id="answer".*?</textarea>', ana.page, re.DOTALL)
    assert box
    assert WORDS in box[0]
    assert "Nothing to change." in ana.page
    await ana.open(f"/desk/c/{MARIA}?due={key}")
    assert WORDS not in (re.search(r"<textarea.*", ana.page, re.DOTALL) or [""])[0]
    assert await gw.sent_answers(JULES) == []


async def test_nobody_touches_anothers_reminder(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """It is as if it did not exist."""
    await remind(ana)
    await wait(gw, HOUR, ana, ben)
    key = key_in(await strip(ana))
    await ben.open("/desk")
    response = await ben.send("/desk/reminders", key=key, act="delete")
    assert response.status == 422
    assert WORDS in await strip(ana)


async def test_a_reminder_that_cannot_be(ana: Visit) -> None:
    """The page says what is wrong."""
    for fields, why in (
        ({"words": " "}, "1 to 500"),
        ({"words": "x" * 501}, "1 to 500"),
        ({"when": "", "at": "2020-01-01T10:00"}, "past"),
        ({"when": ""}, "Choose a date"),
    ):
        assert await remind(ana, **fields) == 422
        assert why in ana.page


async def test_an_erasure_takes_reminders_and_mentions(ana: Visit, gw: DeskGateway) -> None:
    """No stored row with their words is left; the export has them before."""
    await remind(ana, MARIA)
    await gw.desk.note(MARIA, BEN, "@ana please look")
    await _mentioned(gw, "desk:ana")
    exported: Any = await gw.running.gateway.customer_data.export(WEBCHAT)
    keys = [row["key"] for row in exported["notes_of_guests"]]
    assert [key.partition("/")[0] for key in sorted(keys)] == [
        "mention",
        "own-reminder",
        "reminder",
        "staff",
    ]
    await gw.running.gateway.customer_data.erase(WEBCHAT)
    assert await _mentioned(gw, "desk:ana", count=0)
    storage = gw.services.storage
    for prefix in ("reminder/", "own-reminder/"):
        assert await storage.scan("agents_desk", prefix) == ()


async def _mentioned(gw: DeskGateway, agent: str, count: int = 1) -> bool:
    async def stored() -> bool:
        found = await gw.services.storage.scan("agents_desk", f"mention/{agent}/")
        return len(found) == count

    return await until(stored)


async def test_a_mention_reaches_the_colleague(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """As unread until they open the conversation; the note shows the name."""
    await ana.open(PATH)
    await ana.send(f"{PATH}/note", text="@ben, is this the depot's parcel?")
    assert '<span class="mention">@ben</span>, is this' in ana.page
    await ben.open("/desk/mentions")
    assert "is this the depot&#39;s parcel?" in ben.page
    assert '<b class="unread">new</b>' in ben.page
    await ben.open(PATH)
    await ben.open("/desk/mentions")
    assert '<b class="unread">new</b>' not in ben.page
    assert "is this the depot" in ben.page


@pytest.mark.parametrize(
    ("desk_settings", "readable"), [({}, True), ({"read_colleagues": False}, False)]
)
async def test_a_mention_in_a_colleagues_conversation(
    ana: Visit, visitor: Callable[[], Visit], gw: DeskGateway, readable: bool
) -> None:
    """It shows the note to who may read the conversation: whoever asks for help has it already."""
    cleo = visitor()
    await cleo.sign_in("cleo")
    await gw.claim(JULES, ANA)
    await ana.open(PATH)
    await ana.send(f"{PATH}/note", text="@cleo, is this the depot's parcel?")
    await cleo.open("/desk/mentions")
    assert ("is this the depot&#39;s parcel?" in cleo.page) is readable
    assert ("A colleague has this conversation now." in cleo.page) is not readable


@pytest.mark.parametrize("text", ["@nobody have a look", "ask @ben and @Gil Adler"])
async def test_a_name_that_nobody_has_is_asked_about(
    ana: Visit, gw: DeskGateway, text: str
) -> None:
    """Nothing is stored until the agent says so; a name that reaches somebody needs no asking."""
    await ana.open(PATH)
    response = await ana.send(f"{PATH}/note", text=text)
    assert response.status == 422
    wrong = "@Gil" if "Gil" in text else "@nobody"
    assert f"<b>{wrong} reaches nobody.</b>" in ana.page
    assert text in ana.page
    assert text not in [m.text for m in (await gw.desk.card(JULES)).messages]
    response = await ana.send(f"{PATH}/note-as-is", text=text)
    assert response.status == 200, ana.page
    assert text in [m.text for m in (await gw.desk.card(JULES)).messages]


async def test_a_marked_note_in_the_answer_is_asked_about(ana: Visit, gw: DeskGateway) -> None:
    """It comes back as a note, so that the customer cannot get it."""
    await ana.open(PATH)
    key = ana.field("key", 'id="answer-form"')
    await ana.send(f"{PATH}/answer", text="note: @nobody look", key=key, last=ana.field("last"))
    assert "<b>@nobody reaches nobody.</b>" in ana.page
    box = ana.page.partition('<textarea id="note"')[2].partition("</textarea>")[0]
    assert box.endswith("@nobody look")
    assert await gw.sent_answers(JULES) == []


async def test_all_are_read_at_once(ben: Visit, gw: DeskGateway) -> None:
    """A note from a chat counts as well: it goes through the same desk."""
    await gw.desk.note(JULES, ANA, "Ask @ben")
    assert await _mentioned(gw, "desk:ben")

    async def listed() -> bool:
        await ben.open("/desk/mentions")
        return 'class="new"' in ben.page

    assert await until(listed)
    await ben.send("/desk/mentions")
    assert 'class="new"' not in ben.page


async def test_a_repeated_note_event_is_one_mention(gw: DeskGateway) -> None:
    """Events may come twice."""
    note = await gw.desk.note(JULES, ANA, "@ben @Ben")
    event = Event(topic="desk", name="note", conversation=JULES, data={"message": str(note.id)})
    gw.services.events.publish(event)
    assert await _mentioned(gw, "desk:ben")


def person(name: str, display: str = "", **more: Any) -> DeskAccount:
    return DeskAccount(name=name, agent=desk_agent(name, display or name.capitalize(), **more))


PEOPLE = (person("ben", "Ben Carter"), person("a.lee", "Alma Lee"), person("alma", "Alma Cruz"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ben look", ["ben"]),
        ("Look, @Ben!", ["ben"]),
        ("@ben.", ["ben"]),
        ("@a.lee. And @ben", ["a.lee", "ben"]),
        ("write to me@ben.org", []),
        ("@benny", []),
        ("@Alma", ["alma"]),
        ("@@ben", []),
    ],
)
def test_whom_a_note_names(text: str, names: list[str]) -> None:
    """By the sign-in name, or by a first name that only one has; the text stays as it was."""
    found = list(pieces(text, PEOPLE))
    assert [account.name for _, account in found if account] == names
    assert "".join(part for part, _ in found) == text


async def test_a_colleague_of_another_brand_is_not_told(gw: DeskGateway) -> None:
    """Nor is who wrote the note, nor a locked account."""
    note = await gw.desk.note(PRIYA, BEN, "@ben @cy @dee")
    conversation = (await gw.desk.card(PRIYA)).conversation
    people = (person("ben"), person("cy", brands=("north",)), person("dee").replace(locked=True))
    assert mentioned(note, conversation, people) == ()
    elsewhere = conversation.replace(brand="south")
    assert unheard("@ben @cy, @dee @eve. x@y.org", elsewhere, people) == ("cy", "dee", "eve")


@pytest.mark.parametrize(
    ("event", "kind", "to"),
    [
        (Event(topic="desk", name="mention", data={"agent": "desk:ana"}), "mention", ["ana"]),
        (
            Event(
                topic="desk",
                name="conversation",
                data={"wrote": "customer", "owner": "desk:ben"},
            ),
            "answer",
            ["ben"],
        ),
        (
            Event(topic="desk", name="conversation", data={"priority": "3", "brand": ""}),
            "urgent",
            ["ana", "ben"],
        ),
        (Event(topic="desk", name="conversation", data={"priority": "2", "brand": ""}), None, []),
        (Event(topic="desk", name="queue"), None, []),
    ],
)
def test_what_alerts_whom(event: Event, kind: str | None, to: list[str]) -> None:
    """By codes in the event alone."""
    alert = alert_of(event)
    assert (alert.kind if alert else None) == kind
    known: list[Agent] = [ANA, BEN]
    told = [agent.id.removeprefix("desk:") for agent in known if alert and alert.to(agent)]
    assert told == to


def test_an_alert_is_what_its_person_wants() -> None:
    """Off until they ask; its text is one of four, so it has no customer's words."""
    assert as_sent("answer", 3, AlertSettings()) is None
    assert as_sent("answer", 3, AlertSettings(sound=True, kinds=("mention",))) is None
    told = as_sent("answer", 3, AlertSettings(desktop=True))
    assert told is not None
    assert told["text"] == TEXTS["answer"]
    assert (told["sound"], told["quiet"]) == (False, True)


async def test_settings_of_alerts_are_kept(ana: Visit, ben: Visit) -> None:
    """For each person."""
    await ana.open("/desk/alerts")
    assert "checked" in ana.page
    await ana.send("/desk/alerts", sound="on", **{"kind-mention": "on"})
    assert 'name="sound" checked' in ana.page
    assert 'name="quiet">' in ana.page
    assert 'name="kind-mention" checked' in ana.page
    assert sum(f'name="kind-{kind}" checked' in ana.page for kind in KINDS) == 1
    await ben.open("/desk/alerts")
    assert 'name="sound">' in ben.page


async def alerts(visit: Visit, count: int, begin: Callable[[], Any]) -> list[dict[str, Any]]:
    """The alerts of the person's stream after ``begin``."""
    found: list[dict[str, Any]] = []
    async with visit.http.get(f"{visit.url}/desk/live") as response:
        event = ""
        async for raw in response.content:
            line = raw.decode().strip()
            if line.startswith("event:"):
                event = line.removeprefix("event:").strip()
            if event == "hello" and line.startswith("data:"):
                await begin()
            if event == "alert" and line.startswith("data:"):
                found.append(json.loads(line.removeprefix("data:")))
                if len(found) == count:
                    return found
    return found


async def test_alerts_arrive_at_an_open_desk(ana: Visit, gw: DeskGateway) -> None:
    """A mention, an answer and a due reminder, in the order in which they come."""
    await ana.open("/desk/alerts")
    wanted = ("answer", "mention", "reminder")
    await ana.send("/desk/alerts", sound="on", **{f"kind-{kind}": "on" for kind in wanted})
    await remind(ana)
    gw.clock.advance(60)

    async def begin() -> None:
        await gw.desk.note(JULES, BEN, "@ana see here")
        await gw.claim(MARIA, ANA)
        await gw.write(WEBCHAT, "Hello again")
        gw.clock.advance(HOUR - 60)

    found = await alerts(ana, 3, begin)
    assert sorted((alert["kind"], alert["conversation"]) for alert in found) == [
        ("answer", MARIA),
        ("mention", JULES),
        ("reminder", JULES),
    ]
    assert {alert["text"] for alert in found} <= set(TEXTS.values())
