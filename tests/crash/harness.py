"""Runs the gateway under load, kills and restarts it, and compares the results in the end."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from tests.crash.customers import Customer, ProviderCustomer, RestCustomer, WebchatCustomer
from tests.crash.ledger import QUERIES, Ledger, Stored, Verdict, judge

WAITING = (
    "SELECT (SELECT count(*) FROM inbox WHERE state = 'ready')"
    " + (SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending'))"
)
"""The number of rows that wait to be handled or sent."""
START = 60.0
SETTLE = 60.0


class KillableGateway:
    """A gateway process that can be killed and started again on the same data."""

    def __init__(self, provider_url: str, folder: Path) -> None:
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = [str(self.port), provider_url, str(folder)]
        self._log = (folder / "gateway.log").open("ab")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process, and wait until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.crash.server", *self._arguments),
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        async with asyncio.timeout(START), aiohttp.ClientSession() as session:
            while True:
                if self._process.returncode is not None:
                    raise RuntimeError("the gateway did not start; see gateway.log")
                with suppress(aiohttp.ClientError, OSError):
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        self._log.close()


@asynccontextmanager
async def provider(ledger: Ledger) -> AsyncIterator[str]:
    """The provider of two channels: accepts messages and records them. Yields its URL."""

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        channel = request.match_info["channel"]
        ledger.record_delivered(channel, body["to"], body["key"], body["text"])
        await asyncio.sleep(0.005)  # a window for kills: accepted, but not yet answered
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/{channel}", take)])
    async with TestServer(app, skip_url_asserts=True) as server:
        yield str(server.make_url("")).rstrip("/")


async def run(kills: int, seed: int, folder: Path, *, each: int = 3) -> list[Verdict]:
    """Kill the gateway ``kills`` times under the load of ``each`` customers on four channels."""
    rng = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    ledger = Ledger()
    async with provider(ledger) as provider_url:
        gateway = KillableGateway(provider_url, folder)
        try:
            await gateway.start()
            stop = asyncio.Event()
            customers = _customers(gateway.url, ledger, stop, each)
            running = [asyncio.create_task(customer.run()) for customer in customers]
            for _ in range(kills):
                await asyncio.sleep(rng.uniform(0.01, 0.6))
                await gateway.kill()
                await gateway.start()
            stop.set()
            async with asyncio.timeout(SETTLE):
                await asyncio.gather(*running)
                await _wait_idle(folder / "var" / "warmline.db")
            await fetch_rest_messages(gateway.url, ledger)
            for customer in customers:
                if isinstance(customer, WebchatCustomer):
                    await customer.reload()
        finally:
            await gateway.close()
    with closing(sqlite3.connect(folder / "var" / "warmline.db")) as connection, connection:
        stored = Stored.from_rows(*(connection.execute(query).fetchall() for query in QUERIES))
    return judge(ledger, stored)


def _customers(url: str, ledger: Ledger, stop: asyncio.Event, each: int) -> list[Customer]:
    return [
        customer
        for i in range(each)
        for customer in (
            RestCustomer(f"rest{i}", ledger, stop, url),
            WebchatCustomer(f"chat{i}", ledger, stop, url),
            ProviderCustomer("ask", f"ask{i}", ledger, stop, url),
            ProviderCustomer("resend", f"resend{i}", ledger, stop, url),
        )
    ]


async def _wait_idle(database: Path) -> None:
    """Wait until no row waits to be handled or sent."""
    with closing(sqlite3.connect(database)) as connection, connection:
        # Another process does the work, so there is nothing to await.
        while connection.execute(WAITING).fetchone()[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def fetch_rest_messages(url: str, ledger: Ledger) -> None:
    """Record all messages to the REST customers."""
    async with aiohttp.ClientSession(url) as session:
        for channel, name in list(ledger.accepted):
            if channel != "rest":
                continue
            after = "0"
            while True:
                params = {"sender": name, "after": after}
                async with session.get("/channels/rest/messages", params=params) as response:
                    page = await response.json()
                if not page:
                    break
                for message in page:
                    ledger.record_received(channel, name, message["text"])
                after = page[-1]["id"]


def table(verdicts: list[Verdict]) -> str:
    """The verdicts as a Markdown table, for the terminal and for docs/crash.md."""
    head = (
        "| channel | accepted | answered once | escalated | unsure | sent again, same key "
        "| lost | doubled | misordered |\n|---|---|---|---|---|---|---|---|---|"
    )
    rows = [
        f"| {v.channel} | {v.accepted} | {v.answered} | {v.escalated} | {v.unsure} | {v.resent} "
        f"| {len(v.lost)} | {len(v.doubled)} | {len(v.misordered)} |"
        for v in verdicts
    ]
    return "\n".join([head, *rows])
