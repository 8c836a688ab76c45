"""Word documents (DOCX): headings, paragraphs, lists, steps and tables."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

from plugins.knowledge.readers.archives import check_archive
from plugins.knowledge.readers.blocks import (
    Block,
    BlockKind,
    ReadDocument,
    UnreadableDocument,
    clean_line,
    clean_lines,
    table_text,
)

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table
    from docx.text.paragraph import Paragraph

MOST_BLOCKS = 50_000
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading (\d)")
_SHORT_BOLD = 12
"""A paragraph of at most so many words, all bold and without a full stop, is a heading that nobody
gave the style of one."""


def read_docx(data: bytes) -> ReadDocument:
    """Read a DOCX file. Raises UnreadableDocument."""
    check_archive(data, "DOCX file")
    import docx  # noqa: PLC0415  (used in the process that reads)

    try:
        document = docx.Document(io.BytesIO(data))
        blocks = tuple(_joined_lists(_blocks(document)))
        about = document.core_properties
        title, modified, language = about.title or "", about.modified, about.language or ""
    except UnreadableDocument:
        raise
    except Exception as error:  # the library raises what its parts raise
        raise UnreadableDocument(
            f"the DOCX file cannot be read ({type(error).__name__}: {error}); save it anew as .docx"
        ) from error
    first = next((block.text for block in blocks if block.kind == "heading"), "")
    return ReadDocument(
        title=clean_line(first or title),
        blocks=blocks,
        language=language.lower()[:2],
        updated_at=modified.replace(tzinfo=UTC) if modified else None,
    )


def _blocks(document: Document) -> Iterator[Block]:
    from docx.text.paragraph import Paragraph  # noqa: PLC0415

    numbered = _numbered(document)
    for count, part in enumerate(document.iter_inner_content()):
        if count > MOST_BLOCKS:
            raise UnreadableDocument(
                f"the DOCX file has more than {MOST_BLOCKS} paragraphs; split it"
            )
        if isinstance(part, Paragraph):
            yield from _paragraph(part, numbered)
        else:
            yield from _table(part)


def _paragraph(paragraph: Paragraph, numbered: dict[tuple[str, str], bool]) -> Iterator[Block]:
    text = clean_lines(paragraph.text)
    if not text:
        return
    style = (
        paragraph.style.name.lower() if paragraph.style is not None and paragraph.style.name else ""
    )
    if level := _level(paragraph, style):
        yield Block(kind="heading", text=clean_line(text), level=level)
        return
    number = _numbering(paragraph)
    listed = number is not None or style.startswith("list")
    if listed:
        steps = numbered.get(number, False) if number else "number" in style
        depth = int(number[1]) if number and number[1].isdigit() else 0
        kind: BlockKind = "steps" if steps else "list"
        yield Block(kind=kind, text=f"{'  ' * min(depth, 8)}{clean_line(text)}", level=depth)
    elif _is_bold_line(paragraph, text):
        yield Block(kind="heading", text=clean_line(text), level=6)
    else:
        yield Block(kind="paragraph", text=text)


def _level(paragraph: Paragraph, style: str) -> int:
    """A heading's level; 0: it is none. Styles have English names in the file in any language."""
    if style == "title":
        return 1
    if found := _HEADING.match(style):
        return int(found[1])
    properties = paragraph._p.pPr  # noqa: SLF001  (the library has no public way)
    outline = properties.find(f"{W}outlineLvl") if properties is not None else None
    value = outline.get(f"{W}val") if outline is not None else ""
    return int(value) + 1 if value and value.isdigit() and int(value) < 6 else 0


def _is_bold_line(paragraph: Paragraph, text: str) -> bool:
    runs = [run for run in paragraph.runs if run.text.strip()]
    short = len(text.split()) <= _SHORT_BOLD and not text.endswith((".", ":", ",", ";"))
    return short and bool(runs) and all(run.bold for run in runs)


def _numbering(paragraph: Paragraph) -> tuple[str, str] | None:
    """The list (its number) and the depth of an item."""
    properties = paragraph._p.pPr  # noqa: SLF001
    places = [properties] if properties is not None else []
    style: Any = paragraph.style
    while style is not None:
        places.append(style.element.pPr)
        style = style.base_style
    for place in places:
        found = place.find(f"{W}numPr") if place is not None else None
        if found is not None:
            id, depth = found.find(f"{W}numId"), found.find(f"{W}ilvl")
            value = id.get(f"{W}val") if id is not None else "0"
            if value == "0":
                return None
            return value, depth.get(f"{W}val") if depth is not None else "0"
    return None


def _numbered(document: Document) -> dict[tuple[str, str], bool]:
    """Which lists count, by number and depth; the others have bullets."""
    try:
        part: Any = document.part.numbering_part
    except (KeyError, NotImplementedError, AttributeError):
        return {}
    root = part.element
    formats = {
        (abstract.get(f"{W}abstractNumId"), level.get(f"{W}ilvl")): kind.get(f"{W}val")
        for abstract in root.iter(f"{W}abstractNum")
        for level in abstract.iter(f"{W}lvl")
        for kind in level.iter(f"{W}numFmt")
    }
    found = {}
    for number in root.iter(f"{W}num"):
        abstract = number.find(f"{W}abstractNumId")
        if abstract is None:
            continue
        for (id, depth), kind in formats.items():
            if id == abstract.get(f"{W}val"):
                found[number.get(f"{W}numId"), depth] = kind not in ("bullet", "none")
    return found


def _table(table: Table) -> Iterator[Block]:
    rows = []
    for row in table.rows:
        cells, seen = [], set()
        for cell in row.cells:
            if cell._tc not in seen:  # noqa: SLF001  (a merged cell comes once a column)
                seen.add(cell._tc)  # noqa: SLF001
                cells.append(cell.text)
        rows.append(cells)
    if max(map(len, rows), default=0) == 1:  # a frame around text
        for (cell_text,) in rows:
            if text := clean_lines(cell_text):
                yield Block(kind="paragraph", text=text)
    elif text := table_text(rows):
        yield Block(kind="table", text=text)


def _joined_lists(blocks: Iterator[Block]) -> Iterator[Block]:
    """Neighbouring items as one list, numbered where the list counts."""
    items: list[Block] = []
    for block in blocks:
        item = block.kind in ("list", "steps")
        if items and not (item and (block.kind == items[0].kind or block.level)):
            yield _list(items)
            items = []
        if item:
            items.append(block)
        else:
            yield block
    if items:
        yield _list(items)


def _list(items: list[Block]) -> Block:
    lines, number = [], 0
    for item in items:
        text = item.text.strip()
        if item.level == 0 and item.kind == "steps":
            number += 1
            lines.append(f"{number}. {text}")
        else:
            lines.append(f"{'  ' * item.level}- {text}")
    return Block(kind=items[0].kind, text="\n".join(lines))
