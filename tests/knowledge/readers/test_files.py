"""Markdown, text, DOCX, PDF: the files of the test help centre, and odd ones."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import docx
import pytest

from plugins.knowledge.readers.blocks import UnreadableDocument
from plugins.knowledge.readers.reading import format_of
from tests.knowledge.readers.reading import passages, read_as
from tests.knowledge.test_helpcentre import SHOP

MARKDOWN = """---
title: Returns
updated: 2026-05-03
lang: en
---
# Returns

You have **30 days**.

## How it works {#how}

1. Print the label.
2. Send it.

## What it costs

| Country | Price |
|---|---|
| Spain | €7 |

## What it costs
Nothing for members.
"""


def test_markdown() -> None:
    """Front matter, lists, tables, and the anchors that site generators give."""
    (result,) = read_as("markdown", MARKDOWN)
    document = result.document
    assert (document.title, document.language) == ("Returns", "en")
    assert document.updated_at == datetime(2026, 5, 3, tzinfo=UTC)
    assert [(p.kind, p.anchor, p.text) for p in document.passages] == [
        ("text", "returns", "You have 30 days."),
        ("steps", "how", "1. Print the label.\n2. Send it."),
        ("table", "what-it-costs", "Country | Price\nSpain | €7"),
        ("text", "what-it-costs-1", "Nothing for members."),
    ]


def test_plain_text() -> None:
    """Paragraphs stand between empty lines."""
    (found,) = passages("text", "Opening hours\n\nWe open at nine.\nWe close at five.\n")
    assert found.text == "Opening hours\nWe open at nine.\nWe close at five."


def test_the_booklet_in_pdf() -> None:
    """Headings by the size of letters, tables by their lines, steps; no running titles."""
    (result,) = read_as("pdf", (SHOP / "service_booklet.pdf").read_bytes())
    document = result.document
    assert document.title == "Warranty and service booklet"
    by_heading = {p.headings[-1]: p for p in document.passages if p.headings}
    table = by_heading["3. Service intervals"]
    assert (table.kind, table.anchor) == ("table", "page=1")
    assert "Halvard Grand | felt renewed, action regulated | 4 years | €236" in table.text
    claim = by_heading["4. How to make a claim"]
    assert (claim.kind, claim.anchor) == ("steps", "page=2")
    assert "5. Send the instrument within 21 days of getting the number" in claim.text
    text = "\n".join(p.text for p in document.passages)
    assert "Warranty and service booklet ·" not in text


def test_the_policy_in_docx() -> None:
    """Headings, bullets, numbered steps and tables in their order."""
    (result,) = read_as("docx", (SHOP / "shipping_policy.docx").read_bytes())
    by_heading = {p.headings[-1]: p for p in result.document.passages if p.headings}
    packing, parcels = by_heading["Packing"], by_heading["Undeliverable parcels"]
    assert (packing.kind, parcels.kind) == ("list", "steps")
    assert "- Batteries: label UN 3481 on the long side" in packing.text
    assert "\n2. Day 8: write again" in parcels.text


def test_a_docx_with_tables_and_bold_headings() -> None:
    """A table stays whole; a short bold line is a heading."""
    document = docx.Document()
    document.add_paragraph("").add_run("Prices abroad").bold = True
    document.add_paragraph("All prices include taxes.")
    table = document.add_table(rows=2, cols=2)
    for row, texts in zip(table.rows, (("Country", "Price"), ("Spain", "€7")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    out = io.BytesIO()
    document.save(out)
    (found,) = passages("docx", out.getvalue())
    assert (found.kind, found.text) == (
        "table",
        "All prices include taxes.\nCountry | Price\nSpain | €7",
    )
    assert found.headings in ((), ("Prices abroad",))


@pytest.mark.parametrize(
    ("format", "data", "says"),
    [
        ("pdf", b"<html>not found</html>", "no PDF"),
        ("pdf", b"%PDF-1.4\ngarbage", "PDF"),
        ("docx", b"PK\x03\x04 broken", "damaged"),
        ("docx", b"plain text", "damaged"),
        ("xlsx", b"a;b;c", "damaged"),
    ],
)
def test_a_damaged_file_says_what_to_do(format: str, data: bytes, says: str) -> None:
    """The message names the trouble and the remedy."""
    with pytest.raises(UnreadableDocument, match=says) as caught:
        read_as(format, data)  # type: ignore[arg-type]
    assert "save" in str(caught.value) or "OCR" in str(caught.value)


@pytest.mark.parametrize(
    ("media_type", "name", "format"),
    [
        ("text/html; charset=utf-8", "/a", "html"),
        ("application/octet-stream", "/a.pdf", "pdf"),
        ("text/plain", "/a.md", "markdown"),
        ("text/plain", "/a", "text"),
        ("", "/a.XLSX", "xlsx"),
        ("image/png", "/a.html", None),
        ("text/html", "/a.pdf", "html"),
    ],
)
def test_the_format(media_type: str, name: str, format: str | None) -> None:
    """The server's type decides, unless it says nothing."""
    assert format_of(media_type, name) == format
