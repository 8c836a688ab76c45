"""A whole gateway that understands by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from gateway import Reply, Turn
from gateway.app import build_gateway
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from gateway.testing.kit import PlainVoice, as_plugins, settings_for
from plugins import escalation, faq
from plugins.escalation.texts import TEXTS
from plugins.nlu_local import guest as nlu_local
from tests.conftest import until

from .conftest import ROWS


def write_examples(folder: Path) -> Path:
    intents = sorted({intent for _, intent in ROWS})
    sections = [
        {"intent": one, "examples": "".join(f"- {text}\n" for text, i in ROWS if i == one)}
        for one in intents
    ]
    file = folder / "nlu.yml"
    file.write_text(yaml.safe_dump({"version": "3.1", "nlu": sections}, sort_keys=False), "utf-8")
    return file


async def ready(gw: RunningGateway) -> bool:
    async with gw.session() as http, http.get("/readyz") as response:
        return response.status == 200


async def test_customers_are_understood(tmp_path: Path) -> None:
    """Not ready until it has learnt; then a question is answered by its intent, and someone who
    shouts gets a person with the words that showed it on the card."""
    seen: list[Turn] = []

    def answer(turn: Turn) -> Reply | None:
        seen.append(turn)
        return Reply(body=(f"About {turn.understanding.intent.name}.",))

    config = {"plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}}}
    guests = (nlu_local, FakeHandler(answer), FakeChannel())
    async with running(*guests, tmp_path=tmp_path, config=config) as gw:
        assert not await ready(gw)
        await until(lambda: ready(gw), timeout=60, every=0.1)
        ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
        await asyncio.gather(
            ana.say("what time do you close?"),
            ben.say("I am so FRUSTRATED, this is the third time!!!"),
        )
        assert ana.heard == ["About opening_hours."]
        assert {turn.understanding.language.code for turn in seen} == {"en"}
        card = await gw.desk_agent("mia").next_card()
        said = card.messages[0]
        assert said.understanding is not None
        assert said.understanding.emotion.label == "frustrated"
        shown = {cue.text for cue in said.understanding.emotion.cues}
        assert shown >= {"FRUSTRATED", "third time", "!!!"}
        assert card.handoff is not None
        assert card.handoff.reasons


@pytest.mark.parametrize("text", ["let me talk to a human", "Mitarbeiter bitte", "un humain svp"])
async def test_a_person_is_called(tmp_path: Path, text: str) -> None:
    """Who asks for a person gets one; no intents are needed for it."""
    guests = (nlu_local, FakeHandler(lambda turn: None), FakeChannel())
    async with running(*guests, tmp_path=tmp_path, config={"plugins": {"nlu_local": {}}}) as gw:
        await gw.customer("fake", "ana").say(text)
        card = await gw.desk_agent("mia").next_card()
        assert card.handoff is not None
        assert "asked_for_person" in {reason.code for reason in card.handoff.reasons}


FAQ = """\
answers:
  opening_hours:
    say: {en: {body: We are open from nine to five.}}
  shipping:
    say: {en: {body: Delivery costs 4 euros.}}
"""


async def test_several_questions_and_the_rest_of_one(tmp_path: Path) -> None:
    """Two questions are both answered, the rest of an earlier one is understood, and a question
    that has no answer goes to a person, with the other one answered."""
    (tmp_path / "answers.yaml").write_text(FAQ, "utf-8")
    config = {
        "plugins": {
            "nlu_local": {"knowledge": str(write_examples(tmp_path))},
            "faq": {"answers": str(tmp_path / "answers.yaml")},
        }
    }
    guests = (nlu_local, faq, escalation, FakeChannel())
    async with running(*guests, tmp_path=tmp_path, config=config) as gw:
        ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
        await ana.say("What time do you close? And what does shipping cost?")
        assert ana.heard == ["We are open from nine to five.", "Delivery costs 4 euros."]
        await ana.say("and to Canada?")
        assert ana.heard[2:] == ["Delivery costs 4 euros."]
        await ben.say("What time do you close? And how do I get my money back?")
        heard = " ".join(ben.heard)
        assert "We are open from nine to five." in heard
        assert "A colleague will answer your other question." in heard
        card = await gw.desk_agent("mia").next_card()
        assert card.handoff is not None
        (reason,) = card.handoff.reasons
        assert reason.code == "question_left"
        assert "“And how do I get my money back?”" in reason.detail


SERVED = """
reasons: {language: {served: [en, de]}, low_confidence: {enabled: false}}
skills: {languages: {it: [italian]}}
"""
ITALIAN = "Buongiorno, il pacco che ho ordinato la settimana scorsa non è ancora arrivato"


async def test_moods_and_languages_over_a_conversation(tmp_path: Path) -> None:
    """A mood that falls steeply over three messages calls for a person, though no single message
    would; one that stays even calls for nobody. A short message keeps the language of the
    conversation. Who writes in a language that is not served goes to those who read it, and is
    told so in it."""
    (tmp_path / "policy.yaml").write_text(SERVED, "utf-8")
    config = {
        "policy": str(tmp_path / "policy.yaml"),
        "plugins": {"nlu_local": {}, "escalation": {}},
    }
    seen: list[Turn] = []

    def answer(turn: Turn) -> Reply | None:
        if turn.route.action != "automate":
            return None
        seen.append(turn)
        return Reply(body=("Noted.",))

    guests = (nlu_local, escalation, FakeHandler(answer), FakeChannel())
    async with running(*guests, tmp_path=tmp_path, config=config) as gw:
        await until(lambda: ready(gw), timeout=60, every=0.1)
        ana, ben, dora, ugo = (gw.customer("fake", name) for name in ("ana", "ben", "dora", "ugo"))
        for said in FALLING:
            await ana.say(said)
        for said in EVEN:
            await ben.say(said)
        await dora.say("Guten Tag, ich habe eine Frage zu meiner Bestellung von gestern")
        await dora.say("ok")
        await ugo.say(ITALIAN)
        queue = await gw.services.desk.queue()
    reasons = {item.conversation.address.value: item.handoff.reasons for item in queue}
    assert {name: one[0].code for name, one in reasons.items()} == {
        "ana": "strong_emotion",
        "ugo": "language",
    }
    assert "the mood" in reasons["ana"][0].detail
    assert [turn.language for turn in seen][-2:] == ["de", "de"]
    [skilled] = [item.handoff.skills for item in queue if item.conversation.language == "it"]
    assert skilled == ("italian",)
    assert ugo.heard == [TEXTS["not_served"]["it"]]


FALLING = (
    "Thank you, the lamp looks lovely!",
    "It came without the cable, and I cannot use it",
    "I tried to call you and was on hold for an hour, and nobody could help",
)
EVEN = (
    "Hello, do you sell lamps?",
    "What colours do they come in?",
    "And how much is the red one?",
)


@pytest.mark.parametrize(("role", "asked"), [("all", True), ("worker", True), ("web", False)])
async def test_a_process_that_reads_nothing_was_never_ready(
    tmp_path: Path, role: str, asked: bool
) -> None:
    """Only where messages are worked is it asked whether the examples are learnt, and once."""
    config = {
        "plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}},
        "redis_url": "redis://127.0.0.1:1",
        "role": role,
    }
    guests = as_plugins([nlu_local, FakeChannel(), PlainVoice()])
    gateway = build_gateway(guests, settings_for(guests, config, tmp_path / "home", {}))
    told = [
        name for name, check in gateway.checks().items() if name != "database" and await check()
    ]
    assert told == (["nlu_local"] if asked else [])
    await gateway.store.stop()
