"""Passages are cut at headings, and long ones between paragraphs."""

from __future__ import annotations

from plugins.knowledge.readers.blocks import Block
from plugins.knowledge.readers.passages import MOST_WORDS, WHOLE_WORDS, passages_of_blocks


def paragraph(words: int, word: str = "word") -> Block:
    return Block(kind="paragraph", text=" ".join([word] * words))


def test_short_neighbours_are_one_passage() -> None:
    """Paragraphs under one heading are joined until there are enough words."""
    found = passages_of_blocks([paragraph(40), paragraph(50), paragraph(60), paragraph(70)])
    assert [len(p.text.split()) for p in found] == [150, 70]


def test_a_long_section_is_split_between_paragraphs() -> None:
    """No passage of paragraphs is longer than the bound, and none is cut within a sentence."""
    found = passages_of_blocks([paragraph(130)] * 4)
    assert [len(p.text.split()) for p in found] == [130] * 4
    sentence = "This is a sentence of eight words here. "
    long = Block(kind="paragraph", text=(sentence * 100).strip())
    pieces = passages_of_blocks([long])
    assert all(len(p.text.split()) <= MOST_WORDS for p in pieces)
    assert all(p.text.endswith("here.") for p in pieces)
    assert " ".join(p.text for p in pieces) == long.text


def test_tables_and_steps_are_never_split() -> None:
    """However long, up to a bound; and what introduces one stays with it."""
    table = Block(kind="table", text="\n".join(["a | b | c"] * 90))
    found = passages_of_blocks([paragraph(200), paragraph(10), table, paragraph(20)])
    assert [(p.kind, len(p.text.split("\n"))) for p in found] == [
        ("text", 1),
        ("table", 91),
        ("text", 1),
    ]


def test_a_giant_table_is_split_between_rows_with_its_header() -> None:
    """Each piece begins with the names of the columns."""
    rows = [f"row {n} | with some words | €{n}" for n in range(400)]
    found = passages_of_blocks(
        [Block(kind="table", text="\n".join(["Name | What | Price", *rows]))]
    )
    assert len(found) > 1
    assert all(p.text.startswith("Name | What | Price\n") for p in found)
    assert all(len(p.text.split()) <= WHOLE_WORDS for p in found)
    assert [line for p in found for line in p.text.split("\n")[1:]] == rows


def test_words_are_counted_where_none_are_separated() -> None:
    """A Japanese paragraph is split like any other."""
    text = "配送料は五百円です。" * 200
    found = passages_of_blocks([Block(kind="paragraph", text=text)])
    assert len(found) > 3
