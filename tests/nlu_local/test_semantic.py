"""Intents learnt with an encoder beside the n-grams; the encoder is played here, and real in
`real_semantic`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway import Settings, WarmlineError
from gateway.settings import DeclaredSection, load
from plugins.nlu_local import config, encoder
from plugins.nlu_local import guest as nlu_local
from plugins.nlu_local.config import NluLocalSettings
from plugins.nlu_local.encoder import REMEMBERED, Encoder
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.failures import BadModel, NoEncoder
from plugins.nlu_local.intent import IntentModel
from plugins.nlu_local.store import fingerprint
from plugins.nlu_local.training import train

from .conftest import ROWS, turns

MEANINGS = (
    {"open", "opening", "close", "hours", "closed", "schließen"},
    {"refund", "money", "reimburse", "geld"},
    {"delivery", "shipping", "ship", "parcel", "delivered", "consignment"},
)


class Played:
    """Knows which words mean the same."""

    size = len(MEANINGS) + 1

    def __init__(self, name: str = "played") -> None:
        self.name = name

    def encode(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        words = [set(text.lower().replace("?", " ").split()) for text in texts]
        points = np.array([[*(len(w & m) for m in MEANINGS), 0.2] for w in words], np.float32)
        return points / np.linalg.norm(points, axis=1, keepdims=True)

    def fingerprint(self) -> str:
        return self.name


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return train(ROWS, encoder=Played())


def test_what_means_the_same_is_understood(model: IntentModel) -> None:
    """Words that no example has, with a meaning that some have, tell the intent."""
    plain = train(ROWS)
    for text, intent in (("reimburse me", "refund"), ("consignment?", "shipping")):
        guess = model.rank(text)[0]
        assert guess.name == intent
        assert guess.confidence > plain.rank(text)[0].confidence


def test_what_is_near_no_example_is_less_sure(model: IntentModel) -> None:
    """How far the nearest example lies counts in the confidence."""
    evidence = model.evidence(["When do you open?", "jazz"])
    assert evidence.near is not None
    assert evidence.near[0] == pytest.approx(1.0, abs=1e-5)
    assert evidence.near[1] < 0.5
    assert model.rank("jazz")[0].confidence < model.rank("When do you open?")[0].confidence


def test_out_of_scope_is_learnt_with_it_too() -> None:
    """Examples of ``oos`` are no examples to be near to."""
    chat = [(f"{word} jazz", "oos") for word in ("do you like", "play me", "the history of")]
    taught = train([*ROWS, *chat], encoder=Played())
    assert taught.meaning is not None
    assert len(taught.meaning.examples) == len(ROWS) + 3  # and the intents' names
    assert "oos" not in {guess.name for guess in taught.rank("do you like jazz?")}


def test_it_comes_back_from_its_file(model: IntentModel, tmp_path: Path) -> None:
    """What was saved ranks as before, with the encoder it was trained with and no other."""
    path = tmp_path / "model.npz"
    model.save(path)
    texts = ["When do you open?", "reimburse me", ""]
    assert IntentModel.load(path, Played()).rank_all(texts) == model.rank_all(texts)
    with pytest.raises(BadModel, match="another sentence-transformers model"):
        IntentModel.load(path, Played("other"))


def test_a_model_without_an_encoder_is_not_taken_for_one_with(tmp_path: Path) -> None:
    """Its file lacks what the encoder was taught, and it is learnt anew."""
    path = tmp_path / "model.npz"
    train(ROWS).save(path)
    with pytest.raises(BadModel):
        IntentModel.load(path, Played())


def test_another_encoder_is_another_file() -> None:
    """Models are kept by the encoder's name, too."""
    assert len({fingerprint(ROWS), fingerprint(ROWS, "one"), fingerprint(ROWS, "two")}) == 3


# -- the encoder ---------------------------------------------------------------------------------


class Library:
    """In place of the library: counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: list[str], **_: object) -> np.ndarray[Any, np.dtype[np.float64]]:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts])


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setattr(encoder, "_load", lambda name: made)
    return made


def test_each_text_is_read_once(library: Library) -> None:
    """Rows come in the order of the texts, however often each is asked; what was just read is
    remembered, and not for ever."""
    one = Encoder("any")
    assert one.size == 2
    library.asked.clear()
    assert one.encode(["aa", "b", "aa"])[:, 0].tolist() == [2.0, 1.0, 2.0]
    assert one.encode(["b", "ccc"])[:, 0].tolist() == [1.0, 3.0]
    assert library.asked == ["aa", "b", "ccc"]
    many = [str(number) for number in range(REMEMBERED + 10)]
    assert one.encode(many).shape == (len(many), 2)
    one.encode(["aa"])
    assert library.asked[-1] == "aa"


def test_no_text_is_no_row(library: Library) -> None:
    """An empty batch is answered without asking anybody."""
    one = Encoder("any")
    library.asked.clear()
    assert one.encode([]).shape == (0, 2)
    assert library.asked == []


def test_a_long_text_is_cut(library: Library) -> None:
    """What is read of a message is bounded."""
    assert Encoder("any").encode(["x" * 100_000])[0, 0] == 2_000


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    with pytest.raises(NoEncoder, match=r"pip install 'warmline\[semantic\]'"):
        Encoder("any")


# -- the settings --------------------------------------------------------------------------------


def settings(folder: Path, semantic: str) -> Settings:
    file = folder / "warmline.yaml"
    file.write_text(f"plugins:\n  nlu_local:\n    semantic: {semantic}\n", "utf-8")
    one = DeclaredSection(name="plugins.nlu_local", model=NluLocalSettings)
    return load(file, [one], {"WARMLINE_DATA_DIR": str(folder / "var")})


def test_the_extra_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start stops and says what to install."""
    monkeypatch.setattr(config, "find_spec", lambda name: None)
    with pytest.raises(WarmlineError, match=r"plugins\.nlu_local\.semantic needs"):
        nlu_local.register_understanders([].append, settings(tmp_path, "all-MiniLM-L6-v2"))


@pytest.mark.parametrize("name", ["./gone", "/nowhere/at/all", "a/b/c", "../x"])
def test_there_is_no_such_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What is no folder and cannot be a name on the hub stops the start."""
    monkeypatch.setattr(config, "find_spec", lambda name: object())
    with pytest.raises(WarmlineError, match="there is no folder"):
        nlu_local.register_understanders([].append, settings(tmp_path, name))


async def test_a_model_that_cannot_be_had_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that holds no model: not ready, with the reason."""
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    engine = NluLocal(rows=ROWS, folder=tmp_path, semantic=str(tmp_path))
    with pytest.raises(NoEncoder):
        await engine.understand(turns("hello"))
    assert "sentence-transformers is not installed" in (await engine.trouble() or "")
