"""robots.txt: what a site asks of those that read it (RFC 9309)."""

from __future__ import annotations

from collections.abc import Sequence

from gateway import WarmlineError
from plugins.knowledge.sources.fetching import AGENT, NotFetched, PageFetcher
from plugins.knowledge.sources.urls import origin_of

MOST_BYTES = 500 * 1024
"""As much as RFC 9309 (2.5) asks parsers to read at least."""
LONGEST_PAUSE = 10.0
"""Seconds between two requests; a site that asks for more is read at this pace."""


class SiteRules:
    """What the robots.txt of one site allows."""

    def __init__(self, text: str) -> None:
        from protego import Protego  # noqa: PLC0415  (used while sources are read)

        self._rules = Protego.parse(text)

    def allows(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def pause(self) -> float:
        """Seconds that it asks to wait between two requests (``Crawl-delay``)."""
        asked = self._rules.crawl_delay(AGENT)
        return min(float(asked), LONGEST_PAUSE) if asked else 0.0

    @property
    def sitemaps(self) -> Sequence[str]:
        return list(self._rules.sitemaps)[:20]


async def fetch_rules(fetcher: PageFetcher, site: str) -> SiteRules:
    """The rules of the site of the URL ``site``. One without a robots.txt allows everything; when
    the server fails, everything is forbidden (RFC 9309, 2.3.1.4). Raises WarmlineError then."""
    url = f"{origin_of(site)}/robots.txt"
    try:
        page = await fetcher.fetch(url, most=MOST_BYTES)
    except NotFetched as error:
        if error.lasting and "public" not in error.why:
            return SiteRules("")
        raise WarmlineError(f"{url}: {error.why}. Nothing was read; try again later") from error
    text = page.data.decode("utf-8", "replace")
    return SiteRules("" if text.lstrip()[:1] == "<" else text)
