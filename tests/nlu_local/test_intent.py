"""Intents learnt from a few examples, with honest confidence."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from gateway.ops.evaluation import ece
from plugins.nlu_local.failures import BadModel
from plugins.nlu_local.features import Vocabulary, char_grams, word_grams
from plugins.nlu_local.intent import IntentModel
from plugins.nlu_local.training import train

from .conftest import ROWS

SAID = ["When do you open?", "I'd like a refund, please!", "Wo ist Übergröße 12.5?", "", "荷物 は"]


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return train(ROWS)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("when are you open", "opening_hours"),
        ("at what time do you close today?", "opening_hours"),
        ("give me my money back!", "refund"),
        ("has my refund been sent", "refund"),
        ("delivery cost to Spain", "shipping"),
        ("how long until my parcel is delivered", "shipping"),
    ],
)
def test_other_words_for_the_same(model: IntentModel, text: str, intent: str) -> None:
    """What was said in other words than the examples is understood, with confidence."""
    best = model.rank(text)[0]
    assert best.name == intent
    assert best.confidence > 0.5


@pytest.mark.parametrize("text", [*SAID, "do you like jazz?", "refund " * 900])
def test_a_ranking_is_in_order(model: IntentModel, text: str) -> None:
    """Confidences fall, lie in 0..1 and together are at most 1."""
    ranking = model.rank(text)
    confidences = [guess.confidence for guess in ranking]
    assert sorted(confidences, reverse=True) == confidences
    assert all(0 <= one <= 1 for one in confidences)
    assert sum(confidences) <= 1 + 1e-6
    assert {guess.name for guess in ranking} == {"opening_hours", "refund", "shipping"}


def test_what_was_never_seen_is_less_sure(model: IntentModel) -> None:
    """A question about something else has less confidence than any question we know."""
    known = min(model.rank(text)[0].confidence for text, _ in ROWS)
    assert model.rank("Zwölf Boxkämpfer jagen Viktor quer")[0].confidence < known


def test_out_of_scope_examples_teach_refusal() -> None:
    """An intent ``oos`` is learnt and never named; what is like it loses confidence."""
    chat = [(t, "oos") for t in ("do you like jazz?", "who won the match?", "tell me a joke")]
    taught = train([*ROWS, *chat])
    plain = train(ROWS)
    assert "oos" not in {guess.name for guess in taught.rank("do you like jazz?")}
    assert (
        taught.rank("do you like jazz?")[0].confidence
        < plain.rank("do you like jazz?")[0].confidence
    )


def test_one_intent_is_nothing_to_tell_apart() -> None:
    """Fewer than two intents are refused in words."""
    with pytest.raises(ValueError, match="two intents"):
        train([("hello", "greeting"), ("hi", "greeting"), ("what?", "oos")])


def test_a_single_example_each_is_enough() -> None:
    """The smallest possible set trains; its confidence stays modest."""
    small = train([("open hours", "a"), ("money back", "b")])
    assert small.rank("money back please")[0].name == "b"
    assert small.rank("money back please")[0].confidence < 0.95


def test_confidence_is_calibrated() -> None:
    """Of generated messages that say 0.8, about eight in ten are right (ECE below 0.1)."""
    dice = random.Random(7)  # noqa: S311  (the same messages at every run)
    letters = "bcdfghjklmnp"
    topics = {f"topic{n}": [f"{letters[n]}o{letters[i]}a" for i in range(6)] for n in range(12)}
    everywhere = [word for words in topics.values() for word in words]

    def message(topic: str) -> str:
        """Mostly noise from all topics, with a few words of its own."""
        own = dice.choices(topics[topic], k=dice.randint(1, 2))
        return " ".join([*own, *dice.choices(everywhere, k=3)])

    learnt = train([(message(topic), topic) for topic in topics for _ in range(15)])
    asked = [(message(topic), topic) for topic in topics for _ in range(60)]
    tops = [learnt.rank(text)[0] for text, _ in asked]
    right = np.array([top.name == topic for top, (_, topic) in zip(tops, asked, strict=True)])
    confidence = np.array([top.confidence for top in tops])
    assert 0.2 < right.mean() < 0.95  # hard enough that confidence matters
    assert ece(confidence, right) < 0.1
    assert confidence[right].mean() > confidence[~right].mean()


@pytest.mark.parametrize("text", SAID)
def test_serving_sees_what_training_saw(text: str) -> None:
    """Our weights of a message equal scikit-learn's, without scikit-learn."""
    for analyse in (word_grams, char_grams):
        theirs = TfidfVectorizer(analyzer=analyse, sublinear_tf=True)
        theirs.fit([row for row, _ in ROWS])
        ours = Vocabulary(theirs.vocabulary_, theirs.idf_.astype(np.float32))
        at, weights, known = ours.weigh(analyse(text))
        dense = np.zeros(len(ours))
        dense[at] = weights
        np.testing.assert_allclose(dense, theirs.transform([text]).toarray()[0], atol=1e-5)
        assert 0 <= known <= 1


@pytest.mark.parametrize("text", SAID)
def test_pieces_are_those_of_scikit_learn(text: str) -> None:
    """Pieces of words are cut as ``char_wb`` cuts them, on text that needs no cleaning."""
    theirs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).build_analyzer()
    plain = text.lower().replace("ü", "u").replace("ö", "o").replace("12.5", "0.0")
    plain = plain.replace("ß", "ss")
    assert sorted(char_grams(text)) == sorted(theirs(plain))


def test_a_model_comes_back_from_its_file(model: IntentModel, tmp_path: Path) -> None:
    """What was saved ranks as before, and nothing but the file is left behind."""
    path = tmp_path / "kept" / "model.npz"
    model.save(path)
    again = IntentModel.load(path)
    assert [again.rank(text) for text in SAID] == [model.rank(text) for text in SAID]
    assert [p.name for p in path.parent.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_damaged_file_is_no_model(model: IntentModel, tmp_path: Path, damage: str) -> None:
    """A file that is cut, damaged or something else is refused, whatever is wrong with it."""
    path = tmp_path / "model.npz"
    model.save(path)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    worse = {"empty": b"", "cut": bytes(data[:-500]), "flipped": bytes(data)}
    path.write_bytes(worse.get(damage, b"PK not a model"))
    with pytest.raises(BadModel, match=r"model\.npz"):
        IntentModel.load(path)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    """An array of objects, which loading would have to run, is refused."""
    path = tmp_path / "model.npz"
    np.savez(path, told=np.array([{"names": []}], dtype=object), allow_pickle=True)
    with pytest.raises(BadModel):
        IntentModel.load(path)
