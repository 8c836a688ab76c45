"""Intents learnt with an encoder beside the n-grams. The encoder is a fake here, and a real one in
`real_semantic`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway import Settings, WarmlineError
from gateway.settings import DeclaredSection, load
from plugins.nlu_local import encoder
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.encoder import CACHED_EMBEDDINGS, TransformersEncoder
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.intent_model import IntentModel
from plugins.nlu_local.intent_training import train
from plugins.nlu_local.model_store import fingerprint
from plugins.nlu_local.plugin import NluLocalSettings
from plugins.nlu_local.protocol import EncoderUnavailable, UnusableModel

from .conftest import EXAMPLES, turns

MEANINGS = (
    {"open", "opening", "close", "hours", "closed", "schließen"},
    {"refund", "money", "reimburse", "geld"},
    {"delivery", "shipping", "ship", "parcel", "delivered", "consignment"},
)


class FakeEncoder:
    """Knows which words have the same meaning."""

    size = len(MEANINGS) + 1

    def __init__(self, name: str = "fake") -> None:
        self.name = name

    def encode(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        words = [set(text.lower().replace("?", " ").split()) for text in texts]
        points = np.array([[*(len(w & m) for m in MEANINGS), 0.2] for w in words], np.float32)
        return points / np.linalg.norm(points, axis=1, keepdims=True)

    def fingerprint(self) -> str:
        return self.name


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return train(EXAMPLES, encoder=FakeEncoder())


def test_other_words_with_the_same_meaning_are_understood(model: IntentModel) -> None:
    """With more confidence than without the encoder."""
    plain = train(EXAMPLES)
    for text, intent in (("reimburse me", "refund"), ("consignment?", "shipping")):
        guess = model.rank(text)[0]
        assert guess.name == intent
        assert guess.confidence > plain.rank(text)[0].confidence


def test_confidence_is_low_far_from_every_example(model: IntentModel) -> None:
    """The similarity to the nearest example counts."""
    similarity = model.evidence(["When do you open?", "jazz"]).similarity
    assert similarity is not None
    assert similarity[0] == pytest.approx(1.0, abs=1e-5)
    assert similarity[1] < 0.5
    assert model.rank("jazz")[0].confidence < model.rank("When do you open?")[0].confidence


def test_out_of_scope_examples_do_not_count_as_similar() -> None:
    """Only the others, and the intents' names."""
    chat = [(f"{word} jazz", "oos") for word in ("do you like", "play me", "the history of")]
    trained = train([*EXAMPLES, *chat], encoder=FakeEncoder())
    assert trained.embedding is not None
    assert len(trained.embedding.neighbours.examples) == len(EXAMPLES) + 3
    assert "oos" not in {guess.name for guess in trained.rank("do you like jazz?")}


def test_a_saved_model_works_only_with_its_encoder(model: IntentModel, tmp_path: Path) -> None:
    """Then it ranks as before."""
    path = tmp_path / "model.npz"
    model.save(path)
    texts = ["When do you open?", "reimburse me", ""]
    assert IntentModel.load(path, FakeEncoder()).rank_all(texts) == model.rank_all(texts)
    with pytest.raises(UnusableModel, match="another sentence encoder"):
        IntentModel.load(path, FakeEncoder("other"))


def test_a_model_without_an_encoder_cannot_be_loaded_with_one(tmp_path: Path) -> None:
    """Its file lacks the weights of the embeddings, so it must be trained again."""
    path = tmp_path / "model.npz"
    train(EXAMPLES).save(path)
    with pytest.raises(UnusableModel):
        IntentModel.load(path, FakeEncoder())


def test_the_fingerprint_depends_on_the_encoder() -> None:
    """By its name."""
    assert (
        len({fingerprint(EXAMPLES), fingerprint(EXAMPLES, "one"), fingerprint(EXAMPLES, "two")})
        == 3
    )


# -- the encoder ---------------------------------------------------------------------------------


class FakeSentenceTransformer:
    """Records the texts it encodes."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: list[str], **_: object) -> np.ndarray[Any, np.dtype[np.float64]]:
        self.encoded += texts
        return np.array([[len(text), 1.0] for text in texts])


@pytest.fixture
def library_model(monkeypatch: pytest.MonkeyPatch) -> FakeSentenceTransformer:
    fake = FakeSentenceTransformer()
    monkeypatch.setattr(encoder, "_load", lambda name: fake)
    return fake


def test_each_text_is_encoded_once(library_model: FakeSentenceTransformer) -> None:
    """Rows come in the order of the texts, and the cache is bounded."""
    caching = TransformersEncoder("any")
    assert caching.size == 2
    library_model.encoded.clear()
    assert caching.encode(["aa", "b", "aa"])[:, 0].tolist() == [2.0, 1.0, 2.0]
    assert caching.encode(["b", "ccc"])[:, 0].tolist() == [1.0, 3.0]
    assert library_model.encoded == ["aa", "b", "ccc"]
    many = [str(number) for number in range(CACHED_EMBEDDINGS + 10)]
    assert caching.encode(many).shape == (len(many), 2)
    caching.encode(["aa"])
    assert library_model.encoded[-1] == "aa"
    caching.clear_cache()
    caching.encode(["aa"])
    assert library_model.encoded[-2:] == ["aa", "aa"]


def test_no_texts_give_no_rows(library_model: FakeSentenceTransformer) -> None:
    """Without a call of the model."""
    empty = TransformersEncoder("any")
    library_model.encoded.clear()
    assert empty.encode([]).shape == (0, 2)
    assert library_model.encoded == []


def test_a_long_text_is_truncated(library_model: FakeSentenceTransformer) -> None:
    """The model reads a bounded part of it."""
    assert TransformersEncoder("any").encode(["x" * 100_000])[0, 0] == 2_000


def test_without_the_library_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the extra."""
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    with pytest.raises(EncoderUnavailable, match=r"pip install 'warmline\[semantic\]'"):
        TransformersEncoder("any")


# -- the settings --------------------------------------------------------------------------------


def settings(folder: Path, semantic: str) -> Settings:
    file = folder / "warmline.yaml"
    file.write_text(f"plugins:\n  nlu_local:\n    semantic: {semantic}\n", "utf-8")
    section = DeclaredSection(name="plugins.nlu_local", model=NluLocalSettings)
    return load(file, [section], {"WARMLINE_DATA_DIR": str(folder / "var")})


def test_without_the_extra_the_setting_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.setattr(nlu_local, "find_spec", lambda name: None)
    with pytest.raises(WarmlineError, match=r"plugins\.nlu_local\.semantic needs"):
        nlu_local.register_understanders([].append, settings(tmp_path, "all-MiniLM-L6-v2"))


@pytest.mark.parametrize("name", ["./gone", "/nowhere/at/all", "a/b/c", "../x"])
def test_a_missing_folder_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """When the value cannot be a name on the hub either."""
    monkeypatch.setattr(nlu_local, "find_spec", lambda name: object())
    with pytest.raises(WarmlineError, match="there is no folder"):
        nlu_local.register_understanders([].append, settings(tmp_path, name))


async def test_without_its_encoder_it_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The readiness check gives the reason."""
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    engine = NluLocal(examples=EXAMPLES, folder=tmp_path, semantic=str(tmp_path))
    with pytest.raises(EncoderUnavailable):
        await engine.understand(turns("hello"))
    assert "sentence-transformers is not installed" in (await engine.trouble() or "")
