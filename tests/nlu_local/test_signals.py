"""What routing knows by kind: a wish for a person, harm, legal words, an answer that missed."""

from __future__ import annotations

import pytest

from plugins.nlu_local.readers import Readers

ASKS = [
    "I want to talk to a human",
    "can I speak with someone please",
    "connect me to an agent",
    "let me talk to a real person",
    "why can't I talk to a real person",
    "get me a manager, this is unacceptable",
    "I don't want to talk to a bot",
    "agent",
    "Human, please!",
    "Ich möchte mit einem Mitarbeiter sprechen",
    "Verbinden Sie mich bitte mit einem Menschen",
    "Mitarbeiter bitte",
    "gibt es hier auch echte Menschen?",
    "Je veux parler à un conseiller",
    "Passez-moi un humain",
    "un conseiller svp",
    "Quiero hablar con una persona",
    "páseme con un agente",
    "agente por favor",
    "Vorrei parlare con un operatore",
    "Quero falar com um atendente",
    "Ik wil een medewerker spreken",
    "Chcę rozmawiać z konsultantem",
    "is there anyone I can talk to?",
    "put me through to your team",
    "Ein Mensch, bitte",
    "Kann mich jemand zurückrufen?",
    "Puis-je parler à quelqu'un ?",
    "Una persona, por favor",
    "Jag vill prata med en människa",
    "Gerçek bir insanla konuşmak istiyorum",
    "أريد التحدث مع موظف",
    "担当者と話したいです",
    "我要转人工",
    "Хочу поговорить с оператором",
]
DOES_NOT = [
    "I don't want to talk to a human",
    "no need to speak to an agent",
    "Ich brauche keinen Mitarbeiter",
    "Who is the person on your logo?",
    "Do your staff get a discount?",
    "Is the agent fee refundable?",
    "The delivery person was kind",
    "Are you a bot?",
    "Is this a real person?",
    "Am I talking to a real person?",
    "Bist du ein echter Mensch?",
    "Y a-t-il un magasin à Lyon ?",
    "¿Hay una tienda en Madrid?",
    "How many persons fit into the tent?",
    "Quel est l'âge du conseiller fédéral ?",
    "When do you open?",
]


@pytest.mark.parametrize("text", ASKS)
def test_a_wish_for_a_person_is_heard(readers: Readers, text: str) -> None:
    """Whoever asks for a person is heard, in any language we can tell."""
    signals = readers.read(text, None, None).signals
    assert "asked_for_person" in {signal.kind for signal in signals}
    assert all(signal.text == text[signal.start : signal.end] for signal in signals)


@pytest.mark.parametrize("text", DOES_NOT)
def test_talk_of_people_is_no_wish(readers: Readers, text: str) -> None:
    """A wish that is refused, or people who are only spoken of, are none."""
    signals = readers.read(text, None, None).signals
    assert "asked_for_person" not in {signal.kind for signal in signals}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("The charger caught fire last night", "harm", "caught fire"),
        ("I got an electric shock from it", "harm", "electric shock"),
        ("Das Ladegerät ist explodiert", "harm", "explodiert"),
        ("Mon fils a été blessé par le jouet", "harm", "blessé"),
        ("El cargador explotó en mi casa", "harm", "explotó"),
        ("You will hear from my lawyer", "legal", "my lawyer"),
        ("I'll take legal action", "legal", "legal action"),
        ("Sie hören von meinem Anwalt", "legal", "meinem Anwalt"),
        ("Je vais porter plainte contre vous", "legal", "porter plainte"),
        ("Voy a hablar con mi abogado", "legal", "mi abogado"),
        ("That's not what I asked", "not_helped", "not what I asked"),
        ("you didn't answer my question", "not_helped", "you didn't answer my question"),
        ("Das war nicht meine Frage", "not_helped", "Das war nicht meine Frage"),
        ("Ce n'est pas ma question", "not_helped", "n'est pas ma question"),
        ("No es lo que pregunté", "not_helped", "No es lo que pregunté"),
    ],
)
def test_a_signal_has_its_words(readers: Readers, text: str, kind: str, words: str) -> None:
    """Harm, legal words and a missed answer are told with the words that say so."""
    found = [(cue.kind, cue.text) for cue in readers.read(text, None, None).signals]
    assert (kind, words) in found


@pytest.mark.parametrize(
    "text",
    [
        "Do you sell gift cards?",
        "Ist das ein Gift? Nein, ein Geschenk.",
        "What is your return policy?",
        "Thanks, that was helpful",
        "Ich habe das gelesen, danke",
    ],
)
def test_plain_talk_has_no_signal(readers: Readers, text: str) -> None:
    """Nothing is read into plain talk."""
    assert readers.read(text, None, None).signals == ()
