"""Fetching a page or a file: bounded, at a measured pace, and only when it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp

from gateway import Clock, TooLarge, Value, WarmlineError, read_bounded, retry_after
from plugins.knowledge.readers.reading import MEDIA_TYPES
from plugins.knowledge.sources.urls import is_loopback, normal_url

if TYPE_CHECKING:
    from plugins.knowledge.settings import CrawlLimits

AGENT = "Warmline"
"""Our product token, which a robots.txt may name (RFC 9309, 2.2.1)."""
MOST_REDIRECTS = 5
TRIES = 3
LONGEST_WAIT = 30.0
"""Seconds; a server that asks for more is tried at the next check."""
GONE = (404, 410)
BUSY = (429, 500, 502, 503, 504)


class NotFetched(WarmlineError):
    """A page could not be fetched: ``why`` says it for people. ``gone``: it is not there.
    ``lasting``: trying again does not help."""

    def __init__(self, why: str, *, gone: bool = False, lasting: bool = False) -> None:
        super().__init__(why)
        self.why, self.gone, self.lasting = why, gone, lasting


class FetchedPage(Value, frozen=True, kw_only=True):
    """What a server sent. ``unchanged``: it said that we have it, and sent nothing."""

    url: str
    """Where it was at last, after redirects."""
    data: bytes = b""
    media_type: str = ""
    charset: str = ""
    etag: str = ""
    last_modified: str = ""
    unchanged: bool = False


class PageFetcher:
    """Fetches from one site. At most ``limits.requests_a_second``, or what its robots.txt asks
    for; ``received`` counts the bytes."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock, limits: CrawlLimits) -> None:
        self._session, self._clock, self._limits = session, clock, limits
        self._next = clock.now()
        self.pause = 1 / limits.requests_a_second
        self.received = 0

    async def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        allowed: Callable[[str], bool] = lambda url: True,  # noqa: ARG005
        most: int | None = None,
    ) -> FetchedPage:
        """Fetch ``url``. ``allowed`` is asked before each redirect is followed. Raises
        NotFetched."""
        conditions = {}
        if etag:
            conditions["If-None-Match"] = etag
        if last_modified:
            conditions["If-Modified-Since"] = last_modified
        for attempt in range(1, TRIES + 1):
            try:
                return await self._follow(url, conditions, allowed, most)
            except _Busy as busy:
                if attempt == TRIES or busy.wait > LONGEST_WAIT:
                    raise NotFetched(busy.why) from busy
                if not is_loopback(url):
                    await self._clock.sleep(busy.wait)
        raise AssertionError("the loop ends by a return or an exception")

    async def _follow(
        self,
        url: str,
        conditions: dict[str, str],
        allowed: Callable[[str], bool],
        most: int | None,
    ) -> FetchedPage:
        seen = {url}
        for _ in range(MOST_REDIRECTS + 1):
            found = await self._get(url, conditions, most)
            if isinstance(found, FetchedPage):
                return found
            if found in seen:
                raise NotFetched(f"it is redirected in a circle, by {found}", lasting=True)
            if not allowed(found):
                raise NotFetched(f"it is redirected to {found}", gone=True, lasting=True)
            seen.add(url := found)
            conditions = {}  # they are of the page that was redirected
        raise NotFetched(f"it is redirected more than {MOST_REDIRECTS} times", lasting=True)

    async def _get(
        self, url: str, conditions: dict[str, str], most: int | None
    ) -> FetchedPage | str:
        """The page, or where it is redirected to."""
        await self._wait(url)
        headers = {"User-Agent": f"{AGENT}/{version('warmline')}", "Accept": _ACCEPT, **conditions}
        timeout = aiohttp.ClientTimeout(total=self._limits.page_seconds)
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                return await self._received(url, response, most)
        except TooLarge as error:
            raise NotFetched(f"it is too large: {error}", lasting=True) from error
        except TimeoutError as error:
            seconds = f"{self._limits.page_seconds:.0f} seconds"
            raise NotFetched(f"it did not arrive within {seconds}") from error
        except aiohttp.ClientConnectorError as error:
            if "not public" in str(error):
                raise NotFetched(
                    "its address is in a network that is not public; if that is yours, add the "
                    "source with --private",
                    lasting=True,
                ) from error
            raise NotFetched(f"the server cannot be reached ({error.strerror or error})") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotFetched(f"the server's answer cannot be read ({error!r})") from error

    async def _received(
        self, url: str, response: aiohttp.ClientResponse, most: int | None
    ) -> FetchedPage | str:
        status, headers = response.status, response.headers
        if status == 304:
            return FetchedPage(url=url, unchanged=True)
        if status in (301, 302, 303, 307, 308):
            target = normal_url(urljoin(url, headers.get("Location", "")))
            if target is None:
                raise NotFetched("it is redirected to what is no page", lasting=True)
            return target
        if status in BUSY:
            wait = retry_after(headers.get("Retry-After"), self._clock.now())
            raise _Busy(f"the server answers {status}", 2.0 if wait is None else wait)
        if status != 200:
            gone = status in GONE
            why = "it is not there any more" if gone else f"the server answers {status}"
            raise NotFetched(why, gone=gone or status in (401, 403), lasting=True)
        media = response.content_type if "Content-Type" in headers else ""
        kind = MEDIA_TYPES.get(media)
        if media.startswith(("image/", "video/", "audio/", "font/")):
            raise NotFetched(f"it is {media}, which has no text", lasting=True)
        limits = self._limits
        bound = most or (limits.page_bytes if kind in ("html", None) else limits.file_bytes)
        if (length := response.content_length or 0) > bound:
            raise TooLarge(f"{length:,} bytes, more than {bound:,}")
        data = await read_bounded(response.content.iter_chunked(65_536), bound)
        self.received += len(data)
        return FetchedPage(
            url=url,
            data=data,
            media_type=media,
            charset=response.charset or "",
            etag=headers.get("ETag", "")[:300],
            last_modified=headers.get("Last-Modified", "")[:100],
        )

    async def _wait(self, url: str) -> None:
        """Wait for the next place in the pace. Those on loopback bother nobody."""
        if is_loopback(url):
            return
        now = self._clock.now()
        begins = max(now, self._next)
        self._next = begins + timedelta(seconds=self.pause)
        if begins > now:
            await self._clock.sleep((begins - now).total_seconds())


class _Busy(Exception):
    def __init__(self, why: str, wait: float) -> None:
        super().__init__(why)
        self.why, self.wait = why, wait


_ACCEPT = "text/html, application/xhtml+xml, application/pdf;q=0.9, */*;q=0.5"


async def settle(tasks: list[asyncio.Task[FetchedPage]]) -> None:
    """End ``tasks`` whose results nobody wants any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
