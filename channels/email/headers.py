"""Headers of mail from anywhere, read without trust: nothing here raises on what a mail says.

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
from email.utils import getaddresses, parsedate_to_datetime

Headers = Mapping[str, tuple[str, ...]]

LONGEST = 4_000
"""Characters of a header that we read; the rest of it is only in the raw mail."""

_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{3,400}>")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_SPACE = re.compile(r"\s+")
_LOCAL = re.compile(r"[^\s<>()\[\]\\,;:@\"\x00-\x20\x7f]{1,64}")
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_DOMAIN = re.compile(rf"\[[0-9a-f.:]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*")

# What mail calls a charset, where Python's codec is another or knows it by another name. Latin-1
# and ASCII are read as windows-1252 and the East Asian ones as their supersets, as the Encoding
# Standard (https://encoding.spec.whatwg.org/#names-and-labels) says browsers must.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949",
    "shift_jis": "cp932", "big5": "big5hkscs",
}  # fmt: skip
_NICKNAMES = {
    "ks_c_5601-1987": "cp949", "x-sjis": "cp932", "x-gbk": "gb18030", "x-euc-jp": "euc_jp",
    "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "windows-874": "cp874",
    "x-mac-roman": "mac_roman", "unicode-1-1-utf-7": "utf_7", "unicode-1-1-utf-8": "utf_8",
    "ansi_x3.110-1983": "cp1252", "8bit": "utf_8", "cp-850": "cp850", "x-unknown": "utf_8",
}  # fmt: skip
# Not charsets of mail: idna and punycode take quadratic time, the escapes mean something else.
_REFUSED = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap"}
_STATEFUL = ("iso2022", "hz", "utf-7", "utf-16", "utf-32")


def read_headers(message: Message) -> Headers:
    """All headers, by lower-case name, unfolded, undecoded and cut to `LONGEST`."""
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        found.setdefault(name.lower(), []).append(_unfold(str(value)[:LONGEST]))
    return {name: tuple(values) for name, values in found.items()}


def first(headers: Headers, name: str) -> str:
    """The first header of that name; empty when there is none."""
    return headers.get(name, ("",))[0]


def text_of(value: str) -> str:
    """``value`` as a person should read it: encoded words decoded, on one line."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        pieces = [(value, None)]
    read = "".join(
        piece if isinstance(piece, str) else decode(piece, charset) for piece, charset in pieces
    )
    return _SPACE.sub(" ", _CONTROLS.sub(" ", read)).strip()


def decode(data: bytes, charset: str | None) -> str:
    """``data`` as text, whatever ``charset`` claims; what cannot be read becomes U+FFFD.

    Valid UTF-8 is believed over a single-byte label, because text in another encoding is hardly
    ever valid UTF-8 by accident, and windows-1252 over a wrong UTF-8 label.
    """
    name = _codec(charset)
    if name.startswith(_STATEFUL):
        return whole(data.decode(name, "replace"))
    order = [name, "utf-8"] if _wide(name) else ["utf-8", name]
    for one in order:
        try:
            return whole(data.decode(one))
        except UnicodeError:
            continue
    if name == "utf-8":
        lenient = data.decode("utf-8", "replace")
        beyond = sum(1 for char in lenient if char > "\x7f")
        mostly = lenient.count("\ufffd") * 4 <= beyond
        return lenient if mostly else data.decode("cp1252", "replace")
    return whole(data.decode(name, "replace"))


def clean(text: str) -> str:
    """``text`` without control characters and lone surrogates, its lines ended by a newline."""
    return _CONTROLS.sub("", whole(text).replace("\r\n", "\n").replace("\r", "\n"))


def ids(values: Iterable[str]) -> tuple[str, ...]:
    """The message ids (RFC 5322 section 3.6.4) in ``values``, in order, each once."""
    return tuple(dict.fromkeys(one for value in values for one in _ID.findall(value)))


def addresses(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, address) of each well-formed mailbox in ``values``; addresses are lower-case."""
    found = []
    for value in tuple(values)[:5]:
        try:
            mailboxes = getaddresses([value])
        except (RecursionError, IndexError, ValueError):  # comments nested without end
            continue
        found += [(text_of(name)[:200], one) for name, spec in mailboxes if (one := normal(spec))]
    return tuple(found)


def normal(spec: str) -> str | None:
    """An address as we key customers by it, or None when it is none.

    Lower-case throughout: by RFC 5321 section 2.4 the local part may be case-sensitive, in
    practice a person who writes ``Anna@`` and ``anna@`` is one.
    """
    local, _, domain = spec.strip().rpartition("@")
    short = len(domain) <= 255
    sound = short and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain.lower())
    return f"{local}@{domain}".lower() if sound else None


def date_of(value: str) -> datetime | None:
    """The time of a Date header in UTC; None when it cannot be read."""
    try:
        found = parsedate_to_datetime(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _unfold(value: str) -> str:
    """Raw 8-bit bytes come as surrogates (the parser's way to keep them)."""
    raw = value.replace("\r", "").replace("\n", "").encode("utf-8", "surrogateescape")
    return decode(raw, "utf-8")


def whole(text: str) -> str:
    """Without lone surrogates, which some codecs let through and no database takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _codec(charset: str | None) -> str:
    label = (charset or "utf-8").strip().strip("\"'").lower()[:40]
    try:
        name = codecs.lookup(_NICKNAMES.get(label, label)).name
        b"".decode(name)
    except (LookupError, ValueError, UnicodeError):
        return "utf-8"
    return "utf-8" if name in _REFUSED else _SUPERSETS.get(name, name)


def _wide(name: str) -> bool:
    """Whether ``name`` is a multi-byte encoding, whose own strict decoding can be believed."""
    return name.startswith(("gb", "big5", "euc", "shift", "cp932", "cp949", "johab", "utf"))
