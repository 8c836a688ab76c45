"""Links with titles in what people write: ``[our returns page](https://shop.example/returns)``.

Only an address of http or https is ever a link. A title that names another host than the one the
link leads to is how phishing looks (https://attack.mitre.org/techniques/T1036/), so such a link is
refused before it is sent. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

MOST_OF_TITLE = 200
MOST_OF_URL = 2000
_MARKED = re.compile(
    rf"\[([^\[\]\n]{{1,{MOST_OF_TITLE}}})\]"
    r"\(([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)\)"
)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_LIKE_ADDRESS = re.compile(r"[:./\\]")
_DOTTED = re.compile(r"[\w.-]+")
_TOP_LEVEL = re.compile(r"[^\W\d_][\w-]+|\d{1,3}")
_FILE_ENDINGS = frozenset(
    ("pdf", "png", "jpg", "jpeg", "gif", "webp", "doc", "docx", "xls", "xlsx", "odt", "csv", "txt")
)
"""None of these is a top-level domain (https://data.iana.org/TLD/tlds-alpha-by-domain.txt)."""
_HIDDEN = ("Cc", "Cf", "Co", "Cn")
"""Unicode categories of characters that nobody sees, among them those that turn the direction."""


class TitledLink(NamedTuple):
    """A link in a text, at ``text[start:end]``."""

    title: str
    url: str
    start: int
    end: int


def titled_links(text: str) -> tuple[TitledLink, ...]:
    """The links of ``text`` that have a title and an address of http or https."""
    return tuple(link for link in _marked(text) if _SCHEME.match(link.url))


def with_titled_links(text: str, show: Callable[[str, str], str]) -> str:
    """``text`` with ``show(title, url)`` in place of each link that has a title."""
    pieces, at = [], 0
    for link in titled_links(text):
        pieces += [text[at : link.start], show(link.title, link.url)]
        at = link.end
    return "".join([*pieces, text[at:]])


def plain_link(title: str, url: str) -> str:
    """A link as plain text has it: the title and the address, the address alone where both are the
    same. Nothing follows the address that a phone would take for a part of it."""
    return url if title.strip() == url else f"{title.strip()}: {url}"


def why_unsafe_link(text: str) -> str | None:
    """Why a titled link of ``text`` must not be sent, in a sentence for the person who wrote it;
    None when all are safe."""
    found = unsafe_link(text)
    return found[1] if found else None


def unsafe_link(text: str) -> tuple[TitledLink, str] | None:
    """The first link of ``text`` that must not be sent, and why."""
    for link in _marked(text):
        if why := _why_unsafe(link):
            return link, why
    return None


def _marked(text: str) -> tuple[TitledLink, ...]:
    if "](" not in text:
        return ()
    return tuple(
        TitledLink(found[1], found[2], *found.span())
        for found in _MARKED.finditer(text)
        if _LIKE_ADDRESS.search(found[2])
    )


def _why_unsafe(link: TitledLink) -> str | None:
    name = f"the link “{link.title.strip()}”"
    if any(unicodedata.category(character) in _HIDDEN for character in link.title + link.url):
        return f"{name} has an invisible character; write it again by hand"
    if not link.title.strip():
        return "a link has no title; write some words between the square brackets"
    if not _SCHEME.match(link.url):
        return f"{name} must lead to an address that begins with https:// or http://"
    parts = _parts(link.url)
    if parts is None:
        return f"{name} does not lead to a valid address"
    return _why_misleading(link, name, parts)


def _why_misleading(link: TitledLink, name: str, parts: SplitResult) -> str | None:
    if "@" in parts.netloc:
        return f"{name} has a user name in its address; leave out what is before the @"
    host = _plain_host(parts.hostname or "")
    for shown in _hosts(link.title):
        if host != shown and not host.endswith(f".{shown}"):
            return (
                f"{name} names {shown} but leads to {host}; "
                "give it a title in words, or the address it leads to"
            )
    return None


def _parts(url: str) -> SplitResult | None:
    """The parts of a valid address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    valid = parts.hostname and "\\" not in url and len(url) <= MOST_OF_URL
    return parts if valid else None


def _hosts(title: str) -> list[str]:
    """What a reader may take for names of hosts."""
    plain = unicodedata.normalize("NFKC", title).replace("。", ".").casefold()
    names = (name.strip(".-") for name in _DOTTED.findall(plain))
    return [_plain_host(name) for name in names if "." in name and _is_like_host(name)]


def _is_like_host(name: str) -> bool:
    last = name.rpartition(".")[2]
    if last in _FILE_ENDINGS or not _TOP_LEVEL.fullmatch(last):
        return False
    return not last.isdigit() or name.count(".") == 3


def _plain_host(host: str) -> str:
    return host.casefold().removeprefix("www.").rstrip(".")
