"""Reading a site: which pages, how fast, and how much of them."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from gateway import Services, WarmlineError
from plugins.knowledge.settings import CrawlLimits
from tests.knowledge.sources.conftest import Reading, Site, url_of


async def test_the_page_and_the_linked_pages_below_it(reading: Reading, site: Site) -> None:
    """Links are followed below the first page, and never elsewhere."""
    site.page("/help/", "The first page of all.", "a.html", "/shop/", "https://other.example/x")
    site.page("/help/a.html", "The page A of the help.", "deep/b.html#part", "a.html", "/help/")
    site.page("/help/deep/b.html", "The page B of the help.", "/help/a.html?utm_source=mail")
    site.page("/shop/", "Buy things here at once.")
    check = await reading.read_new(f"{site.url}/help/")
    assert await reading.places() == [
        f"{site.url}/help/{path}" for path in ("", "a.html", "deep/b.html")
    ]
    assert (check.added, check.passages, check.skipped) == (3, 3, ())
    assert site.asked["/shop/"] == 0
    assert site.asked["/help/a.html"] == 1
    assert {agent.partition("/")[0] for agent in site.agents} == {"Warmline"}


async def test_robots_txt_is_obeyed(reading: Reading, site: Site) -> None:
    """What it forbids is not asked for, and a source that it forbids is an error that says so."""
    site.pages["/robots.txt"] = "User-agent: Warmline\nDisallow: /secret/\n"
    site.page("/", "The first page of all.", "/secret/a")
    site.page("/secret/a", "Nobody reads this here.")
    await reading.read_new(f"{site.url}/")
    assert await reading.places() == [f"{site.url}/"]
    assert site.asked["/secret/a"] == 0
    with pytest.raises(WarmlineError, match=r"robots\.txt forbids.*user agent `Warmline`"):
        await reading.read_new(f"{site.url}/secret/a")


async def test_a_site_whose_robots_txt_fails_is_not_read(reading: Reading, site: Site) -> None:
    """A server in trouble is left alone (RFC 9309)."""
    site.page("/", "The first page of all.")
    site.pages["/robots.txt"] = lambda _: web.Response(status=503)
    with pytest.raises(WarmlineError, match="answers 503.*Nothing was read"):
        await reading.read_new(f"{site.url}/")
    assert site.asked["/"] == 0


async def test_a_sitemap_with_an_index_and_gzip(reading: Reading, site: Site) -> None:
    """Its pages are read and no links are followed; its dates are those of pages without one."""
    site.pages["/sitemap.xml"] = (
        "<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap><loc>{{base}}"
        "/s1.xml.gz</loc></sitemap><sitemap><loc>{{base}}/sitemap.xml</loc></sitemap></sitemapindex>"
    )
    listed = (
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>"
        f"<url><loc>{site.url}/a</loc><lastmod>2026-02-01</lastmod></url>"
        f"<url><loc>{site.url}/b</loc></url><url><loc>https://other.example/c</loc></url></urlset>"
    )
    site.pages["/s1.xml.gz"] = gzip.compress(listed.encode())
    site.types |= {"/sitemap.xml": "application/xml", "/s1.xml.gz": "application/gzip"}
    site.page("/a", "The page A of the help.", "/hidden")
    site.page("/b", "The page B of the help.")
    site.page("/hidden", "A page that is not listed.")
    await reading.read_new(f"{site.url}/sitemap.xml")
    assert await reading.places() == [f"{site.url}/a", f"{site.url}/b"]
    (source,) = await reading.store.sources()
    dates = {d.location[-1]: d.updated_at for d in await reading.store.documents(source.id)}
    assert dates["a"] is not None
    assert dates["a"].date().isoformat() == "2026-02-01"
    assert dates["b"] is None


async def test_pages_that_only_the_sites_sitemap_lists(reading: Reading, site: Site) -> None:
    """A site whose links are made by scripts is read by the sitemap that its robots.txt names."""
    site.pages["/robots.txt"] = f"Sitemap: {site.url}/sitemap.xml"
    site.pages["/sitemap.xml"] = (
        "<urlset><url><loc>{{base}}/help/x</loc></url><url><loc>{{base}}/blog/y</loc></url></urlset>"
    )
    site.page("/help/", "The first page of all.")
    site.page("/help/x", "The page X of the help.")
    site.page("/blog/y", "A page of the blog here.")
    await reading.read_new(f"{site.url}/help/")
    assert await reading.places() == [f"{site.url}/help/", f"{site.url}/help/x"]


async def test_a_page_that_is_the_same_as_another_is_kept_once(
    reading: Reading, site: Site
) -> None:
    """By its canonical link, or by its text; a template's wrong canonical link loses nothing."""
    canonical = f"<link rel=canonical href='{site.url}/a'>"
    site.page("/", "The first page of all.", "/a", "/a?print=1", "/copy", "/c", "/d")
    site.page("/a", "The page A of the help.", head=canonical)
    site.page("/a?print=1", "The page A of the help.", head=canonical)
    site.pages["/a?print=1"] = site.pages["/a"]
    site.pages["/copy"] = site.pages["/"]
    site.page("/c", "The page C of the help.", head=canonical)
    site.page("/d", "The page D of the help.", head=canonical)
    check = await reading.read_new(f"{site.url}/")
    assert await reading.places() == [f"{site.url}{path}" for path in ("/", "/a", "/c", "/d")]
    assert check.same == 2


