"""Which URLs are the same page, which lie below another, and titles made of them."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from yarl import URL

from gateway import WarmlineError

LONGEST_URL = 2_000
_TRACKING = ("utm_", "gclid", "fbclid", "mc_cid", "mc_eid", "msclkid", "_ga", "ref_src")
_NO_DOCUMENTS = frozenset(
    """.png .jpg .jpeg .gif .svg .webp .ico .bmp .avif .css .js .mjs .map .woff .woff2 .ttf .eot
    .zip .gz .tar .7z .rar .exe .dmg .pkg .apk .mp3 .mp4 .webm .mov .avi .wav .ogg .rss .atom .ics
    .vcf .json .xml""".split()  # noqa: SIM905  (a list would be a page long)
)
"""Endings of what pages link to and no reader reads. An export is added by itself."""


def parse_url(text: str) -> URL:
    """The URL of a source. Raises WarmlineError."""
    try:
        url = URL(text.strip())
        known = url.scheme in ("http", "https") and url.host and (url.port or 0) >= 0
    except ValueError:
        known = False
    if not known:
        raise WarmlineError(f"{text!r} is no URL; write one such as https://www.example.org/help/")
    return url.with_fragment(None)


def is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def normal_url(text: str) -> str | None:
    """``text`` as one of the same page is always written: without its fragment and what only
    tracks visitors. None: it is no URL of a page."""
    if len(text) > LONGEST_URL:
        return None
    try:
        url = URL(text).with_fragment(None)
        if url.scheme not in ("http", "https") or not url.host:
            return None
        kept = [(k, v) for k, v in url.query.items() if not k.lower().startswith(_TRACKING)]
        if len(kept) < len(url.query):
            url = url.with_query(kept)
        if PurePosixPath(url.path).suffix.lower() in _NO_DOCUMENTS:
            return None
        return str(url if url.path else url.with_path("/"))
    except ValueError:
        return None


def origin_of(url: str) -> str:
    return str(URL(url).origin())


def same_site(one: str, other: str) -> bool:
    """Whether two URLs have the same host; https and http, with and without ``www.``, are one."""
    first, second = URL(one), URL(other)
    hosts = [(url.host or "").removeprefix("www.") for url in (first, second)]
    ports = [None if url.is_default_port() else url.port for url in (first, second)]
    return hosts[0] == hosts[1] and ports[0] == ports[1]


def folder_of(url: str) -> str:
    """The path that pages below ``url`` begin with: ``/help/`` for ``/help/`` and
    ``/help/index.html``, and for ``/help``."""
    path = URL(url).path or "/"
    if path.endswith("/"):
        return path
    parent, _, name = path.rpartition("/")
    return f"{parent}/" if "." in name else f"{path}/"


def is_below(url: str, start: str) -> bool:
    """Whether ``url`` is ``start``, or a page of the same site below it."""
    folder = folder_of(start)
    path = URL(url).path or "/"
    return same_site(url, start) and (path.startswith(folder) or path == folder.rstrip("/"))


def is_loopback(url: str) -> bool:
    """Whether ``url`` is on this machine, where nobody else is bothered."""
    host = URL(url).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def title_of_name(location: str) -> str:
    """``saved_replies.xlsx`` as people write it: ``Saved replies``."""
    stem = PurePosixPath(unquote(location.partition("?")[0].rstrip("/"))).stem
    words = " ".join(re.sub(r"[_\-+]+", " ", stem).split())
    return words[:1].upper() + words[1:]
