"""Messages that Twilio refuses, delays or never answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from channels.sms.errors import DESCRIPTIONS, delivery_error
from gateway import TryLater, Undeliverable
from gateway.testing import FakeClock

from .conftest import ANA, SmsGateway, running_sms
from .fake_twilio import SERVICE, FakeTwilio

NOBODY = "+15550100001"

# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "unreachable"),
    [
        (21211, True),
        (21214, True),
        (21217, True),
        (21614, True),
        (21635, True),
        (63003, True),
        (63024, True),
        (21408, False),
        (21606, False),
        (21612, False),
        (21617, False),
        (30007, False),
        (63016, False),
        (21999, False),
    ],
)
async def test_a_refused_message_is_a_dead_letter_at_once(
    sms: SmsGateway, code: int, unreachable: bool
) -> None:
    """The agent reads the code and its meaning; the next message leaves."""
    sms.twilio.fail_next("refuse", code=code, message=f"The 'To' number {ANA} is not right")
    await sms.text("one")
    [letter] = await sms.gw.gateway.store.outbox.list()
    assert (letter.state, letter.attempts) == ("dead", 1)
    [item] = await sms.queue()
    assert item.handoff.reasons[0].code == "undeliverable"
    [note] = [note for note in await sms.notes() if "could not be delivered" in note]
    assert f"Twilio {code}: " in note
    assert ANA not in note
    flags = await sms.gw.gateway.database.read(
        lambda c: c.execute(text("SELECT unreachable, opted_out FROM identities")).one()
    )
    assert tuple(map(bool, flags)) == (unreachable, False)
    ana = sms.gw.desk_agent("ana")
    await ana.answer(await ana.claim(), "Ana here.")
    assert sms.sent_texts == ["Ana here."]


def test_every_known_code_has_a_description() -> None:
    """Others link to Twilio's page, or give the status."""
    for code, description in DESCRIPTIONS.items():
        raised = delivery_error(400, code)
        assert isinstance(raised, TryLater | Undeliverable)
        assert str(raised) == f"Twilio {code}: {description}"
    assert "docs/errors/21999" in str(delivery_error(400, 21999))
    assert "status 418" in str(delivery_error(418, None))


async def test_an_answer_over_the_limit_is_refused(sms: SmsGateway) -> None:
    """Twilio takes 1,600 characters; the agent is told, and nothing is cut."""
    await sms.text("hello")
    ana = sms.gw.desk_agent("ana")
    await ana.answer(await ana.claim(await sms.gw.services.desk.card(1)), "x" * 1601)
    assert sms.sent_texts == ["You said hello"]
    assert any("longer than 1,600 characters" in note for note in await sms.notes())


# -- retried -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "more"),
    [
        ("busy", {}),
        ("down", {"status": 500}),
        ("down", {"status": 502}),
        ("down", {"status": 503}),
        ("refuse", {"status": 400, "code": 21611}),
        ("refuse", {"status": 400, "code": 30001}),
        ("refuse", {"status": 400, "code": 63018}),
        ("refuse", {"status": 409, "code": 20409}),
        ("refuse", {"status": 401, "code": 20003}),
    ],
)
async def test_a_temporary_failure_is_retried(
    failure: str, more: dict[str, int], twilio: FakeTwilio, tmp_path: Path
) -> None:
    """The message arrives once, and nobody is notified."""
    clock = FakeClock()
    async with running_sms(twilio, tmp_path, clock=clock) as sms:
        twilio.fail_next(failure, **more)  # type: ignore[arg-type]
        twilio.fail_next(failure, **more)  # type: ignore[arg-type]
        await sms.text("patience")
        assert sms.sent_texts == []
        for _ in range(3):
            await sms.gw.pass_time(300)
        assert sms.sent_texts == ["You said patience"]
        assert await sms.queue() == ()


