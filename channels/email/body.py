"""The content of a mail: text and files of its MIME tree, HTML as text, and the new words in it.

mail-parser-reply knows how mail programs in many languages introduce a quotation and close a
mail. It guesses with patterns, so its findings are checked before anything is dropped: a line
that only begins like a closing ("Thanks, but that did not help") must never cost a customer
the rest of the mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from itertools import chain

import inscriptis
import nh3
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree  # type: ignore[import-untyped]  # it ships no type information
from lxml import html as lxml_html
from mailparser_reply import EmailMessage, EmailReply
from mailparser_reply.constants import MAIL_LANGUAGES

from channels.email.charsets import decode
from channels.email.headers import clean
from channels.email.structure import (
    MailTooComplex,
    enclosed_mail,
    file_name,
    open_signed,
    parse_message,
    split_uuencoded,
)
from gateway import File, Value

MAX_DEPTH = 25
"""Levels of nested parts; ordinary mail has about five."""
_MAX_SIGNED_PARTS = 100
_MAX_HTML = 500_000
_MAX_TEXT = 200_000

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}")
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature",
               "application/x-pkcs7-signature"}  # fmt: skip
_SEALED = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_CELLS = {"table": "div", "thead": "div", "tbody": "div", "tfoot": "div", "caption": "div",
          "tr": "div", "td": "span", "th": "span"}  # fmt: skip
_TAGS = (nh3.ALLOWED_TAGS | {"html", "body", "div"}) - {"img"}
_DROPPED = {"script", "style", "head", "title", "template", "noscript", "svg", "math"}

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "sv", "da", "pl")

_MAX_REPLY = 20_000
"""Characters that are searched for quotations: the patterns take more than linear time."""
_MAX_LINE = 500

_BLANKS = re.compile(r"\n[ \t\xa0]*(?:\n[ \t\xa0]*)+\n")
_LONG = re.compile(rf"([^\n]{{{_MAX_LINE}}})(?=[^\n])")
_QUOTED = re.compile(r"^(?:>|\|\s)", re.MULTILINE)
_HEADER_LINE = re.compile(r"^[>* ]*[^\W\d][\w .\-]{0,20}:", re.MULTILINE)
_DELIMITER = re.compile(r"--|__|_{32,}")


def _phrases(key: str) -> str:
    values = (MAIL_LANGUAGES[language].get(key, []) for language in LANGUAGES)
    return "|".join(
        chain.from_iterable([value] if isinstance(value, str) else value for value in values)
    )


_CLOSING = re.compile(rf"(?:{_phrases('signatures')})[\s,.!]*", re.IGNORECASE)
_SENT_FROM = re.compile(rf"(?:{_phrases('sent_from')}).{{0,60}}", re.IGNORECASE)


class MailContent(Value, frozen=True, kw_only=True):
    """``text`` is everything written, quotations included. ``files`` are limited in number;
    ``left_out`` names those beyond the limit."""

    text: str
    files: tuple[File, ...] = ()
    left_out: tuple[str, ...] = ()
    encrypted: bool = False
    signed: bool = False
    """It is within an S/MIME signature, which is not verified."""


# -- the MIME tree --------------------------------------------------------------------------------


def read_content(message: Message, *, max_files: int) -> MailContent:
    """Walk ``message``: text/plain before text/html, everything else a file.

    Raises MailTooComplex when it is nested deeper than `MAX_DEPTH`.
    """
    parts = _Parts(max_files)
    _walk(message, parts, 0)
    return MailContent(
        text="\n\n".join(text for text in parts.texts if text.strip())[:_MAX_TEXT],
        files=tuple(parts.files),
        left_out=tuple(parts.left_out),
        encrypted=parts.encrypted,
        signed=parts.signed,
    )


def payload_bytes(part: Message) -> bytes:
    """The bytes of a leaf part; of broken base64 and quoted-printable, what can be decoded."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Parts:
    """What the walk has collected so far."""

    max_files: int
    texts: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    encrypted: bool = False
    signed: bool = False

    def keep(self, file: File) -> None:
        if len(self.files) < self.max_files:
            self.files.append(file)
        else:
            self.left_out.append(file.name)


