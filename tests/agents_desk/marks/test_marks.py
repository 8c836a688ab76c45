"""Labels, snooze and spam from a conversation's page, as plain forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway import Address
from plugins.agents_desk.guard import InvalidForm
from plugins.agents_desk.marks.team_labels import key_of
from plugins.agents_desk.marks.when import chosen_time
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    HOURS,
    JULES,
    MARIA,
    NOUR,
    PHONE,
    PRIYA,
    TOM,
    DeskGateway,
)
from tests.conftest import until

PATH = f"/desk/c/{JULES}"
"""Ana has the conversation of Jules."""


async def act(visit: Visit, action: str, number: int = JULES, **fields: str) -> int:
    """Open the conversation's page, submit a form of it, and return the status."""
    await visit.open(f"/desk/c/{number}")
    fields.setdefault("epoch", visit.field("epoch"))
    return (await visit.send(f"/desk/c/{number}/{action}", **fields)).status


async def labels_of(gw: DeskGateway, number: int = JULES) -> tuple[str, ...]:
    return (await gw.desk.card(number)).conversation.labels


async def test_a_new_label_is_made_and_put_on(ana: Visit, gw: DeskGateway) -> None:
    """It is then the team's, and stands in the head of the conversation."""
    assert await act(ana, "labels", title="Late parcel") == 200
    assert await labels_of(gw) == ("late-parcel",)
    assert '<span class="label grey">Late parcel</span>' in ana.page
    await ana.open(f"/desk/c/{MARIA}")
    assert 'id="label-late-parcel"' in ana.page


async def test_labels_of_a_colleague_stay(ana: Visit, gw: DeskGateway) -> None:
    """Only what this agent changed is changed; a key that the team does not know is ignored."""
    await act(ana, "labels", title="Refund")
    await gw.desk.label(JULES, (await gw.desk.card(JULES)).conversation.owner, add=("b2b",))  # type: ignore[arg-type]
    assert await act(ana, "labels", before="refund", label="made-up") == 200
    assert await labels_of(gw) == ("b2b",)


async def test_a_renamed_label_keeps_its_conversations(ana: Visit, gw: DeskGateway) -> None:
    """The name and the colour are the team's; the key stays."""
    await act(ana, "labels", title="Refund")
    await ana.open("/desk/labels")
    await ana.send("/desk/labels", act="change", key="refund", title="Money back", colour="teal")
    await ana.open(PATH)
    assert '<span class="label teal">Money back</span>' in ana.page
    await ana.send("/desk/labels", act="delete", key="refund")
    await ana.open(PATH)
    assert '<span class="label grey">refund</span>' in ana.page


async def test_a_label_that_cannot_be(ana: Visit) -> None:
    """The page says what is wrong, and nothing is stored."""
    for fields, why in (
        ({"title": " "}, "1 to 32 characters"),
        ({"title": "x" * 33}, "1 to 32 characters"),
        ({"title": "!!"}, "a letter or a digit"),
        ({"title": "Spam"}, "is taken"),
        ({"title": "Fine", "colour": "beige"}, "one of the colours"),
    ):
        await ana.open("/desk/labels")
        response = await ana.send("/desk/labels", act="create", **fields)
        assert response.status == 422
        assert why in ana.page
        assert "No label has a name yet" in ana.page


def test_a_label_in_any_script_has_a_key() -> None:
    """Two names never share one by accident."""
    assert key_of("Rückgabe") == "ruckgabe"
    assert key_of("Возврат") != key_of("Обмен")
    with pytest.raises(InvalidForm):
        key_of("  ")


async def test_agents_add_labels_and_leads_change_them(
    visitor: Callable[[], Visit], gw: DeskGateway
) -> None:
    """An agent who may not rename gets no form for it either."""
    cleo = visitor()
    await cleo.sign_in("cleo")
    await cleo.open("/desk/labels")
    await cleo.send("/desk/labels", act="create", title="Refund", colour="blue")
    assert 'value="delete"' not in cleo.page
    for change in ("change", "delete"):
        response = await cleo.send("/desk/labels", act=change, key="refund", title="X")
        assert response.status == 403


async def test_a_snooze_takes_it_off_the_list(ana: Visit, gw: DeskGateway) -> None:
    """Until its time, and then the conversation says so."""
    assert await act(ana, "snooze", when="hour") == 200
    assert "Snoozed until" in ana.page
    assert f'id="q{JULES}"' not in ana.page
    gw.clock.advance(1900)
    await ana.open("/desk")
    gw.clock.advance(1900)

    async def is_back() -> bool:
        await ana.open(PATH)
        return f'id="q{JULES}"' in ana.page

    assert await until(is_back)
    await ana.open(PATH)
    assert "Back from the snooze" in ana.page


async def test_a_snooze_until_a_time_of_the_agents_own(ana: Visit, gw: DeskGateway) -> None:
    """In the time zone that the browser names."""
    at = {"at": "2026-11-24T09:30", "zone": "America/New_York"}
    assert await act(ana, "snooze", **at) == 200
    snoozed = (await gw.desk.card(JULES)).conversation.snoozed_until
    assert snoozed is not None
    assert snoozed.isoformat() == "2026-11-24T14:30:00+00:00"
    assert await act(ana, "wake") == 200
    assert (await gw.desk.card(JULES)).conversation.snoozed_until is None


