"""The learnt model of moods and harm: its signs, its decisions, and the words that explain them."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from plugins.nlu_local.mood import model_training
from plugins.nlu_local.mood.concepts import (
    CONCEPT_ROWS,
    CONCEPTS,
    concept_buckets,
    concepts_of,
    group_pieces,
)
from plugins.nlu_local.mood.model import STEP_BACK, STEP_BACK_INTENSITY, UPSET, MoodModel
from plugins.nlu_local.mood.model_training import Comments, Sentence, SignReader, learn_moods
from plugins.nlu_local.mood.signs import BUCKETS, MOODS, form_signs, gram_buckets, mood_text
from plugins.nlu_local.protocol import MessageInContext
from plugins.nlu_local.reader import MessageReader
from plugins.nlu_local.universal import UniversalEncoder

DATA = files("plugins.nlu_local").joinpath("data")
with DATA.joinpath("mood.npz").open("rb") as file:
    GROUPS = np.load(file, allow_pickle=False)["concepts"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("WHERE IS MY PARCEL", "Where is my parcel"),
        ("das ist soooo schön", "das ist soo schön"),
        ("It is URGENT, so please ask UPS today", "It is urgent, so please ask UPS today"),
        ("Order AB-77 from the UK", "Order AB-77 from the UK"),
        ("The mail says “your order has shipped”, is that so?", "The mail says .   "),
    ],
)
def test_the_encoder_reads_usual_letters_and_no_quotations(text: str, read: str) -> None:
    assert mood_text(text).startswith(read)


def test_shouting_and_marks_are_signs_of_their_own() -> None:
    """The encoder does not see them, so the form does."""
    calm, loud = form_signs("where is it"), form_signs("WHERE IS IT???!!!")
    assert calm != loud
    assert all(0 <= sign <= 2 for sign in (*calm, *loud))


def test_ngrams_have_the_same_rows_in_every_process() -> None:
    """They are hashed by CRC-32, not by Python's hash, which differs from run to run."""
    found = gram_buckets("Wo ist es?")
    assert found == gram_buckets("wo  ist es ?")
    assert found.words == (1979, 33031, 43873, 44443, 46765, 48327, 49840)
    assert max((*found.words, *found.pieces)) < BUCKETS
    assert gram_buckets("") == ((), ())


@pytest.mark.parametrize(
    "words",
    [
        ("fire", "Feuer", "fuego", "fuoco", "vuur"),
        ("hospital", "Hospital", "ospedale", "szpital"),
        ("blood", "Blut", "sangre", "sang"),
    ],
)
def test_words_of_one_meaning_are_one_concept_in_all_languages(
    words: tuple[str, ...], encoder: UniversalEncoder
) -> None:
    """And words of different meanings are not."""
    concepts = [concepts_of(encoder.pieces(word), GROUPS).tolist() for word in words]
    assert concepts == [concepts[0]] * len(words)
    assert concepts[0] != concepts_of(encoder.pieces("invoice"), GROUPS).tolist()


def test_pieces_that_lie_apart_are_different_concepts() -> None:
    """Rows around 200 points: no concept has rows of two points."""
    dice = np.random.default_rng(0)
    points = dice.normal(size=(200, 128))
    owners = np.repeat(np.arange(len(points)), 25)
    table = points[owners] + dice.normal(scale=0.05, size=(len(owners), 128))
    groups = group_pieces(table.astype(np.float32))
    assert groups.dtype == np.uint16
    assert groups.max() < CONCEPTS
    assert len(set(zip(groups.tolist(), owners.tolist(), strict=True))) == len(set(groups.tolist()))