async def test_pages_that_have_not_changed_are_not_sent(reading: Reading, site: Site) -> None:
    """ETag and Last-Modified are used; a page that the server sends anyhow is compared."""
    site.page("/", "The first page of all.", "/a", "/b")
    site.page("/a", "The page A of the help.")
    modified = "Sun, 01 Feb 2026 10:00:00 GMT"

    def dated(request: web.Request) -> web.Response:
        if request.headers.get("If-Modified-Since") == modified:
            return web.Response(status=304)
        site.sent["/b"] += 1
        body = "<p>The page B of the help.</p>"
        headers = {"Last-Modified": modified}
        return web.Response(text=body, content_type="text/html", headers=headers)

    site.pages["/b"] = dated
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    check = await reading.read(source)
    assert (check.added, check.changed, check.unchanged, check.gone) == (0, 0, 3, 0)
    assert (site.sent["/a"], site.sent["/b"]) == (1, 1)
    assert (await reading.read(source, whole=True)).unchanged == 3
    assert (site.sent["/a"], site.sent["/b"]) == (2, 2)


@pytest.mark.parametrize(
    ("limits", "cut_short"),
    [
        ({"pages": 2}, "more than 2 pages"),
        ({"depth": 1}, ""),
        ({"total_bytes": 10_000}, ""),
    ],
)
async def test_limits(reading: Reading, site: Site, limits: dict[str, int], cut_short: str) -> None:
    """A source is never read without end, and its summary says where it stopped."""
    reading.limits = CrawlLimits(**limits)  # type: ignore[arg-type]
    site.page("/", "The first page of all.", "/1")
    for n in range(1, 6):
        site.page(f"/{n}", f"The page {n} of the help.", f"/{n + 1}")
    check = await reading.read_new(f"{site.url}/")
    assert cut_short in check.cut_short
    assert bool(check.cut_short) == bool(cut_short)
    expected = 2 if "pages" in limits or "depth" in limits else 6
    assert len(await reading.places()) == expected


async def test_at_most_four_requests_a_second(
    services: Services, reading: Reading, site: Site
) -> None:
    """On another machine than ours; here the clock of the test is asked to wait."""
    import aiohttp

    from plugins.knowledge.sources import fetching

    site.page("/", "The first page of all.")
    waits: list[float] = []

    class CountingClock:
        now = staticmethod(reading.clock.now)

        async def sleep(self, seconds: float) -> None:
            waits.append(seconds)

    async with aiohttp.ClientSession() as session:
        fetcher = fetching.PageFetcher(session, CountingClock(), CrawlLimits())
        for _ in range(3):
            await fetcher._wait("https://help.example.org/")
        assert waits == [0.25, 0.5]
        await fetcher._wait(site.url)
        assert waits == [0.25, 0.5]


async def test_only_the_sources_own_origin_may_be_private(
    services: Services, reading: Reading, site: Site
) -> None:
    """``--private`` opens the guard for the source, and for nothing that it links to."""
    site.page("/", "The first page of all.")
    await reading.read_new(f"{site.url}/")
    assert services.public_http.own == [f"{site.url}/"]  # type: ignore[attr-defined]


async def test_the_address_guard(services: Services, reading: Reading, site: Site) -> None:
    """A source of the own network is refused without ``--private``, and the error says how."""
    import msgspec

    from gateway import NewSource
    from gateway.adapters.public_http import PublicNetworkHttp

    site.page("/", "The first page of all.")
    reading.services = msgspec.structs.replace(services, public_http=PublicNetworkHttp())
    source = await reading.store.add_source(NewSource(location=f"{site.url}/"))
    with pytest.raises(WarmlineError, match="not public.*--private"):
        await reading.read(source)
    assert site.asked.total() == 0


async def test_documents_among_the_pages(reading: Reading, site: Site) -> None:
    """Linked files are read by their type; what has no text, or asks not to be indexed, is
    skipped with the reason."""
    site.page("/", "The first page of all.", "/f.csv", "/p.bin", "/n", "/x.png", "/missing", "/e")
    site.pages["/f.csv"] = "question,answer\nHow long?,Two days.\n"
    site.types |= {"/f.csv": "text/csv", "/p.bin": "application/x-thing"}
    site.pages["/p.bin"] = b"\x00\x01"
    site.page("/n", "Nobody should find this.", head="<meta name=robots content=noindex>")
    site.pages["/e"] = "<html><body></body></html>"
    check = await reading.read_new(f"{site.url}/")
    assert await reading.places() == [f"{site.url}/", f"{site.url}/f.csv"]
    assert dict(check.skipped) == {
        f"{site.url}/p.bin": "it is application/x-thing, not read",
        f"{site.url}/n": "it asks not to be indexed",
        f"{site.url}/missing": "it is not there any more",
        f"{site.url}/e": "it has no text of its own",
    }
    assert site.asked["/x.png"] == 0


async def test_the_whole_help_centre(reading: Reading, site: Site) -> None:
    """60 pages, the PDF, the DOCX and the sheets of the test help centre by its sitemap."""
    from tests.knowledge.test_helpcentre import SHOP

    for path in SHOP.rglob("*"):
        if path.is_file():
            site.pages[f"/{path.relative_to(SHOP).as_posix()}"] = path.read_bytes()
    site.types |= {"/sitemap.xml": "application/xml", "/service_booklet.pdf": "application/pdf"}
    check = await reading.read_new(f"{site.url}/sitemap.xml")
    assert check.added >= 60
    assert check.skipped == ()
    assert not any("/internal/" in path for path in site.asked)
    english = await reading.read_new(f"{site.url}/en/index.html")
    assert english.added >= 38
    assert url_of(site, "/en/index.html") in await reading.places()
