"""Makes load: with ``wrk`` (one thread, 64 connections), or else with aiohttp's client."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
import msgspec

from tests.bench.questions import questions
from tests.bench.report import BenchError, say

CONNECTIONS = 64
SCRIPT = Path(__file__).with_name("load.lua")
VARIETY = 4001
"""The number of different bodies: a prime, so that they do not repeat with the senders."""

ECHOED = '"message":'
COMMITTED = '"turn":'
ANSWERED = '"text":"[^"]'
"""What a response must contain to be counted; patterns that Lua and Python read alike."""


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one burst of load. ``good`` and ``bad`` count responses: with what they must
    contain, and without it. ``broken`` counts connections and requests that failed."""

    good: int
    bad: int
    broken: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Good responses a second."""
        return self.good / self.seconds


def check_burst(name: str, burst: Burst, *, allow_broken: bool = False) -> None:
    """Raise BenchError if a response was bad, or there was none: the rate then means nothing."""
    if burst.bad or not burst.good or (burst.broken and not allow_broken):
        raise BenchError(
            f"{name}: {burst.good} good responses, {burst.bad} bad ones, "
            f"{burst.broken} failed requests"
        )


class Load:
    """Sends questions of new senders to a URL. ``folder`` is for its own files."""

    def __init__(self, folder: Path) -> None:
        self._lines = [msgspec.json.encode(text).decode() for text in questions(VARIETY)]
        self._file = folder / "questions"
        self._file.write_text("\n".join(self._lines) + "\n", "utf-8")
        self._wrk = shutil.which("wrk")
        self._number = self._unique = 0
        self.tag = ""
        """Part of the names of the last burst's senders."""
        self.tool = "wrk" if self._wrk else "aiohttp"
        if not self._wrk:
            say("wrk is not installed: aiohttp's client makes the load, and is slower")

    async def burst(self, url: str, wanted: str, seconds: float, *, unique: bool = False) -> Burst:
        """Load ``url`` for ``seconds``; every sender is new. With ``unique`` no text was ever sent
        before. Raises BenchError if wrk fails."""
        self._number += 1
        self._unique = self._number if unique else 0
        self.tag = tag = f"visitor-{self._number}"
        if self._wrk:
            return await self._with_wrk(self._wrk, url, tag, wanted, seconds)
        return await self._with_aiohttp(url, tag, wanted, seconds)

    async def _with_wrk(self, wrk: str, url: str, tag: str, wanted: str, seconds: float) -> Burst:
        process = await asyncio.create_subprocess_exec(
            wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "30s",
            "--latency", "-s", str(SCRIPT), url, "--", tag, wanted, str(self._file),
            str(self._unique),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        found = re.search(rb"^RESULT (\{.*\})$", output, re.MULTILINE)
        if found is None:
            raise BenchError(f"wrk failed: {output.decode(errors='replace')}")
        return msgspec.json.decode(found.group(1), type=Burst)

    def _body(self, tag: str, number: int) -> bytes:
        block, rest = divmod(number, 3 * CONNECTIONS)
        sender, turn = block * CONNECTIONS + rest % CONNECTIONS, rest // CONNECTIONS
        question = self._lines[(sender * 3 + turn) % len(self._lines)]
        if self._unique:
            question = f'{question[:-1]} It is order W-{self._unique}{number:06}."'
        return f'{{"sender":"{tag}-{sender}","message":{question}}}'.encode()

    async def alone(self, url: str, wanted: str, count: int) -> float:
        """The median seconds from a request to its answer, one after another; every text is new.
        Raises BenchError for an answer without ``wanted``."""
        self._number += 1
        self.tag, self._unique = f"visitor-{self._number}", self._number
        took: list[float] = []
        async with aiohttp.ClientSession() as session:
            for number in range(count):
                body, at = self._body(self.tag, number), perf_counter()
                headers = {"Content-Type": "application/json"}
                async with session.post(url, data=body, headers=headers) as response:
                    if not re.search(wanted, await response.text()):
                        raise BenchError(f"the answer to request {number} is not what it must be")
                took.append(perf_counter() - at)
        return median(took)

    async def _with_aiohttp(self, url: str, tag: str, wanted: str, seconds: float) -> Burst:
        pattern = re.compile(wanted)
        headers = {"Content-Type": "application/json"}
        took: list[float] = []
        sent = bad = 0
        begun = perf_counter()

        async def customer(session: aiohttp.ClientSession) -> None:
            nonlocal sent, bad
            while perf_counter() - begun < seconds:
                body, at = self._body(tag, sent), perf_counter()
                sent += 1
                async with session.post(url, data=body, headers=headers) as response:
                    text = await response.text()
                if response.status == 200 and pattern.search(text):
                    took.append(perf_counter() - at)
                else:
                    bad += 1

        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(customer(session) for _ in range(CONNECTIONS)))
        ranked = sorted(took) or [0.0]
        return Burst(
            good=len(took),
            bad=bad,
            broken=0,
            seconds=perf_counter() - begun,
            p50=ranked[len(ranked) // 2],
            p99=ranked[len(ranked) * 99 // 100],
        )
