"""Style cues, and the signals that routing knows by kind."""

from __future__ import annotations

import pytest

from plugins.nlu_local.mood.cues import style_cues
from plugins.nlu_local.reader import MessageReader
from plugins.nlu_local.text import tokenize


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("WHERE IS MY ORDER", [("shouting", "WHERE IS MY ORDER")]),
        ("it is NOT here", [("shouting", "NOT")]),
        ("my ASUS with USB-C and HDMI came by DHL", []),
        ("order AB12CD is for IKEA", []),
        ("what?!", [("questioning", "?!")]),
        ("what?? no!", [("questioning", "??"), ("exclaiming", "!")]),
        ("¿Qué? ¡Vale", []),
        ("I am sooooo tired", [("elongation", "sooooo")]),
        ("www.example.com", []),
        ("please please answer", [("repetition", "please please")]),
        ("bah bah bah", [("repetition", "bah bah bah")]),
        ("Paris Paris", []),
    ],
)
def test_the_style_of_writing_gives_cues(text: str, found: list[tuple[str, str]]) -> None:
    """Shouting that is not an acronym, marks, elongated and repeated words are cues."""
    common = frozenset(("where", "is", "my", "not", "please"))
    cues = style_cues(text, tokenize(text), common)
    assert [(cue.kind, cue.text) for cue in cues] == found


ASKS_FOR_PERSON = [
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
DOES_NOT_ASK = [
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


@pytest.mark.parametrize("text", ASKS_FOR_PERSON)
def test_a_request_for_a_person_is_found(reader: MessageReader, text: str) -> None:
    """In every language that has phrases, with the words that ask."""
    signals = reader.read(text).signals
    assert "asked_for_person" in {signal.kind for signal in signals}
    assert all(signal.text == text[signal.start : signal.end] for signal in signals)


@pytest.mark.parametrize("text", DOES_NOT_ASK)
def test_mentioning_people_is_not_a_request(reader: MessageReader, text: str) -> None:
    """Nor is a request that the customer refuses."""
    signals = reader.read(text).signals
    assert "asked_for_person" not in {signal.kind for signal in signals}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("The charger caught fire last night", "harm", "caught fire"),
        ("I got an electric shock from it", "harm", "electric shock"),
        ("Das Ladegerät ist explodiert", "harm", "explodiert"),
        ("Mon fils a été blessé par le jouet", "harm", "été blessé"),
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
def test_a_signal_has_its_words(reader: MessageReader, text: str, kind: str, words: str) -> None:
    """Harm, legal words and an answer that did not help are found with the words that say so."""
    found = [(cue.kind, cue.text) for cue in reader.read(text).signals]
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
def test_an_everyday_message_has_no_signal(reader: MessageReader, text: str) -> None:
    """Similar words in another sense are not a signal."""
    assert reader.read(text).signals == ()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("My tenant writes 'I will call my lawyer' about it", set()),
        ("Auf dem Zettel steht „ich gehe zum Anwalt“, wem schicke ich ihn?", set()),
        ("Elle écrit « je vais porter plainte », que répondre ?", set()),
        ("My son says 'the charger caught fire' and cries", {"harm"}),
        ("where is the 'talk to a human' button", {"asked_for_person"}),
        ("order LAWYER-12-B please", set()),
        ("siehe mein_anwalt.pdf im Anhang", set()),
    ],
)
def test_somebody_elses_words_are_a_signal_only_of_harm(
    reader: MessageReader, text: str, kinds: set[str]
) -> None:
    """And a request for a person is one wherever it stands; a code never is."""
    assert {cue.kind for cue in reader.read(text).signals} == kinds