def test_concepts_and_their_pairs_have_rows_of_their_own() -> None:
    """A concept counts once, a pair in its order, and both stay within the table."""
    some = concept_buckets(np.array([7, 4095, 7, 4095, 0], np.uint16))
    assert some.single.tolist() == [0, 7, 4095]
    assert len(some.pairs) == 3
    assert some.pairs.min() >= CONCEPTS
    assert some.pairs.max() < CONCEPT_ROWS
    turned = concept_buckets(np.array([4095, 7], np.uint16)).pairs.tolist()
    assert turned != concept_buckets(np.array([7, 4095], np.uint16)).pairs.tolist()
    assert [len(rows) for rows in concept_buckets(np.array([], np.uint16))] == [0, 0]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> UniversalEncoder:
    return UniversalEncoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def model() -> MoodModel:
    return MoodModel.load()


@pytest.mark.parametrize("mood", UPSET)
def test_stepping_back_and_the_label_are_bound(model: MoodModel, mood: str) -> None:
    """Who should be taken at once has an upset label and an intensity that the policy's defaults
    act on; who is a little upset stays below them."""
    moods = np.full(len(MOODS), 0.05, np.float32)
    moods[MOODS.index(mood)] = 0.7
    label, intensity = model.label(moods, STEP_BACK)
    assert (label, intensity) == (mood, pytest.approx(STEP_BACK_INTENSITY[label]))
    label, intensity = model.label(moods, STEP_BACK - 0.001)
    assert label == mood
    assert intensity < STEP_BACK_INTENSITY[label]
    calm = np.eye(len(MOODS), dtype=np.float32)[MOODS.index("calm")]
    assert model.label(calm, 0.0) == ("calm", 0.0)
    assert model.label(calm, 0.9)[0] in UPSET


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Within two days, you wrote; today is day nine", {"two days", "you wrote", "day nine"}),
        ("Hallo, man hat mir das Konto dichtgemacht, ohne ein Wort", {"ohne ein Wort"}),
    ],
)
def test_a_learnt_mood_shows_the_words_that_moved_it(
    reader: MessageReader, text: str, words: set[str]
) -> None:
    """Where no phrase does."""
    emotion = reader.read(text).emotion
    assert emotion.label in UPSET
    assert any(part in cue.text for cue in emotion.cues for part in words)
    assert all(cue.text == text[cue.start : cue.end] for cue in emotion.cues)


def test_without_the_encoder_the_phrases_decide(phrase_reader: MessageReader) -> None:
    """As where the package of the encoder is not installed."""
    emotion = phrase_reader.read("This is outrageous, I am furious!").emotion
    assert (emotion.label, [cue.kind for cue in emotion.cues][:1]) == ("angry", ["angry"])


def test_the_model_was_trained_on_the_sentences_of_this_package() -> None:
    """Whoever changes a sentence runs ``make train-mood``. The file has numbers only."""
    with DATA.joinpath("mood.npz").open("rb") as file, np.load(file) as arrays:
        sources = json.loads(arrays["sources"].tobytes())
        text = [name for name in arrays.files if arrays[name].dtype.kind in "SUO"]
    folder = model_training.SENTENCES
    own = {path.name: _hash(path) for path in folder.iterdir() if path.suffix in (".csv", ".txt")}
    assert {name: sources.get(name) for name in own} == own
    assert text == []
    assert len(DATA.joinpath("mood.npz").read_bytes()) < 3_000_000
    notice = DATA.joinpath("NOTICE").read_text("utf-8")
    public = set(sources) - set(own)
    assert len(public) == 3
    assert all(sources[name] in re.sub(r"\s", "", notice) for name in public)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


FEW = (
    *(Sentence(text, "calm", step_back=False, harm=False) for text in (
        "When do you open?", "Which size fits me?", "The lid is missing, can I get one?",
        "Please send me the invoice", "Can I pick it up on Friday?", "Where is the return form?",
    )),
    *(Sentence(text, "frustrated", step_back=True, harm=False) for text in (
        "I have written four times and nobody answers", "Still broken, and you promised",
        "Every week another excuse", "I am fed up with waiting", "You ignore me again",
        "Third repair, same fault, no one cares",
    )),
    *(Sentence(text, "pleased", step_back=False, harm=False) for text in (
        "Lovely lamp, thank you", "It works again, great", "You made my day",
        "Best shop ever", "So happy with it", "Thanks, all arrived",
    )),
    *(Sentence(text, None, step_back=False, harm=True) for text in (
        "My son swallowed the battery", "The charger burst into flames", "I got a shock from it",
        "There is a smell of gas in the flat", "The ladder broke and I broke my arm",
        "She cannot breathe after the tablets",
    )),
)  # fmt: skip


