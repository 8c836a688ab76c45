"""Opening hours as versions: of all, of a brand, on a date, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import ChangeRefused, Guess, Insight, SentenceIntent, SetValue, TrialMessage
from gateway.testing import RunningGateway
from tests.versions.shop import WordReader, adopt, configuration, load, newest, open_shop, roll_back

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HOURS = {"timezone": "UTC", "week": {"monday": "09:00-17:00"}, "holidays": ["2026-03-09"]}
ALL: tuple[str, ...] = ("hours", "week", "monday")


def opens(gw: RunningGateway, brand: str = "") -> Any:
    hours = gw.gateway.infrastructure.hours.of(brand)
    return None if hours is None else [str(span) for span in hours.week.get("monday", ())]


def config(**more: Any) -> dict[str, Any]:
    brands = {
        "north": {"support_addresses": ["sms"], "hours": {"week": {"monday": "10:00-11:00"}}},
        "south": {"support_addresses": ["email"]},
    }
    return configuration(brands=brands, **more)


async def test_hours_are_adopted_followed_and_rolled_back(tmp_path: Path) -> None:
    async with open_shop(tmp_path, config=config()) as gw:
        assert opens(gw) is None
        await adopt(gw, "hours", SetValue(at=("hours",), value=HOURS))
        assert opens(gw) == ["09:00-17:00"]
        assert opens(gw, "south") == ["09:00-17:00"]
        assert opens(gw, "north") == ["10:00-11:00"]
        await adopt(gw, "hours", SetValue(at=("brands", "north", *ALL), value=["12:00-13:00"]))
        assert opens(gw, "north") == ["12:00-13:00"]
        await roll_back(gw, 0, "hours")
        assert (opens(gw), opens(gw, "north")) == (None, ["10:00-11:00"])


@pytest.mark.parametrize(
    ("at", "value", "key"),
    [
        (ALL, ["17:00-09:00"], "hours.week.monday"),
        (("hours", "timezone"), "Mars/Base", "hours.timezone"),
        (("brands", "east", *ALL), ["09:00-10:00"], "brands.east"),
        (("reasons", "harm"), {"enabled": False}, "reasons"),
    ],
)
async def test_what_would_not_load_is_refused_by_its_key(
    tmp_path: Path, at: Any, value: Any, key: str
) -> None:
    async with open_shop(tmp_path, config=config()) as gw:
        with pytest.raises(ChangeRefused) as refused:
            await adopt(gw, "hours", SetValue(at=at, value=value))
        assert refused.value.problems[0].key.startswith(key)


async def test_a_date_has_hours_of_its_own(tmp_path: Path) -> None:
    """On a holiday, too; and a customer is told when people are next there."""
    async with open_shop(tmp_path, config=config()) as gw:
        await adopt(gw, "hours", SetValue(at=("hours",), value=HOURS))
        trials = gw.services.trials

        async def reopens(at: datetime, *changes: Any) -> str | None:
            asked = TrialMessage(text="parking", channel="email", brand="south", at=at)
            return (await trials.respond(asked, {"hours": changes})).turn.opening

        holiday = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
        assert await reopens(MONDAY) is None
        assert await reopens(holiday) == "2026-03-16T09:00:00+00:00"
        special = SetValue(at=("hours", "exceptions", "2026-03-09"), value=["12:00-13:00"])
        assert await reopens(holiday, special) == "2026-03-09T12:00:00+00:00"
        assert await reopens(holiday) == "2026-03-16T09:00:00+00:00"


async def test_the_teams_files_are_written_and_restored(tmp_path: Path) -> None:
    """Those of all into the policy, those of a brand into the settings."""
    more = {"versions": {"look_every": 0.05, "write_files": True}}
    async with open_shop(tmp_path, config=config(**more)) as gw:
        before = (tmp_path / "policy.yaml").read_text("utf-8")
        settings = load(tmp_path / "warmline.yaml")
        await adopt(
            gw,
            "hours",
            SetValue(at=("hours",), value=HOURS),
            SetValue(at=("brands", "north", *ALL), value=["12:00-13:00"]),
        )
        assert load(tmp_path / "policy.yaml")["hours"]["week"] == {"monday": "09:00-17:00"}
        written = load(tmp_path / "warmline.yaml")["brands"]["north"]["hours"]["week"]
        assert written == {"monday": ["12:00-13:00"]}
        await roll_back(gw, 0, "hours")
        assert (tmp_path / "policy.yaml").read_text("utf-8") == before
        assert load(tmp_path / "warmline.yaml") == settings
        assert await newest(gw, "hours") == 2


async def test_a_trial_answers_as_the_gateway_would(tmp_path: Path) -> None:
    """With the changed answer, voice and policy, and nothing is stored."""
    reader = WordReader()
    async with open_shop(tmp_path, reader) as gw:
        trials = gw.services.trials
        asked = TrialMessage(text="parking", channel="sms")
        now = await trials.respond(asked)
        assert now.rendered.parts[0].endswith("There are 12 spaces behind the shop.")
        at = ("answers", "parking", "facts", "spaces")
        then = await trials.respond(asked, {"answers": [SetValue(at=at, value={"*": "9"})]})
        assert then.rendered.parts[0].endswith("There are 9 spaces behind the shop.")
        below = SetValue(at=("reasons", "low_confidence", "below"), value=0.95)
        unsure = await trials.respond(asked, {"policy": [below]})
        assert unsure.turn.route.action == "escalate"
        assert await gw.services.records.cases() == ()


class SentenceReader(WordReader):
    """Finds a wrong charge in the first sentence."""

    def _insight(self, text: str) -> Insight:
        charged = Guess(name="billing_dispute", confidence=0.9)
        sentence = SentenceIntent(start=0, end=text.index(".") + 1, guess=charged)
        return super()._insight(text).replace(sentences=(sentence,))


async def test_a_trial_finds_a_sensitive_sentence(tmp_path: Path) -> None:
    """As the gateway does in a dialogue, by the policy in force or by the tried one."""
    text = "Charged twice. Where is parking?"
    async with open_shop(tmp_path, SentenceReader()) as gw:
        trials = gw.services.trials
        tried = await trials.respond(TrialMessage(text=text, channel="sms"))
        customer = gw.customer("sms", "kim")
        await customer.say(text)
        assert customer.heard == list(tried.rendered.parts)
        (case,) = await gw.services.records.cases()
        said = next(m for m in case.messages if m.author == "customer")
        assert said.understanding is not None
        assert said.understanding.ranking == tried.turn.understanding.ranking
        assert tried.turn.understanding.intent.name == "billing_dispute"

        strict = SetValue(at=("reasons", "sensitive_intent", "sentence"), value=0.95)
        sure = await trials.respond(TrialMessage(text=text, channel="sms"), {"policy": [strict]})
        assert sure.turn.understanding.intent.name == "parking"
        stored = tried.turn.replace(understanding=said.understanding)
        for changes, action in (((), "escalate"), ((strict,), "automate")):
            (route,) = await trials.route([stored], changes)
            assert route.action == action
