"""What people adopt reaches the next customer, and rolling back takes it away again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import AddItems, SetValue
from tests.conftest import until
from tests.versions.shop import WordReader, adopt, ask, configuration, open_shop, roll_back

EN = ("answers", "parking", "say", "en")
OLD = "There are 12 spaces behind the shop."
NEW = "Park behind the shop: there are {spaces} spaces."


async def test_a_better_answer_reaches_the_next_customer(tmp_path: Path) -> None:
    """The old answer, the adopted one, and after the roll-back the old one again. The other
    language stays as it is."""
    async with open_shop(tmp_path) as gw:
        assert await ask(gw, "parking?") == [OLD]
        change = SetValue(at=EN, value={"opener": "", "body": [NEW]})
        adoption = await adopt(gw, "answers", change)
        assert (adoption.version.number, adoption.version.before) == (1, 0)
        assert await ask(gw, "parking?") == ["Park behind the shop: there are 12 spaces."]
        assert await ask(gw, "parking bitte") == ["Hinter dem Laden sind 12 Plätze."]
        await roll_back(gw, 0, "answers")
        assert await ask(gw, "parking?") == [OLD]


async def test_a_question_that_nobody_answered(tmp_path: Path) -> None:
    """It gets an answer with its own facts, where the files have none."""
    async with open_shop(tmp_path) as gw:
        assert "30 days" not in str(await ask(gw, "warranty?"))
        entry = {"facts": {"days": "30"}, "say": {"en": {"opener": "", "body": ["{days} days."]}}}
        await adopt(gw, "answers", SetValue(at=("answers", "warranty"), value=entry))
        assert await ask(gw, "warranty?") == ["30 days."]
        await roll_back(gw, 0, "answers")
        assert "30 days" not in str(await ask(gw, "warranty?"))


async def test_a_rule_of_the_voice_changes_what_is_sent(tmp_path: Path) -> None:
    """On each channel, from the next answer on, joined with the team's own words."""
    async with open_shop(tmp_path) as gw:
        assert await ask(gw, "parking?", channel="email") != []
        rule = AddItems(at=("lexicon", "use", "en", "places"), items=("spaces",))
        await adopt(gw, "guide", rule)
        for channel in ("sms", "email"):
            [text] = await ask(gw, "parking?", channel=channel)
            assert "There are 12 places behind the shop." in text
        await roll_back(gw, 0, "guide")
        for channel in ("sms", "email"):
            [text] = await ask(gw, "parking?", channel=channel)
            assert OLD in text


async def test_a_threshold_decides_who_answers(tmp_path: Path) -> None:
    """A message that was too unclear for the bot is answered by it, and after the roll-back goes to
    a person again."""
    async with open_shop(tmp_path, WordReader(surest=0.4)) as gw:
        assert await ask(gw, "parking?") != [OLD]
        below = SetValue(at=("reasons", "low_confidence", "below"), value=0.3)
        await adopt(gw, "policy", below)
        assert await ask(gw, "parking?") == [OLD]
        await roll_back(gw, 0, "policy")
        assert await ask(gw, "parking?") != [OLD]


async def test_a_turn_sees_one_policy(tmp_path: Path) -> None:
    """A turn that began before the adoption is decided by the policy of its beginning."""
    reader = WordReader(surest=0.4)
    reached, released = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await released.wait()

    async with open_shop(tmp_path, reader) as gw:
        reader.hold = hold
        early = gw.customer("sms", "early")
        await early.write("parking?")
        await reached.wait()
        await adopt(gw, "policy", SetValue(at=("reasons", "low_confidence", "below"), value=0.3))
        released.set()
        assert await early.listen() != [OLD]
        assert await ask(gw, "parking?") == [OLD]


async def test_other_processes_follow(tmp_path: Path) -> None:
    """Each process that shares the database speaks as the newest version says, within seconds,
    without a restart; also one that starts later."""
    first, second = tmp_path / "first", tmp_path / "second"
    async with open_shop(first) as one:
        shared = {"database_url": one.gateway.settings.database_url}
        config = configuration(**shared, process={"name": "second"})
        async with open_shop(second, config=config) as two:
            change = SetValue(at=EN, value={"opener": "", "body": [NEW]})
            await adopt(one, "answers", change)
            expected = ["Park behind the shop: there are 12 spaces."]

            async def follows() -> bool:
                return await ask(two, "parking?") == expected

            await until(follows)
            await roll_back(two, 0, "answers")

            async def is_back() -> bool:
                return await ask(one, "parking?") == [OLD]

            await until(is_back)
            await roll_back(two, 1)
        async with open_shop(second, config=config, fresh=False) as later:
            assert await ask(later, "parking?") == expected


@pytest.mark.sqlite
async def test_each_brand_has_its_own(tmp_path: Path) -> None:
    """An answer for one brand changes its answers alone; a rule for all is heard from every brand,
    and one for a brand from that one alone."""
    (tmp_path / "north.yaml").write_text(
        'answers: {parking: {say: {en: {opener: "", body: We have spaces.}}}}', "utf-8"
    )
    north = {"support_addresses": ["sms"], "answers": "north.yaml"}
    config = configuration(brands={"north": north, "south": {"support_addresses": ["email"]}})
    async with open_shop(tmp_path, config=config) as gw:
        own = SetValue(at=("brands", "north", *EN), value={"opener": "", "body": ["Many spaces."]})
        await adopt(gw, "answers", own)
        rule = AddItems(at=("lexicon", "use", "en", "places"), items=("spaces",))
        await adopt(gw, "guide", rule)
        assert await ask(gw, "parking?", channel="sms") == ["Many places."]
        assert "There are 12 places" in str(await ask(gw, "parking?", channel="email"))
        await roll_back(gw, 0, "guide")
        at = ("brands", "north", *rule.at)
        await adopt(gw, "guide", AddItems(at=at, items=("spaces",)))
        assert await ask(gw, "parking?", channel="sms") == ["Many places."]
        assert "There are 12 spaces" in str(await ask(gw, "parking?", channel="email"))
        await roll_back(gw, 0, "answers")
        assert await ask(gw, "parking?", channel="sms") == ["We have places."]
