"""A mail's HTML as plain text, its quotations marked by ``> ``.

How mail programs wrap a quotation is the surest sign of one: no wording has to be recognised. What
they wrap is turned into ``<blockquote>`` first, and each of these into marked lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree
from lxml import html as lxml_html

from channels.email.headers import clean

_MAX_HTML = 500_000
_EMBEDDED = re.compile(r"data:[\w/+.-]{1,80};base64,[A-Za-z0-9+/=\s]*+")
"""A picture within the HTML, which would leave no room for the words behind it."""
_CELLS = {"table": "div", "thead": "div", "tbody": "div", "tfoot": "div", "caption": "div",
          "tr": "div", "td": "span", "th": "span"}  # fmt: skip
_DROPPED = ("script", "style", "head", "title", "template", "noscript", "svg", "math", "img",
            "object", "iframe", "audio", "video", "canvas")  # fmt: skip

_QUOTES = {
    "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "gmail_quote",
    "gmail_attr", "moz-cite-prefix", "reply-intro", "ms-outlook-mobile-reference-message",
    "mail-editor-reference-message-container", "OLK_SRC_BODY_SECTION", "name=messageReplySection",
    "name=quote", "ymail_quoted", "edisonmail_quote", "front-blockquote", "bloop_markdown_quote",
}  # fmt: skip
"""Classes, ids and names of elements that hold a quotation, or its introduction: Yahoo, Proton,
Tuta, Zoho, Gmail, Thunderbird, Roundcube, Outlook (phones, web, Mac), Spark, GMX and web.de."""
_QUOTES_FROM = {"divRplyFwdMsg", "stopSpelling", "zwchr", "__DIVIDER__", "OutlookMessageHeader"}
"""The same of elements behind which everything is quoted: Outlook, Hotmail, Zimbra."""
_OUTLOOK_BORDER = re.compile(r"border:none; ?border-top:solid #(?:e1e1e1|b5c4df) 1\.0pt", re.I)
_SIGNATURES = {"gmail_signature", "moz-signature", "Signature", "ms-outlook-mobile-signature",
               "AppleMailSignature", "protonmail_signature_block"}  # fmt: skip
_MAX_QUOTE_DEPTH = 2
"""Levels of quotation that are marked one by one; each reads the text inside it again."""
_INDENTED = re.compile(r"border(?:-width)?: ?(?:none|0)", re.IGNORECASE)
"""Gmail and Outlook indent with ``<blockquote>``, too, then without a line at its left."""


def html_to_text(html: str) -> str:
    """``html`` as plain text: tables flattened, quotations marked by ``> ``, scripts left out.

    Tables are not drawn: a column as wide as its widest cell makes gigabytes of padding out of a
    small mail. Of nested elements libxml2 reads 256 levels.
    """
    tree = _parse_html(_EMBEDDED.sub("", html)[:_MAX_HTML])
    if tree is None:
        return ""
    for element in list(tree.iter(*_DROPPED)):
        if element.getparent() is not None:
            element.drop_tree()
    _wrap_quotations(tree)
    for element in tree.iter(etree.Element):
        if element.tag in ("td", "th"):
            element.tail = " " + (element.tail or "")
        element.tag = _CELLS.get(element.tag, element.tag)
        element.attrib.clear()
    for quote in reversed(_quotations(tree)):
        _mark_quoted(quote)
    return _render_text(tree)


def _parse_html(html: str) -> etree._Element | None:
    """The parsed document, or None when it is empty."""
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None


# -- what mail programs wrap ----------------------------------------------------------------------


def _wrap_quotations(tree: etree._Element) -> None:
    for element in list(tree.iter(etree.Element)):
        if element.tag == "blockquote":
            if not element.get("cite") and _INDENTED.search(element.get("style") or ""):
                element.tag = "div"
        elif element.getparent() is None or element.tag == "body":
            continue
        elif _begins_quotation(element):
            if next(element.iterancestors("blockquote"), None) is not None:
                continue  # what follows it is quoted already
            _quote_from(_outermost(element))
        elif not _QUOTES.isdisjoint(_names(element)) and not _holds_answers(element):
            element.tag = "blockquote"
        elif not _SIGNATURES.isdisjoint(_names(element)):
            _delimit(element)


def _names(element: etree._Element) -> Iterator[str]:
    """Classes, ids and name of ``element``; Outlook puts ``x_`` before those of earlier mails."""
    yield f"name={element.get('name')}"
    values = (element.get("class"), element.get("id"), element.get("data-marker"))
    for name in " ".join(filter(None, values)).split():
        yield name.removeprefix("x_")


def _begins_quotation(element: etree._Element) -> bool:
    if not _QUOTES_FROM.isdisjoint(_names(element)):
        return True
    return bool(_OUTLOOK_BORDER.search(element.get("style") or ""))


def _holds_answers(element: etree._Element) -> bool:
    """Gmail and Proton wrap the quotation, its introduction and answers between its parts: then
    only the ``<blockquote>`` inside are quoted."""
    return any(child.tag == "blockquote" for child in element)


def _outermost(element: etree._Element) -> etree._Element:
    """The element whose siblings follow ``element``: Outlook 2010 wraps the line of headers."""
    parent = element.getparent()
    alone = parent.tag == "div" and len(parent) == 1 and not (parent.text or "").strip()
    return parent if alone and parent.getnext() is not None else element


def _quote_from(element: etree._Element) -> None:
    """Quote ``element`` and all that follows it in its parent."""
    quote = etree.Element("blockquote")
    element.addprevious(quote)
    for following in [element, *element.itersiblings()]:
        quote.append(following)


def _delimit(signature: etree._Element) -> None:
    """Put a delimiter above ``signature``: people write into these elements, too, so that its words
    decide whether it goes."""
    text = next(filter(None, map(str.strip, signature.itertext())), "")
    if text and not text.startswith("--"):
        delimiter = etree.Element("div")
        delimiter.text = "--"
        signature.addprevious(delimiter)


# -- text -----------------------------------------------------------------------------------------


def _quotations(tree: etree._Element) -> list[etree._Element]:
    """The quotations that get marks; those nested deeper become plain elements of them."""
    marked = []
    for quote in list(tree.iter("blockquote")):
        if sum(1 for _ in quote.iterancestors("blockquote")) < _MAX_QUOTE_DEPTH:
            marked.append(quote)
        else:
            quote.tag = "div"
    return marked


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
