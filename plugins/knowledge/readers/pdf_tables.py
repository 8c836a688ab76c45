"""Tables in PDFs, which know no tables: by the lines that are drawn, else by aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

NEAR = 3.0
"""Points (1/72 inch) within which two edges are one."""
LONG = 10.0
"""A drawn line that is shorter is a tick or a dot."""
TALLEST_ROW = 250.0
MOST_EDGES = 5_000
ALIGNED = 6.0
"""Points that the cells of a column may begin apart."""
CELL_WORDS = 7
"""Lines of more words than this side by side are columns of text, and no table."""


class PdfLine(NamedTuple):
    """A line of text, with its place on its page in points, from the bottom left."""

    text: str
    page: int
    x: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool
    box: int
    at_edge: bool


class PdfRule(NamedTuple):
    """A line that is drawn, or the edge of a rectangle."""

    x: float
    right: float
    top: float
    bottom: float


class PdfTable(NamedTuple):
    """A table's lines of text, and its rows of cells."""

    lines: frozenset[PdfLine]
    rows: list[list[str]]


def rules_of(page: Iterable[Any]) -> list[PdfRule]:
    """The edges of what is drawn on a page (pdfminer's layout)."""
    from pdfminer.layout import LTLine, LTRect  # noqa: PLC0415  (in the reading process)

    rules: list[PdfRule] = []
    for drawn in page:
        if not isinstance(drawn, LTLine | LTRect) or len(rules) > MOST_EDGES:
            continue
        x, right, bottom, top = drawn.x0, drawn.x1, drawn.y0, drawn.y1
        if top - bottom <= NEAR or right - x <= NEAR:
            rules.append(PdfRule(x, right, top, bottom))
        else:
            rules += (
                PdfRule(x, right, top, top),
                PdfRule(x, right, bottom, bottom),
                PdfRule(x, x, top, bottom),
                PdfRule(right, right, top, bottom),
            )
    return rules


def find_tables(lines: Sequence[PdfLine], rules: Sequence[PdfRule]) -> list[PdfTable]:
    """The tables of a page."""
    tables = _ruled_tables(lines, rules)
    taken = frozenset(line for table in tables for line in table.lines)
    return [*tables, *_aligned_tables([line for line in lines if line not in taken])]


def _ruled_tables(lines: Sequence[PdfLine], rules: Sequence[PdfRule]) -> list[PdfTable]:
    across = [r for r in rules if r.top - r.bottom <= NEAR and r.right - r.x >= LONG]
    down = [r for r in rules if r.right - r.x <= NEAR and r.top - r.bottom >= LONG]
    tables: list[PdfTable] = []
    for heights, left, right in _frames(across):
        within = [
            line
            for line in lines
            if heights[-1] - NEAR <= _middle(line) <= heights[0] + NEAR
            and left - NEAR <= line.x
            and line.right <= right + NEAR
        ]
        starts = _distinct(
            rule.x
            for rule in down
            if left - NEAR <= rule.x <= right + NEAR
            and rule.bottom <= heights[0] + NEAR
            and rule.top >= heights[-1] - NEAR
        )
        columns = starts[:-1] if len(starts) > 2 else _columns(within)
        rows = [
            row
            for top, bottom in zip(heights, heights[1:], strict=False)
            if any(row := _row(within, columns, top, bottom))
        ]
        if len(columns) > 1 and len(rows) > 1:
            tables.append(PdfTable(frozenset(within), rows))
    return tables


def _frames(across: Sequence[PdfRule]) -> list[tuple[list[float], float, float]]:
    """The heights of the horizontal rules of each table, from its top, with its left and right."""
    spans: list[tuple[float, float, float]] = []
    for height in _distinct(rule.top for rule in across):
        level = sorted(r for r in across if abs(r.top - height) <= NEAR)
        begin, end = level[0].x, level[0].right
        for rule in level[1:]:
            if rule.x > end + NEAR:
                spans.append((height, begin, end))
                begin = rule.x
            end = max(end, rule.right)
        spans.append((height, begin, end))
    frames: list[tuple[list[float], float, float]] = []
    for height, left, right in sorted(spans, reverse=True):
        same = next(
            (
                frame
                for frame in frames
                if abs(frame[1] - left) <= ALIGNED
                and abs(frame[2] - right) <= ALIGNED
                and frame[0][-1] - height <= TALLEST_ROW
            ),
            None,
        )
        if same is None:
            frames.append(([height], left, right))
        else:
            same[0].append(height)
    return [frame for frame in frames if len(frame[0]) > 2]


def _row(
    lines: Sequence[PdfLine], columns: Sequence[float], top: float, bottom: float
) -> list[str]:
    cells: list[list[str]] = [[] for _ in columns]
    for line in sorted(lines, key=lambda each: (-each.top, each.x)):
        if bottom < _middle(line) <= top:
            at = max((i for i, x in enumerate(columns) if x <= line.x + NEAR), default=0)
            cells[at].append(line.text)
    return [" ".join(cell) for cell in cells]


def _columns(lines: Sequence[PdfLine]) -> list[float]:
    """Where columns begin when no rule says it: what overlaps is one column."""
    spans: list[list[float]] = []
    for line in sorted(lines, key=lambda each: each.x):
        if spans and line.x < spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], line.right)
        else:
            spans.append([line.x, line.right])
    return [span[0] for span in spans]


def _distinct(values: Iterable[float]) -> list[float]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > NEAR:
            found.append(value)
    return found


def _middle(line: PdfLine) -> float:
    return (line.top + line.bottom) / 2


def _aligned_tables(lines: Sequence[PdfLine]) -> list[PdfTable]:
    """Rows that follow each other, whose cells begin in the same columns."""
    tables: list[PdfTable] = []
    table: list[list[PdfLine]] = []
    for row in [*_lines_side_by_side(lines), []]:
        if len(row) > 1 and (not table or _same_columns(table[0], row)):
            table.append(row)
            continue
        if _is_table(table):
            cells = [[cell.text for cell in each] for each in table]
            tables.append(PdfTable(frozenset(c for each in table for c in each), cells))
        table = [row] if len(row) > 1 else []
    return tables


def _lines_side_by_side(lines: Sequence[PdfLine]) -> list[list[PdfLine]]:
    """The rows of a page, from its top."""
    rows: list[list[PdfLine]] = []
    for line in sorted(lines, key=lambda each: -each.top):
        if rows and rows[-1][0].bottom < _middle(line) < rows[-1][0].top:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda each: each.x) for row in rows]


def _same_columns(first: list[PdfLine], row: list[PdfLine]) -> bool:
    starts = [cell.x for cell in first]
    return all(any(abs(cell.x - x) <= ALIGNED for x in starts) for cell in row)


def _is_table(rows: list[list[PdfLine]]) -> bool:
    words = sorted(len(cell.text.split()) for row in rows for cell in row)
    return len(rows) >= 2 and words[len(words) // 2] <= CELL_WORDS
