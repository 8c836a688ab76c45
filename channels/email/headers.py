"""Lenient reading of mail headers and charsets: no header value makes a function here raise.

A header is bytes that claim to be ASCII. It may hold raw UTF-8 or Latin-1, encoded words
(RFC 2047) in charsets that do not exist, folds, and control characters.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime

from channels.email.japanese import LABELS, decode_iso_2022_jp, is_iso_2022_jp

Headers = Mapping[str, tuple[str, ...]]

MAX_HEADER_TEXT = 4_000
"""Characters of a header that we read; the rest is only in the original mail."""

_ID = re.compile(r"<([^<>\x00-\x1f\x7f]{3,400})>")
_BARE_ID = re.compile(r"[^\s<>\"(),;:@]{1,200}@[^\s<>\"(),;:@]{1,200}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_SPACE = re.compile(r"\s+")
_LOCAL = re.compile(r"[^\s<>()\[\]\\,;:@\"\x00-\x20\x7f]{1,64}")
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_DOMAIN = re.compile(rf"\[[0-9a-f.:]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*")

# Latin-1 and ASCII are read as windows-1252, East Asian charsets as their supersets, as the
# Encoding Standard (https://encoding.spec.whatwg.org/#names-and-labels) requires of browsers.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949",
    "shift_jis": "cp932", "big5": "big5hkscs",
}  # fmt: skip
# Charset labels in mail that Python does not know.
_ALIASES = {
    "ks_c_5601-1987": "cp949", "x-sjis": "cp932", "x-gbk": "gb18030", "x-euc-jp": "euc_jp",
    "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "windows-874": "cp874",
    "x-mac-roman": "mac_roman", "unicode-1-1-utf-7": "utf_7", "unicode-1-1-utf-8": "utf_8",
    "cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "cp50222": "iso2022_jp",
    "iso-2022-jp-ms": "iso2022_jp", "ansi_x3.110-1983": "cp1252",
    "8bit": "utf_8", "cp-850": "cp850", "x-unknown": "utf_8",
}  # fmt: skip
# Codecs that are no charsets of mail; idna and punycode even take quadratic time.
_REFUSED = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap"}
_STATEFUL = ("iso2022", "hz", "utf-7", "utf-16", "utf-32")


def read_headers(message: Message) -> Headers:
    """All headers by lower-case name: unfolded, undecoded, cut to `MAX_HEADER_TEXT`."""
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        headers.setdefault(name.lower(), []).append(unfold(str(value)[:MAX_HEADER_TEXT]))
    return {name: tuple(values) for name, values in headers.items()}


def first(headers: Headers, name: str) -> str:
    """The first header of that name; empty when there is none."""
    return headers.get(name, ("",))[0]


def decode_text(value: str) -> str:
    """The header ``value`` as a person reads it: encoded words decoded, on one line."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        pieces = [(value, None)]
    text = "".join(
        piece if isinstance(piece, str) else _decode_piece(piece, charset)
        for piece, charset in pieces
    )
    return _SPACE.sub(" ", _CONTROLS.sub(" ", text)).strip()


def _decode_piece(piece: bytes, charset: str | None) -> str:
    # Beside encoded words, the library escapes what was plain text (`raw_unicode_escape`).
    if charset is None and b"\\u" in piece.lower():
        return drop_surrogates(piece.decode("raw_unicode_escape", "replace"))
    return decode(piece, charset)


def decode(data: bytes, charset: str | None) -> str:
    """``data`` as text, whatever ``charset`` claims; undecodable bytes become U+FFFD.

    Valid UTF-8 wins over a single-byte label, because text in another encoding is hardly ever
    valid UTF-8 by accident. Windows-1252 wins over a wrong UTF-8 label.
    """
    if is_iso_2022_jp(data) and not _is_other_iso_2022(charset):
        return decode_iso_2022_jp(data)
    name = _codec(charset)
    if name.startswith(_STATEFUL):
        return drop_surrogates(data.decode(name, "replace"))
    for codec in [name, "utf-8"] if _is_multibyte(name) else ["utf-8", name]:
        try:
            return drop_surrogates(data.decode(codec))
        except UnicodeError:
            continue
    if name == "utf-8":
        text = data.decode("utf-8", "replace")
        non_ascii = sum(1 for char in text if char > "\x7f")
        mostly_valid = text.count("\ufffd") * 4 <= non_ascii
        return text if mostly_valid else data.decode("cp1252", "replace")
    return drop_surrogates(data.decode(name, "replace"))


def clean(text: str) -> str:
    """``text`` without control characters and lone surrogates, its lines ended by a newline."""
    return _CONTROLS.sub("", drop_surrogates(text).replace("\r\n", "\n").replace("\r", "\n"))


def drop_surrogates(text: str) -> str:
    """``text`` without lone surrogates, which some codecs produce and no database stores."""
    return text.encode("utf-8", "replace").decode("utf-8")


def message_ids(values: Iterable[str]) -> tuple[str, ...]:
    """The message ids (RFC 5322 section 3.6.4) in ``values``, in order, each once and in angle
    brackets. Some programs leave out the brackets, or fold a long id in the middle."""
    found: dict[str, None] = {}
    for value in values:
        ids = ["".join(id.split()) for id in _ID.findall(value)]
        ids = [id for id in ids if len(id) >= 3] or _BARE_ID.findall(value)
        found |= dict.fromkeys(f"<{id}>" for id in ids)
    return tuple(found)


def normalize_address(spec: str) -> str | None:
    """The address ``spec`` as the key of a customer; None when it is not a valid address.

    Lower-case throughout: by RFC 5321 section 2.4 the local part may be case-sensitive, but in
    practice ``Anna@`` and ``anna@`` are the same person.
    """
    local, _, domain = spec.strip().rpartition("@")
    valid = len(domain) <= 255 and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain.lower())
    return f"{local}@{domain}".lower() if valid else None


def parse_date(value: str) -> datetime | None:
    """The time of a Date header in UTC; None when it cannot be parsed."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def unfold(value: str) -> str:
    """The header ``value``, as the parser gives it, on one line and with its raw bytes decoded."""
    # The parser represents raw 8-bit bytes as surrogates.
    raw = value.replace("\r", "").replace("\n", "").encode("utf-8", "surrogateescape")
    return decode(raw, "utf-8")


def _label(charset: str | None) -> str:
    """A charset as labelled, without the language that RFC 2231 section 5 allows after it."""
    return (charset or "utf-8").strip().strip("\"'").partition("*")[0].lower()[:40]


def _codec(charset: str | None) -> str:
    label = _label(charset)
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
        b"".decode(name)
    except (LookupError, ValueError, UnicodeError):
        return "utf-8"
    return "utf-8" if name in _REFUSED else _SUPERSETS.get(name, name)


def _is_other_iso_2022(charset: str | None) -> bool:
    """Whether ``charset`` names a sibling with escape sequences of its own (Chinese, Korean)."""
    label = _label(charset)
    return label.startswith("iso-2022") and label not in LABELS and "jp" not in label


def _is_multibyte(name: str) -> bool:
    """Whether ``name`` is a multi-byte encoding: text that decodes strictly is then genuine."""
    return name.startswith(("gb", "big5", "euc", "shift", "cp932", "cp949", "johab", "utf"))
