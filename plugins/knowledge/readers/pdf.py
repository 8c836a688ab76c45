"""PDF files: headings by the size of their letters, tables by their columns, an anchor a page."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from plugins.knowledge.readers.blocks import (
    Block,
    BlockKind,
    ReadDocument,
    UnreadableDocument,
    clean_line,
    table_text,
)
from plugins.knowledge.readers.pdf_tables import PdfLine, PdfRule, find_tables, rules_of

MOST_PAGES = 1_000
MOST_LINES = 100_000
LARGER = 1.12
"""Letters so much larger than those of the text make a heading."""
HEADING_WORDS = 18
BOLD_WORDS = 10
LEVELS = 4
REPEATED = 0.5
"""A line at the edge of so many of the pages is a running title or a page number."""
EDGE = 0.1
"""The share of a page's height that is its edge, above and below."""
_BULLET = re.compile(r"^[•●▪■◦‣⁃∙·–\-*]\s+(?=\S)")
_STEP = re.compile(r"^(?:(?:step|schritt|étape|paso)\s+)?(\d{1,2})[.)]\s+(?=\S)", re.IGNORECASE)
_CODE_TITLE = re.compile(
    r"^(?:microsoft word - |untitled|.*\.(?:docx?|indd|pages|pptx?|xlsx?|odt)$)", re.I
)
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")


def read_pdf(data: bytes) -> ReadDocument:
    """Read a PDF file. Raises UnreadableDocument."""
    if not data[:1024].lstrip().startswith(b"%PDF"):
        raise UnreadableDocument("the file is no PDF: it does not begin with %PDF; save it anew")
    from pdfminer.pdfdocument import PDFPasswordIncorrect  # noqa: PLC0415  (in the reading process)
    from pdfminer.pdfparser import PDFSyntaxError  # noqa: PLC0415

    try:
        info, language = _about(data)
        rules: dict[int, list[PdfRule]] = {}
        lines = list(_lines(data, rules))
    except PDFPasswordIncorrect as error:
        raise UnreadableDocument(
            "the PDF is protected by a password; save it without one"
        ) from error
    except UnreadableDocument:
        raise
    except PDFSyntaxError as error:
        raise UnreadableDocument(f"the PDF is damaged ({error}); save it anew") from error
    except Exception as error:  # the library raises what its parts raise
        what = f"the PDF cannot be read ({type(error).__name__}: {error})"
        raise UnreadableDocument(f"{what}; save it anew") from error
    if not lines:
        raise UnreadableDocument(
            "the PDF has no text: its pages are pictures; let a scanner's text recognition (OCR) "
            "write it, or add the document that it was made of"
        )
    blocks = tuple(_joined_items(list(_blocks(_without_running(lines), rules))))
    title = clean_line(info.get("Title", ""))
    first = next((b.text for b in blocks if b.kind == "heading" and b.level == 1), "")
    return ReadDocument(
        title=first or ("" if _CODE_TITLE.match(title) else title),
        blocks=blocks,
        language=language,
        updated_at=_moment(info.get("ModDate") or info.get("CreationDate") or ""),
    )


def _about(data: bytes) -> tuple[dict[str, str], str]:
    from pdfminer.pdfdocument import PDFDocument  # noqa: PLC0415
    from pdfminer.pdfparser import PDFParser  # noqa: PLC0415
    from pdfminer.pdftypes import resolve1  # noqa: PLC0415
    from pdfminer.utils import decode_text  # noqa: PLC0415

    document = PDFDocument(PDFParser(io.BytesIO(data)))
    found: dict[str, str] = {}
    for part in document.info:
        for key, value in part.items():
            known = resolve1(value)
            found[str(key)] = decode_text(known) if isinstance(known, bytes) else str(known)
    language = resolve1(document.catalog.get("Lang", b""))
    text = decode_text(language) if isinstance(language, bytes) else ""
    code = text.lower()[:2]
    return found, code if code.isalpha() else ""


def _lines(data: bytes, rules: dict[int, list[PdfRule]]) -> Iterator[PdfLine]:
    """The lines of text in the order of reading; ``rules`` gets what is drawn on each page."""
    from pdfminer.high_level import extract_pages  # noqa: PLC0415
    from pdfminer.layout import LAParams, LTTextBox, LTTextLine  # noqa: PLC0415

    count = 0
    for number, page in enumerate(extract_pages(io.BytesIO(data), laparams=LAParams()), 1):
        if number > MOST_PAGES:
            raise UnreadableDocument(f"the PDF has more than {MOST_PAGES} pages; split it")
        height = page.height or 1.0
        rules[number] = rules_of(page)
        for index, box in enumerate(page):
            if not isinstance(box, LTTextBox):
                continue
            for line in box:
                text = clean_line(line.get_text()) if isinstance(line, LTTextLine) else ""
                if not text:
                    continue
                count += 1
                if count > MOST_LINES:
                    raise UnreadableDocument(f"the PDF has more than {MOST_LINES} lines; split it")
                size, bold = _font(line)
                edge = line.y0 > height * (1 - EDGE) or line.y1 < height * EDGE
                yield PdfLine(
                    text, number, line.x0, line.x1, line.y1, line.y0, size, bold, index, edge
                )


def _font(line: Any) -> tuple[float, bool]:
    """The size of most of a line's letters in points, and whether they are bold."""
    sizes: Counter[float] = Counter()
    bold = letters = 0
    for letter in line:
        if hasattr(letter, "fontname") and letter.get_text().strip():
            sizes[round(letter.size * 2) / 2] += 1
            letters += 1
            name = letter.fontname.lower()
            bold += any(word in name for word in ("bold", "black", "heavy", "semibold"))
    return (sizes.most_common(1)[0][0] if sizes else 0.0), bold > letters / 2


