"""Custom phrases of the brand's guide, and what they change."""

from __future__ import annotations

from pathlib import Path

import pytest

import brand_voice
from brand_voice import load
from gateway import AddItems, BadConfig, Reply
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.reader import MessageReader
from tests.conftest import until

from .conftest import is_ready

GUIDE = """
customers:
  en:
    harm: [the drum hums]
    asked_for_person: [fetch me the concierge]
    names: [ZAP NEVER STOP]
    frustrated: [gone full wombat*]
  fi:
    harm: [laite savuaa]
"""


def write_guide(folder: Path, text: str = GUIDE) -> Path:
    path = folder / "guide.yaml"
    path.write_text(text, "utf-8")
    return path


REASONS = {
    "Hello, the drum hums and it smells.": ["harm"],
    "Please fetch me the concierge": ["asked_for_person"],
    "My order has gone full wombats today": ["strong_emotion"],
}


@pytest.mark.parametrize("with_guide", [True, False])
async def test_a_phrase_of_the_guide_escalates(tmp_path: Path, with_guide: bool) -> None:
    """Such a message goes to a person for the reason that the guide gives it, and without the guide
    it does not."""
    # Without examples every intent has low confidence; that must not escalate here.
    policy = tmp_path / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    config = {
        "policy": str(policy),
        "plugins": {"nlu_local": {"languages": ["en", "de"]}},
        "brand_voice": {"guide": str(write_guide(tmp_path))} if with_guide else {},
    }
    handler = FakeHandler(lambda _: Reply(body=("Fine.",)))
    plugins = (nlu_local, brand_voice, handler, FakeChannel())
    async with running(*plugins, tmp_path=tmp_path / "run", config=config) as gw:
        await until(lambda: is_ready(gw), timeout=60, every=0.1)
        for text in REASONS:
            await gw.customer("fake", text).say(text)
        queue = await gw.services.desk.queue()
    found = {item.preview: [r.code for r in item.handoff.reasons] for item in queue if item.handoff}
    assert found == (REASONS if with_guide else {})


def test_a_product_name_in_capitals_is_not_shouting() -> None:
    """Though it is made of plain words; the same words in another order are shouting."""
    custom = {"en": {"names": ("zap never stop",)}}
    with_name, without = MessageReader(["en"], custom_phrases=custom), MessageReader(["en"])
    text = "Is the ZAP NEVER STOP back in store?"
    assert [c.kind for c in without.read(text, "en").emotion.cues] == ["shouting"]
    assert with_name.read(text, "en").emotion.cues == ()
    assert with_name.read("You NEVER STOP, ZAP", "en").emotion.cues != ()


def test_a_language_may_have_only_custom_phrases() -> None:
    """The package has none for Finnish."""
    custom = {"fi": {"harm": ("laite savuaa",)}}
    reader = MessageReader(["en", "fi"], custom_phrases=custom)
    insight = reader.read("Apua, laite savuaa keittiössä!", "fi")
    assert [cue.text for cue in insight.signals] == ["laite savuaa"]


def test_an_invalid_phrase_is_an_error_with_its_line(tmp_path: Path) -> None:
    """As is an unknown kind or language; the error names file, line and key."""
    path = write_guide(
        tmp_path,
        "customers:\n  en:\n    harm: [the drum hums, '*?']\n    harms: [a]\n"
        "    legal: ['perhaps?']\n  english: {}\n",
    )
    with pytest.raises(BadConfig) as caught:
        load(path)
    problems = [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["3", "customers.en.harm.1"],
        ["4", "customers.en.harms"],
        ["5", "customers.en.legal.0"],
        ["6", "customers.english"],
    ]
    assert "`*?` cannot be looked for; write words" in problems[0]
    assert problems[1].endswith("did you mean `harm`? It is there already, so join the two")
    assert "take one `?` out" in problems[2]


async def test_adopted_phrases_are_looked_for_at_once(tmp_path: Path) -> None:
    """The running engine takes them without a restart, and drops them after the roll-back."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    config = {
        "policy": str(policy),
        "plugins": {"nlu_local": {"languages": ["en", "de"]}},
        "brand_voice": {},
    }
    handler = FakeHandler(lambda _: Reply(body=("Fine.",)))
    plugins = (nlu_local, brand_voice, handler, FakeChannel())
    text = "Please fetch me the concierge"

    async def goes_to_person(gw: RunningGateway) -> bool:
        customer = gw.customer("fake", f"c{len(handler.turns)}")
        await customer.say(text)
        return handler.turns[-1].route.action == "escalate"

    async with running(*plugins, tmp_path=tmp_path / "run", config=config) as gw:
        await until(lambda: is_ready(gw), timeout=60, every=0.1)
        assert not await goes_to_person(gw)
        at = ("customers", "en", "asked_for_person")
        change = AddItems(at=at, items=("fetch me the concierge",))
        versions = gw.services.versions
        await versions.adopt("guide", [change], after=0, author="desk:ana", why="they say so")
        await until(lambda: goes_to_person(gw), every=0.05)
        await versions.roll_back(0, kind="guide", author="desk:ana", why="too many")

        async def no_more() -> bool:
            return not await goes_to_person(gw)

        await until(no_more, every=0.05)
