"""After a hand-over that nobody has claimed, the customer hears once that they are in line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugins.escalation.texts import TEXTS
from tests.routing.dialogue import HOURS
from tests.routing.stated import CHANNELS, stating_shop

LINE = TEXTS["in_line"]
SAFE = {
    code: TEXTS["handover_harm"][code].format(number=number)
    for code, number in (("en", TEXTS["harm_number"]["en"]), ("de", "112"))
}
SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("said", "again", "code"),
    [
        ("a human please", "hello?", "en"),
        ("human, wo ist mein paket ?", "ja ?", "de"),
        ("human, wo ist mein paket ?", "Hallo?", "de"),
        ("human, wo ist mein paket ?", "Und?", "de"),
        ("a human for my remboursement", "le colis", "fr"),
        ("human, mi paquete", "paquete", "es"),
        ("il mio pacco non funziona", "dove il pacco", "it"),
    ],
)
async def test_the_next_message_is_answered_once(
    tmp_path: Path, channel: str, said: str, again: str, code: str
) -> None:
    """In the customer's language; then the bot is silent."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer(channel, "mia")
        await mia.say(said)
        before = len(mia.heard)
        await mia.say(again)
        assert mia.heard[before:] == [LINE[code]]
        await mia.say("how long is delivery?")
        await mia.say("delivery")
        assert mia.heard[before:] == [LINE[code]]


async def test_silence_once_a_person_has_claimed_it(tmp_path: Path) -> None:
    """Whether or not the customer heard that they are in line."""
    async with stating_shop(tmp_path) as gw:
        mia, ana = gw.customer("webchat", "mia"), gw.desk_agent("ana")
        await mia.say("a human please")
        before = len(mia.heard)
        await ana.claim()
        await mia.say("hello?")
        assert mia.heard[before:] == []


async def test_each_hand_over_has_its_own(tmp_path: Path) -> None:
    """An agent handed the conversation back, and the customer asks for a person again."""
    async with stating_shop(tmp_path) as gw:
        mia, ana = gw.customer("webchat", "mia"), gw.desk_agent("ana")
        await mia.say("a human please")
        await mia.say("hello?")
        card = await ana.claim()
        now = card.conversation
        await gw.services.desk.hand_back(now.id, ana.agent, epoch=now.epoch)
        await mia.say("still a human")
        await mia.say("hello?")
        await mia.say("hello?")
        assert mia.heard.count(LINE["en"]) == 2


@pytest.mark.parametrize("code", ["en", "de", "it"])
async def test_outside_opening_hours_it_says_when(tmp_path: Path, code: str) -> None:
    """Though the hand-over said so, too: a line without anybody at work would be untrue."""
    said = {"en": "a human", "de": "human, mein paket", "it": "il mio pacco non funziona"}[code]
    date = {"en": "Monday 23 November at 09:00", "de": "Montag, 23. November", "it": "lunedì 23"}
    async with stating_shop(tmp_path, at=SATURDAY, policy=HOURS) as gw:
        mia = gw.customer("sms", "+49301")
        await mia.say(said)
        before = len(mia.heard)
        await mia.say(said)
        line, closed = mia.heard[before:]
        assert line == LINE[code]
        assert date[code] in closed


async def test_machines_and_whoever_opted_out_hear_nothing(tmp_path: Path) -> None:
    """Nor whoever spoke of harm: they were told what to do."""
    async with stating_shop(tmp_path) as gw:
        for name, first, again, more in (
            ("machine", "a human please", "out of office", {"automatic": True}),
            ("gone", "a human please", "STOP", {"consent": "out"}),
            ("hurt", "I burnt my hand", "hello?", {}),
        ):
            mia = gw.customer("webchat", name)
            await mia.say(first)
            before = len(mia.heard)
            await mia.say(again, **more)
            assert mia.heard[before:] == [], name


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("said", "safe"),
    [
        (("a human please", "I burnt my hand", "hello?"), SAFE["en"]),
        (("human, wo ist mein paket ?", "Hand verbrannt", "ja ?"), SAFE["de"]),
    ],
)
async def test_harm_ends_the_talk_of_a_line(
    tmp_path: Path, channel: str, said: tuple[str, str, str], safe: str
) -> None:
    """Whoever waits and speaks of harm hears what to do, and after that no place in a line: not
    even after an agent passed the case on unanswered."""
    first, harm, again = said
    async with stating_shop(tmp_path) as gw:
        mia, ana = gw.customer(channel, "mia"), gw.desk_agent("ana")
        await mia.say(first)
        before = len(mia.heard)
        await mia.say(harm)
        assert mia.heard[before] == safe
        told = len(mia.heard)
        await mia.say(again)
        now = (await ana.claim()).conversation
        await gw.services.desk.transfer(now.id, ana.agent, epoch=now.epoch, tier="specialist")
        await mia.say(again)
        assert mia.heard[told:] == []


async def test_a_transfer_before_any_claim_changes_nothing(tmp_path: Path) -> None:
    """A case that moves up because nobody took it is the same hand-over."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer("webchat", "mia")
        await mia.say("a human please")
        await mia.say("hello?")
        await gw.pass_time(16 * 60)
        await mia.say("hello?")
        assert mia.heard.count(LINE["en"]) == 1
