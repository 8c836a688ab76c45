"""The emotion of messages in several languages, and the words that show it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import Cue, Emotion
from plugins.nlu_local.reader import MessageReader

LABELLED = [
    ("When do you open?", "calm"),
    ("Where is my order? It was due last week", "calm"),
    ("Do you sell gift cards?", "calm"),
    ("I'm not angry, I just want to know where my parcel is", "calm"),
    ("Wann habt ihr geöffnet?", "calm"),
    ("Wie kann ich meine Bestellung stornieren?", "calm"),
    ("Ich bin nicht sauer, nur neugierig", "calm"),
    ("Comment puis-je retourner un article ?", "calm"),
    ("Je ne suis pas en colère, je demande seulement", "calm"),
    ("¿Cuándo abren?", "calm"),
    ("No estoy enfadada, solo pregunto", "calm"),
    ("Thanks, great service!!!", "pleased"),
    ("This works perfectly, thank you so much", "pleased"),
    ("Vielen Dank, super Service!", "pleased"),
    ("Merci beaucoup, c'est parfait !", "pleased"),
    ("¡Muchas gracias, excelente atención!", "pleased"),
    ("I don't understand what this means", "confused"),
    ("This makes no sense to me", "confused"),
    ("Ich verstehe das nicht, was heißt das?", "confused"),
    ("Je ne comprends pas cette facture", "confused"),
    ("No entiendo nada de la factura", "confused"),
    ("I'm really worried my card was hacked", "anxious"),
    ("Ich bin sehr besorgt um mein Geld", "anxious"),
    ("Je suis très inquiet pour mon colis", "anxious"),
    ("Estoy muy preocupada por mi pedido", "anxious"),
    ("I am so FRUSTRATED, this is the third time!!!", "frustrated"),
    ("I'm fed up, nobody answers my emails", "frustrated"),
    ("not happy with this at all", "frustrated"),
    ("Das ist jetzt das dritte Mal, ich bin total genervt!", "frustrated"),
    ("J'en ai marre, ça ne marche toujours pas", "frustrated"),
    ("¡Estoy harto, es la tercera vez que llamo!", "frustrated"),
    ("you people are a joke, I hate this company", "angry"),
    ("This is outrageous, you are thieves", "angry"),
    ("Das ist eine Frechheit, ihr seid Betrüger!", "angry"),
    ("C'est inadmissible, je suis furieux !", "angry"),
    ("¡Esto es una estafa, son unos ladrones!", "angry"),
    ("I need it today, it's urgent!", "urgent"),
    ("Please answer asap, my train leaves soon", "urgent"),
    ("Es ist dringend, ich brauche es bis morgen früh", "urgent"),
    ("C'est urgent, il me le faut tout de suite", "urgent"),
    ("Es urgente, lo necesito hoy mismo", "urgent"),
]


def read_emotion(reader: MessageReader, text: str) -> Emotion:
    emotion = reader.read(text).emotion
    assert emotion is not None
    return emotion


@pytest.mark.parametrize(("text", "label"), LABELLED)
def test_a_message_gets_its_label(reader: MessageReader, text: str, label: str) -> None:
    """Every label, in English, German, French and Spanish."""
    assert read_emotion(reader, text).label == label


@pytest.mark.parametrize(
    "text",
    [
        "I typed the wrong house number, how can I fix that?",
        "can I still cancel?",
        "I'd like to buy a gift voucher for a friend",
        "good morning",
        "tell me a joke",
        "Ist mein Paket schon unterwegs?",
        "Wie lange habt ihr heute offen?",
        "Mein Rabattcode funktioniert nicht",
        "colis perdu",
        "Quel est le délai de livraison ?",
        "¿Cuál es el plazo de entrega?",
        "Ya no lo quiero, ¿puedo devolverlo?",
    ],
)
def test_an_everyday_question_is_calm(phrase_reader: MessageReader, text: str) -> None:
    """Whatever words it needs, and with little distress."""
    emotion = read_emotion(phrase_reader, text)
    assert (emotion.label, emotion.distress < 0.5) == ("calm", True)


@pytest.mark.parametrize(("text", "label"), LABELLED)
def test_cues_quote_the_message(reader: MessageReader, text: str, label: str) -> None:
    """Each cue is a piece of the message, word for word; a feeling always has one."""
    emotion = read_emotion(reader, text)
    assert all(cue.text == text[cue.start : cue.end] for cue in emotion.cues)
    assert label == "calm" or emotion.cues


def test_cues_explain_a_high_intensity(phrase_reader: MessageReader) -> None:
    """Shouting, a third time and three marks."""
    emotion = read_emotion(phrase_reader, "I am so FRUSTRATED, this is the third time!!!")
    assert emotion.intensity >= 0.9
    assert emotion.distress >= 0.75
    kinds = {(cue.kind, cue.text) for cue in emotion.cues}
    assert kinds >= {
        ("shouting", "FRUSTRATED"),
        ("frustrated", "third time"),
        ("exclaiming", "!!!"),
    }


def test_distress_ranks_messages(reader: MessageReader) -> None:
    """The worse the news, the higher the distress; praise has the least."""
    ranked = [
        "Thanks, great service!!!",
        "When do you open?",
        "My parcel is late, can you check?",
        "The mug arrived broken",
        "My order never arrived and nobody answers my emails",
        "This is the worst customer service ever, I HATE it. Never again!!!",
    ]
    scores = [read_emotion(reader, text).distress for text in ranked]
    assert scores == sorted(scores)
    assert scores[1] < 0.2
    assert scores[-1] > 0.9


@pytest.mark.parametrize("text", ["It is not urgent", "Das ist nicht dringend", "no es urgente"])
def test_a_denied_feeling_does_not_count(reader: MessageReader, text: str) -> None:
    """When the negation is in the same clause."""
    assert read_emotion(reader, text).label == "calm"


@pytest.mark.parametrize(
    "text",
    [
        "Where do I enter WTF-221-B?",
        "Is the FURIOUS 900 in stock",
        "Bestellung SCHEISSE-77-A bitte an die neue Adresse",
        "Habt ihr das Zelt WUT-XL noch?",
        "La référence MERDE-20-C est en quelle taille ?",
        "¿Tienen la mochila ODIO-300-X en verde?",
        "Il codice VERGOGNA15 vale?",
        "Ik zoek artikel HAAT-12-B",
        "the file is angry_dog.png",
        "you can write to rude.boy@example.com",
        "it is on www.scam.example/liars",
        "what does #worstcompany mean",
    ],
)
def test_a_code_is_not_a_feeling(phrase_reader: MessageReader, text: str) -> None:
    """Whatever it spells, in capitals or not, in codes, files, addresses and hashtags."""
    emotion = read_emotion(phrase_reader, text)
    assert (emotion.label, emotion.cues) == ("calm", ())


@pytest.mark.parametrize(
    "text",
    [
        "The driver wrote 'you are a liar' on the card, what do I do with it?",
        "Der Nachbar schrieb ‚ihr Betrüger‘ auf das Paket, wohin damit?",
        "Im Titel steht »Skandal«, die Bestellung ist das Buch",
        "Le livre « Je suis furieux » existe en poche ?",
        "El libro «Estoy harto» lo tienen?",
        "Il libro “Che vergogna” quanto costa?",
        "Boken ”Jag hatar er” finns den?",
        "『許せない』という本はありますか",
    ],
)
def test_quoted_words_are_not_the_customers_feeling(reader: MessageReader, text: str) -> None:
    """From one word on, in marks of every kind."""
    assert read_emotion(reader, text).label == "calm"


@pytest.mark.parametrize(
    "text",
    [
        "damn that was quick",
        "holy shit these boots are comfy",
        "verdammt gute Jacke",
        "Scheiße, schmeckt das lecker",
        "merde alors, elle est belle cette lampe",
        "bordel que c'est bon",
        "coño, qué bonito quedó",
        "hostia, qué rápido ha sido",
        "minchia che bella",
        "verdomme, wat een mooie fiets",
        "caralho, chegou rápido",
        "kurczę, naprawdę ładne",
        "fy fan vad snyggt",
        "vay be, çok güzel",
    ],
)
def test_an_oath_beside_praise_is_joy(reader: MessageReader, text: str) -> None:
    """In every language with oaths."""
    assert read_emotion(reader, text).label == "pleased"


@pytest.mark.parametrize(
    "text",
    [
        "damn, the good one is broken",
        "Fucking great, another delay",
        "verdammt, das ist nicht gut",
        "putain, la belle lampe est cassée",
        "joder, no funciona bien",
        "cazzo, terza volta che scrivo",
    ],
)
def test_an_oath_beside_bad_news_is_no_joy(phrase_reader: MessageReader, text: str) -> None:
    """Nor beside denied praise."""
    assert read_emotion(phrase_reader, text).label in {"angry", "frustrated"}


@pytest.mark.parametrize(
    "text",
    [
        "Hello??? I wrote an hour ago",
        "someone there???",
        "hello? anyone there?",
        "huhu??",
        "noch jemand wach???",
        "allô??? j'attends",
        "y a quelqu'un ???",
        "¿¿¿hay alguien???",
        "c'è qualcuno???",
        "iemand thuis???",
        "tem alguém aqui???",
        "halo??? ktoś tu???",
        "hallå??? någon hemma???",
        "alo??? kimse yok mu?",
        "ألو؟؟؟",
        "もしもし？？？",
    ],
)
def test_a_call_that_nobody_answers_is_impatient(phrase_reader: MessageReader, text: str) -> None:
    """Two question marks or two calls, in every language."""
    emotion = read_emotion(phrase_reader, text)
    assert emotion.label == "frustrated"
    assert "frustrated" in {cue.kind for cue in emotion.cues}


@pytest.mark.parametrize(
    "text",
    [
        "Hello, is anyone there?",
        "Hallo, ist da jemand?",
        "Hola, ¿hay alguien?",
        "Hello! Which one?",
    ],
)
def test_a_first_call_is_calm(reader: MessageReader, text: str) -> None:
    """One question mark is a question."""
    assert read_emotion(reader, text).label in {"calm", "confused"}


@pytest.mark.parametrize(
    "text",
    [
        "please please please call me",
        "bitte, bitte, bitte meldet euch",
        "svp svp svp répondez",
        "s'il vous plaît, s'il vous plaît, s'il vous plaît",
        "porfa porfa porfa ayuda",
        "per favore per favore per favore aiuto",
        "aub aub aub bel me",
        "por favor, por favor, por favor, liguem",
        "proszę proszę proszę o pomoc",
        "snälla snälla snälla ring",
        "lütfen lütfen lütfen arayın",
        "أرجوكم أرجوكم أرجوكم",
        "お願いお願い助けて",
    ],
)
def test_begging_is_fear(reader: MessageReader, text: str) -> None:
    """A plea said three times; one that every sentence has is politeness."""
    assert read_emotion(reader, text).label == "anxious"


@pytest.mark.parametrize(
    "text",
    [
        "Please send the invoice. Please use the new address. And please confirm.",
        "Bitte die Rechnung, bitte an die neue Adresse, und bitte bald",
        "I love it, please please please keep it in stock",
    ],
)
def test_politeness_and_praise_are_not_begging(reader: MessageReader, text: str) -> None:
    """However often the word occurs."""
    assert read_emotion(reader, text).label != "anxious"


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_read(reader: MessageReader, text: str) -> None:
    """Cues and signals are pieces of the text, and numbers are in their range."""
    insight = reader.read(text)
    assert insight.emotion is not None
    found: tuple[Cue, ...] = (*insight.emotion.cues, *insight.signals)
    assert all(cue.text == text[cue.start : cue.end] and cue.text for cue in found)
    assert 0 <= insight.emotion.intensity <= 1
    assert 0 <= insight.emotion.distress <= 1


def test_a_huge_message_is_read(reader: MessageReader) -> None:
    """Of a message of 26,000 characters only a bounded part is read."""
    insight = reader.read("NO " * 7_000 + "!" * 5_000)
    assert insight.emotion is not None
    assert insight.emotion.cues
