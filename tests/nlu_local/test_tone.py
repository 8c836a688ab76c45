"""The model learnt from GoEmotions, and what the notice says of it."""

from __future__ import annotations

import hashlib
import os
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from plugins.nlu_local.intent_training import background_idf
from plugins.nlu_local.mood.tone import GRAM_KINDS, ToneModel, emotion_tokens
from plugins.nlu_local.mood.tone_training import learn_emotion

SOURCE = {"name": "a few comments", "licence": "MIT", "sha256": "0" * 64}
DATA = files("plugins.nlu_local").joinpath("data")


@pytest.fixture(scope="module")
def model() -> ToneModel:
    return ToneModel.load()


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ("you ruined my whole week", "you made my whole week"),
        ("this is so sad and unfair", "this is so nice and fair"),
        ("I am terrified of what comes next", "I am curious what comes next"),
        ("disgusting, never going back", "delicious, going back soon"),
    ],
)
def test_the_sadder_sentence_scores_higher(model: ToneModel, worse: str, better: str) -> None:
    """Sentences that differ by a few words are ranked as people would rank them."""
    assert model.score(worse) > model.score(better)


def test_text_without_words_has_the_score_of_no_text(model: ToneModel) -> None:
    """Digits and links do not count."""
    assert model.score("") == model.score("12 34") == model.score("https://example.com/sad")


def test_weights_have_the_right_sign(model: ToneModel) -> None:
    """Signs of distress raise it, signs of joy lower it."""
    weights = model.sign_weights
    for name in ("angry", "frustrated", "anxious", "trouble", "against", "tone"):
        assert weights[name] > 0, name
    assert weights["pleased"] < 0
    assert weights["favour"] < 0


def test_the_notice_names_the_source(model: ToneModel) -> None:
    """The notice has name, licence and hash of the source; the files are small."""
    notice = DATA.joinpath("NOTICE").read_text("utf-8")
    assert model.source["name"] in notice
    assert "Apache License, Version 2.0" in notice
    assert model.source["sha256"] in notice
    sizes = [len(DATA.joinpath(name).read_bytes()) for name in ("emotion.npz", "background.npz")]
    assert sum(sizes) < 2_000_000


def test_no_comment_is_shipped() -> None:
    """The file has words, pairs of them and pieces of at most five characters."""
    with DATA.joinpath("emotion.npz").open("rb") as file, np.load(file) as arrays:
        grams = arrays["grams"].tobytes().decode().split("\n")
        first = int(arrays["words"])
    assert max(len(re.findall(r"\S+", gram)) for gram in grams) <= 2
    assert max(map(len, grams[first:])) <= 5


def test_serving_computes_the_score_of_training() -> None:
    """A model learnt from a few comments scores a sentence as scikit-learn does."""
    texts = ["I am sad", "so very sad today", "what a happy day", "happy, happy me"] * 5
    arrays = learn_emotion(texts, np.array([True, True, False, False] * 5), SOURCE)
    grams = arrays["grams"].tobytes().decode().split("\n")
    first = int(arrays["words"])
    expected = float(arrays["bias"])
    for analyse, part in zip(GRAM_KINDS, (slice(0, first), slice(first, None)), strict=True):
        vectoriser = TfidfVectorizer(analyzer=analyse, sublinear_tf=True, vocabulary=grams[part])
        vectoriser.fit([emotion_tokens(text) for text in texts])
        row = vectoriser.transform([emotion_tokens("sad sad day")]).toarray()[0]
        expected += float(row @ arrays["weights"][part].astype(float))
    model = ToneModel(arrays)
    assert model.score("sad sad day") == pytest.approx(expected, abs=0.01)
    assert model.source == SOURCE


def test_common_words_weigh_little_whatever_the_examples() -> None:
    """A common word weighs less than a rare one, and an unknown word weighs most."""
    found = background_idf(["the", "parcel", "zyxqwvu"], np.array([7.0, 7.0, 7.0], np.float32))
    assert found[0] < found[1] <= found[2]


@pytest.mark.skipif(
    not (
        source := Path(os.environ.get("GOEMOTIONS", "../shared/data/goemotions_train.csv"))
    ).is_file(),
    reason="there is no goemotions_train.csv",
)
def test_the_source_has_the_hash_in_the_model(model: ToneModel) -> None:
    """Where the file of GoEmotions lies beside the project, it is the one the model learnt from."""
    assert hashlib.sha256(source.read_bytes()).hexdigest() == model.source["sha256"]
