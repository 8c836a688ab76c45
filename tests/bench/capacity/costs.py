"""What a turn costs, measured: seconds of processor, by process and by stage."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

import msgspec

from tests.bench import load
from tests.bench.capacity.watched import REST as OTHER
from tests.bench.kinds import REST
from tests.bench.load import Load
from tests.bench.processes import WARMLINE, Home, Server, server
from tests.bench.report import say
from tests.faults.cellars import Postgres, Redis
from tests.faults.programs import Program

SERVE = WARMLINE[1:]
FLUSHES, BLOCK = 200, 8192


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """One process on SQLite. Seconds of processor a turn: ``loop`` of the process itself, of which
    ``stages`` are parts, and ``reader`` of the one that reads messages. ``rate``: turns a second
    while it was measured."""

    loop: float
    reader: float
    stages: Mapping[str, float]
    rate: float


class Crew(msgspec.Struct, frozen=True, kw_only=True):
    """A process with doors and one that works, on PostgreSQL and Redis; the same way."""

    web: float
    worker: float
    reader: float
    postgres: float
    redis: float
    rate: float


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """``flush``: seconds until a block is on the disk."""

    alone: Alone
    crew: Crew
    flush: float


T = TypeVar("T", Alone, Crew)


class Measure:
    """Bursts of both in turn, ``seconds`` each. ``model``: what the demo has learnt."""

    def __init__(self, folder: Path, model: Path, *, rounds: int, seconds: float) -> None:
        self._folder, self._model = folder, model
        self._rounds, self._seconds = rounds, seconds
        self._load = Load(folder)

    async def costs(self) -> Costs:
        alone, crew, flushes = [], [], []
        for number in range(self._rounds):
            alone.append(await self._alone(f"alone{number}"))
            crew.append(await self._crew(f"crew{number}"))
            flushes.append(await asyncio.to_thread(flush, self._folder / "block"))
            say(
                f"round {number + 1} of {self._rounds}: alone {alone[-1].rate:.0f}/s, "
                f"crew {crew[-1].rate:.0f}/s, a flush {flushes[-1] * 1e3:.2f} ms"
            )
        return Costs(alone=_middle(alone), crew=_middle(crew), flush=median(flushes))

    def _place(self, name: str) -> Path:
        place = self._folder / name
        shutil.copytree(self._model, place / "nlu_local")
        return place

    async def _alone(self, name: str) -> Alone:
        place = self._place(name)
        seen = place / "stages.json"
        watched = ("-m", "tests.bench.capacity.watched", str(seen), *SERVE)
        async with server(place, *watched) as one:
            await self._burst(one, self._seconds / 2)
            one.process.send_signal(signal.SIGUSR1)
            begun = one.parts
            good, rate = await self._burst(one, self._seconds)
            loop, reader = _each(one.parts, begun, good)
            one.process.send_signal(signal.SIGUSR2)
            stages = _shares(await _written(seen), loop)
        shutil.rmtree(place)
        return Alone(loop=loop, reader=reader, stages=stages, rate=rate)

    async def _crew(self, name: str) -> Crew:
        place = self._place(name)
        async with cellars(place) as (postgres, redis, own):
            web_own = own | {"WARMLINE_ROLE": "web", "WARMLINE_PROCESS__NAME": "web"}
            home = Home(own=web_own)
            works = Home(own=own | {"WARMLINE_ROLE": "worker", "WARMLINE_PROCESS__NAME": "worker"})
            async with (  # the doors open when somebody works behind them
                server(place, *WARMLINE, home=works) as worker,
                server(place, *WARMLINE, home=home) as web,
            ):
                await self._burst(web, self._seconds / 2)
                begun = (*web.parts, *worker.parts, _used(postgres), _used(redis))
                good, rate = await self._burst(web, self._seconds)
                ended = (*web.parts, *worker.parts, _used(postgres), _used(redis))
        shutil.rmtree(place)
        door, beside, works_, reader, base, wire = _each(ended, begun, good)
        return Crew(
            web=door + beside, worker=works_, reader=reader, postgres=base, redis=wire, rate=rate
        )

    async def _burst(self, one: Server, seconds: float) -> tuple[int, float]:
        found = await self._load.burst(one.url + REST, load.WORDS, seconds)
        if found.bad or found.broken or not found.good:
            raise RuntimeError(f"{found.bad} bad answers, {found.broken} broken ones")
        return found.good, found.rate


@asynccontextmanager
async def cellars(place: Path) -> AsyncIterator[tuple[Program, Program, Mapping[str, str]]]:
    """A PostgreSQL that flushes, a Redis, and the variables that lead to them."""
    postgres = await asyncio.to_thread(Postgres, place)
    redis = Redis(place)
    try:
        for one in (postgres, redis):
            one.keep()
            await one.ready()
        sockets = Path(postgres.socket).parent
        yield (
            postgres,
            redis,
            {
                "DATABASE_URL": f"postgresql://postgres@/postgres?host={sockets}",
                "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            },
        )
    finally:
        await redis.close()
        await postgres.close()


def flush(file: Path) -> float:
    """Seconds until a block at the end of ``file`` is on the disk, the median of many."""
    took = []
    with file.open("wb", buffering=0) as out:
        for _ in range(FLUSHES):
            out.write(b"x" * BLOCK)
            begun = perf_counter()
            os.fdatasync(out.fileno())
            took.append(perf_counter() - begun)
    file.unlink()
    return median(took)


def _used(program: Program) -> float:
    times = [one.cpu_times() for one in program._family()]
    return float(sum(used.user + used.system for used in times))


def _each(ended: tuple[float, ...], begun: tuple[float, ...], good: int) -> tuple[float, ...]:
    return tuple((after - before) / good for after, before in zip(ended, begun, strict=True))


async def _written(file: Path) -> Mapping[str, int]:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110  (another process's)
            await asyncio.sleep(0.05)
    return msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=dict[str, int])


def _shares(seen: Mapping[str, int], whole: float) -> dict[str, float]:
    """``whole`` divided as it was seen, the largest first."""
    looks = sum(seen.values())
    ranked = sorted(seen.items(), key=lambda item: (item[0] == OTHER, -item[1]))
    return {stage: whole * count / looks for stage, count in ranked}


def _middle(many: list[T]) -> T:
    """The round whose rate is the median: its figures belong together."""
    return sorted(many, key=lambda one: one.rate)[len(many) // 2]
