"""A whole gateway with the built-in engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import Reply, Turn
from gateway.app import build_gateway
from gateway.testing import FakeChannel, FakeHandler, running
from gateway.testing.kit import PlainVoice, as_plugins, settings_for
from plugins import escalation, faq
from plugins.escalation.texts import TEXTS
from plugins.nlu_local import plugin as nlu_local
from tests.conftest import until

from .conftest import is_ready, write_examples


async def test_customers_are_understood(tmp_path: Path) -> None:
    """It is not ready until it has trained. Then it answers a question by its intent, and someone
    who shouts gets a person, with the words that show it on the card."""
    seen: list[Turn] = []

    def answer(turn: Turn) -> Reply | None:
        seen.append(turn)
        return Reply(body=(f"About {turn.understanding.intent.name}.",))

    config = {"plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}}}
    plugins = (nlu_local, FakeHandler(answer), FakeChannel())
    async with running(*plugins, tmp_path=tmp_path, config=config) as gw:
        assert not await is_ready(gw)
        await until(lambda: is_ready(gw), timeout=60, every=0.1)
        ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
        await asyncio.gather(
            ana.say("what time do you close?"),
            ben.say("I am so FRUSTRATED, this is the third time!!!"),
        )
        assert ana.heard == ["About opening_hours."]
        assert {turn.understanding.language.code for turn in seen} == {"en"}
        card = await gw.desk_agent("mia").next_card()
        message = card.messages[0]
        assert message.understanding is not None
        assert message.understanding.emotion.label == "frustrated"
        cues = {cue.text for cue in message.understanding.emotion.cues}
        assert cues >= {"FRUSTRATED", "third time", "!!!"}
        assert card.handoff is not None
        assert card.handoff.reasons


@pytest.mark.parametrize("text", ["let me talk to a human", "Mitarbeiter bitte", "un humain svp"])
async def test_a_customer_who_asks_for_a_person_gets_one(tmp_path: Path, text: str) -> None:
    """Without any examples of intents."""
    plugins = (nlu_local, FakeHandler(lambda turn: None), FakeChannel())
    async with running(*plugins, tmp_path=tmp_path, config={"plugins": {"nlu_local": {}}}) as gw:
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


async def test_several_questions_in_one_message_are_answered(tmp_path: Path) -> None:
    """So is the rest of an earlier question. Of two questions the one without an answer goes to a
    person, and the other is answered."""
    (tmp_path / "answers.yaml").write_text(FAQ, "utf-8")
    config = {
        "plugins": {
            "nlu_local": {"knowledge": str(write_examples(tmp_path))},
            "faq": {"answers": str(tmp_path / "answers.yaml")},
        }
    }
    plugins = (nlu_local, faq, escalation, FakeChannel())
    async with running(*plugins, tmp_path=tmp_path, config=config) as gw:
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


async def test_mood_and_language_are_followed_over_a_conversation(tmp_path: Path) -> None:
    """A mood that falls steeply over three messages escalates, though no single message would; an
    even mood does not. A short message keeps the language of the conversation. A customer who
    writes in a language that is not served goes to agents who read it, with a reply in it."""
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

    plugins = (nlu_local, escalation, FakeHandler(answer), FakeChannel())
    async with running(*plugins, tmp_path=tmp_path, config=config) as gw:
        await until(lambda: is_ready(gw), timeout=60, every=0.1)
        ana, ben, dora, ugo = (gw.customer("fake", name) for name in ("ana", "ben", "dora", "ugo"))
        for text in FALLING:
            await ana.say(text)
        for text in EVEN:
            await ben.say(text)
        await dora.say("Guten Tag, ich habe eine Frage zu meiner Bestellung von gestern")
        await dora.say("ok")
        await ugo.say(ITALIAN)
        queue = await gw.services.desk.queue()
    reasons = {item.conversation.address.value: item.handoff.reasons for item in queue}
    assert {name: found[0].code for name, found in reasons.items()} == {
        "ana": "strong_emotion",
        "ugo": "language",
    }
    assert "the mood" in reasons["ana"][0].detail
    assert [turn.language for turn in seen][-2:] == ["de", "de"]
    [skilled] = [item.handoff.skills for item in queue if item.conversation.language == "it"]
    assert skilled == ("italian",)
    assert ugo.heard == [TEXTS["not_served"]["it"]]


PAIR = "reasons: {language: {served: [en, pt]}, low_confidence: {enabled: false}}"
"""With `nlu_local.languages` of the same two this is what `warmline init` writes."""
GERMAN = "Guten Tag, ich möchte gern wissen, ob Sie auch nach Österreich liefern."
FRENCH = "Bonjour, je voudrais savoir où se trouve ma commande, s'il vous plaît."


async def test_a_new_shop_of_two_languages(tmp_path: Path) -> None:
    """A message that is surely in a third language goes to a person for it; one that says too
    little does not. A Portuguese customer who asks for a person reads it in Portuguese."""
    (tmp_path / "policy.yaml").write_text(PAIR, "utf-8")
    config = {
        "policy": str(tmp_path / "policy.yaml"),
        "plugins": {
            "nlu_local": {
                "languages": ["en", "pt"],
                "knowledge": str(write_examples(tmp_path)),
            },
            "escalation": {},
        },
    }
    async with running(
        nlu_local, escalation, FakeChannel(), tmp_path=tmp_path, config=config
    ) as gw:
        await until(lambda: is_ready(gw), timeout=60, every=0.1)
        said = {
            "anton": GERMAN,
            "fleur": FRENCH,
            "olga": "ok",
            "helen": "hello?",
            "rui": "Quero falar com uma pessoa",
        }
        heard = {}
        for name, text in said.items():
            customer = gw.customer("fake", name)
            await customer.say(text)
            heard[name] = customer.heard
        queue = await gw.services.desk.queue()
    reasons = {item.conversation.address.value: item.handoff.reasons[0].code for item in queue}
    assert reasons == {"anton": "language", "fleur": "language", "rui": "asked_for_person"}
    assert heard["anton"] == [TEXTS["not_served"]["de"]]
    assert heard["fleur"] == [TEXTS["not_served"]["fr"]]
    assert heard["rui"] == [TEXTS["handover"]["pt"]]


FALLING = (
    "Thank you, the lamp looks lovely!",
    "It came without the cable, and I cannot use it",
    "And that is a little annoying",
)
EVEN = (
    "Hello, do you sell lamps?",
    "What colours do they come in?",
    "And how much is the red one?",
)


@pytest.mark.parametrize(("role", "checked"), [("all", True), ("worker", True), ("web", False)])
async def test_only_a_process_that_reads_messages_checks_the_training(
    tmp_path: Path, role: str, checked: bool
) -> None:
    """Another process is ready without a trained model."""
    config = {
        "plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}},
        "redis_url": "redis://127.0.0.1:1",
        "role": role,
    }
    plugins = as_plugins([nlu_local, FakeChannel(), PlainVoice()])
    gateway = build_gateway(plugins, settings_for(plugins, config, tmp_path / "home", {}))
    failing = [
        name for name, check in gateway.checks().items() if name != "database" and await check()
    ]
    assert failing == (["nlu_local"] if checked else [])
    await gateway.store.stop()
