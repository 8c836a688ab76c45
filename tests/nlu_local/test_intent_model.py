"""Intents learnt from a few examples, with calibrated confidence."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from gateway.ops.evaluation import ece
from plugins.nlu_local import intent_training
from plugins.nlu_local.features import GRAM_KINDS, GRAM_UNITS, GramVocabulary, char_grams, weigh
from plugins.nlu_local.intent_model import IntentModel
from plugins.nlu_local.intent_training import train
from plugins.nlu_local.protocol import UnusableModel

from .conftest import EXAMPLES

TEXTS = ["When do you open?", "I'd like a refund, please!", "Wo ist Übergröße 12.5?", "", "荷物 は"]


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return train(EXAMPLES)


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
def test_other_words_for_the_same_intent_are_understood(
    model: IntentModel, text: str, intent: str
) -> None:
    """With confidence."""
    best = model.rank(text)[0]
    assert best.name == intent
    assert best.confidence > 0.5


@pytest.mark.parametrize("text", [*TEXTS, "do you like jazz?", "refund " * 900])
def test_a_ranking_is_sorted_by_confidence(model: IntentModel, text: str) -> None:
    """Confidences are in 0..1, and their sum is at most 1."""
    ranking = model.rank(text)
    confidences = [guess.confidence for guess in ranking]
    assert sorted(confidences, reverse=True) == confidences
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert sum(confidences) <= 1 + 1e-6
    assert {guess.name for guess in ranking} == {"opening_hours", "refund", "shipping"}


def test_confidence_is_low_for_words_outside_the_examples(model: IntentModel) -> None:
    """Lower than for any example."""
    known = min(model.rank(text)[0].confidence for text, _ in EXAMPLES)
    assert model.rank("Zwölf Boxkämpfer jagen Viktor quer")[0].confidence < known


def test_out_of_scope_examples_lower_the_confidence() -> None:
    """The intent ``oos`` itself is never named."""
    chat = [(t, "oos") for t in ("do you like jazz?", "who won the match?", "tell me a joke")]
    with_chat = train([*EXAMPLES, *chat])
    plain = train(EXAMPLES)
    assert "oos" not in {guess.name for guess in with_chat.rank("do you like jazz?")}
    assert (
        with_chat.rank("do you like jazz?")[0].confidence
        < plain.rank("do you like jazz?")[0].confidence
    )


def test_training_needs_two_intents() -> None:
    """``oos`` does not count."""
    with pytest.raises(ValueError, match="two intents"):
        train([("hello", "greeting"), ("hi", "greeting"), ("what?", "oos")])


def test_one_example_per_intent_is_enough() -> None:
    """The confidence stays modest."""
    small = train([("open hours", "a"), ("money back", "b")])
    assert small.rank("money back please")[0].name == "b"
    assert small.rank("money back please")[0].confidence < 0.95


def test_confidence_is_calibrated() -> None:
    """Of generated messages with confidence 0.8, about eight in ten are right (ECE below 0.1)."""
    dice = random.Random(7)  # noqa: S311  (the same messages in every run)
    letters = "bcdfghjklmnp"
    topics = {f"topic{n}": [f"{letters[n]}o{letters[i]}a" for i in range(6)] for n in range(12)}
    everywhere = [word for words in topics.values() for word in words]

    def message(topic: str) -> str:
        """Mostly noise from all topics, with a few words of its own."""
        own = dice.choices(topics[topic], k=dice.randint(1, 2))
        return " ".join([*own, *dice.choices(everywhere, k=3)])

    trained = train([(message(topic), topic) for topic in topics for _ in range(15)])
    asked = [(message(topic), topic) for topic in topics for _ in range(60)]
    tops = [trained.rank(text)[0] for text, _ in asked]
    right = np.array([top.name == topic for top, (_, topic) in zip(tops, asked, strict=True)])
    confidence = np.array([top.confidence for top in tops])
    assert 0.2 < right.mean() < 0.95  # hard enough that confidence matters
    assert ece(confidence, right) < 0.1
    assert confidence[right].mean() > confidence[~right].mean()


def test_serving_computes_the_weights_of_training() -> None:
    """Our tf-idf weights equal scikit-learn's, for every message and kind of n-gram."""
    vectorisers = [TfidfVectorizer(analyzer=analyse, sublinear_tf=True) for analyse in GRAM_KINDS]
    for vectoriser in vectorisers:
        vectoriser.fit([example for example, _ in EXAMPLES])
    ours = [GramVocabulary(v.vocabulary_, v.idf_.astype(np.float32)) for v in vectorisers]
    found = [
        [
            vocabulary.look_up(units(text), grams)
            for vocabulary, (units, grams) in zip(ours, GRAM_UNITS, strict=True)
        ]
        for text in TEXTS
    ]
    rows, weights, starts, known = weigh(ours, np.concatenate([v.idf for v in ours]), found)
    expected = np.hstack([v.transform(TEXTS).toarray() for v in vectorisers])
    for message, (start, end) in enumerate(pairwise(starts)):
        dense = np.zeros(expected.shape[1])
        dense[rows[start:end]] = weights[start:end]
        np.testing.assert_allclose(dense, expected[message], atol=1e-5)
    assert known.shape == (len(TEXTS), len(GRAM_KINDS))
    assert ((known >= 0) & (known <= 1)).all()
    assert known[0].max() > 0.5


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_those_of_scikit_learn(text: str) -> None:
    """They equal those of ``char_wb`` on text that needs no cleaning."""
    theirs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).build_analyzer()
    plain = text.lower().replace("ü", "u").replace("ö", "o").replace("12.5", "0.0")
    plain = plain.replace("ß", "ss")
    assert sorted(char_grams(text)) == sorted(theirs(plain))


