"""Spreadsheets of questions and answers: CSV and XLSX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from plugins.knowledge.readers.archives import check_archive
from plugins.knowledge.readers.blocks import (
    Block,
    ReadDocument,
    UnreadableDocument,
    clean_line,
    clean_lines,
)

MOST_ROWS = 50_000
MOST_CELL = 20_000
"""Characters of a cell; spreadsheets allow 32,767."""
MOST_COLUMNS = 200
HEADER_ROWS = 10
"""The row with the columns' names is among the first so many."""
QUESTIONS = frozenset(
    "question questions q frage fragen kundenfrage pregunta preguntas pergunta perguntas domanda "
    "domande vraag vragen pytanie fråga soru 質問 问题 السؤال سؤال".split()
)
TITLES = frozenset(
    "title titel titre título titolo subject betreff sujet asunto oggetto onderwerp trigger "
    "shortcut macro name".split()
)
"""What stands for the question in lists of saved replies, where no column is named as one."""
ANSWERS = frozenset(
    "answer answers a antwort antworten réponse réponses reponse respuesta respuestas resposta "
    "respostas risposta risposte antwoord antwoorden odpowiedź odpowiedz svar cevap yanıt reply "
    "replies response text body content inhalt texte contenu contenido texto 回答 答案 الجواب "
    "جواب إجابة".split()
)
CATEGORIES = frozenset(
    "category topic section group kategorie thema bereich catégorie rubrique categoría tema "
    "categoria argomento kategoria kategori カテゴリ 分类 folder".split()
)
LANGUAGES = frozenset(
    "language lang locale sprache langue idioma lingua taal język språk dil".split()
)
_COLUMNS = (
    ("question", QUESTIONS),
    ("answer", ANSWERS),
    ("category", CATEGORIES),
    ("language", LANGUAGES),
    ("title", TITLES),
)
_WORDS = re.compile(r"[^\W_]+")


def read_csv(data: bytes, name: str = "") -> tuple[ReadDocument, ...]:
    """Read questions and answers. Separators may be commas, semicolons or tabs. Raises
    UnreadableDocument that names the row and how to mend it."""
    text = _decoded(data)
    csv.field_size_limit(MOST_CELL * 4)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter):
            if len(rows) > MOST_ROWS:
                raise UnreadableDocument(f"has more than {MOST_ROWS} rows; split the file")
            rows.append(row[:MOST_COLUMNS])
    except csv.Error as error:
        what = f"row {len(rows) + 1} cannot be read ({error})"
        raise UnreadableDocument(
            f'{what}; close its quotation marks, or double those within ("")'
        ) from error
    return _documents(rows, name)


def read_xlsx(data: bytes, name: str = "") -> tuple[ReadDocument, ...]:
    """Read questions and answers of every sheet that has both. Raises UnreadableDocument."""
    check_archive(data, "XLSX file")
    import openpyxl  # noqa: PLC0415  (used in the process that reads)

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [(sheet.title, list(_rows(sheet))) for sheet in book.worksheets]
    except UnreadableDocument:
        raise
    except Exception as error:  # the library raises what its parts raise
        raise UnreadableDocument(
            f"the XLSX file cannot be read ({type(error).__name__}: {error}); save it anew as .xlsx"
        ) from error
    found: list[ReadDocument] = []
    problems: list[UnreadableDocument] = []
    for title, rows in sheets:
        if not any(any(row) for row in rows):
            continue
        try:
            found += _documents(rows, title if len(sheets) > 1 else name, sheet=title)
        except UnreadableDocument as error:
            problems.append(error)
    if not found:
        raise problems[0] if problems else UnreadableDocument("the XLSX file has no rows; fill it")
    return tuple(found)


