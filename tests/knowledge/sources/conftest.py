"""A site on a free port, a shop that reads it, and what came of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import KnowledgeSource, KnowledgeStore, NewSource, Services
from gateway.testing import FakeClock, MemoryAuditLog, MemoryKnowledge, MemoryStorage
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources.checks import SourceCheck
from plugins.knowledge.sources.refresh import SourceRefresh
from plugins.knowledge.sources.urls import normal_url
from tests.knowledge.readers.reading import DirectReader

Answer = Callable[[web.Request], Any]


class Site:
    """A site whose pages a test changes. ``asked`` counts the requests by path; ``sent`` those
    whose answer had a body."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | str | Answer] = {}
        self.types: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.etags = True
        self.url = ""

    def page(self, path: str, text: str, *links: str, head: str = "") -> None:
        """Set a page with one section and these links."""
        led = " ".join(f'<a href="{link}">more</a>' for link in links)
        self.pages[path] = (
            f"<html lang=en><head>{head}</head><body><main><h1>Page {path}</h1><p>{text}</p></main>"
            f"<nav>{led}</nav></body></html>"
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path_qs
        self.asked[path] += 1
        self.agents.add(request.headers.get("User-Agent", ""))
        found = self.pages.get(path)
        if found is None:
            return web.Response(status=404, text="not here")
        if callable(found):
            answer = found(request)
            result: web.StreamResponse = await answer if asyncio.iscoroutine(answer) else answer
            return result
        data = found.encode() if isinstance(found, str) else found
        data = data.replace(b"{{base}}", self.url.encode())
        etag = hashlib.sha256(data).hexdigest()[:12]
        if self.etags and f'"{etag}"' == request.headers.get("If-None-Match"):
            return web.Response(status=304)
        self.sent[path] += 1
        media = self.types.get(path, "text/html")
        response = web.Response(body=data, content_type=media)
        if self.etags:
            response.etag = etag
        return response


class OpenHttp:
    """A `PublicHttp` without the guard, for a clock that stands still. ``own`` is what it was
    told."""

    def __init__(self) -> None:
        self.own: list[str] = []

    def session(self, *, own: Any = (), **more: Any) -> Any:
        import aiohttp

        self.own += list(own)
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), **more)


@dataclass(kw_only=True)
class Reading:
    """Reads sources into a store in memory."""

    services: Services
    clock: FakeClock
    limits: CrawlLimits = field(default_factory=CrawlLimits)
    progress: list[str] = field(default_factory=list)

    @property
    def store(self) -> KnowledgeStore:
        assert self.services.knowledge is not None
        return self.services.knowledge

    async def add(self, location: str, **more: Any) -> KnowledgeSource:
        return await self.store.add_source(NewSource(location=location, private=True, **more))

    async def read(self, source: KnowledgeSource, **more: Any) -> SourceCheck:
        newest = {each.id: each for each in await self.store.sources()}[source.id]
        refresh = SourceRefresh(services=self.services, limits=self.limits, reader=DirectReader())
        return await refresh.refresh(
            newest, on_progress=lambda p: self.progress.append(f"{p.location}: {p.outcome}"), **more
        )

    async def read_new(self, location: str, **more: Any) -> SourceCheck:
        return await self.read(await self.add(location, **more))

    async def places(self) -> list[str]:
        """The locations of all current documents."""
        sources = await self.store.sources()
        documents = [d for s in sources for d in await self.store.documents(s.id)]
        return sorted(d.location for d in documents if d.state == "current")

    async def texts(self) -> list[str]:
        """The current passages."""
        found = []
        for source in await self.store.sources():
            for document in await self.store.documents(source.id):
                found += [p.text for p in await self.store.passages_of(document.id) if p.current]
        return sorted(found)

    async def differences(self) -> list[tuple[str, tuple[str, ...]]]:
        """The changes after the first reading, with what differs."""
        return [(c.kind, c.differences) for c in await self.store.changes() if c.kind != "added"]


class NoProcess(DirectReader):
    """Stands in for the process that reads."""

    def __init__(self, **_: object) -> None: ...

    async def __aenter__(self) -> NoProcess:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    server = TestServer(app, skip_url_asserts=True)
    await server.start_server()
    made.url = str(server.make_url("")).rstrip("/")
    yield made
    await server.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(clock: FakeClock) -> Iterator[Services]:
    made: dict[str, Any] = dict.fromkeys(Services.__struct_fields__)
    defaults = {
        name: default
        for name, default in zip(
            Services.__struct_fields__[-len(Services.__struct_defaults__) :],
            Services.__struct_defaults__,
            strict=True,
        )
        if default is not msgspec.NODEFAULT
    }
    made |= defaults
    made |= {
        "clock": clock,
        "storage": MemoryStorage(),
        "audit": MemoryAuditLog(clock),
        "knowledge": MemoryKnowledge(clock),
        "public_http": OpenHttp(),
        "brands": {"north": "North"},
    }
    yield Services(**made)


@pytest.fixture
def reading(services: Services, clock: FakeClock) -> Reading:
    return Reading(services=services, clock=clock)


def copy_of(folder: Path, names: tuple[str, ...], into: Path) -> Path:
    for name in names:
        (into / name).write_bytes((folder / name).read_bytes())
    return into


def url_of(site: Site, path: str) -> str:
    return normal_url(f"{site.url}{path}") or ""