async def test_a_snooze_until_they_write(ana: Visit, gw: DeskGateway) -> None:
    """The customer's next message brings it back."""
    assert await act(ana, "snooze", when="answer") == 200
    jules = Address(channel="email", value="jules@example.org")
    await gw.write(jules, HOURS, subject="Échange", thread=await _thread(gw))
    await ana.open("/desk")
    assert f'id="q{JULES}"' in ana.page


async def _thread(gw: DeskGateway) -> tuple[str, ...]:
    """The ids by which a mail answers what we sent to Jules."""
    messages = (await gw.desk.card(JULES)).messages
    return tuple(m.remote_id for m in messages if m.remote_id)


async def test_a_snooze_that_cannot_be(ana: Visit, gw: DeskGateway) -> None:
    """Tom's waits, about harm: it is claimed, not hidden."""
    for number, fields, status, why in (
        (JULES, {"at": "2020-01-01T10:00"}, 422, "past"),
        (JULES, {"at": "whenever"}, 422, "Choose a date"),
        (JULES, {"at": "2030-01-01T10:00"}, 422, "a year at most"),
        (TOM, {"when": "hour"}, 409, "changed while you had it open"),
    ):
        assert await act(ana, "snooze", number, **fields) == status
        assert why in ana.page
        assert (await gw.desk.card(number)).conversation.snoozed_until is None


async def test_harm_is_not_snoozed(ana: Visit, gw: DeskGateway) -> None:
    """The page says why."""
    assert await act(ana, "claim", TOM) == 200
    assert await act(ana, "snooze", TOM, when="hour") == 422
    assert "spoke of harm" in ana.page


async def test_spam_and_a_blocked_address(ana: Visit, gw: DeskGateway) -> None:
    """It is resolved, listed, and let in again by a lead."""
    assert await act(ana, "spam", PHONE, block="yes") == 200
    card = await gw.desk.card(PHONE)
    assert (card.conversation.state, card.conversation.labels) == ("resolved", ("spam",))
    await ana.open("/desk/spam")
    assert f'href="/desk/c/{PHONE}"' in ana.page
    lane = card.conversation.address.lane
    assert f'name="address" value="{lane}"' in ana.page
    await ana.send("/desk/spam", act="unblock", address=lane)
    assert "No address is blocked." in ana.page
    await ana.send("/desk/spam", act="not-spam", conversation=str(PHONE))
    assert "Nothing is marked as spam." in ana.page
    what = [entry.what for entry in await gw.audit()]
    assert [each for each in what if each in ("marked_spam", "unblocked", "labelled")] == [
        "marked_spam",
        "unblocked",
        "labelled",
    ]


async def test_only_leads_unblock(visitor: Callable[[], Visit], gw: DeskGateway) -> None:
    """An agent blocks, and sees the list without the button."""
    cleo = visitor()
    await cleo.sign_in("cleo")
    assert await act(cleo, "spam", NOUR, block="yes") == 200
    lane = (await gw.desk.card(NOUR)).conversation.address.lane
    await cleo.open("/desk/spam")
    assert 'value="unblock"' not in cleo.page
    response = await cleo.send("/desk/spam", act="unblock", address=lane)
    assert response.status == 403


async def test_marks_need_the_right_to_see(visitor: Callable[[], Visit], gw: DeskGateway) -> None:
    """And the token of the page."""
    cleo = visitor()
    await cleo.sign_in("cleo")
    for action in ("labels", "snooze", "wake", "remind", "spam"):
        response = await cleo.send(f"/desk/c/{PRIYA}/{action}", title="X", words="X", when="hour")
        assert response.status == 403
        refused = await cleo.send(f"/desk/c/{MARIA}/{action}", csrf="00", title="X")
        assert refused.status == 403
    assert await labels_of(gw, PRIYA) == await labels_of(gw, MARIA) == ()


async def test_a_stale_page_snoozes_nothing(ana: Visit, gw: DeskGateway) -> None:
    """Somebody else has it meanwhile."""
    await gw.claim(JULES, (await gw.desk.card(PRIYA)).conversation.owner)  # type: ignore[arg-type]
    assert await act(ana, "snooze", when="hour", epoch="1") == 409


def test_preset_days_begin_in_the_morning() -> None:
    """Also across a change of the clocks."""
    saturday = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # the clocks go back that night
    berlin = {"zone": "Europe/Berlin"}
    tomorrow = chosen_time({"when": "tomorrow", **berlin}, saturday, "UTC")
    assert tomorrow.isoformat() == "2026-10-25T08:00:00+00:00"
    monday = chosen_time({"when": "monday", **berlin}, saturday, "UTC")
    assert monday.isoformat() == "2026-10-26T08:00:00+00:00"
    assert chosen_time({"when": "hour"}, saturday, "UTC") == saturday + timedelta(hours=1)
    unknown = chosen_time({"when": "monday", "zone": "Mars/Base"}, saturday, "Europe/Berlin")
    assert unknown == monday