def _rows(sheet: Any) -> Iterator[list[str]]:
    # A sheet may claim a million rows; only those with cells are read.
    for count, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True)):
        if count > MOST_ROWS:
            raise UnreadableDocument(
                f"the sheet {sheet.title!r} has more than {MOST_ROWS} rows; split it, or delete "
                "the empty rows at its end"
            )
        yield [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _documents(
    rows: Sequence[Sequence[str]], name: str, sheet: str = ""
) -> tuple[ReadDocument, ...]:
    where = f"sheet {sheet!r}, " if sheet else ""
    header, columns = _columns(rows, where)
    question, answer = columns["question"], columns["answer"]
    blocks: dict[str, list[Block]] = {}
    category = ""
    for number, row in enumerate(rows[header + 1 :], header + 2):
        asked, said = clean_line(_at(row, question)), clean_lines(_at(row, answer))
        if not asked and not said:
            continue
        if not said:
            raise UnreadableDocument(
                f"{where}row {number} has the question {asked[:60]!r} and no answer; write the "
                "answer, or delete the row"
            )
        if not asked:
            raise UnreadableDocument(
                f"{where}row {number} has an answer and no question ({said[:60]!r}); write the "
                "question, or delete the row"
            )
        if len(said) > MOST_CELL or len(asked) > 1000:
            raise UnreadableDocument(
                f"{where}row {number} has {max(len(said), len(asked))} characters in a cell; at "
                f"most 1000 are read of a question and {MOST_CELL} of an answer. Shorten it, or "
                "make a document of it"
            )
        language = clean_line(_at(row, columns.get("language"))).lower()[:2]
        into = blocks.setdefault(language, [])
        named = clean_line(_at(row, columns.get("category")))
        if named and named != category:
            into.append(Block(kind="heading", text=named, level=2))
        category = named
        into.append(
            Block(
                kind="question",
                text=said if not _is_html(said) else _html_text(said),
                question=asked,
                anchor=f"row={number}",
            )
        )
    if not any(blocks.values()):
        raise UnreadableDocument(f"{where}there is no row below the columns' names; add one")
    return tuple(
        ReadDocument(
            title=name,
            blocks=tuple(found),
            language=language if language.isalpha() else "",
            part="-".join(filter(None, (sheet, language if len(blocks) > 1 else ""))),
        )
        for language, found in blocks.items()
    )


def _columns(rows: Sequence[Sequence[str]], where: str) -> tuple[int, dict[str, int]]:
    """The row of the columns' names, and where each kind of column is."""
    for number, row in enumerate(rows[:HEADER_ROWS]):
        found: dict[str, int] = {}
        for kind, names in _COLUMNS:
            at = (i for i, cell in enumerate(row) if _named(cell, names))
            if (free := next((i for i in at if i not in found.values()), None)) is not None:
                found[kind] = free
        asked = found.get("question", found.get("title"))
        if asked is not None and "answer" in found:
            return number, {**found, "question": asked}
    first = [clean_line(cell) for cell in (rows[0] if rows else []) if clean_line(cell)]
    shown = ", ".join(first[:6]) or "nothing"
    raise UnreadableDocument(
        f"{where}row 1 names no column of questions and none of answers (it has: {shown}); write "
        "`question` and `answer`, or the words of your language, above the columns"
    )


def _named(cell: str, names: frozenset[str]) -> bool:
    words = _WORDS.findall(cell.lower())
    return 0 < len(words) <= 4 and any(word in names for word in words)


def _at(row: Sequence[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""


def _is_html(text: str) -> bool:
    return bool(re.search(r"<(?:p|br|ul|ol|div|b|strong|a)\b[^>]*>", text, re.IGNORECASE))


def _html_text(text: str) -> str:
    from plugins.knowledge.readers.html import read_fragment  # noqa: PLC0415

    return "\n".join(block.text for block in read_fragment(text, "").blocks)


def _decoded(data: bytes) -> str:
    """Spreadsheet programs write UTF-8 with a mark, UTF-16 or Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").replace("\0", "")
    try:
        return data.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").replace("\0", "")
