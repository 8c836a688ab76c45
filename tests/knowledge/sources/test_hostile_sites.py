"""Sites that are made to keep a reader busy, or to fill its memory, are bounded."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from gateway import WarmlineError
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources import sitemaps
from plugins.knowledge.sources.sitemaps import MOST_SITEMAPS
from tests.knowledge.sources.conftest import Reading, Site


def skipped(check: object) -> dict[str, str]:
    return {place.rpartition("/")[2]: why for place, why in check.skipped}  # type: ignore[attr-defined]


async def test_redirects_in_a_circle_and_without_end(reading: Reading, site: Site) -> None:
    """Each is left after a few steps, and the other pages are read."""
    site.page("/", "The first page of all.", "/r", "/n0", "/out")

    def onward(request: web.Request) -> web.Response:
        number = int(request.path.removeprefix("/n"))
        raise web.HTTPFound(f"/n{number + 1}")

    def circle(request: web.Request) -> web.Response:
        raise web.HTTPFound("/s" if request.path == "/r" else "/r")

    def out(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    site.pages |= {f"/n{n}": onward for n in range(50)}
    site.pages |= {"/r": circle, "/s": circle, "/out": out}
    found = skipped(await reading.read_new(f"{site.url}/"))
    assert "in a circle" in found["r"]
    assert "more than 5 times" in found["n0"]
    assert "169.254.169.254" in found["out"]
    assert site.asked["/n9"] == 0


async def test_a_page_without_end(reading: Reading, site: Site) -> None:
    """A gigabyte is not read: the length that is announced, or what arrives, is bounded."""
    reading.limits = CrawlLimits(page_bytes=100_000)
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        for _ in range(20_000):
            await response.write(b"<p>more and more</p>" * 3_000)
            sent += 60_000
        return response

    def announced(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 200_000, content_type="text/html")

    def packed(request: web.Request) -> web.Response:
        body = gzip.compress(b"<p>more and more</p>" * 1_000_000)
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=body, content_type="text/html", headers=headers)

    site.page("/", "The first page of all.", "/endless", "/announced", "/packed")
    site.pages |= {"/endless": endless, "/announced": announced, "/packed": packed}
    check = await reading.read_new(f"{site.url}/")
    assert set(skipped(check)) == {"endless", "announced", "packed"}
    assert all("too large" in why or "cannot be read" in why for why in skipped(check).values())
    assert sent < 100_000_000
    assert await reading.places() == [f"{site.url}/"]


async def test_a_page_that_answers_slowly(reading: Reading, site: Site) -> None:
    """A byte now and then does not hold the reading up for longer than a page may take."""
    reading.limits = CrawlLimits(page_seconds=0.3)
    over = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        await response.write(b"<p>")
        await over.wait()
        return response

    site.page("/", "The first page of all.", "/drip", "/b")
    site.page("/b", "The page B of the help.")
    site.pages["/drip"] = drip
    check = await reading.read_new(f"{site.url}/")
    over.set()
    assert "did not arrive" in skipped(check)["drip"]
    assert check.added == 2


async def test_links_without_end(reading: Reading, site: Site) -> None:
    """A calendar that always links to the next month ends at the depth, or the pages."""
    reading.limits = CrawlLimits(depth=5, pages=100)

    def month(request: web.Request) -> web.Response:
        number = int(request.query.get("m", "0"))
        text = f"<p>The month {number} of the calendar.</p><a href='/?m={number + 1}'>next</a>"
        return web.Response(text=text, content_type="text/html")

    site.pages |= {f"/?m={n}": month for n in range(300)}
    site.pages["/"] = month
    await reading.read_new(f"{site.url}/")
    assert len(await reading.places()) == 6


async def test_sitemaps_that_are_bombs(
    reading: Reading, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexes that name each other, gzip that unpacks to far too much, and entities."""

    def index(request: web.Request) -> web.Response:
        names = "".join(f"<sitemap><loc>{site.url}/i{n}.xml</loc></sitemap>" for n in range(1_000))
        text = (
            f"<sitemapindex>{names}<sitemap><loc>{site.url}/real.xml</loc></sitemap></sitemapindex>"
        )
        return web.Response(text=text, content_type="application/xml")

    site.pages |= {f"/i{n}.xml": index for n in range(1_000)}
    site.pages["/real.xml"] = f"<urlset><url><loc>{site.url}/a</loc></url></urlset>"
    site.page("/a", "The page A of the help.")
    with pytest.raises(WarmlineError, match="lists no page"):
        await reading.read_new(f"{site.url}/i0.xml")
    assert site.asked.total() <= MOST_SITEMAPS + 1
    site.pages["/bomb.xml.gz"] = gzip.compress(
        b"<urlset><url><loc>" + site.url.encode() + b"/a</loc></url>" + b" " * 5_000_000
    )
    monkeypatch.setattr(sitemaps, "MOST_BYTES", 1_000_000)
    site.types["/bomb.xml.gz"] = "application/gzip"
    assert (await reading.read_new(f"{site.url}/bomb.xml.gz")).added == 1
    site.pages["/xxe.xml"] = (
        "<!DOCTYPE u [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><urlset><url><loc>&e;</loc></url>"
        "</urlset>"
    )
    with pytest.raises(WarmlineError, match="document type or entities"):
        await reading.read_new(f"{site.url}/xxe.xml")


async def test_a_server_in_trouble(reading: Reading, site: Site) -> None:
    """What fails is tried again, and what is stored of it stays."""
    site.page("/", "The first page of all.", "/a")
    site.page("/a", "The page A of the help.")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    site.pages["/a"] = lambda _: web.Response(status=500)
    check = await reading.read(source)
    assert skipped(check) == {"a": "the server answers 500"}
    assert site.asked["/a"] == 4
    assert (check.gone, len(await reading.places())) == (0, 2)
    site.pages["/"] = lambda _: web.Response(status=502)
    with pytest.raises(WarmlineError, match="502"):
        await reading.read(source)
    assert len(await reading.places()) == 2
