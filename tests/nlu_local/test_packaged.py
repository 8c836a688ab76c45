"""The packaged examples: small talk, and what no shop or only another one answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.testing import FakeChannel, running
from gateway.testing.kit import PlainVoice
from plugins import escalation, faq
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.examples import (
    ANYTHING,
    MOST_EXAMPLES,
    join_examples,
    packaged_courtesies,
    packaged_examples,
)
from plugins.nlu_local.intent_model import IntentModel
from plugins.nlu_local.intent_training import train
from plugins.nlu_local.language import DEFAULT_LANGUAGES
from plugins.nlu_local.phrases import PHRASE_FILES, load_phrases
from plugins.nlu_local.plugin import NluLocalSettings
from plugins.nlu_local.reader import CourtesyPhrases
from plugins.nlu_local.universal import UniversalEncoder
from tests.conftest import until

from .conftest import is_ready

SHOP = """\
nlu:
- intent: opening_hours
  examples: |
    - When are you open?
    - what are your opening times
    - Are you open on Saturday?
    - until when can I come in
    - closed on Mondays?
- intent: shipping_cost
  examples: |
    - How much is delivery?
    - what does shipping cost
    - Do I have to pay for postage?
    - is shipping free above a certain amount
    - delivery charges to Germany?
- intent: menu
  examples: |
    - what is on the menu today
    - do you have vegan dishes
    - can I see the menu
    - do you serve lunch
    - what can I eat at your cafe
"""
ANSWERS = """\
answers:
  opening_hours:
    say: {en: {body: We open at nine.}, de: {body: Wir öffnen um neun.}}
  shipping_cost:
    say: {en: {body: "Shipping costs €3.90."}, de: {body: "Der Versand kostet 3,90 €."}}
  menu:
    say: {en: {body: Soup and bread.}, de: {body: Suppe und Brot.}}
  goodbye:
    say: {en: {body: So long from Ballinreef.}}
"""
WEATHER = [
    ("what is the weather like today", "forecast"),
    ("will it rain tomorrow", "forecast"),
    ("is it going to snow this weekend", "forecast"),
    ("how hot will it be on Sunday", "forecast"),
    ("show me the forecast for Madrid", "forecast"),
    ("is there a storm warning", "warnings"),
    ("do you warn of floods", "warnings"),
    ("alert me when there is ice", "warnings"),
    ("which warnings are in force", "warnings"),
    ("how do I switch the alerts on", "warnings"),
]


async def test_a_new_shop_answers_small_talk_and_refuses_what_it_does_not_know(
    tmp_path: Path,
) -> None:
    """Its own questions are answered, small talk in any language, and nothing off-topic."""
    (tmp_path / "nlu.yml").write_text(SHOP, "utf-8")
    (tmp_path / "answers.yaml").write_text(ANSWERS, "utf-8")
    config = {
        "plugins": {
            "nlu_local": {"knowledge": str(tmp_path / "nlu.yml")},
            "faq": {"answers": str(tmp_path / "answers.yaml")},
            "escalation": {},
        }
    }
    plugins = (nlu_local, faq, escalation, PlainVoice(), FakeChannel())
    async with running(*plugins, tmp_path=tmp_path, config=config) as gw:
        await until(lambda: is_ready(gw), timeout=60, every=0.1)
        for said, heard in (
            ("what are your opening hours?", "We open at nine."),
            ("how much does shipping cost", "Shipping costs €3.90."),
            ("do you have a vegan dish", "Soup and bread."),
            ("thank you so much", "You are welcome."),
            ("vielen Dank für die Hilfe", "Gern geschehen."),
            ("merci beaucoup", "Je vous en prie."),
            ("goodbye, have a nice day", "So long from Ballinreef."),
            ("auf Wiedersehen und schönen Tag noch", "Auf Wiedersehen"),
            ("are you a robot", "automated assistant"),
            ("what can you do for me", "common questions"),
        ):
            customer = gw.customer("fake", said)
            await customer.say(said)
            assert heard in customer.heard[0], said
        for said in (
            "what is the weather like tomorrow",
            "wie wird das Wetter morgen",
            "raconte-moi une blague",
            "¿quién ganó el partido?",
            "how do I cancel my netflix",
            "do you sell helmets",
            "kann ich mit PayPal bezahlen",
        ):
            customer = gw.customer("fake", said)
            await customer.say(said)
            answers = ("€", "nine", "neun", "Soup", "Suppe", "welcome", "assistant and")
            assert not any(word in customer.heard[0] for word in answers), said


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., IntentModel]:
    encoder = UniversalEncoder(tmp_path_factory.mktemp("encoder"))

    def learn(own: list[tuple[str, str]]) -> IntentModel:
        return train(join_examples(own, packaged_examples(("en", "de"))), encoder=encoder)

    return learn


def test_topics_of_the_shop_are_not_out_of_scope(learnt: Callable[..., IntentModel]) -> None:
    """A weather service answers questions about the weather, although no other shop does."""
    model = learnt(WEATHER)
    for text in ("what will the weather be like tomorrow", "wird es morgen regnen"):
        assert model.rank(text)[0].name == "forecast"
        assert model.rank(text)[0].confidence > 0.55, text
    for text in ("tell me a joke", "wie hoch ist der Eiffelturm", "do you have gift cards"):
        assert model.rank(text)[0].confidence < 0.55, text


def test_out_of_scope_is_never_named(learnt: Callable[..., IntentModel]) -> None:
    names = {guess.name for guess in learnt(WEATHER).rank("who won the match")}
    assert not {name for name in names if name.startswith("oos")}


def test_the_intents_of_the_shop_win() -> None:
    """The shop's name for an intent is used, its texts are kept, and no intent grows too large."""
    own = [("bye", "say_goodbye"), ("Hello!", "menu")]
    joined = join_examples(own, packaged_examples(DEFAULT_LANGUAGES))
    counts = Counter(intent for _, intent in joined)
    assert joined[:2] == own
    assert "goodbye" not in counts
    assert counts["say_goodbye"] == MOST_EXAMPLES
    assert ("hello", "greeting") not in joined
    assert counts[ANYTHING] > 500
    assert counts["oos/pickup"]
    assert "oos" not in counts


