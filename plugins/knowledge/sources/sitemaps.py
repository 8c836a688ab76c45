"""Sitemaps and their indexes (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from datetime import datetime

from gateway import Value
from plugins.knowledge.readers.dates import parse_date
from plugins.knowledge.sources.fetching import FetchedPage, NotFetched, PageFetcher
from plugins.knowledge.sources.urls import normal_url

MOST_BYTES = 50_000_000
"""Unpacked: the protocol allows 50 MB."""
MOST_SITEMAPS = 50
MOST_ENTRIES = 50_000
NAMESPACE_END = "}"


class SitemapEntry(Value, frozen=True, kw_only=True):
    """A page that a sitemap lists, and when that was changed, if it says so."""

    url: str
    updated_at: datetime | None = None


def looks_like_sitemap(page: FetchedPage) -> bool:
    """Whether a page is a sitemap: by its content, whatever its type."""
    data = page.data
    if data[:2] == b"\x1f\x8b":
        try:
            data = _unpacked(data, 4096)
        except NotFetched:
            return False
    head = data[:4096]
    return b"<urlset" in head or b"<sitemapindex" in head


async def read_sitemaps(
    first: FetchedPage, fetcher: PageFetcher, allowed: Callable[[str], bool], most: int
) -> tuple[SitemapEntry, ...]:
    """The pages that a sitemap lists, and those of the sitemaps that an index lists; each sitemap
    once, and at most ``most`` pages. Raises NotFetched."""
    entries: dict[str, SitemapEntry] = {}
    seen = {first.url}
    waiting: list[str] = []
    page: FetchedPage | None = first
    while page is not None and len(entries) < most:
        pages, sitemaps = _parse(page)
        for entry in pages[: most - len(entries)]:
            entries.setdefault(entry.url, entry)
        for url in sitemaps:
            if url not in seen and allowed(url) and len(seen) < MOST_SITEMAPS:
                seen.add(url)
                waiting.append(url)
        page = None
        while waiting and page is None:
            try:
                page = await fetcher.fetch(waiting.pop(0), allowed=allowed, most=MOST_BYTES)
            except NotFetched:
                continue  # the others are still worth reading
    return tuple(entries.values())


def _parse(page: FetchedPage) -> tuple[list[SitemapEntry], list[str]]:
    """The pages and the sitemaps that a sitemap lists."""
    from lxml import etree  # noqa: PLC0415  (used while sources are read)

    data = _unpacked(page.data, MOST_BYTES) if page.data[:2] == b"\x1f\x8b" else page.data
    if b"<!DOCTYPE" in data[:100_000] or b"<!ENTITY" in data:
        raise NotFetched("the sitemap declares a document type or entities", lasting=True)
    pages: list[SitemapEntry] = []
    sitemaps: list[str] = []
    try:
        for _, element in etree.iterparse(
            io.BytesIO(data),
            tag=("{*}url", "{*}sitemap"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            recover=True,
        ):
            location = (element.findtext("{*}loc") or "").strip()
            if element.tag.endswith("sitemap"):
                if location.startswith(("http://", "https://")):
                    sitemaps.append(location)
            elif url := normal_url(location):
                changed = parse_date(element.findtext("{*}lastmod") or "")
                pages.append(SitemapEntry(url=url, updated_at=changed))
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
            if len(pages) >= MOST_ENTRIES:
                break
    except etree.XMLSyntaxError as error:
        raise NotFetched(f"the sitemap cannot be parsed ({error})", lasting=True) from error
    return pages, sitemaps


def _unpacked(data: bytes, most: int) -> bytes:
    """gzip, of which at most ``most`` bytes are unpacked."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        return unpacker.decompress(data, most)
    except zlib.error as error:
        raise NotFetched(f"the sitemap's gzip is damaged ({error})", lasting=True) from error
