"""Open pages of the desk: ``python -m tests.bench.desk_pages URL COUNT FILE``.

Signs in with the demo user's password from FILE, once for `PAGES` pages. Each page opens the queue,
follows the event stream and fetches the queue after an event, as ``static/live.js`` does. Prints
``open`` when every page is, then, at the end of its input, a JSON object: how many events came and
pages were fetched, and the longest fetch in seconds.
"""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import aiohttp
import msgspec

TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')
DELAY = 0.15
"""Seconds from an event to the fetch, as in ``static/live.js``."""
LIVE = {"X-Desk-Live": "1"}
PAGES = 10
"""Pages of one session. (Sign-ins side by side from one address are refused.)"""


class DeskLoad(msgspec.Struct, kw_only=True):
    """What the open pages received."""

    events: int = 0
    fetched: int = 0
    slowest: float = 0.0


class DeskPage:
    """One open page."""

    def __init__(self, http: aiohttp.ClientSession, url: str, load: DeskLoad) -> None:
        self._http, self._url, self._load = http, url, load
        self._changed = asyncio.Event()

    async def open(self, ready: asyncio.Barrier) -> None:
        """Open the page and keep it current, until cancelled."""
        stream = await self._http.get(f"{self._url}/desk/live")
        stream.raise_for_status()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(stream))
            group.create_task(self._fetch())
            await ready.wait()

    async def _follow(self, stream: aiohttp.ClientResponse) -> None:
        async for line in stream.content:
            if line.startswith(b"event: changed"):
                self._load.events += 1
                self._changed.set()

    async def _fetch(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(DELAY)
            self._changed.clear()
            begun = perf_counter()
            async with self._http.get(f"{self._url}/desk/queue?current=0", headers=LIVE) as page:
                page.raise_for_status()
                await page.read()
            self._load.fetched += 1
            self._load.slowest = max(self._load.slowest, perf_counter() - begun)


async def sign_in(http: aiohttp.ClientSession, url: str, password: str) -> None:
    async with http.get(f"{url}/desk/sign-in") as page:
        found = TOKEN.search(await page.text())
    fields = {"name": "una", "password": password, "csrf": found[1] if found else ""}
    async with http.post(f"{url}/desk/sign-in", data=fields) as page:
        if page.status != 200 or page.url.path != "/desk":
            raise RuntimeError(f"the demo user cannot sign in: {page.status}")


async def main(url: str, count: int, password: str) -> None:
    load, ready = DeskLoad(), asyncio.Barrier(count + 1)
    async with AsyncExitStack() as stack:
        pages: list[DeskPage] = []
        for number in range(count):
            if number % PAGES == 0:
                http = await stack.enter_async_context(
                    aiohttp.ClientSession(
                        cookie_jar=aiohttp.CookieJar(unsafe=True),
                        timeout=aiohttp.ClientTimeout(total=None),
                    )
                )
                await sign_in(http, url, password)
            pages.append(DeskPage(http, url, load))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(page.open(ready)) for page in pages]
            await ready.wait()
            print("open", flush=True)  # noqa: T201
            await asyncio.to_thread(sys.stdin.read)
            for task in tasks:
                task.cancel()
    print(msgspec.json.encode(load).decode(), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_text("utf-8").strip()))
