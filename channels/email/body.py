"""The text and the files of a mail's MIME tree, within bounds."""

from __future__ import annotations

import re
from email.message import Message

import inscriptis
import nh3
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree  # type: ignore[import-untyped]  # it ships no type information
from lxml import html as lxml_html

from channels.email.headers import clean, decode, text_of
from gateway import File, Value

DEEPEST = 25
"""Levels of nested parts; honest mail has five or so."""
_MOST_HTML = 500_000
_MOST_TEXT = 200_000

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}")
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature",
               "application/x-pkcs7-signature"}  # fmt: skip
_ENCRYPTED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
_CELLS = {"table": "div", "thead": "div", "tbody": "div", "tfoot": "div", "caption": "div",
          "tr": "div", "td": "span", "th": "span"}  # fmt: skip
_TAGS = (nh3.ALLOWED_TAGS | {"html", "body", "div"}) - {"img"}
_DROPPED = {"script", "style", "head", "title", "template", "noscript", "svg", "math"}


class TooComplex(Exception):
    """More parts, levels or header than any honest mail has."""


class Content(Value, frozen=True, kw_only=True):
    """``text`` is all that was written, quotations included; ``files`` are bounded in number,
    ``left_out`` names those beyond."""

    text: str
    files: tuple[File, ...] = ()
    left_out: tuple[str, ...] = ()
    encrypted: bool = False


def content_of(message: Message, *, most_files: int) -> Content:
    """Walk ``message``: text/plain before text/html, everything else a file.

    Raises TooComplex when it is nested deeper than `DEEPEST`.
    """
    found = _Found(most_files)
    _walk(message, found, 0)
    text = "\n\n".join(one for one in found.texts if one.strip())[:_MOST_TEXT]
    return Content(
        text=text,
        files=tuple(found.files),
        left_out=tuple(found.left_out),
        encrypted=found.encrypted,
    )


def data_of(part: Message) -> bytes:
    """The bytes of a leaf part; broken base64 and quoted-printable give what can be read."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


def html_to_text(html: str) -> str:
    """``html`` as plain text: sanitised, tables flattened, quotations marked by ``> ``.

    Tables are not drawn, because a column as wide as its widest cell makes gigabytes of padding
    out of a small mail.
    """
    # libxml2 first: it stops at 256 levels, where nh3 alone takes quadratic time.
    shallow = _tree(html[:_MOST_HTML])
    if shallow is None:
        return ""
    markup = lxml_html.tostring(shallow, encoding="unicode")
    tree = _tree(nh3.clean(markup, tags=_TAGS, clean_content_tags=_DROPPED))
    if tree is None:
        return ""
    for cell in tree.iter(*_CELLS):
        if cell.tag in ("td", "th"):
            cell.tail = " " + (cell.tail or "")
        cell.tag = _CELLS[cell.tag]
    for quote in reversed(list(tree.iter("blockquote"))):
        _mark_quoted(quote)
    return _render(tree)


class _Found:
    def __init__(self, most_files: int) -> None:
        self.most_files = most_files
        self.texts: list[str] = []
        self.files: list[File] = []
        self.left_out: list[str] = []
        self.encrypted = False

    def keep(self, file: File) -> None:
        if len(self.files) < self.most_files:
            self.files.append(file)
        else:
            self.left_out.append(file.name)


def _walk(part: Message, found: _Found, depth: int) -> None:
    if depth > DEEPEST:
        raise TooComplex(f"nested deeper than {DEEPEST} levels")
    kind = part.get_content_type()
    if kind in _ENCRYPTED:
        found.encrypted = True
    if kind == "multipart/alternative":
        _alternative(part, found, depth)
    elif part.is_multipart() and kind != "message/rfc822":
        for child in _children(part):
            _walk(child, found, depth + 1)
    else:
        _leaf(part, kind, found, alone=depth == 0)


def _alternative(part: Message, found: _Found, depth: int) -> None:
    """One of the alternatives is enough: the plainest that says anything."""
    branches = []
    for child in _children(part):
        branch = _Found(found.most_files)
        _walk(child, branch, depth + 1)
        branches.append(branch)
        found.encrypted = found.encrypted or branch.encrypted
    said = next((one for one in branches if any(text.strip() for text in one.texts)), None)
    found.texts += said.texts if said else []
    for branch in branches:
        for file in branch.files:
            found.keep(file)


def _leaf(part: Message, kind: str, found: _Found, *, alone: bool) -> None:
    name = _name(part)
    shown = alone or (part.get_content_disposition() != "attachment" and not name)
    if kind == "message/rfc822":
        found.keep(File(name=name or "mail.eml", media_type=kind, data=_enclosed(part)))
    elif shown and kind in ("text/plain", "text/html"):
        text = clean(decode(data_of(part), part.get_content_charset()))
        found.texts.append(html_to_text(text) if kind == "text/html" else text)
    elif kind not in _SIGNATURES and (data := data_of(part)):
        found.keep(File(name=name or _default_name(kind), media_type=_media_type(kind), data=data))


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _name(part: Message) -> str:
    """The declared file name without any path, control character or leading dot."""
    try:
        declared = part.get_filename("") or ""
    except (ValueError, LookupError, TypeError):
        declared = ""
    plain = text_of(declared.encode("utf-8", "replace").decode("utf-8")[:1000])
    base = plain.replace("\\", "/").rpartition("/")[2].lstrip(". ")
    return "".join(char for char in base if char.isprintable() and char not in '<>:"|?*')[:150]


def _default_name(kind: str) -> str:
    major, _, minor = kind.partition("/")
    safe = "".join(char for char in minor if char.isalnum())[:10] or "bin"
    return f"{major if major.isalpha() else 'file'}.{safe}"


def _media_type(kind: str) -> str:
    return kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"


def _enclosed(part: Message) -> bytes:
    inner = _children(part)
    try:
        return inner[0].as_bytes() if inner else data_of(part)
    except (ValueError, LookupError, TypeError, AttributeError, KeyError, IndexError):
        return b""


def _tree(html: str) -> etree._Element | None:
    """The parsed document, or None when there is nothing in it."""
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None


def _mark_quoted(quote: etree._Element) -> None:
    """Put the text of ``quote``, each line marked, in its place."""
    marked = "\n".join(f"> {line}" for line in _render(quote).split("\n"))
    tail = quote.tail
    quote.clear()
    quote.tag, quote.text, quote.tail = "pre", f"\n{marked}\n", tail


def _render(tree: etree._Element) -> str:
    config = ParserConfig(css=CSS_PROFILES["strict"])
    lines = inscriptis.Inscriptis(tree, config).get_text().split("\n")
    return clean("\n".join(line.rstrip() for line in lines)).strip()
