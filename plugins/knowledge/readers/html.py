"""HTML pages: main text, headings with their anchors, tables, lists and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

from plugins.knowledge.readers.blocks import (
    Block,
    BlockKind,
    ReadDocument,
    UnreadableDocument,
    clean_line,
    clean_lines,
    heading_text,
    table_text,
)
from plugins.knowledge.readers.dates import dates_of_page, is_date_line
from plugins.knowledge.readers.main_text import is_list_of_links, main_part, without_surroundings

if TYPE_CHECKING:
    from lxml.html import HtmlElement

DEEPEST = 200
"""Elements within one another. Browsers stop at 512; what is deeper is made to break parsers."""
MOST_ELEMENTS = 200_000
MOST_LINKS = 5_000
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
_SITE_AFTER = re.compile(r"\s+[|–—·»:-]\s+[^|–—·»:]{2,60}$")


def read_html(data: bytes, *, charset: str = "", location: str = "") -> ReadDocument:
    """Read a page. ``charset`` is what the server said; ``location`` the page's address, which
    relative links are resolved with. Raises UnreadableDocument."""
    page = parse_html(data, charset)
    title = _title(page)
    links, canonical = _links(page, location), _canonical(page, location)
    updated = dates_of_page(page)
    unlisted = _is_unlisted(page)
    language = _language(page)
    without_surroundings(page)
    main = main_part(page, _likely_text(page))
    own = _main_heading(page, main)
    blocks = tuple(blocks_of(main))
    if own and not any(block.kind == "heading" and block.level == 1 for block in blocks):
        blocks = (Block(kind="heading", text=own, level=1), *blocks)
    return ReadDocument(
        title=_best_title(title, own, blocks),
        blocks=blocks,
        language=language,
        updated_at=updated,
        location=canonical,
        links=links,
        unlisted=unlisted,
    )


def _likely_text(page: HtmlElement) -> str:
    """What readability takes for the text (https://github.com/buriy/python-readability)."""
    from lxml import html  # noqa: PLC0415
    from readability import Document  # noqa: PLC0415  (used in the process that reads)

    try:
        summary = Document(html.tostring(page, encoding="unicode")).summary(html_partial=True)
    except Exception:  # noqa: BLE001  (it promises nothing; the page's own marks remain)
        return ""
    return str(html.fromstring(f"<div>{summary}</div>").text_content())


def read_fragment(text: str, title: str) -> ReadDocument:
    """Read the HTML of an article's body, which has nothing around it."""
    page = parse_html(f"<html><body><div>{text}</div></body></html>".encode(), "utf-8")
    for element in list(page.iter("script", "style", "noscript", "template")):
        element.drop_tree()
    return ReadDocument(title=title, blocks=tuple(blocks_of(page)), links=())


def parse_html(data: bytes, charset: str = "") -> HtmlElement:
    """The tree of a page, of a bounded size and depth. Raises UnreadableDocument."""
    from lxml import etree, html  # noqa: PLC0415  (a parser of 5 MB)

    try:
        text = decode_html(data, charset)
        # libxml2 bounds depth itself (256) unless huge_tree is set.
        parser = html.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=False)
        page = html.document_fromstring(text, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise UnreadableDocument(f"the page is no HTML that can be parsed: {error}") from error
    count = 0
    for _, element in etree.iterwalk(page, events=("start",)):
        count += 1
        if count > MOST_ELEMENTS:
            raise UnreadableDocument(
                f"the page has more than {MOST_ELEMENTS} elements; split it into several pages"
            )
        if isinstance(element.tag, str) and element.tag in ("div", "span", "font", "b", "i"):
            depth = sum(1 for _ in element.iterancestors()) if count % 64 == 0 else 0
            if depth > DEEPEST:
                raise UnreadableDocument(
                    f"the page's elements lie more than {DEEPEST} deep in one another"
                )
    return page


def decode_html(data: bytes, charset: str = "") -> str:
    """The text of a page, in the encoding of its byte order mark, of the server's header, of its
    own declaration, else UTF-8 or Windows-1252 (as https://encoding.spec.whatwg.org/ and HTML's
    encoding sniffing do)."""
    for mark, name in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    declared = re.search(
        rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{2,40})""", data[:4096], re.I
    )
    for name in (charset, declared[1].decode("ascii") if declared else "", "utf-8", "cp1252"):
        try:
            # the standard reads these two labels as Windows-1252
            label = "cp1252" if name.lower() in ("iso-8859-1", "ascii", "us-ascii") else name
            text = data.decode(label) if name else ""
        except (LookupError, ValueError):
            continue
        if name:
            # an XML declaration with an encoding is no business of a text's
            return re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "")
    return data.decode("utf-8", "replace").replace("\0", "")


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
            anchor = _heading_anchor(element) or self._anchor
            self._anchor = ""
            if text := heading_text(element.text_content()):
                yield Block(kind="heading", text=text, level=HEADINGS[tag], anchor=anchor)
            return
        if tag in ("section", "article", "div", "details") and element.get("id"):
            self._anchor = element.get("id") or ""
        if tag in ("ul", "ol"):
            yield from self._list(element)
        elif tag == "dl":
            yield from self._definitions(element, depth)
        elif tag == "table":
            yield from self._table(element, depth)
        elif tag == "pre":
            if text := clean_lines(element.text_content()):
                yield Block(kind="paragraph", text=text)
        elif tag == "details":
            yield from self._details(element, depth)
        elif tag != "hr":
            yield from self.blocks(element, depth + 1)

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


def _main_heading(page: HtmlElement, main: HtmlElement) -> str:
    """The page's first-level heading, which may stand above its main part."""
    headings = [*main.iter("h1"), *page.iter("h1")]
    return next((t for h in headings if (t := heading_text(h.text_content()))), "")


def _title(page: HtmlElement) -> str:
    named = page.xpath("//head/meta[@property='og:title']/@content") or page.xpath(
        "//head/title/text()"
    )
    return clean_line(str(named[0])) if named else ""


def _best_title(title: str, heading: str, blocks: tuple[Block, ...]) -> str:
    """The heading, else the title without the site's name."""
    if heading:
        return heading
    first = next((block.text for block in blocks if block.kind == "heading"), "")
    return _SITE_AFTER.sub("", title) or title or first


def _language(page: HtmlElement) -> str:
    found = page.get("lang") or page.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    if not found:
        named = page.xpath("//meta[translate(@http-equiv,'CL','cl')='content-language']/@content")
        found = str(named[0]) if named else ""
    code = re.split(r"[-_,;\s]", found.strip().lower())[0]
    return code if re.fullmatch(r"[a-z]{2,3}", code) else ""


def _canonical(page: HtmlElement, location: str) -> str:
    found = page.xpath("//link[translate(@rel,'CANOIL','canoil')='canonical']/@href")
    return urldefrag(urljoin(location, str(found[0]).strip())).url if found and location else ""


def _is_unlisted(page: HtmlElement) -> bool:
    found = page.xpath("//meta[translate(@name,'ROBTS','robts')='robots']/@content")
    return any("noindex" in str(value).lower() or str(value).lower() == "none" for value in found)


def _links(page: HtmlElement, location: str) -> tuple[str, ...]:
    """The addresses of other pages, in order."""
    based = page.xpath("//base/@href")
    base = urljoin(location, str(based[0])) if based else location
    found: dict[str, None] = {}
    for link in page.iter("a", "area"):
        href = (link.get("href") or "").strip()
        if not href or href.startswith("#") or "nofollow" in (link.get("rel") or ""):
            continue
        try:
            url = urldefrag(urljoin(base, href)).url
        except ValueError:
            continue
        if url.startswith(("http://", "https://", "file:")):
            found[url] = None
        if len(found) >= MOST_LINKS:
            break
    return tuple(found)