def test_it_learns_and_serves_the_same_signs(tmp_path: Path) -> None:
    """A model learnt from a few sentences tells them apart when it serves them, and finds harm."""
    comments = Comments(
        ["I hate this", "so sad and angry", "love it", "what a happy day"] * 3,
        np.array([True, True, False, False] * 3),
        np.array([False, False, True, True] * 3),
    )
    signs = SignReader(tmp_path)
    arrays = learn_moods(signs, FEW * 3, comments, GROUPS)
    judged = MoodModel(arrays).judge(signs.inputs([sentence.text for sentence in FEW]))
    step_back = [sentence.step_back for sentence in FEW if sentence.mood]
    assert list(judged.step_back[: len(step_back)] > STEP_BACK) == step_back
    harm = np.array([bool(sentence.harm) for sentence in FEW])
    assert judged.harm[harm].min() > judged.harm[~harm].max()
    assert judged.moods.sum(axis=1) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("calm", "danger"),
    [
        ("When do you open on Saturday?", "I want to kill myself."),
        ("I ordered the lamp on Monday.", "It caught fire."),
        ("Can I return it?", "My son swallowed the battery."),
        ("Wann öffnen Sie am Samstag?", "Ich werde mich umbringen."),
        ("Ich habe die Lampe am Montag bestellt.", "Mein Ladegerät brennt."),
        ("Quand ouvrez-vous samedi ?", "Je vais me tuer."),
        ("¿A qué hora abren el sábado?", "Mi hijo se tragó una pila."),
    ],
)
def test_a_danger_counts_beside_everyday_sentences(
    reader: MessageReader, calm: str, danger: str
) -> None:
    """Before it, after it, alone, and at the end of a long mail."""
    long = " ".join([calm] * 90)
    for text in (danger, f"{calm} {danger}", f"{danger} {calm}", f"{long} {danger}"):
        assert "harm" in {cue.kind for cue in reader.read(text).signals}, text


@pytest.mark.parametrize(
    "text",
    [
        "Is the smoke alarm wireless?",
        "Ist der Rauchmelder mit Batterie?",
        "Hello. Where is the gas bill?",
    ],
)
def test_a_word_of_danger_in_a_calm_question_is_none(reader: MessageReader, text: str) -> None:
    assert reader.read(text).signals == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "...",
        "????",
        "\n" * 2100 + "I want to kill myself",
        "😱" * 2001 + " help",
        "x" * 9000,
    ],
)
def test_odd_messages_are_read(reader: MessageReader, text: str) -> None:
    """Every cue is a piece of the message; marks alone are no strong feeling."""
    insight = reader.read(text)
    assert insight.emotion is not None
    for cue in (*insight.emotion.cues, *insight.signals):
        assert cue.text == text[cue.start : cue.end] != ""
    if not any(map(str.isalpha, text)):
        assert insight.emotion.intensity < 0.6


def test_a_quotation_at_the_end_of_a_long_mail_is_not_what_the_customer_says(
    reader: MessageReader,
) -> None:
    mail = "Please send the invoice to our new office. " * 60
    quoted = mail + "\n> You liars! I am furious, I want my money back at once!"
    assert reader.read(quoted).emotion.label == "calm"