def _without_running(lines: Sequence[PdfLine]) -> list[PdfLine]:
    """Without running titles and page numbers."""
    pages = max(line.page for line in lines)
    if pages < 2:
        return [line for line in lines if not (line.at_edge and line.text.isdigit())]
    counts = Counter({(_plain(line.text), line.page): 1 for line in lines if line.at_edge})
    repeated = Counter(text for text, _ in counts)
    least = max(2, pages * REPEATED)
    return [
        line
        for line in lines
        if not (line.at_edge and (repeated[_plain(line.text)] >= least or line.text.isdigit()))
    ]


def _plain(text: str) -> str:
    return re.sub(r"\d+", "0", text.lower())


def _blocks(lines: Sequence[PdfLine], rules: Mapping[int, Sequence[PdfRule]]) -> Iterator[Block]:
    """The blocks of all pages. A paragraph may go on over a page's end."""
    body = _body_size(lines)
    levels = _levels(lines, body)
    waiting: list[PdfLine] = []

    def level_of(line: PdfLine) -> int:
        return _level(line, body, levels)

    for page in sorted({line.page for line in lines}):
        here = [line for line in lines if line.page == page]
        tables = find_tables(here, rules.get(page, ()))
        begun: set[int] = set()
        for line in here:
            number = next((i for i, table in enumerate(tables) if line in table.lines), None)
            if number is not None:
                if number not in begun:
                    begun.add(number)
                    yield from _text(waiting, level_of)
                    waiting = []
                    text = table_text(tables[number].rows)
                    yield Block(kind="table", text=text, anchor=f"page={page}")
            elif not waiting or _goes_on(waiting[-1], line, level_of):
                waiting.append(line)
            else:
                yield from _text(waiting, level_of)
                waiting = [line]
    yield from _text(waiting, level_of)


def _goes_on(before: PdfLine, line: PdfLine, level_of: Callable[[PdfLine], int]) -> bool:
    """Whether ``line`` belongs to the paragraph or the heading of the line before it."""
    level = level_of(line)
    if level != level_of(before):
        return False
    return _continues(before, line) if level else not _ends(before, line)


def _body_size(lines: Sequence[PdfLine]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0]


def _levels(lines: Sequence[PdfLine], body: float) -> dict[float, int]:
    """The level of each size of letters that is larger than the text's."""
    sizes = sorted({line.size for line in lines if line.size >= body * LARGER}, reverse=True)
    return {size: min(number, LEVELS) for number, size in enumerate(sizes, 1)}


def _level(line: PdfLine, body: float, levels: dict[float, int]) -> int:
    words = len(line.text.split())
    if _BULLET.match(line.text):
        return 0
    if line.size in levels and words <= HEADING_WORDS:
        return levels[line.size]
    plain = line.size < body or words > BOLD_WORDS or line.text.endswith((".", ":", ",", ";"))
    return 0 if plain or not line.bold else LEVELS + 1


def _continues(before: PdfLine, line: PdfLine) -> bool:
    """Whether a heading goes on in ``line``."""
    return before.page == line.page and 0 <= before.bottom - line.top + line.size <= 1.6 * line.size


def _ends(before: PdfLine, line: PdfLine) -> bool:
    """Whether a paragraph ends before ``line``."""
    if _BULLET.match(line.text) or _STEP.match(line.text):
        return True
    if before.page != line.page:
        return before.text.endswith((".", "!", "?", ":", "。")) or line.text[:1].isupper()
    if before.box != line.box:
        return (
            before.text.endswith((".", "!", "?", ":", "。")) or before.bottom - line.top > line.size
        )
    return before.bottom - line.top > 0.9 * line.size


def _text(lines: list[PdfLine], level_of: Callable[[PdfLine], int]) -> Iterator[Block]:
    """A paragraph, a heading or an item of a list. `_joined_items` joins those."""
    if not lines:
        return
    text, level = lines[0].text, level_of(lines[0])
    for line in lines[1:]:
        if re.search(r"[^\W\d_]-$", text) and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text = f"{text} {line.text}"
    kind: BlockKind = "heading" if level else "paragraph"
    if not level and _BULLET.match(text):
        kind, text = "list", "- " + _BULLET.sub("", text)
    elif not level and (step := _STEP.match(text)):
        kind, text = "steps", f"{step[1]}. {text[step.end() :]}"
    yield Block(kind=kind, text=text, level=level, anchor=f"page={lines[0].page}")


def _joined_items(blocks: Sequence[Block]) -> Iterator[Block]:
    """Neighbouring items as one list."""
    items: list[Block] = []
    for block in blocks:
        if items and block.kind != items[0].kind:
            yield items[0].replace(text="\n".join(item.text for item in items))
            items = []
        if block.kind in ("list", "steps"):
            items.append(block)
        else:
            yield block
    if items:
        yield items[0].replace(text="\n".join(item.text for item in items))


def _moment(text: str) -> datetime | None:
    """A PDF's date: ``D:20260503120000`` (ISO 32000-1, 7.9.4)."""
    found = _DATE.match(text)
    if found is None:
        return None
    parts = [int(part) for part in found.groups() if part]
    try:
        return datetime(*[*parts, *(1, 1, 0, 0, 0)[len(parts) - 1 :]][:6], tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
