"""What was learnt of English from GoEmotions, and that it is what the notice says."""

from __future__ import annotations

import hashlib
import os
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from plugins.nlu_local import learning
from plugins.nlu_local.background import rarity
from plugins.nlu_local.tone import KINDS, Tone, sounds

SOURCE = {"name": "a few comments", "licence": "MIT", "sha256": "0" * 64}
DATA = files("plugins.nlu_local").joinpath("data")


@pytest.fixture(scope="module")
def tone() -> Tone:
    return Tone.shipped()


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ("you ruined my whole week", "you made my whole week"),
        ("this is so sad and unfair", "this is so nice and fair"),
        ("I am terrified of what comes next", "I am curious what comes next"),
        ("disgusting, never going back", "delicious, going back soon"),
    ],
)
def test_the_worse_sounds_worse(tone: Tone, worse: str, better: str) -> None:
    """Sentences that differ by a few words are ranked as people would."""
    assert tone.of(worse) > tone.of(better)


def test_nothing_said_is_nothing_heard(tone: Tone) -> None:
    """Without words there is no more than what is learnt of no words at all."""
    assert tone.of("") == tone.of("12 34") == tone.of("https://example.com/sad")


def test_what_it_counts_has_a_direction(tone: Tone) -> None:
    """Signs of distress raise it, signs of joy lower it; no weight was learnt upside down."""
    for name in ("angry", "frustrated", "anxious", "trouble", "against", "tone"):
        assert tone.join[name] > 0, name
    assert tone.join["pleased"] < 0
    assert tone.join["favour"] < 0


def test_the_notice_names_what_it_was_learnt_from(tone: Tone) -> None:
    """Name, licence and hash of the source stand in the notice; the files are small."""
    notice = DATA.joinpath("NOTICE").read_text("utf-8")
    assert tone.source["name"] in notice
    assert "Apache License, Version 2.0" in notice
    assert tone.source["sha256"] in notice
    sizes = [len(DATA.joinpath(name).read_bytes()) for name in ("emotion.npz", "background.npz")]
    assert sum(sizes) < 2_000_000


def test_no_comment_is_shipped() -> None:
    """What is kept are words, pairs of them and pieces of at most five characters."""
    with DATA.joinpath("emotion.npz").open("rb") as file, np.load(file) as kept:
        grams = kept["grams"].tobytes().decode().split("\n")
        first = int(kept["words"])
    assert max(len(re.findall(r"\S+", gram)) for gram in grams) <= 2
    assert max(map(len, grams[first:])) <= 5


def test_serving_counts_as_training_did() -> None:
    """What is learnt from a few comments gives a sentence what scikit-learn gives it."""
    texts = ["I am sad", "so very sad today", "what a happy day", "happy, happy me"] * 5
    arrays = learning.learn(texts, np.array([True, True, False, False] * 5), SOURCE)
    grams = arrays["grams"].tobytes().decode().split("\n")
    first = int(arrays["words"])
    expected = float(arrays["bias"])
    for cut, part in zip(KINDS, (slice(0, first), slice(first, None)), strict=True):
        theirs = TfidfVectorizer(analyzer=cut, sublinear_tf=True, vocabulary=grams[part])
        theirs.fit([sounds(text) for text in texts])
        row = theirs.transform([sounds("sad sad day")]).toarray()[0]
        expected += float(row @ arrays["weights"][part].astype(float))
    assert Tone(arrays).of("sad sad day") == pytest.approx(expected, abs=0.01)
    assert Tone(arrays).source == SOURCE


def test_common_words_are_common_whatever_the_examples() -> None:
    """What everybody says weighs less than what few say, and what nobody knows weighs most."""
    found = rarity(["the", "parcel", "zyxqwvu"], np.array([7.0, 7.0, 7.0], np.float32))
    assert found[0] < found[1] <= found[2]


@pytest.mark.skipif(
    not (
        source := Path(os.environ.get("GOEMOTIONS", "../shared/data/goemotions_train.csv"))
    ).is_file(),
    reason="goemotions_train.csv is not here",
)
def test_the_source_is_the_one_that_is_named(tone: Tone) -> None:
    """Where GoEmotions lies beside the project, it is the very file that was learnt from."""
    assert hashlib.sha256(source.read_bytes()).hexdigest() == tone.source["sha256"]