def _walk(part: Message, parts: _Parts, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MailTooComplex(f"nested deeper than {MAX_DEPTH} levels")
    kind = part.get_content_type()
    if kind in _SEALED or file_name(part).lower().endswith(".p7m"):
        _walk_sealed(part, parts, depth)
    elif kind == "multipart/encrypted":
        parts.encrypted = True
    elif kind == "multipart/alternative":
        _walk_alternatives(part, parts, depth)
    elif part.is_multipart() and kind != "message/rfc822":
        for child in _children(part):
            _walk(child, parts, depth + 1)
    else:
        _read_leaf(part, kind, parts, alone=depth == 0)


def _walk_sealed(part: Message, parts: _Parts, depth: int) -> None:
    """An S/MIME part (RFC 8551): what is only signed is read, the rest is encrypted."""
    content = open_signed(payload_bytes(part))
    if content is None:
        parts.encrypted = True
        return
    parts.signed = True
    _walk(parse_message(content, max_parts=_MAX_SIGNED_PARTS), parts, depth + 1)


def _walk_alternatives(part: Message, parts: _Parts, depth: int) -> None:
    """Take the text of the first alternative that has any, and the files of all."""
    branches = []
    for child in _children(part):
        branch = _Parts(parts.max_files)
        _walk(child, branch, depth + 1)
        branches.append(branch)
        parts.encrypted = parts.encrypted or branch.encrypted
        parts.signed = parts.signed or branch.signed
    parts.texts += next((branch.texts for branch in branches if "".join(branch.texts).strip()), [])
    for branch in branches:
        for file in branch.files:
            parts.keep(file)
        parts.left_out += branch.left_out


def _read_leaf(part: Message, kind: str, parts: _Parts, *, alone: bool) -> None:
    name = file_name(part)
    shown = alone or (part.get_content_disposition() != "attachment" and not name)
    if kind == "message/rfc822":
        parts.keep(File(name=name or "mail.eml", media_type=kind, data=enclosed_mail(part)))
    elif shown and kind in ("text/plain", "text/html"):
        text = clean(decode(payload_bytes(part), part.get_content_charset()))
        if kind == "text/html":
            parts.texts.append(html_to_text(text))
            return
        text, files = split_uuencoded(text)
        parts.texts.append(text)
        for file in files:
            parts.keep(file)
    elif kind not in _SIGNATURES and (data := payload_bytes(part)):
        media_type = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
        parts.keep(File(name=name or _default_name(kind), media_type=media_type, data=data))


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [child for child in payload if isinstance(child, Message)]


def _default_name(kind: str) -> str:
    major, _, minor = kind.partition("/")
    safe = "".join(char for char in minor if char.isalnum())[:10] or "bin"
    return f"{major if major.isalpha() else 'file'}.{safe}"


# -- HTML as text ---------------------------------------------------------------------------------


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


# -- without quotations and signature -------------------------------------------------------------


def extract_reply(text: str) -> str:
    """The customer's own words in ``text``, answers between quoted lines included.

    When nothing would be left (a mail that is forwarded without comment) all of it stays.
    """
    # Bounded for the patterns: few blank lines in a row, and no endless lines.
    bounded = _LONG.sub(r"\1\n", _BLANKS.sub("\n\n", text[:_MAX_REPLY]))
    mail = EmailMessage(text=bounded, languages=list(LANGUAGES), keep_hyphen_lists=True).read()
    kept = [
        _text_between_quotes(reply, mail)
        if reply.headers
        else _drop_quoted(_drop_signature(reply.content, mail))
        for reply in _join_false_starts(mail.replies)
    ]
    return "\n\n".join(part for part in kept if part) or bounded.strip()


def _join_false_starts(replies: list[EmailReply]) -> list[EmailReply]:
    """A "From:" block counts only with two header lines; else it is the customer's text."""
    joined: list[EmailReply] = []
    for reply in replies:
        block = (reply.headers or "").strip()
        attribution = block.endswith((":", "："))  # "On Monday, Anna wrote:"
        genuine = attribution or len(_HEADER_LINE.findall(block)) != 1
        if joined and not genuine:
            joined[-1].content += "\n" + reply.content
        else:
            joined.append(reply)
    return joined


def _drop_signature(content: str, mail: EmailMessage) -> str:
    """``content`` without the signature at its end, if it truly looks like one."""
    at = 0
    for _ in range(20):
        match = mail.SIGNATURE_REGEX.search(content, at)
        if not match:
            break
        tail = match.group().strip()
        if _is_signature(tail):
            return content[: match.start()].rstrip()
        at = content.find("\n", match.end() - len(match.group().lstrip())) + 1
        if not at:
            break
    return content


def _is_signature(tail: str) -> bool:
    lines = [line.strip() for line in tail.split("\n")]
    if _DELIMITER.fullmatch(lines[0]):
        return True
    written = [line for line in lines if line]
    if _SENT_FROM.fullmatch(lines[0]):
        return len(written) <= 3
    short = len(written) <= 10 and all(len(line) <= 80 and "?" not in line for line in written)
    return short and bool(_CLOSING.fullmatch(lines[0]))


def _drop_quoted(content: str) -> str:
    if not _QUOTED.search(content):
        return content.strip()
    lines = [line for line in content.split("\n") if not _QUOTED.match(line)]
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip()


def _text_between_quotes(reply: EmailReply, mail: EmailMessage) -> str:
    """The text below or between the quoted lines of ``reply``. Empty when the quotation is not
    marked line by line: then it cannot be separated from the customer's words."""
    quoted = _QUOTED.search(reply.content)
    if not quoted:
        return ""
    return _drop_quoted(_drop_signature(reply.content[quoted.start() :], mail))
