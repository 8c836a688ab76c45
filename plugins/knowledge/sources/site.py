"""Reading a site: a page and the linked pages below it, or the pages of a sitemap."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from gateway import Clock, KnowledgeDocument, KnowledgeSource, WarmlineError
from plugins.knowledge.readers.blocks import UnreadableDocument
from plugins.knowledge.readers.reading import DocumentReader, ReadRequest, ReadResult, format_of
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources.fetching import FetchedPage, NotFetched, PageFetcher, settle
from plugins.knowledge.sources.outcomes import (
    LocationOutcome,
    ReadLocation,
    SameLocation,
    SkippedLocation,
)
from plugins.knowledge.sources.robots import SiteRules, fetch_rules
from plugins.knowledge.sources.sitemaps import looks_like_sitemap, read_sitemaps
from plugins.knowledge.sources.urls import is_below, normal_url, parse_url, same_site, title_of_name

AT_ONCE = 4
"""Pages that are under way at the same moment."""
_IN_PAGES = ("html", "markdown", "text", "pdf", "docx", "csv", "xlsx")
"""Formats that are read when a page links to them. An export is a source by itself."""


class SiteWalk:
    """Walks through a site (`SourceWalk`).

    Pages that are known are looked at first, so that one that moved is told from one that was
    added; then the pages that are linked, nearest first.
    """

    def __init__(
        self,
        source: KnowledgeSource,
        *,
        fetcher: PageFetcher,
        reader: DocumentReader,
        clock: Clock,
        limits: CrawlLimits,
        conditional: bool,
    ) -> None:
        self._source, self._fetcher, self._reader = source, fetcher, reader
        self._clock, self._limits = clock, limits
        self._conditional = conditional
        self._start = normal_url(str(parse_url(source.location))) or source.location
        self._rules = SiteRules("")
        self._queue: deque[tuple[str, int]] = deque()
        self._queued: set[str] = set()
        self._only_listed = False
        self._listed: dict[str, datetime | None] = {}
        self._taken: dict[str, str] = {}
        self.cut_short = ""

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def outcomes(
        self, known: Mapping[str, Sequence[KnowledgeDocument]]
    ) -> AsyncIterator[LocationOutcome]:
        """See `SourceWalk`."""
        until = self._clock.now() + timedelta(minutes=self._limits.minutes)
        self._rules = await fetch_rules(self._fetcher, self._start)
        self._fetcher.pause = max(self._fetcher.pause, self._rules.pause)
        first = await self._first_page()
        if looks_like_sitemap(first):
            await self._take_sitemap(first)
        else:
            await self._take_listed_below()
            self._add(first.url, 0)
        for place in known:
            self._add(place, 0)
        count = 0
        under_way: deque[tuple[str, int, asyncio.Task[FetchedPage]]] = deque()
        try:
            while self._queue or under_way:
                while self._queue and len(under_way) < AT_ONCE and not self.cut_short:
                    url, depth = self._queue.popleft()
                    count += 1
                    self.cut_short = self._limit(count, until)
                    if self.cut_short:
                        break
                    page = first if url == first.url and not self._only_listed else None
                    task = asyncio.create_task(self._fetch(url, known.get(url, ()), page))
                    under_way.append((url, depth, task))
                if not under_way:
                    break
                url, depth, task = under_way.popleft()
                yield await self._outcome(url, depth, task)
        finally:
            await settle([task for _, _, task in under_way])

    async def _first_page(self) -> FetchedPage:
        """The page that the source names. It may be redirected to where the site is now."""
        if not self._rules.allows(self._start):
            raise WarmlineError(
                f"{self._start}: the site's robots.txt forbids to read it. Allow the user agent "
                "`Warmline` there, or add an export or a folder instead"
            )
        try:
            first = await self._fetcher.fetch(self._start, most=self._limits.file_bytes)
        except NotFetched as error:
            raise WarmlineError(f"{self._start}: {error.why}") from error
        if not same_site(first.url, self._start):
            raise WarmlineError(
                f"{self._start} is redirected to {first.url}, another site; add that instead"
            )
        self._start = first.url
        return first

    async def _take_sitemap(self, first: FetchedPage) -> None:
        self._only_listed = True
        for entry in await read_sitemaps(
            first, self._fetcher, self._is_of_site, self._limits.pages
        ):
            if self._is_of_site(entry.url):
                self._listed[entry.url] = entry.updated_at
                self._add(entry.url, 0)
        if not self._listed:
            raise WarmlineError(f"{self._start}: the sitemap lists no page of its own site")

    async def _take_listed_below(self) -> None:
        """Pages below the first that the site's own sitemaps list, for sites whose links only
        scripts make."""
        for url in self._rules.sitemaps:
            if not self._is_of_site(url):
                continue
            try:
                page = await self._fetcher.fetch(url, allowed=self._is_of_site)
                if not looks_like_sitemap(page):
                    continue
                found = await read_sitemaps(
                    page, self._fetcher, self._is_of_site, self._limits.pages
                )
            except NotFetched:
                continue
            for entry in found:
                if is_below(entry.url, self._start):
                    self._listed[entry.url] = entry.updated_at
        for listed in self._listed:
            self._add(listed, 1)

    def _is_of_site(self, url: str) -> bool:
        return same_site(url, self._start) and self._rules.allows(url)

    def _may_follow(self, url: str) -> bool:
        below = self._only_listed or is_below(url, self._start)
        return below and self._is_of_site(url)

    def _add(self, url: str, depth: int) -> None:
        if url not in self._queued and depth <= self._limits.depth:
            self._queued.add(url)
            self._queue.append((url, depth))

    def _limit(self, count: int, until: datetime) -> str:
        limits = self._limits
        if count > limits.pages:
            return f"it has more than {limits.pages} pages (`plugins.knowledge.limits.pages`)"
        if self._clock.now() > until:
            return f"it takes longer than {limits.minutes:g} minutes (`...limits.minutes`)"
        if self._fetcher.received > limits.total_bytes:
            return f"it has more than {limits.total_bytes:,} bytes (`...limits.total_bytes`)"
        return ""

    async def _fetch(
        self, url: str, known: Sequence[KnowledgeDocument], fetched: FetchedPage | None
    ) -> FetchedPage:
        if fetched is not None:
            return fetched
        if not self._rules.allows(url):
            raise NotFetched("the site's robots.txt forbids to read it", gone=True, lasting=True)
        current = [document for document in known if document.state == "current"]
        use = self._conditional and bool(current)
        return await self._fetcher.fetch(
            url,
            etag=current[0].etag if use else "",
            last_modified=current[0].last_modified if use else "",
            allowed=self._may_follow,
        )

    async def _outcome(
        self, url: str, depth: int, task: asyncio.Task[FetchedPage]
    ) -> LocationOutcome:
        try:
            page = await task
        except NotFetched as error:
            kind = "gone" if error.gone else "not_read" if error.lasting else "failed"
            return SkippedLocation(location=url, why=error.why, kind=kind)  # type: ignore[arg-type]
        if page.unchanged:
            return SameLocation(location=url)
        found = format_of(page.media_type, page.url.partition("?")[0])
        alone = url == self._start and not self._only_listed
        if found is None or (found not in _IN_PAGES and not alone):
            return SkippedLocation(
                location=url, why=f"it is {page.media_type or 'of an unknown type'}, not read"
            )
        request = ReadRequest(
            data=page.data,
            format=found,
            location=page.url,
            name=title_of_name(page.url),
            charset=page.charset,
            language=self._source.language,
        )
        try:
            results = await self._reader.read(request)
        except UnreadableDocument as error:
            return SkippedLocation(location=url, why=str(error), kind="failed")
        return self._read(url, depth, page, results)

    def _read(
        self, url: str, depth: int, page: FetchedPage, results: Sequence[ReadResult]
    ) -> LocationOutcome:
        for result in results:
            for link in result.links:
                target = normal_url(link)
                if not self._only_listed and target and self._may_follow(target):
                    self._add(target, depth + 1)
        if any(result.unlisted for result in results):
            return SkippedLocation(location=url, why="it asks not to be indexed", kind="gone")
        documents = tuple(
            result.document.replace(
                location=self._location(result, page),
                etag=page.etag,
                last_modified=page.last_modified,
                updated_at=result.document.updated_at or self._listed.get(url),
            )
            for result in results
            if result.document.passages
        )
        if not documents:
            return SkippedLocation(location=url, why="it has no text of its own", kind="gone")
        return ReadLocation(location=url, documents=documents)

    def _location(self, result: ReadResult, page: FetchedPage) -> str:
        """The page's canonical address, if it is one of this site that no other page has taken, as
        all pages do where a template names the first one."""
        own = result.document.location
        canonical = normal_url(result.canonical) if result.canonical else None
        if canonical is None or not self._is_of_site(canonical):
            return own
        digest = result.document.digest
        if self._taken.setdefault(canonical, digest) != digest:
            return page.url
        return canonical
