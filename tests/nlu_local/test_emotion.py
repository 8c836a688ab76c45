"""How customers feel, in their languages, and the words that show it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import Cue, Emotion
from plugins.nlu_local.cues import form_cues
from plugins.nlu_local.readers import Readers
from plugins.nlu_local.text import tokens

FELT = [
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


def feeling(readers: Readers, text: str) -> Emotion:
    emotion = readers.read(text, None, None).emotion
    assert emotion is not None
    return emotion


@pytest.mark.parametrize(("text", "label"), FELT)
def test_a_feeling_is_told(readers: Readers, text: str, label: str) -> None:
    """Every label is told in English, German, French and Spanish."""
    assert feeling(readers, text).label == label


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
def test_everyday_business_is_calm(readers: Readers, text: str) -> None:
    """What customers ask every day is no feeling, whatever words it needs."""
    emotion = feeling(readers, text)
    assert (emotion.label, emotion.distress < 0.5) == ("calm", True)


@pytest.mark.parametrize(("text", "label"), FELT)
def test_cues_are_the_very_words(readers: Readers, text: str, label: str) -> None:
    """Each cue is a piece of the message, word for word; a feeling always has one."""
    emotion = feeling(readers, text)
    assert all(cue.text == text[cue.start : cue.end] for cue in emotion.cues)
    assert label == "calm" or emotion.cues


def test_the_frustrated_customer(readers: Readers) -> None:
    """Shouting, a third time and three marks: high intensity, and the cues say why."""
    emotion = feeling(readers, "I am so FRUSTRATED, this is the third time!!!")
    assert emotion.intensity >= 0.9
    assert emotion.distress >= 0.75
    kinds = {(cue.kind, cue.text) for cue in emotion.cues}
    assert kinds >= {
        ("shouting", "FRUSTRATED"),
        ("frustrated", "third time"),
        ("exclaiming", "!!!"),
    }


def test_distress_ranks_messages(readers: Readers) -> None:
    """The worse it gets, the higher the distress; praise has least of all."""
    ranked = [
        "Thanks, great service!!!",
        "When do you open?",
        "My parcel is late, can you check?",
        "The mug arrived broken",
        "My order never arrived and nobody answers my emails",
        "This is the worst customer service ever, I HATE it. Never again!!!",
    ]
    scores = [feeling(readers, text).distress for text in ranked]
    assert scores == sorted(scores)
    assert scores[1] < 0.2
    assert scores[-1] > 0.9


@pytest.mark.parametrize("text", ["It is not urgent", "Das ist nicht dringend", "no es urgente"])
def test_what_is_denied_is_not_felt(readers: Readers, text: str) -> None:
    """A feeling that is denied in the same clause does not count."""
    assert feeling(readers, text).label == "calm"


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
def test_how_it_is_written(text: str, found: list[tuple[str, str]]) -> None:
    """Shouting that is no acronym, marks, drawn-out and repeated words are cues."""
    plain = frozenset(("where", "is", "my", "not", "please"))
    cues = form_cues(text, tokens(text), plain)
    assert [(cue.kind, cue.text) for cue in cues] == found


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_has_honest_cues(readers: Readers, text: str) -> None:
    """Whatever is written, cues and signals are pieces of it and numbers are in range."""
    insight = readers.read(text, None, None)
    assert insight.emotion is not None
    found: tuple[Cue, ...] = (*insight.emotion.cues, *insight.signals)
    assert all(cue.text == text[cue.start : cue.end] and cue.text for cue in found)
    assert 0 <= insight.emotion.intensity <= 1
    assert 0 <= insight.emotion.distress <= 1


def test_a_huge_message_is_read_in_bounded_time(readers: Readers) -> None:
    """Twenty thousand characters of shouting are one message, read in a moment."""
    insight = readers.read("NO " * 7_000 + "!" * 5_000, None, None)
    assert insight.emotion is not None
    assert insight.emotion.cues
