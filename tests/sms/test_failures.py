"""What Twilio refuses, delays or never answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from channels.sms.refusals import WORDS, refusal
from gateway import TryLater, Undeliverable
from gateway.testing import FakeClock

from .conftest import ANA, Line, texting
from .server import SERVICE, Twilio

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
async def test_what_twilio_refuses_is_a_dead_letter_at_once(
    line: Line, code: int, unreachable: bool
) -> None:
    """The agent reads the code and what it means; the next message goes."""
    line.twilio.next("refuse", code=code, message=f"The 'To' number {ANA} is not right")
    await line.text("one")
    [letter] = await line.gw.gateway.store.outbox.list()
    assert (letter.state, letter.attempts) == ("dead", 1)
    [item] = await line.queue()
    assert item.handoff.reasons[0].code == "undeliverable"
    [note] = [note for note in await line.notes() if "could not be delivered" in note]
    assert f"Twilio {code}: " in note
    assert ANA not in note
    held = await line.gw.gateway.database.read(
        lambda c: c.execute(text("SELECT unreachable, opted_out FROM identities")).one()
    )
    assert tuple(map(bool, held)) == (unreachable, False)
    ana = line.gw.desk_agent("ana")
    await ana.answer(await ana.claim(), "Ana here.")
    assert line.heard == ["Ana here."]


def test_every_code_has_words_of_its_own() -> None:
    """No two codes we know say nothing, and none names a number of a customer."""
    for code, words in WORDS.items():
        raised = refusal(400, code)
        assert isinstance(raised, TryLater | Undeliverable)
        assert str(raised) == f"Twilio {code}: {words}"
    assert "docs/errors/21999" in str(refusal(400, 21999))
    assert "status 418" in str(refusal(418, None))


async def test_a_too_long_answer_is_refused_in_words(line: Line) -> None:
    """Twilio takes 1,600 characters; the agent is told, and nothing is cut off."""
    await line.text("hello")
    ana = line.gw.desk_agent("ana")
    await ana.answer(await ana.claim(await line.gw.services.desk.card(1)), "x" * 1601)
    assert line.heard == ["You said hello"]
    assert any("longer than 1,600 characters" in note for note in await line.notes())


# -- later ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mishap", "more"),
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
async def test_what_passes_is_waited_out(
    mishap: str, more: dict[str, int], twilio: Twilio, tmp_path: Path
) -> None:
    """The message arrives, once, and nobody is troubled."""
    clock = FakeClock()
    async with texting(twilio, tmp_path, clock=clock) as line:
        twilio.next(mishap, **more)  # type: ignore[arg-type]
        twilio.next(mishap, **more)  # type: ignore[arg-type]
        await line.text("patience")
        assert line.heard == []
        for _ in range(3):
            await line.gw.pass_time(300)
        assert line.heard == ["You said patience"]
        assert await line.queue() == ()


async def test_a_busy_twilio_is_left_alone_for_as_long_as_it_asked(
    twilio: Twilio, tmp_path: Path
) -> None:
    """Retry-After, in seconds; what waits behind keeps its order."""
    async with texting(twilio, tmp_path, clock=FakeClock()) as line:
        twilio.next("busy", after=40)
        await line.text("one")
        await line.text("two")
        await line.gw.pass_time(35)
        assert twilio.calls == 1
        await line.gw.pass_time(10)
        assert line.heard == ["You said one", "You said two"]


async def test_nobody_home_is_tried_again(twilio: Twilio, tmp_path: Path) -> None:
    """Nothing can have left when there was no connection."""
    clock = FakeClock()
    async with texting(
        twilio, tmp_path, clock=clock, api_base="http://127.0.0.1:1", core={}
    ) as line:
        await line.text("hello")
        assert await line.gw.gateway.store.outbox.list() == ()
        [row] = await line.gw.gateway.database.read(
            lambda c: c.execute(text("SELECT state, error FROM outbox")).all()
        )
        assert row.state == "ready"
        assert "cannot be reached" in row.error


async def test_wrong_credentials_show_in_readyz(line: Line) -> None:
    """Until Twilio takes them."""
    async with line.gw.session() as session, session.get("/readyz") as answer:
        assert answer.status == 200
    line.twilio.next("refuse", status=401, code=20003)
    await line.text("hello")
    async with line.gw.session() as session, session.get("/readyz") as answer:
        checks = (await answer.json())["checks"]
        assert checks["channel sms"] == "Twilio 20003: the account's SID or token is wrong"
    await line.text("hello", sender="+15550108888")
    async with line.gw.session() as session, session.get("/readyz") as answer:
        assert answer.status == 200


# -- nobody can tell -----------------------------------------------------------------------------


@pytest.mark.parametrize("section", [{}, {"from": SERVICE}], ids=["number", "service"])
@pytest.mark.parametrize("sender", [ANA, f"whatsapp:{ANA}"])
@pytest.mark.parametrize("mishap", ["cut after", "garbage"])
async def test_a_lost_answer_of_twilio_is_asked_for(
    mishap: str, sender: str, section: dict[str, str], *, twilio: Twilio, tmp_path: Path
) -> None:
    """It took the message: found by customer and words, not said twice, nobody troubled."""
    async with texting(twilio, tmp_path, **section) as line:
        twilio.next(mishap)  # type: ignore[arg-type]
        await line.text("did it arrive", sender=sender)
        assert line.heard == ["You said did it arrive"]
        [answer] = await line.ours()
        assert (answer.status, answer.remote_id) == ("sent", twilio.sent[0]["sid"])
        assert (twilio.lists, await line.queue()) == (1, ())


async def test_what_never_arrived_is_sent_again(twilio: Twilio, tmp_path: Path) -> None:
    """Twilio was asked, and asked once more before the second attempt."""
    async with texting(twilio, tmp_path, clock=FakeClock()) as line:
        twilio.next("cut before")
        await line.text("hello")
        assert line.heard == []
        await line.gw.pass_time(300)
        assert line.heard == ["You said hello"]
        assert twilio.lists == 2


async def test_a_time_out_is_asked_about(twilio: Twilio, tmp_path: Path) -> None:
    """A call that hangs is given up; what became of it is found out before the next."""
    async with texting(twilio, tmp_path, clock=FakeClock(), timeout=0.2) as line:
        twilio.next("hang")
        await line.text("hello")
        assert line.heard == []
        twilio.release()
        await line.gw.pass_time(300)
        assert line.heard == ["You said hello"]


async def test_an_equal_message_that_was_sent_is_not_taken_for_the_lost_one(
    twilio: Twilio, tmp_path: Path
) -> None:
    """The same words twice are two messages."""
    async with texting(twilio, tmp_path, clock=FakeClock()) as line:
        await line.text("ok")
        twilio.next("cut before")
        await line.text("ok")
        await line.gw.pass_time(300)
        assert line.heard == ["You said ok", "You said ok"]
        sids = [one.remote_id for one in await line.ours()]
        assert sids == [one["sid"] for one in twilio.sent]


async def test_after_a_crash_twilio_is_asked(twilio: Twilio, tmp_path: Path) -> None:
    """A row found `sending`: it had arrived, so it is sent; the one that had not is sent now."""
    async with texting(twilio, tmp_path) as line:
        await line.text("one")
        await line.text("two", sender="+15550108888")
        await line.gw.gateway.database.write(
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
    async with texting(twilio, tmp_path, clock=FakeClock()) as line:
        await line.gw.pass_time(300)
        assert line.heard == ["You said one", "You said two"]
        assert [(await line.ours(n))[0].status for n in (1, 2)] == ["sent", "sent"]
        found = (await line.ours(1))[0].remote_id, (await line.ours(2))[0].remote_id
        assert found == tuple(one["sid"] for one in twilio.sent)
        assert lost["sid"] not in found


async def test_a_callback_may_come_before_the_answer(line: Line) -> None:
    """It brings our own id: the message is delivered, and Twilio's id is kept as well."""
    line.twilio.before_answering = lambda: line.tell("delivered")
    await line.text("hello")
    [answer] = await line.ours()
    assert (answer.status, answer.remote_id) == ("delivered", line.twilio.sent[0]["sid"])
