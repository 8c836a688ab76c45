"""The guide's own phrases, and what becomes of a message that has one."""

from __future__ import annotations

from pathlib import Path

import pytest

import brand_voice
from brand_voice import load
from gateway import BadConfig, Reply
from gateway.testing import FakeChannel, FakeHandler, running
from plugins.nlu_local import guest as nlu_local
from plugins.nlu_local.readers import Readers
from tests.conftest import until

from .test_dialogue import ready

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


def write(folder: Path, text: str = GUIDE) -> Path:
    path = folder / "guide.yaml"
    path.write_text(text, "utf-8")
    return path


SAID = {
    "Hello, the drum hums and it smells.": ["harm"],
    "Please fetch me the concierge": ["asked_for_person"],
    "My order has gone full wombats today": ["strong_emotion"],
}


@pytest.mark.parametrize("told", [True, False])
async def test_a_phrase_of_the_guide_escalates(tmp_path: Path, told: bool) -> None:
    """The guide's phrases reach the understanding through the gateway: such a message goes to a
    person, for the reason that the guide gives it, and without the guide it does not."""
    # Without examples nobody knows what it is about; that alone shall call nobody here.
    rules = tmp_path / "policy.yaml"
    rules.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    config = {
        "policy": str(rules),
        "plugins": {"nlu_local": {"languages": ["en", "de"]}},
        "brand_voice": {"guide": str(write(tmp_path))} if told else {},
    }
    guests = (nlu_local, brand_voice, FakeHandler(lambda _: Reply(body=("Fine.",))), FakeChannel())
    async with running(*guests, tmp_path=tmp_path / "run", config=config) as gw:
        await until(lambda: ready(gw), timeout=60, every=0.1)
        for said in SAID:
            await gw.customer("fake", said).say(said)
        queue = await gw.services.desk.queue()
    found = {item.preview: [r.code for r in item.handoff.reasons] for item in queue if item.handoff}
    assert found == (SAID if told else {})


def test_names_in_capitals_are_no_shouting() -> None:
    """A product's name that is made of plain words tells nothing of the mood; the same words in
    another order do."""
    services = {"en": {"names": ("zap never stop",)}}
    own, plain = Readers(["en"], services=services), Readers(["en"])
    said = "Is the ZAP NEVER STOP back in store?"
    assert [c.kind for c in plain.read(said, "en", None).emotion.cues] == ["shouting"]
    assert own.read(said, "en", None).emotion.cues == ()
    assert own.read("You NEVER STOP, ZAP", "en", None).emotion.cues != ()


def test_a_language_of_its_own() -> None:
    """A language that the package has no phrases of can have the house's."""
    services = {"fi": {"harm": ("laite savuaa",)}}
    read = Readers(["en", "fi"], services=services).read(
        "Apua, laite savuaa keittiössä!", "fi", None
    )
    assert [cue.text for cue in read.signals] == ["laite savuaa"]


def test_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    """Phrases that cannot be looked for, and kinds nobody knows, name file, line and key."""
    path = write(
        tmp_path,
        "customers:\n  en:\n    harm: [the drum hums, '*?']\n    harms: [a]\n"
        "    legal: ['perhaps?']\n  english: {}\n",
    )
    with pytest.raises(BadConfig) as caught:
        load(path)
    told = [str(one).removeprefix(f"{path}:") for one in caught.value.problems]
    assert [one.split(": ")[:2] for one in told] == [
        ["3", "customers.en.harm.1"],
        ["4", "customers.en.harms"],
        ["5", "customers.en.legal.0"],
        ["6", "customers.english"],
    ]
    assert "`*?` cannot be looked for; write words" in told[0]
    assert told[1].endswith("did you mean `harm`?")
    assert "take one `?` out" in told[2]
