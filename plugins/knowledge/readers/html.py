"""HTML pages: main text, headings with their anchors, tables, lists and steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

from plugins.knowledge.readers.blocks import (
    Block,
    ReadDocument,
    UnreadableDocument,
    clean_line,
    heading_text,
)
from plugins.knowledge.readers.dates import dates_of_page
from plugins.knowledge.readers.html_blocks import blocks_of
from plugins.knowledge.readers.main_text import main_part, without_surroundings

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MOST_ELEMENTS = 200_000
MOST_LINKS = 5_000
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
    for count, _ in enumerate(page.iter()):
        if count > MOST_ELEMENTS:
            raise UnreadableDocument(
                f"the page has more than {MOST_ELEMENTS} elements; split it into several pages"
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
