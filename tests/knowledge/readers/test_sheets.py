"""Spreadsheets of questions and answers."""

from __future__ import annotations

import io

import openpyxl
import pytest

from plugins.knowledge.readers.blocks import UnreadableDocument
from tests.knowledge.readers.reading import passages, read_as
from tests.knowledge.test_helpcentre import SHOP


@pytest.mark.parametrize(
    "header",
    [
        "question,answer",
        "Frage;Antwort",
        "Pregunta\tRespuesta",
        "Domanda;Risposta",
        "Customer question,Our answer",
        "Kategorie;Frage;Antwort",
        "title,body",
        "質問,回答",
    ],
)
def test_columns_are_found_by_their_names(header: str) -> None:
    """In several languages, in any order, with any separator."""
    separator = next(sign for sign in ";\t," if sign in header)
    cells = ["Delivery"] * (header.count(separator) - 1) + ["How long?", '"Two days, or three."']
    (found,) = passages("csv", f"{header}\n{separator.join(cells)}\n")
    assert (found.kind, found.question, found.text) == (
        "question",
        "How long?",
        "Two days, or three.",
    )
    assert found.anchor == "row=2"


def test_the_saved_replies() -> None:
    """A document a language, and every row of the shop's file."""
    results = read_as("xlsx", (SHOP / "saved_replies.xlsx").read_bytes(), name="Saved replies")
    assert [result.document.language for result in results] == ["en", "de"]
    assert sum(len(result.document.passages) for result in results) == 18
    assert len({result.document.location for result in results}) == 2


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,b\n1,2\n", r"row 1 names no column of questions .*it has: a, b.*write"),
        ("question,answer\nWhen?,\n", r"row 2 has the question 'When\?' and no answer; write"),
        ("question,answer\n\n,Soon\n", r"row 3 has an answer and no question .*write"),
        ("question,answer\n", r"no row below the columns' names; add one"),
        ("question,answer\nWhen?," + "x" * 30_000, r"row 2 has 30000 characters.*Shorten"),
    ],
)
def test_an_error_names_the_row_and_the_remedy(rows: str, says: str) -> None:
    """So that whoever made the sheet can mend it."""
    with pytest.raises(UnreadableDocument, match=says):
        read_as("csv", rows)


def test_a_sheet_without_questions_beside_one_with() -> None:
    """Notes on another sheet do not matter; an error names the sheet."""
    book = openpyxl.Workbook()
    notes = book.active
    notes.title = "Notes"
    notes.append(["just", "notes"])
    sheet = book.create_sheet("FAQ")
    sheet.append(["Question", "Answer", "Category"])
    sheet.append(["When?", "At 9", "Hours"])
    sheet.append(["Price?", 5.0, "Money"])
    out = io.BytesIO()
    book.save(out)
    found = passages("xlsx", out.getvalue())
    assert [(p.headings, p.question, p.text) for p in found] == [
        (("Hours",), "When?", "At 9"),
        (("Money",), "Price?", "5"),
    ]
