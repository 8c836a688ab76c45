"""Lenient reading of mail headers: no header value makes a function here raise.

A header is bytes that claim to be ASCII. It may hold raw UTF-8 or Latin-1, encoded words
(RFC 2047) in charsets that do not exist, folds, and control characters.

Of a mailbox, the address is the one in angle brackets (RFC 5322 section 3.4). The standard library
once took one from the display name instead (CVE-2023-27043), and its strict mode now refuses whole
headers. Here a quoted string, an encoded word or a comment is never read as an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from channels.email.charsets import decode, drop_surrogates

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
_TOKEN = re.compile(
    r"""(?P<word>=\?[^?\s]{1,60}\?[bq]\?[^?]{0,1000}\?=)
      | (?P<quoted>"(?:[^"\\]|\\.)*+")
      | (?P<bracket><[^<>]*+(?:>|$))
      | (?P<comment>\((?:[^()\\]|\\.)*+\))
      | (?P<end>[,;])
      | (?P<group>:(?=\s|[^\s@]*;))
      | (?P<plain>[^"<(,;:=]+|.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
REPLY_PREFIX = re.compile(
    r"^(?:\s*(?:re|aw|antw|antwort|sv|svar|vs|odp|ref|rif|res|rép|ynt|رد|回复|回覆|答复)"
    r"\s*(?:\[\d+\]|\(\d+\))?\s*[:：])+\s*",
    re.IGNORECASE,
)
"""What mail programs put before the subject of an answer, any number of times."""
_ROUTE = re.compile(r"(?:@[^,:\s@]+,?)+:")
_MAX_MAILBOXES = 50


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


def clean(text: str) -> str:
    """``text`` without control characters and lone surrogates, its lines ended by a newline."""
    return _CONTROLS.sub("", drop_surrogates(text).replace("\r\n", "\n").replace("\r", "\n"))


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


# -- mailboxes -------------------------------------------------------------------------------------


class _Mailbox(NamedTuple):
    """A name as it is shown, perhaps empty, and a well-formed address. ``bracketed``: the address
    stood in angle brackets."""

    name: str
    address: str
    bracketed: bool


def parse_author(values: Iterable[str]) -> tuple[str, str] | None:
    """(name, address) of the author in the From headers ``values``; None when none is readable, or
    when there are several (RFC 5322 section 3.6 allows one) that name different people.

    Beside an address in angle brackets, others are part of an unquoted display name.
    """
    authors: dict[str, str] = {}
    for value in tuple(values)[:5]:
        mailboxes = _parse_all([value])
        bracketed = [mailbox for mailbox in mailboxes if mailbox.bracketed]
        author = next(iter(bracketed or mailboxes), None)
        if author:
            authors.setdefault(author.address, author.name)
    if len(authors) != 1:
        return None
    address, name = authors.popitem()
    return name, address


def parse_addresses(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, address) of each well-formed mailbox in ``values``; addresses are lower-case."""
    return tuple((mailbox.name, mailbox.address) for mailbox in _parse_all(values))


def _parse_all(values: Iterable[str]) -> list[_Mailbox]:
    found: list[_Mailbox] = []
    for value in tuple(values)[:5]:
        mailboxes = list(_mailboxes(value))
        if not mailboxes and "=?" in value and "@" not in value:
            mailboxes = list(_mailboxes(decode_text(value)))  # all of it in an encoded word
        found += mailboxes
    return found[:_MAX_MAILBOXES]


def _mailboxes(value: str) -> Iterator[_Mailbox]:
    name: list[str] = []
    plain: list[str] = []
    brackets: list[str] = []
    comments: list[str] = []
    tokens = [(match.lastgroup, match.group()) for match in _TOKEN.finditer(value)]
    for kind, token in (*tokens, ("end", "")):
        if kind == "end":
            mailbox = _mailbox(name, plain, brackets, comments)
            if mailbox:
                yield mailbox
            if mailbox or brackets or "@" in "".join(plain):
                name, plain, brackets, comments = [], [], [], []
            else:  # "Holt, Mira <...>": the comma belongs to the name
                name.append(token)
        elif kind == "group":
            name, plain = [], []
        elif kind == "bracket":
            brackets.append(token.strip("<>"))
        elif kind == "comment":
            comments.append(token[1:-1])
        else:
            if kind == "plain":
                plain.append(token)
            name.append(re.sub(r"\\(.)", r"\1", token[1:-1]) if kind == "quoted" else token)


def _mailbox(
    name: list[str], plain: list[str], brackets: list[str], comments: list[str]
) -> _Mailbox | None:
    """None when no address is well-formed, or when several could be meant."""
    inside = [spec for spec in brackets if "@" in spec]
    if inside:
        specs = {_normalize(spec) for spec in inside}
        words = "".join(name)
    else:
        words = "".join(name)
        tokens = "".join(plain).split()
        specs = {_normalize(token) for token in tokens if "@" in token}
        if specs == {None}:
            specs = {_normalize(re.sub(r"\s*@\s*", "@", "".join(plain)))}
        specs.discard(None)
        words = " ".join(word for word in words.split() if "@" not in word) or " ".join(brackets)
    address = specs.pop() if len(specs) == 1 else None
    if address is None:
        return None
    return _Mailbox(_shown_name(words) or _shown_name(" ".join(comments)), address, bool(inside))


def _normalize(spec: str) -> str | None:
    bare = spec.strip()
    if route := _ROUTE.match(bare):
        bare = bare[route.end() :].strip()
    if bare.lower().startswith("mailto:"):
        bare = bare[7:]
    local, at, domain = bare.strip("'\"()[]<> ").rpartition("@")
    return normalize_address(local.strip('"') + at + domain.rstrip("."))


def _shown_name(words: str) -> str:
    """``words`` decoded, without addresses in them, which would pass for the sender's."""
    kept = (word for word in decode_text(words).split() if "@" not in word)
    return " ".join(kept).strip(" ,'\"")[:200]
