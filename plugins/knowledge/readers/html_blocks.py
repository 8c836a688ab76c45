"""The blocks of a page's text: headings with anchors, paragraphs, lists, steps and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from plugins.knowledge.readers.blocks import (
    Block,
    BlockKind,
    clean_line,
    clean_lines,
    heading_text,
    table_text,
)
from plugins.knowledge.readers.dates import is_date_line
from plugins.knowledge.readers.main_text import is_list_of_links

if TYPE_CHECKING:
    from lxml.html import HtmlElement

DEEPEST = 200
"""Elements within one another. Browsers stop at 512; what is deeper is made to break parsers."""
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "caption",
    ]
)
SUMMARY_LEVEL = 6
"""A question that unfolds its answer stands below all headings around it."""
LONG_TERM = 12
"""A definition list whose descriptions have more words than this has a heading a term."""
_RIGHTS = re.compile(r"(?:©|\(c\)\s|copyright\b|all rights reserved|alle rechte vorbehalten)", re.I)


def blocks_of(element: HtmlElement) -> Iterator[Block]:
    """The blocks of ``element``, in order."""
    yield from _Walk().blocks(element)


class _Walk:
    """One walk through a page. ``_anchor`` is the id of an element that begins here: it leads to
    the next heading. ``_introduced``: the block before ends with a colon."""

    def __init__(self) -> None:
        self._anchor = ""
        self._introduced = False

    def blocks(self, element: HtmlElement, depth: int = 0) -> Iterator[Block]:
        """The blocks of what is within ``element``."""
        for block in self._blocks(element, depth):
            self._introduced = block.kind == "paragraph" and block.text.endswith((":", "："))
            yield block

    def _blocks(self, element: HtmlElement, depth: int = 0) -> Iterator[Block]:
        if depth > DEEPEST:
            return
        inline: list[str] = []
        _add(inline, element.text)
        for child in element:
            if not isinstance(child.tag, str):
                _add(inline, child.tail)
                continue
            if child.tag == "br":
                inline.append("\n")
            elif child.tag in BLOCKS or _holds_blocks(child):
                yield from _paragraph(inline)
                inline = []
                yield from self._block(child, depth)
            else:
                if child.tag == "a" and (child.get("id") or child.get("name")):
                    self._anchor = child.get("id") or child.get("name") or ""
                inline.append(_inline(child))
            _add(inline, child.tail)
        yield from _paragraph(inline)

    def _block(self, element: HtmlElement, depth: int) -> Iterator[Block]:
        tag = element.tag
        if tag in HEADINGS:
            yield from self._heading(element)
            return
        if tag in ("section", "article", "div", "details"):
            self._anchor = element.get("id") or self._anchor
        if tag in ("ul", "ol"):
            yield from self._list(element)
        elif tag == "dl":
            yield from self._definitions(element, depth)
        elif tag == "table":
            yield from self._table(element, depth)
        elif tag == "pre":
            yield from _paragraph([element.text_content()])
        elif tag == "details":
            yield from self._details(element, depth)
        elif tag != "hr":
            yield from self.blocks(element, depth + 1)

    def _heading(self, element: HtmlElement) -> Iterator[Block]:
        anchor, self._anchor = _heading_anchor(element) or self._anchor, ""
        if text := heading_text(element.text_content()):
            yield Block(kind="heading", text=text, level=HEADINGS[element.tag], anchor=anchor)

    def _list(self, element: HtmlElement) -> Iterator[Block]:
        if is_list_of_links(element) and not self._introduced:
            return
        if element.find(".//h2") is not None or element.find(".//h3") is not None:
            # a list that only arranges sections
            for item in element.findall("li"):
                yield from self.blocks(item, 1)
            return
        lines = _items(element)
        if len(lines) <= 4 and any(is_date_line(line) for line in lines):
            return  # who wrote it, and when
        if lines:
            kind: BlockKind = "steps" if element.tag == "ol" else "list"
            yield Block(kind=kind, text="\n".join(lines), anchor=element.get("id") or "")

    def _definitions(self, element: HtmlElement, depth: int) -> Iterator[Block]:
        """Terms with short descriptions are a list; with long ones, a heading each."""
        pairs: list[tuple[HtmlElement, list[HtmlElement]]] = []
        for child in element.iter("dt", "dd"):
            if next(child.iterancestors("dl"), None) is not element:
                continue
            if child.tag == "dt":
                pairs.append((child, []))
            elif pairs:
                pairs[-1][1].append(child)
        short = [
            f"- {clean_line(term.text_content())}: "
            + " ".join(clean_line(each.text_content()) for each in described)
            for term, described in pairs
        ]
        if pairs and sum(len(line.split()) for line in short) <= LONG_TERM * len(pairs):
            yield Block(kind="list", text="\n".join(short))
            return
        for term, described in pairs:
            yield Block(
                kind="heading",
                text=heading_text(term.text_content()) or "–",
                level=SUMMARY_LEVEL,
                anchor=term.get("id") or "",
            )
            for each in described:
                yield from self.blocks(each, depth + 1)

    def _details(self, element: HtmlElement, depth: int) -> Iterator[Block]:
        summary = element.find("summary")
        if summary is not None and (text := heading_text(summary.text_content())):
            anchor, self._anchor = element.get("id") or self._anchor, ""
            yield Block(kind="heading", text=text, level=SUMMARY_LEVEL, anchor=anchor)
            tail = summary.tail
            element.remove(summary)
            if tail and tail.strip():
                element.text = tail
        yield from self.blocks(element, depth + 1)

    def _table(self, element: HtmlElement, depth: int) -> Iterator[Block]:
        rows = [row for row in element.iter("tr") if _table_of(row) is element]
        cells = [_cells(row) for row in rows]
        arranges = (
            element.get("role") in ("presentation", "none")
            or element.find(".//table") is not None
            or element.find(".//h2") is not None
            or max(map(len, cells), default=0) < 2
        )
        if arranges:
            for row in cells:
                for cell in row:
                    yield from self.blocks(cell, depth + 1)
            return
        caption = element.find("caption")
        if caption is not None and (text := clean_line(caption.text_content())):
            yield Block(kind="paragraph", text=text)
        if text := table_text(_grid(cells)):
            yield Block(kind="table", text=text, anchor=element.get("id") or "")


def _grid(cells: list[list[HtmlElement]]) -> list[list[str]]:
    """The texts of a table, with a cell that spans rows in each of them."""
    spanning: dict[int, tuple[int, str]] = {}
    grid = []
    for row in cells:
        texts: list[str] = []
        for cell in row:
            _take_spanning(spanning, texts)
            text = clean_line(_cell_text(cell))
            rows, columns = _span(cell, "rowspan"), _span(cell, "colspan")
            for column in range(columns):
                if rows > 1:
                    spanning[len(texts)] = (rows - 1, text)
                texts.append(text if column == 0 else "")
        _take_spanning(spanning, texts)
        grid.append(_without_end(texts))
    return grid


def _take_spanning(spanning: dict[int, tuple[int, str]], texts: list[str]) -> None:
    while len(texts) in spanning:
        rows, text = spanning.pop(len(texts))
        if rows > 1:
            spanning[len(texts)] = (rows - 1, text)
        texts.append(text)


def _without_end(texts: list[str]) -> list[str]:
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _span(cell: HtmlElement, name: str) -> int:
    value = cell.get(name) or "1"
    return min(int(value), 100) if value.isascii() and value.isdigit() and int(value) else 1


def _cells(row: HtmlElement) -> list[HtmlElement]:
    return [cell for cell in row if cell.tag in ("td", "th")]


def _table_of(row: HtmlElement) -> HtmlElement | None:
    return next(row.iterancestors("table"), None)


def _cell_text(cell: HtmlElement) -> str:
    """The text of a cell; ``alt`` texts of its pictures, such as a tick, belong to it."""
    text = _with_breaks(cell)
    if not text.strip():
        return " ".join(image.get("alt") or "" for image in cell.iter("img"))
    return text


def _items(element: HtmlElement, indent: str = "") -> list[str]:
    """The items of a list, those of lists within it indented."""
    start = element.get("start") or "1"
    number = int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1
    lines: list[str] = []
    for item in element:
        if item.tag in ("ul", "ol"):  # not allowed, and common
            lines += _items(item, indent + "  ")
            continue
        if item.tag != "li":
            continue
        within = [each for each in item.iter("ul", "ol") if _list_of(each) is item]
        own, inner = (
            _item_text(item, within),
            [line for each in within for line in _items(each, indent + "  ")],
        )
        if own:
            sign = f"{number}." if element.tag == "ol" else "-"
            lines.append(f"{indent}{sign} {own}")
            number += 1
        lines += inner
    return lines


def _list_of(element: HtmlElement) -> HtmlElement | None:
    """The item that a list lies in."""
    return next(element.iterancestors("li"), None)


def _item_text(item: HtmlElement, within: list[HtmlElement]) -> str:
    tables = [
        each for each in item.iter("table") if not any(w in each.iterancestors() for w in within)
    ]
    parts = [_with_breaks(item, skip=frozenset([*within, *tables]))]
    for table in tables:
        rows = [[_cell_text(cell) for cell in _cells(row)] for row in table.iter("tr")]
        parts.append(table_text(rows).replace("\n", "; "))
    return clean_line(" ".join(parts))


def _with_breaks(element: HtmlElement, skip: frozenset[HtmlElement] = frozenset()) -> str:
    """The text of ``element`` with spaces where blocks and lines end."""
    parts: list[str] = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child not in skip:
            apart = " " if child.tag in BLOCKS or child.tag == "br" else ""
            parts += (apart, _with_breaks(child, skip), apart)
        parts.append(child.tail or "")
    return "".join(parts)


def _inline(element: HtmlElement) -> str:
    """Inline text with its line breaks."""
    parts: list[str] = [re.sub(r"\s+", " ", element.text or "")]
    for child in element:
        if isinstance(child.tag, str):
            parts.append("\n" if child.tag == "br" else _inline(child))
        parts.append(re.sub(r"\s+", " ", child.tail or ""))
    return "".join(parts)


def _add(inline: list[str], text: str | None) -> None:
    if text:
        inline.append(re.sub(r"\s+", " ", text))


def _paragraph(inline: list[str]) -> Iterator[Block]:
    text = clean_lines("".join(inline))
    if text and not _RIGHTS.match(text) and not is_date_line(text):
        yield Block(kind="paragraph", text=text)


def _holds_blocks(element: HtmlElement) -> bool:
    return any(
        isinstance(each.tag, str) and each.tag in BLOCKS for each in element.iterdescendants()
    )


def _heading_anchor(element: HtmlElement) -> str:
    """The id of a heading, or of the link in it that leads to it."""
    if id := element.get("id"):
        return str(id)
    for link in element.iter("a"):
        target = str(link.get("href") or "")
        own = link.get("id") or link.get("name") or (target[1:] if target[:1] == "#" else "")
        if own:
            return str(own)
    return next((str(each.get("id")) for each in element.iter() if each.get("id")), "")