@pytest.mark.parametrize("language", DEFAULT_LANGUAGES)
def test_every_language_has_all_intents(language: str) -> None:
    intents = {intent for _, intent in packaged_examples([language])}
    small_talk = {"greeting", "thanks", "goodbye", "are_you_a_bot", "what_can_you_do"}
    assert intents >= {*small_talk, "ask_person", "praise", "oos"}


def test_the_setting_chooses_among_them() -> None:
    chosen = NluLocalSettings(packaged=("greeting",)).packaged
    assert chosen == ("greeting",)
    assert {intent for _, intent in packaged_examples(["en"], chosen)} == {"greeting"}
    with pytest.raises(ValueError, match="menu: not packaged; choose from greeting"):
        NluLocalSettings(packaged=("menu",))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("hi, what does shipping cost?", "what does shipping cost?"),
        ("Guten Tag, was kostet der Versand", "was kostet der Versand"),
        ("where are you, thanks", "where are you"),
        ("hello", None),
        ("what does shipping cost", None),
        ("Dear Ms. Kern, is it wool? Kind regards, Tom Baker", "is it wool?"),
        ("Hi team,\nis it wool?\n\nMany thanks in advance\nTom", "is it wool?"),
        ("is it wool? - Priya", "is it wool?"),
        ("is it wool? thanks, tom", "is it wool?"),
        ("Is it wool? Is it red?", None),
        ("thanks for nothing at all", "for nothing at all"),
        ("hi tom, is it wool?", "is it wool?"),
        ("hallo liebes magpie team, ist das wolle?", "ist das wolle?"),
        ("Hello cancel it! Is it wool?", "cancel it! Is it wool?"),
        ("Hi wrong charge, is it wool?", "wrong charge, is it wool?"),
        ("Bonjour double débit! Est-ce de la laine ?", "double débit! Est-ce de la laine ?"),
        ("Hola cobro doble! Es de lana", "cobro doble! Es de lana"),
        ("Thanks for nothing! Is it wool?", "for nothing! Is it wool?"),
        ("is it wool? thanks cancel", None),
        ("Sehr geehrte Damen und Herren, ist das Wolle? MfG K. Adler", "ist das Wolle?"),
        ("Bonjour Madame, est-ce de la laine ? Cordialement, Luc", "est-ce de la laine ?"),
        ("Estimados señores: ¿es de lana? Un saludo, Marta", "es de lana?"),
        ("Gentili signori, è di lana? Cordiali saluti, Paolo", "è di lana?"),
        ("Beste, is het wol? Met vriendelijke groet, Sanne de Vries", "is het wol?"),
        ("Prezados, isso é lã? Atenciosamente, João Silva", "isso é lã?"),
        ("Szanowni Państwo, czy to wełna? Pozdrawiam, Kasia", "czy to wełna?"),
        ("Hej! Är det ull? Mvh Erik", "Är det ull?"),
        ("Merhaba, bu yün mü? Saygılarımla, Ayşe Yılmaz", "bu yün mü?"),
        ("السلام عليكم، هل هذا صوف؟ مع التحية، أحمد", "هل هذا صوف؟"),
        (
            "お世話になっております。これは羊毛ですか？よろしくお願いいたします。田中",
            "これは羊毛ですか？",
        ),
    ],
)
def test_courtesies_and_names_are_taken_off_a_question(text: str, question: str | None) -> None:
    """In each of the twelve languages, with or without a name."""
    letters = [text for code in PHRASE_FILES for text in load_phrases(code).courtesies]
    found = CourtesyPhrases((*packaged_courtesies(), *letters)).without(text)
    assert found == question