async def test_retry_after_is_respected(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Later messages wait too and keep their order."""
    async with running_sms(twilio, tmp_path, clock=FakeClock()) as sms:
        twilio.fail_next("busy", after=40)
        await sms.text("one")
        await sms.text("two")
        await sms.gw.pass_time(35)
        assert twilio.send_calls == 1
        await sms.gw.pass_time(10)
        assert sms.sent_texts == ["You said one", "You said two"]


async def test_a_refused_connection_is_retried(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Without a connection nothing was sent."""
    clock = FakeClock()
    async with running_sms(
        twilio, tmp_path, clock=clock, api_base="http://127.0.0.1:1", core={}
    ) as sms:
        await sms.text("hello")
        assert await sms.gw.gateway.store.outbox.list() == ()
        [row] = await sms.gw.gateway.database.read(
            lambda c: c.execute(text("SELECT state, error FROM outbox")).all()
        )
        assert row.state == "ready"
        assert "cannot be reached" in row.error


async def test_wrong_credentials_fail_readyz(sms: SmsGateway) -> None:
    """Until Twilio accepts them."""
    async with sms.gw.session() as session, session.get("/readyz") as answer:
        assert answer.status == 200
    sms.twilio.fail_next("refuse", status=401, code=20003)
    await sms.text("hello")
    async with sms.gw.session() as session, session.get("/readyz") as answer:
        checks = (await answer.json())["checks"]
        assert checks["channel sms"] == "Twilio 20003: the account's SID or token is wrong"
    await sms.text("hello", sender="+15550108888")
    async with sms.gw.session() as session, session.get("/readyz") as answer:
        assert answer.status == 200


# -- cut off -------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", [{}, {"from": SERVICE}], ids=["number", "service"])
@pytest.mark.parametrize("sender", [ANA, f"whatsapp:{ANA}"])
@pytest.mark.parametrize("failure", ["cut after", "garbage"])
async def test_a_sent_message_is_found_after_a_lost_answer(
    failure: str, sender: str, section: dict[str, str], *, twilio: FakeTwilio, tmp_path: Path
) -> None:
    """Twilio accepted the message: it is found by customer and text, and not sent again."""
    async with running_sms(twilio, tmp_path, **section) as sms:
        twilio.fail_next(failure)  # type: ignore[arg-type]
        await sms.text("did it arrive", sender=sender)
        assert sms.sent_texts == ["You said did it arrive"]
        [answer] = await sms.our_messages()
        assert (answer.status, answer.remote_id) == ("sent", twilio.sent[0]["sid"])
        assert (twilio.list_calls, await sms.queue()) == (1, ())


async def test_a_message_that_never_arrived_is_sent_again(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """Twilio is asked at once, and again before the second attempt."""
    async with running_sms(twilio, tmp_path, clock=FakeClock()) as sms:
        twilio.fail_next("cut before")
        await sms.text("hello")
        assert sms.sent_texts == []
        await sms.gw.pass_time(300)
        assert sms.sent_texts == ["You said hello"]
        assert twilio.list_calls == 2


async def test_a_timed_out_call_is_looked_up_before_the_next(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """A hanging call is cancelled; its message is looked for before the next attempt."""
    async with running_sms(twilio, tmp_path, clock=FakeClock(), timeout=0.2) as sms:
        twilio.fail_next("hang")
        await sms.text("hello")
        assert sms.sent_texts == []
        twilio.release()
        await sms.gw.pass_time(300)
        assert sms.sent_texts == ["You said hello"]


async def test_an_earlier_equal_message_is_not_mistaken_for_the_lost_one(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """The same text twice is two messages."""
    async with running_sms(twilio, tmp_path, clock=FakeClock()) as sms:
        await sms.text("ok")
        twilio.fail_next("cut before")
        await sms.text("ok")
        await sms.gw.pass_time(300)
        assert sms.sent_texts == ["You said ok", "You said ok"]
        sids = [message.remote_id for message in await sms.our_messages()]
        assert sids == [record["sid"] for record in twilio.sent]


async def test_messages_are_looked_up_after_a_crash(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Of two rows found `sending`, the one that had arrived is not sent again, the other is."""
    async with running_sms(twilio, tmp_path) as sms:
        await sms.text("one")
        await sms.text("two", sender="+15550108888")
        await sms.gw.gateway.database.write(
            lambda c: (
                c.execute(text("UPDATE outbox SET state = 'sending'")),
                c.execute(
                    text(
                        "UPDATE messages SET status = 'queued', remote_id = NULL"
                        " WHERE author = 'bot'"
                    )
                ),
            )
        )
    lost = twilio.sent.pop()
    async with running_sms(twilio, tmp_path, clock=FakeClock()) as sms:
        await sms.gw.pass_time(300)
        assert sms.sent_texts == ["You said one", "You said two"]
        assert [(await sms.our_messages(n))[0].status for n in (1, 2)] == ["sent", "sent"]
        found = (await sms.our_messages(1))[0].remote_id, (await sms.our_messages(2))[0].remote_id
        assert found == tuple(record["sid"] for record in twilio.sent)
        assert lost["sid"] not in found


async def test_a_callback_may_arrive_before_the_answer(sms: SmsGateway) -> None:
    """It carries our id: the message is delivered, and Twilio's id is kept as well."""
    sms.twilio.before_answering = lambda: sms.send_status("delivered")
    await sms.text("hello")
    [answer] = await sms.our_messages()
    assert (answer.status, answer.remote_id) == ("delivered", sms.twilio.sent[0]["sid"])


SID_GIVEN = "SM" + "7" * 32


@pytest.mark.parametrize(
    ("answer", "remote_id"),
    [
        ({"sid": SID_GIVEN, "date_created": 7, "error_code": {}, "price": []}, SID_GIVEN),
        ({"sid": SID_GIVEN}, SID_GIVEN),
        (b'{"account_sid": "AC1", "sid": "' + SID_GIVEN.encode() + b'", "body": "cut o', SID_GIVEN),
        ({"sid": 4711}, "4711"),
        ({"sid": "S" * 3000}, None),
        ({"sid": "SM\x00"}, None),
    ],
)
@pytest.mark.parametrize("sender", [ANA, f"whatsapp:{ANA}"])
async def test_what_twilio_took_is_sent_whatever_its_answer(
    sms: SmsGateway, sender: str, answer: Any, remote_id: str | None
) -> None:
    """A SID says that it was taken. One that cannot be stored is left out."""
    sms.twilio.odd_answers = [answer]
    await sms.text("hello", sender=sender)
    assert sms.sent_texts == ["You said hello"]
    assert sms.twilio.list_calls == 0
    [ours] = await sms.our_messages()
    assert (ours.status, ours.remote_id) == ("sent", remote_id)


@pytest.mark.parametrize(
    "answer",
    [{}, {"sid": None}, {"sid": ""}, {"sid": ["SM1"]}, {"sid": True}, [], "SM1", 7, b"", b"<html>"],
)
async def test_an_answer_without_a_sid_is_unsure(sms: SmsGateway, answer: Any) -> None:
    """Twilio is asked, and has it: it is not sent again."""
    sms.twilio.odd_answers = [answer]
    await sms.text("hello")
    assert sms.sent_texts == ["You said hello"]
    assert sms.twilio.list_calls == 1
    [ours] = await sms.our_messages()
    assert (ours.status, ours.remote_id) == ("sent", sms.twilio.sent[0]["sid"])
