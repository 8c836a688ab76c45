"""Scenarios from the team's own conversations: hard ones, masked, and gone with the customer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import Address, CaseRecord, Records
from plugins.practice.choosing import ScenarioChoice
from plugins.practice.settings import PracticeSettings
from plugins.practice.team import masked_line
from tests.practice.shop import ANGRY, PractisingShop, begin, open_shop, reply

COMMON = {*"my lamp is broken and i want a new one now please".split(" ")}  # noqa: SIM905


async def two_hard_conversations(shop: PractisingShop) -> tuple[int, int]:
    """Of people who say the same, and each something that nobody else says."""
    first = await shop.hard_conversation("eva", "says Zolantha from Grimsby, order 48213")
    second = await shop.hard_conversation("finn", "writes Quibert, mail me at q@example.org")
    return first, second


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("My lamp is broken and I want a new one", "My lamp is broken and I want a new one"),
        ("My lamp is broken, Ottilie", "My lamp is broken, […]"),
        ("my lamp 48213 is broken and i want one", "my lamp […] is broken and i want one"),
        ("my wife ottilie cried all night in grimsby", None),
        ("my lamp", None),
        ("my lamp is broken " * 40, None),
    ],
)
def test_only_common_words_stay(text: str, masked: str | None) -> None:
    """A line with too many gaps, too few words or too many is left out."""
    assert masked_line(text, COMMON) == masked


async def test_hard_conversations_become_scenarios(tmp_path: Path) -> None:
    """Masked: no name, no number, no word of one customer alone."""
    async with open_shop(tmp_path) as shop:
        ids = await two_hard_conversations(shop)
        await shop.gateway.customer("webchat", "gus").say("When do you open? Thank you very much")
        await shop.choose()
        scenarios = await shop.storage.scenarios()
        assert {each.conversation for each in scenarios} == {*ids}
        for scenario in scenarios:
            assert scenario.opening.startswith(ANGRY[0])
            assert scenario.lines == {"worse": (ANGRY[1],)}
            for private in ("Zolantha", "Grimsby", "48213", "Quibert", "q@example.org", "Please"):
                assert private not in str(scenario)


async def test_other_brands_never_see_a_scenario(tmp_path: Path) -> None:
    """Sam works for `south` alone, and cannot begin it by its id."""
    async with open_shop(tmp_path) as shop:
        await two_hard_conversations(shop)
        await shop.choose()
        cleo, sam = await shop.visit("cleo"), await shop.visit("sam")
        await cleo.open("/desk/practice")
        assert ANGRY[0] in cleo.page
        await sam.open("/desk/practice")
        assert ANGRY[0] not in sam.page
        [scenario, _] = await shop.storage.scenarios()
        response = await sam.send("/desk/practice", scenario=scenario.id, language="en")
        assert response.status == 422


async def test_words_of_one_brand_are_not_common_in_another(tmp_path: Path) -> None:
    """One hard conversation in a brand alone: nothing of it may be shown."""
    async with open_shop(tmp_path) as shop:
        await two_hard_conversations(shop)
        await shop.hard_conversation("kim", channel="sms/south")
        await shop.choose()
        assert {each.brand for each in await shop.storage.scenarios()} == {""}


async def test_erasing_a_customer_takes_the_scenario_along(tmp_path: Path) -> None:
    """And what was practised with it. The customer's export shows the scenario and nothing of the
    agent."""
    async with open_shop(tmp_path) as shop:
        first, second = await two_hard_conversations(shop)
        await shop.choose()
        cleo = await shop.visit("cleo")
        id = await begin(cleo, f"team-{first}")
        await reply(cleo, id, "I will call the depot for you today.")
        eva = Address(channel="webchat", value="eva")
        customers = shop.gateway.gateway.store.customers
        held = str(await customers.export(eva))
        assert f"team-{first}" in held
        assert "I will call the depot" not in held
        await customers.erase(eva)
        assert [each.conversation for each in await shop.storage.scenarios()] == [second]
        assert (await cleo.open(f"/desk/practice/{id}")).status == 404
        assert await shop.storage.agents_sessions("desk:cleo") == ()


async def test_the_daily_choice_deletes_what_has_no_scenario_any_more(tmp_path: Path) -> None:
    """Though nobody looks for it."""
    async with open_shop(tmp_path) as shop:
        first, _ = await two_hard_conversations(shop)
        await shop.choose()
        cleo = await shop.visit("cleo")
        await begin(cleo, f"team-{first}")
        await shop.gateway.gateway.store.customers.erase(Address(channel="webchat", value="eva"))
        await shop.choose()
        assert await shop.storage.agents_sessions("desk:cleo") == ()


class ErasedMeanwhile:
    """Records of which the words are erased once they were read."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def cases(self, **chosen: Any) -> tuple[CaseRecord, ...]:
        return await self._records.cases(**chosen)

    async def cases_by_id(self, ids: Sequence[int]) -> tuple[CaseRecord, ...]:
        found = await self._records.cases_by_id(ids)
        return tuple(case.replace(messages=()) for case in found)


async def test_words_that_are_erased_during_the_choice_are_not_stored(tmp_path: Path) -> None:
    """Also where the conversation stays, with what others wrote in it."""
    async with open_shop(tmp_path) as shop:
        await two_hard_conversations(shop)
        records: Any = ErasedMeanwhile(shop.services.records)
        services = msgspec.structs.replace(shop.services, records=records)
        await ScenarioChoice(settings=PracticeSettings()).choose(services)
        assert await shop.storage.scenarios() == ()


async def test_a_scenario_in_use_stays_as_it_was(tmp_path: Path) -> None:
    """Others give way when they are old; one that somebody practised with does not."""
    async with open_shop(tmp_path) as shop:
        first, _ = await two_hard_conversations(shop)
        await shop.choose()
        cleo = await shop.visit("cleo")
        await begin(cleo, f"team-{first}")
        await shop.gateway.pass_time(100 * 24 * 3600)
        await shop.choose()
        assert [each.conversation for each in await shop.storage.scenarios()] == [first]
