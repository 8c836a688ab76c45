"""How a team's site speaks: a few of its pages are read, and what is the same on them is taken
over. Everything is bounded, and only public addresses are asked."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin, urlsplit

import aiohttp
import lxml.html
from inscriptis import get_text
from lxml.etree import LxmlError

from gateway import PublicHttp, TooLarge, Value, read_bounded
from plugins.start.speech import SiteSpeech, speech_of

MOST_PAGES = 8
"""Pages that are read: enough to hear how a site speaks, and little for its server."""
LARGEST = 1_000_000
"""Bytes of one page."""
PAGE_SECONDS = 6.0
"""For one page."""
ALL_SECONDS = 25.0
"""For all of them: somebody waits at a terminal."""
WORTH_READING = re.compile(
    r"help|hilfe|aide|ayuda|faq|support|service|kontakt|contact|about|ueber|über|liefer|versand|"
    r"ship|retour|return|rueck|rück|agb|terms",
    re.IGNORECASE,
)
"""What the addresses of pages have in them that speak to customers."""


class SiteRead(Value, frozen=True, kw_only=True):
    """What a site says of itself."""

    name: str = ""
    languages: tuple[str, ...] = ()
    """ISO 639-1, the commonest first."""
    speech: Mapping[str, SiteSpeech] = {}
    """By language."""
    pages: int = 0
    trouble: str = ""
    """Why nothing could be read, for people."""


class _Page(Value, frozen=True, kw_only=True):
    text: str
    language: str
    names: tuple[str, ...]
    """What the page may call the company."""
    links: tuple[str, ...]
    others: tuple[str, ...]


async def read_site(http: PublicHttp, url: str, *, private: bool) -> SiteRead:
    """Read the page at ``url`` and a few below it. ``private``: its address may be in a network
    that is not public. Raises nothing: what cannot be read is told in ``trouble``."""
    pages: list[_Page] = []
    trouble = ""
    timeout = aiohttp.ClientTimeout(total=PAGE_SECONDS)
    async with http.session(own=[url] if private else (), timeout=timeout) as session:
        try:
            async with asyncio.timeout(ALL_SECONDS):
                first = await _fetch(session, url)
                pages.append(first)
                for link in _worth_reading(first.links, url)[: MOST_PAGES - 1]:
                    try:
                        pages.append(await _fetch(session, link))
                    except (aiohttp.ClientError, _NotRead, TooLarge, TimeoutError):
                        continue
        except TimeoutError:
            trouble = "it did not answer in time"
        except (_NotRead, TooLarge) as error:
            trouble = str(error)
        except (aiohttp.ClientError, ValueError) as error:
            trouble = _in_words(error)
    return _summary(pages, trouble)


class _NotRead(Exception):
    """A page is no HTML, or is not there. The message is for people."""


async def _fetch(session: aiohttp.ClientSession, url: str) -> _Page:
    async with session.get(url, headers={"Accept": "text/html"}, max_redirects=5) as response:
        if response.status >= 400:
            raise _NotRead(f"it answered {response.status}")
        if response.content_type not in ("text/html", "application/xhtml+xml"):
            raise _NotRead(f"it is {response.content_type} and no page")
        data = await read_bounded(response.content.iter_chunked(65_536), LARGEST)
        address, charset = str(response.url), response.charset
    return await asyncio.to_thread(_parse, data, address, charset)


def _parse(data: bytes, address: str, charset: str | None) -> _Page:
    if charset is None and b"charset" not in data[:2048]:
        charset = "utf-8"
    try:
        parser = lxml.html.HTMLParser(encoding=charset)
        root = lxml.html.fromstring(data, base_url=address, parser=parser)
    except (LxmlError, ValueError, LookupError):
        raise _NotRead("it is no HTML") from None
    here = urlsplit(address).netloc
    links = [urljoin(address, str(link)) for link in root.xpath("//a/@href")[:500]]
    names = root.xpath("//meta[@property='og:site_name']/@content")
    title = root.xpath("string(//title)")
    for hidden in root.xpath("//script|//style|//noscript|//template"):
        hidden.drop_tree()
    language = str(root.get("lang") or "")[:2].casefold()
    return _Page(
        text=get_text(lxml.html.tostring(root, encoding="unicode")),
        language=language,
        names=(str(names[0]).strip()[:60],) if names else _names_in(str(title)),
        links=tuple(dict.fromkeys(link for link in links if urlsplit(link).netloc == here)),
        others=tuple(str(code)[:2].casefold() for code in root.xpath("//link/@hreflang")),
    )


def _names_in(title: str) -> tuple[str, ...]:
    """The ends of a page's title (`Help · Lindenhof`): one is the company's name."""
    parts = [part.strip() for part in re.split(r"\s[|–—·:-]\s", " ".join(title.split()))]
    return tuple({part[:60]: None for part in (parts[0], parts[-1]) if part}) if parts[1:] else ()


def _without_help(name: str) -> str:
    """A help centre is called after its company: `Lindenhof Help` is Lindenhof's."""
    return re.sub(
        r"[\s,|-]+(?:help|hilfe|support|aide|ayuda|faq)( cent(?:er|re))?$", "", name, flags=re.I
    )


def _worth_reading(links: Sequence[str], first: str) -> list[str]:
    """Further pages: those that speak to customers first."""
    bare = dict.fromkeys(link.partition("#")[0] for link in links)
    found = [link for link in bare if link.startswith(("http://", "https://")) and link != first]
    return sorted(found, key=lambda link: not WORTH_READING.search(urlsplit(link).path))


def _summary(pages: Sequence[_Page], trouble: str) -> SiteRead:
    texts: dict[str, list[str]] = {}
    for page in pages:
        texts.setdefault(page.language, []).append(page.text)
    counted = Counter(page.language for page in pages if page.language)
    others = dict.fromkeys(code for page in pages for code in page.others if len(code) == 2)
    names = Counter(name for page in pages for name in page.names)
    codes = dict.fromkeys([code for code, _ in counted.most_common()] + list(others))
    return SiteRead(
        name=_without_help(min(names, key=lambda name: (-names[name], len(name)), default="")),
        languages=tuple(code for code in codes if code.isalpha()),
        speech={
            code: found
            for code, said in texts.items()
            if (found := speech_of("\n".join(said), code)) is not None
        },
        pages=len(pages),
        trouble=trouble if not pages else "",
    )


def _in_words(error: Exception) -> str:
    if "not public" in str(error):
        return "its address is in a private network; add --private if it is yours"
    if isinstance(error, aiohttp.InvalidURL):
        return "it is no URL; write it as https://www.your-site.com"
    return "it cannot be reached"