def test_a_saved_model_ranks_as_before(model: IntentModel, tmp_path: Path) -> None:
    """Saving leaves no temporary file."""
    path = tmp_path / "kept" / "model.npz"
    model.save(path)
    loaded = IntentModel.load(path)
    assert [loaded.rank(text) for text in TEXTS] == [model.rank(text) for text in TEXTS]
    assert [p.name for p in path.parent.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_damaged_file_is_unusable(model: IntentModel, tmp_path: Path, damage: str) -> None:
    """Whatever is wrong with it."""
    path = tmp_path / "model.npz"
    model.save(path)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    damaged = {"empty": b"", "cut": bytes(data[:-500]), "flipped": bytes(data)}
    path.write_bytes(damaged.get(damage, b"PK not a model"))
    with pytest.raises(UnusableModel, match=r"model\.npz"):
        IntentModel.load(path)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    """A file with an array of objects is unusable: loading it would run code."""
    path = tmp_path / "model.npz"
    np.savez(path, metadata=np.array([{"names": []}], dtype=object), allow_pickle=True)
    with pytest.raises(UnusableModel):
        IntentModel.load(path)


@pytest.mark.parametrize("repeated", [1, 30])
def test_many_rows_are_reduced_as_scikit_learn_does(
    monkeypatch: pytest.MonkeyPatch, repeated: int
) -> None:
    """Also where most rows are the same, so that they span hardly more than a few dimensions."""
    monkeypatch.setattr(intent_training, "MANY_EXAMPLES", 20)
    monkeypatch.setattr(intent_training, "REDUCED", 12)
    numbers = np.random.default_rng(1)
    sparse = numbers.normal(size=(60 // repeated, 90)) * (
        numbers.random((60 // repeated, 90)) < 0.1
    )
    rows = csr_matrix(np.repeat(sparse, repeated, axis=0))
    dense = np.repeat(numbers.normal(size=(60 // repeated, 40)), repeated, axis=0)
    points, back = intent_training._reduce([rows, dense])
    wide = csr_matrix(hstack([rows, csr_matrix(dense)]))
    expected = TruncatedSVD(12, n_iter=2, random_state=0).fit_transform(wide)
    assert np.allclose(points @ points.T, expected @ expected.T, atol=1e-6)
    assert np.allclose(wide @ back, points, atol=1e-6)
