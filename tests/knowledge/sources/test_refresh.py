"""Reading a source again: versions, what changed, what is gone; and interruptions."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from plugins.knowledge.sources.checks import SourceChecks
from plugins.knowledge.sources.refresh import ReadProgress, SourceRefresh
from tests.knowledge.readers.reading import DirectReader
from tests.knowledge.sources.conftest import Reading, Site


async def test_a_changed_price_is_told(reading: Reading, site: Site) -> None:
    """The new version is current, and the change says what differs."""
    site.page("/", "A parcel costs €4.90 and takes two days.")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    site.page("/", "A parcel costs €5.90 and takes two days.")
    check = await reading.read(source)
    assert check.changed == 1
    assert await reading.texts() == ["A parcel costs €5.90 and takes two days."]
    assert await reading.differences() == [("changed", ("price: €4.90 → €5.90",))]


async def test_pages_go_and_come_back(reading: Reading, site: Site) -> None:
    """A page that is not there any more is gone, though nothing links to it; it may return."""
    site.page("/", "The first page of all.", "/a")
    site.page("/a", "The page A of the help.")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    page = site.pages.pop("/a")
    site.page("/", "The first page of all.")
    assert (await reading.read(source)).gone == 1
    assert await reading.places() == [f"{site.url}/"]
    site.pages["/a"] = page
    site.page("/", "The first page of all.", "/a")
    await reading.read(source)
    assert len(await reading.places()) == 2
    assert [kind for kind, _ in await reading.differences()] == ["gone", "returned"]


async def test_a_page_that_moved(reading: Reading, site: Site) -> None:
    """Its old place is gone and its new one is added, whichever is looked at first."""
    site.page("/", "The first page of all.", "/old")
    site.page("/old", "The page of the help that moves.")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    site.pages["/new"] = site.pages["/old"]

    def moved(_: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently("/new")

    site.pages["/old"] = moved
    site.page("/", "The first page of all.", "/new")
    await reading.read(source)
    assert await reading.places() == [f"{site.url}/", f"{site.url}/new"]
    site.pages["/newer"] = site.pages.pop("/new")
    del site.pages["/old"]
    site.page("/", "The first page of all.", "/newer")
    await reading.read(source)
    assert await reading.places() == [f"{site.url}/", f"{site.url}/newer"]


async def test_half_a_site_gone_at_once_is_doubted(reading: Reading, site: Site) -> None:
    """An automatic check marks nothing and says so; a person's does what it finds."""
    links = [f"/{n}" for n in range(8)]
    site.page("/", "The first page of all.", *links)
    for link in links:
        site.page(link, f"The page {link} of the help.")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    for link in links[:6]:
        del site.pages[link]
    check = await reading.read(source, automatic=True)
    assert check.gone == 0
    assert "6 of 9 documents are gone at once" in check.problem
    assert len(await reading.places()) == 9
    assert (await reading.read(source)).gone == 6


async def test_a_new_page_behind_an_unchanged_one(reading: Reading, site: Site) -> None:
    """The first page is always read, so what it links to newly is found."""
    site.page("/", "The first page of all.", "/a")
    site.page("/a", "The page A of the help.")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    site.page("/", "The first page of all.", "/a", "/b")
    site.page("/b", "The page B of the help.")
    assert (await reading.read(source)).added == 1


@pytest.mark.parametrize("stop_after", range(7))
async def test_interrupted_at_any_instant_and_run_again(
    reading: Reading, site: Site, stop_after: int
) -> None:
    """Nothing is twice and nothing is missing, wherever the first reading was cut off."""
    site.page("/", "The first page of all.", "/1", "/2")
    for n in range(1, 7):
        site.page(f"/{n}", f"The page {n} of the help.", f"/{n + 1}")
    source = await reading.add(f"{site.url}/")
    refresh = SourceRefresh(services=reading.services, limits=reading.limits, reader=DirectReader())
    seen = 0

    def stop(_: ReadProgress) -> None:
        nonlocal seen
        if seen == stop_after:
            raise asyncio.CancelledError
        seen += 1

    with pytest.raises(asyncio.CancelledError):
        await refresh.refresh(source, on_progress=stop)
    (stored,) = await reading.store.sources()
    assert stored.checked_at is None
    await reading.read(source)
    assert len(await reading.places()) == 7
    assert len(await reading.texts()) == len(set(await reading.texts())) == 7
    assert {kind for kind, _ in await reading.differences()} == set()


async def test_two_readings_at_the_same_moment(reading: Reading, site: Site) -> None:
    """A command beside the server's daily check stores each document once."""
    site.page("/", "The first page of all.", "/a")
    site.page("/a", "The page A of the help.")
    source = await reading.add(f"{site.url}/")
    await asyncio.gather(reading.read(source), reading.read(source))
    assert len(await reading.texts()) == 2
    assert await reading.differences() == []


async def test_the_check_is_kept(reading: Reading, site: Site) -> None:
    """What the last reading came to is stored for the desk, also when it failed."""
    site.page("/", "The first page of all.", "/missing")
    source = await reading.add(f"{site.url}/")
    await reading.read(source)
    kept = (await SourceChecks(reading.services.storage).every())[source.id]
    assert (kept.added, kept.skipped) == (
        1,
        ((f"{site.url}/missing", "it is not there any more"),),
    )
