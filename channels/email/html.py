"""A mail's HTML as plain text, its quotations marked by ``> ``."""

from __future__ import annotations

import inscriptis
import nh3
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree  # type: ignore[import-untyped]  # it ships no type information
from lxml import html as lxml_html

from channels.email.headers import clean

_MAX_HTML = 500_000
_CELLS = {"table": "div", "thead": "div", "tbody": "div", "tfoot": "div", "caption": "div",
          "tr": "div", "td": "span", "th": "span"}  # fmt: skip
_TAGS = (nh3.ALLOWED_TAGS | {"html", "body", "div"}) - {"img"}
_DROPPED = {"script", "style", "head", "title", "template", "noscript", "svg", "math"}


def html_to_text(html: str) -> str:
    """``html`` as plain text: sanitised, tables flattened, quotations marked by ``> ``.

    Tables are not drawn: a column as wide as its widest cell makes gigabytes of padding out of a
    small mail.
    """
    # libxml2 first: it stops at 256 levels, where nh3 alone takes quadratic time.
    shallow = _parse_html(html[:_MAX_HTML])
    if shallow is None:
        return ""
    markup = lxml_html.tostring(shallow, encoding="unicode")
    tree = _parse_html(nh3.clean(markup, tags=_TAGS, clean_content_tags=_DROPPED))
    if tree is None:
        return ""
    for cell in tree.iter(*_CELLS):
        if cell.tag in ("td", "th"):
            cell.tail = " " + (cell.tail or "")
        cell.tag = _CELLS[cell.tag]
    for quote in reversed(list(tree.iter("blockquote"))):
        _mark_quoted(quote)
    return _render_text(tree)


def _parse_html(html: str) -> etree._Element | None:
    """The parsed document, or None when it is empty."""
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None


def _mark_quoted(quote: etree._Element) -> None:
    """Replace ``quote`` by its text, with each line marked as quoted."""
    marked = "\n".join(f"> {line}" for line in _render_text(quote).split("\n"))
    tail = quote.tail
    quote.clear()
    quote.tag, quote.text, quote.tail = "pre", f"\n{marked}\n", tail


def _render_text(tree: etree._Element) -> str:
    config = ParserConfig(css=CSS_PROFILES["strict"])
    lines = inscriptis.Inscriptis(tree, config).get_text().split("\n")
    return clean("\n".join(line.rstrip() for line in lines)).strip()
