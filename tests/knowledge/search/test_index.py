"""The tables below the search: what is added and removed one by one is as if built anew."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gateway import Passage
from plugins.knowledge.search.index import LoadedPassages, SearchQuestion
from plugins.knowledge.search.meaning import PassageVectors, title_of
from plugins.knowledge.search.rows import Floats, RowTable, to_bytes, unit
from plugins.knowledge.search.sentences import question_parts, sentences_of
from plugins.knowledge.search.word_index import MatterIndex, WordIndex
from plugins.knowledge.search.words import content_words

SIZE = 32


def vectors(number: int, sentences: int) -> PassageVectors:
    rows = np.random.default_rng(number).normal(size=(1 + 2 * sentences, SIZE))
    return PassageVectors(*to_bytes(unit(rows.astype(np.float32))))


def question(number: int) -> SearchQuestion:
    parts: Floats = unit(np.random.default_rng(-number % 99).normal(size=(1, SIZE)))
    matters = {f"m{number % 3}", f"m{number % 4}", "of nobody"}
    words = {f"w{number % 7}": 1, "common": 2}
    return SearchQuestion(parts=parts, words=words, near={}, matters=matters)


def add(index: LoadedPassages, id: int) -> None:
    words = [f"w{id % 7}", f"w{id % 5}", "common", f"own{id}"]
    index.add(
        id,
        id // 3,
        words=words,
        language="en",
        brand="",
        matters={f"m{id % 3}"},
        topics={f"m{id % 4}"},
    )
    index.set_vectors(id, vectors(id, id % 4))


@pytest.mark.parametrize("seed", range(5))
def test_an_index_is_what_its_passages_are(seed: int) -> None:
    """In whatever order they came and went."""
    rng = random.Random(seed)  # noqa: S311  (no secret)
    index, kept = LoadedPassages(), set[int]()
    for step in range(400):
        id = rng.randrange(120)
        if id in kept and rng.random() < 0.7:
            index.remove(id)
            kept.discard(id)
        else:
            add(index, id)
            kept.add(id)
        if step % 100 == 99:
            anew = LoadedPassages()
            for each in sorted(kept):
                add(anew, each)
            got, wanted = index.find(question(step), 10), anew.find(question(step), 10)
            assert [each.id for each in got] == [each.id for each in wanted]
            assert [each.score for each in got] == pytest.approx(
                [e.score for e in wanted], abs=1e-4
            )
            assert [each.sentences for each in got] == [each.sentences for each in wanted]
            assert len(index) == len(kept)
    for id in kept:
        assert id in index.of_document(id // 3)


def test_the_adapted_question_finds() -> None:
    """Where there is one; what the question as it stands would have said is kept beside it."""
    index = LoadedPassages()
    for id in range(12):
        add(index, id)
    asked, adapted = question(5).parts, question(6).parts
    both = index.find(SearchQuestion(parts=asked, adapted=adapted, words={}, near={}), 12)
    moved = index.find(SearchQuestion(parts=adapted, words={}, near={}), 12)
    plain = {
        each.id: each for each in index.find(SearchQuestion(parts=asked, words={}, near={}), 12)
    }
    assert [each.id for each in both] == [each.id for each in moved]
    assert [each.score for each in both] == pytest.approx([e.score for e in moved], abs=1e-5)
    assert all(each.plain is None for each in moved)
    whole = {each.id: each.plain[0] for each in both if each.plain is not None}
    assert whole == pytest.approx({id: plain[id].cosine for id in whole}, abs=1e-5)
    assert len(whole) == 9  # those with sentences


def test_memory_does_not_grow_with_changes() -> None:
    """The place of what was removed is used again."""
    index = LoadedPassages()
    for id in range(50):
        add(index, id)
    before = index.memory
    for id in range(50, 1_000):
        index.remove(id - 50)
        index.add(id, id, words=["common"], language="en", brand="")
        index.set_vectors(id, vectors(id, 2))
    assert index.memory <= before * 1.2


def test_one_byte_a_number_is_enough() -> None:
    """Cosines differ by less than a hundredth."""
    rows = unit(np.random.default_rng(1).normal(size=(500, 512)).astype(np.float32))
    asked = unit(np.random.default_rng(2).normal(size=(3, 512)).astype(np.float32))
    table = RowTable(512)
    table.add(*to_bytes(rows))
    assert np.abs(table.products(asked) - rows @ asked.T).max() < 0.01


@pytest.mark.parametrize("data", [b"", b"x", b"\x01\x02\x00\x20\x00", b"\x09" + bytes(400)])
def test_stored_vectors_of_another_layout_are_computed_again(data: bytes) -> None:
    """They are not misread."""
    assert PassageVectors.from_stored(data, SIZE) is None


def test_vectors_are_read_as_they_were_stored() -> None:
    mine = vectors(1, 3)
    read = PassageVectors.from_stored(mine.stored(), SIZE)
    assert read
    assert (read.rows == mine.rows).all()
    assert (read.factors == mine.factors).all()
    assert PassageVectors.from_stored(mine.stored(), SIZE + 1) is None


def test_rare_matters_count_more_and_their_shares_are_of_the_question() -> None:
    """What one passage of many is about tells more than what all are about."""
    index = MatterIndex()
    for slot in range(40):
        index.add(
            slot, {"price", "lost"} if slot == 7 else {"price"}, {"lost"} if slot == 7 else ()
        )
    slots = np.arange(40)
    anywhere, above = index.shared({"price", "lost", "rent"}, slots)
    assert anywhere[7] == pytest.approx(1)
    assert 0 < anywhere[6] < 0.1
    assert above.argmax() == 7
    assert not above[6]
    index.remove(7)
    assert not index.shared({"lost"}, slots)[0].any()
    assert not index.shared((), slots)[0].any()


def test_rare_words_count_more_and_repeated_ones_less() -> None:
    """As BM25 has it."""
    index = WordIndex()
    texts = ("piano piano piano piano", "piano stool", "accordion", "piano repair")
    for slot, text in enumerate(texts):
        index.add(slot, text.split())
    shared = index.shared({"piano": 1, "stool": 1}, {})
    assert shared.coverage.argmax() == 1
    assert shared.bm25[0] < 2 * shared.bm25[3]
    assert shared.bm25[2] == 0
    assert 0 < shared.coverage[1] <= 1


def test_a_near_word_counts_in_part() -> None:
    """Less than the word itself, and more than none."""
    index = WordIndex()
    for slot, word in enumerate(("parcel", "parcels", "organ")):
        index.add(slot, [word, "filler"])
    rows = np.zeros((3, 64), np.float32)
    rows[0, 0] = rows[2, 1] = 1
    rows[1, :2] = (0.9, np.sqrt(1 - 0.81))
    index.set_vectors(["parcel", "parcels", "organ"], rows)
    coverage = index.shared({"parcel": 1}, index.vectors_of(["parcel"])).coverage
    assert coverage[0] > coverage[1] > coverage[2] == 0


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "How much does the Parcel cost?", ["parcel", "cost"]),
        ("de", "Was kostet die Gebühr für 5,90 € Straße?", ["kostet", "gebuhr", "5,90", "strasse"]),
        ("fr", "Combien coûte l’échange ?", ["coute", "echange"]),
        ("ja", "送料は五百円", ["送料", "料は", "は五", "五百", "百円"]),
        ("th", "ค่าส่ง", ["ค่าส", "่าส่", "าส่ง"]),
        ("xx", "the parcel", ["the", "parcel"]),
        ("", "the parcel die Ware", ["parcel", "ware"]),
        ("en", "x" * 65 + " y", ["y"]),
    ],
)
def test_words_that_are_compared(language: str, text: str, found: list[str]) -> None:
    """Folded, without those that say nothing, cut where there are no spaces."""
    assert content_words(text, language) == found


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("text", "One is. “Two is?” Yes, four.", ["One is.", "“Two is?”", "Yes, four."]),
        ("text", "It costs ca. 5 €. Nr. 7 is free.", ["It costs ca. 5 €.", "Nr. 7 is free."]),
        ("steps", "1. Open it. Look.\n2) Close it.", ["Open it.", "Look.", "Close it."]),
        ("list", "- milk and tea\n• coffee", ["milk and tea", "coffee"]),
        ("table", "Item | Price\nPiano. Grand | 5 €", ["Item | Price", "Piano. Grand | 5 €"]),
        ("text", "一つ目です。二つ目です。", ["一つ目です。", "二つ目です。"]),
        ("text", " \n\n--\n", []),
    ],
)  # fmt: skip
def test_sentences_have_their_places(kind: str, text: str, found: list[str]) -> None:
    """Without the marks of lists."""
    spans = sentences_of(text, kind)  # type: ignore[arg-type]
    assert [text[start:end] for start, end in spans] == found


def test_a_message_is_read_in_parts() -> None:
    assert question_parts("Hello!\nMy parcel is late. Where is it?") == [
        "Hello!",
        "My parcel is late.",
        "Where is it?",
    ]


def test_a_passage_is_about_its_title_its_headings_and_its_question() -> None:
    passage = Passage(
        id=1,
        document=1,
        version=1,
        source=1,
        title="Delivery",
        location="a",
        language="en",
        headings=("Delivery", "Islands"),
        question="How long?",
        text="A week.",
    )
    assert title_of(passage) == "Delivery. Islands. How long?"
