"""Reads who a mail is from: lenient, and never misled by the display name.

The address is the one in angle brackets (RFC 5322 section 3.4). The standard library once took one
from the display name instead (CVE-2023-27043), and its strict mode now refuses whole headers. Here
a quoted string, an encoded word (RFC 2047) or a comment is never read as an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from channels.email.headers import decode_text, normalize_address

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
_ROUTE = re.compile(r"(?:@[^,:\s]+,?)+:")
_MAX_MAILBOXES = 50


class Mailbox(NamedTuple):
    """A name as it is shown, perhaps empty, and a well-formed address. ``bracketed``: the address
    stood in angle brackets."""

    name: str
    address: str
    bracketed: bool


def parse_author(values: Iterable[str]) -> tuple[str, str] | None:
    """(name, address) of the author in the From headers ``values``; None when none is readable.

    Beside an address in angle brackets, others are part of an unquoted display name.
    """
    mailboxes = _parse_all(values)
    bracketed = [mailbox for mailbox in mailboxes if mailbox.bracketed]
    author = next(iter(bracketed or mailboxes), None)
    return (author.name, author.address) if author else None


def parse_addresses(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, address) of each well-formed mailbox in ``values``; addresses are lower-case."""
    return tuple((mailbox.name, mailbox.address) for mailbox in _parse_all(values))


def _parse_all(values: Iterable[str]) -> list[Mailbox]:
    found: list[Mailbox] = []
    for value in tuple(values)[:5]:
        mailboxes = list(_mailboxes(value))
        if not mailboxes and "=?" in value and "@" not in value:
            mailboxes = list(_mailboxes(decode_text(value)))  # all of it in an encoded word
        found += mailboxes
    return found[:_MAX_MAILBOXES]


def _mailboxes(value: str) -> Iterator[Mailbox]:
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
) -> Mailbox | None:
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
    return Mailbox(_shown_name(words) or _shown_name(" ".join(comments)), address, bool(inside))


def _normalize(spec: str) -> str | None:
    bare = _ROUTE.sub("", spec.strip(), count=1).strip()
    if bare.lower().startswith("mailto:"):
        bare = bare[7:]
    local, at, domain = bare.strip("'\"()[]<> ").rpartition("@")
    return normalize_address(local.strip('"') + at + domain.rstrip("."))


def _shown_name(words: str) -> str:
    """``words`` decoded, without addresses in them, which would pass for the sender's."""
    kept = (word for word in decode_text(words).split() if "@" not in word)
    return " ".join(kept).strip(" ,'\"")[:200]