@pytest.mark.parametrize(
    "text",
    [
        "What are your opening hours on Saturday? I am so tired of being sent in circles by you.",
        "Do you ship to Malta? I have explained this to four different people and nothing works.",
        "Welche Farben gibt es? Seit drei Wochen vertröstet ihr mich, mir reicht es.",
        "Quels sont vos horaires ? J'attends une réponse depuis trois semaines, j'en ai assez.",
        "¿Qué tallas hay en verde? Llevo tres semanas esperando respuesta y ya no puedo más.",
    ],
)
def test_an_upset_sentence_counts_beside_a_calm_one(reader: MessageReader, text: str) -> None:
    """The calm question must not hide how the customer feels."""
    [insight] = reader.read_all([MessageInContext(text)])
    assert insight.emotion is not None
    assert insight.emotion.label in UPSET
    assert insight.emotion.intensity >= 0.6


@pytest.mark.parametrize(
    "text",
    [
        "Which sizes do you have in green? And do you ship to Malta?",
        "Welche Farben gibt es? Und habt ihr am Samstag offen?",
        "Quels sont vos horaires ? Livrez-vous à Malte ?",
    ],
)
def test_two_calm_questions_stay_calm(reader: MessageReader, text: str) -> None:
    [insight] = reader.read_all([MessageInContext(text)])
    assert insight.emotion is not None
    assert insight.emotion.label == "calm"


@pytest.mark.parametrize(
    "text",
    [
        "A van hit my husband, he was knocked down by a car on your scooter",
        "We were in a small crash with the rental car, what now?",
        "The brakes stopped working on the hill",
        "Meine Frau wurde auf dem Weg zu Ihnen von einem Bus angefahren",
        "Wir hatten einen kleinen Unfall mit dem Lastenrad",
        "Die Bremsen gehen plötzlich nicht mehr",
        "Mon fils a été renversé par une voiture",
        "On a eu un accident avec la trottinette",
        "Les freins ne répondent plus",
        "Nos atropelló una moto al salir",
        "Ayer tuvimos un accidente con el coche alquilado",
        "Los frenos no responden",
        "Mia moglie è stata investita da un furgone",
        "Abbiamo avuto un incidente con lo scooter",
        "We hebben een ongeluk gehad met de bakfiets",
        "De remmen doen het niet meer",
        "O meu marido foi atropelado por uma carrinha",
        "Ontem tivemos um acidente com a trotinete",
        "A bicicleta não trava",
        "Miałam wypadek na waszej hulajnodze",
        "Vi hade en olycka med cykeln",
        "Frenler tutmuyor",
        "تعرضنا لحادث بالسيارة",
    ],
)
def test_accidents_are_harm_in_every_language(reader: MessageReader, text: str) -> None:
    """They are what shops that rent, mend or deliver hear first."""
    assert "harm" in {cue.kind for cue in reader.read(text).signals}


@pytest.mark.parametrize(
    "text",
    [
        "I ordered two of them by accident, can I send one back?",
        "How much is the accident insurance for a week?",
        "Gehört eine Unfallversicherung zum Mietrad?",
        "L'assurance accident est-elle comprise dans le prix ?",
        "¿El seguro de accidentes está incluido?",
        "Which brake pads fit the Halvard city bike?",
        "Wie bremst das Rad mit Rücktritt?",
        "My wallet hurts, is there a discount for students?",
        "Es tut mir weh, wie Sie mit Stammkunden umgehen",
        "Me duele la cabeza de tanto leer, ¿qué plan me conviene?",
        "Boli mnie cena, ale biorę",
        "Mitt hjärta gör ont av att säga upp er, men jag flyttar",
        "Cüzdanım çok ağrıyor, indirim var mı?",
        "Ho avuto un incidente con il modulo, l'ho inviato due volte",
        "The delivery was run over by two days",
    ],
)
def test_words_of_accidents_are_not(reader: MessageReader, text: str) -> None:
    """Insurance, a slip of the finger, parts of a bike, figures of speech."""
    assert "harm" not in {cue.kind for cue in reader.read(text).signals}
