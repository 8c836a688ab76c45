"""Measures what a turn costs: seconds of processor, by process and by stage."""

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
from tests.bench.capacity.profiler import REST as OTHER
from tests.bench.load import Load, check_burst
from tests.bench.processes import WARMLINE, Runtime, Server, server
from tests.bench.report import say
from tests.bench.workloads import REST
from tests.faults.databases import PostgresProgram, RedisProgram
from tests.faults.programs import Program

SERVE = WARMLINE[1:]
FLUSHES, BLOCK = 200, 8192


class SingleCosts(msgspec.Struct, frozen=True, kw_only=True):
    """The costs of one process on SQLite, in seconds of processor a turn.

    ``loop``: of the process itself, with its parts ``stages``. ``reader``: of the process that
    understands messages. ``rate``: turns a second while it was measured.
    """

    loop: float
    reader: float
    stages: Mapping[str, float]
    rate: float


class ClusterCosts(msgspec.Struct, frozen=True, kw_only=True):
    """The costs of a ``web`` and a ``worker`` process on PostgreSQL and Redis, likewise."""

    web: float
    worker: float
    reader: float
    postgres: float
    redis: float
    rate: float


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """All costs. ``flush``: seconds until a block is on the disk."""

    single: SingleCosts
    cluster: ClusterCosts
    flush: float


T = TypeVar("T", SingleCosts, ClusterCosts)


class Measure:
    """Measures both in turn, with bursts of ``seconds``. ``model``: what the demo has trained."""

    def __init__(self, folder: Path, model: Path, *, rounds: int, seconds: float) -> None:
        self._folder, self._model = folder, model
        self._rounds, self._seconds = rounds, seconds
        self._load = Load(folder)

    async def costs(self) -> Costs:
        single, cluster, flushes = [], [], []
        for number in range(self._rounds):
            single.append(await self._single(f"single{number}"))
            cluster.append(await self._cluster(f"cluster{number}"))
            flushes.append(await asyncio.to_thread(flush, self._folder / "block"))
            say(
                f"round {number + 1} of {self._rounds}: one process {single[-1].rate:.0f}/s, "
                f"cluster {cluster[-1].rate:.0f}/s, a flush {flushes[-1] * 1e3:.2f} ms"
            )
        return Costs(single=_median(single), cluster=_median(cluster), flush=median(flushes))

    def _place(self, name: str) -> Path:
        place = self._folder / name
        shutil.copytree(self._model, place / "nlu_local")
        return place

    async def _single(self, name: str) -> SingleCosts:
        place = self._place(name)
        seen = place / "stages.json"
        profiled = ("-m", "tests.bench.capacity.profiler", str(seen), *SERVE)
        async with server(place, *profiled) as running:
            await self._burst(running, self._seconds / 2)
            running.process.send_signal(signal.SIGUSR1)
            begun = running.parts
            good, rate = await self._burst(running, self._seconds)
            loop, reader = _per_turn(running.parts, begun, good)
            running.process.send_signal(signal.SIGUSR2)
            stages = _shares(await _written(seen), loop)
        shutil.rmtree(place)
        return SingleCosts(loop=loop, reader=reader, stages=stages, rate=rate)

    async def _cluster(self, name: str) -> ClusterCosts:
        place = self._place(name)
        async with databases(place) as (postgres, redis, environ):
            runtimes = {
                role: Runtime(
                    environ=environ | {"WARMLINE_ROLE": role, "WARMLINE_PROCESS__NAME": role}
                )
                for role in ("web", "worker")
            }
            async with (  # the web process is ready once a worker runs
                server(place, *WARMLINE, runtime=runtimes["worker"]) as worker,
                server(place, *WARMLINE, runtime=runtimes["web"]) as web,
            ):
                await self._burst(web, self._seconds / 2)
                begun = (*web.parts, *worker.parts, _used(postgres), _used(redis))
                good, rate = await self._burst(web, self._seconds)
                ended = (*web.parts, *worker.parts, _used(postgres), _used(redis))
        shutil.rmtree(place)
        web_loop, web_reader, worker_loop, reader, database, broker = _per_turn(ended, begun, good)
        return ClusterCosts(
            web=web_loop + web_reader,
            worker=worker_loop,
            reader=reader,
            postgres=database,
            redis=broker,
            rate=rate,
        )

    async def _burst(self, running: Server, seconds: float) -> tuple[int, float]:
        found = await self._load.burst(running.url + REST, load.ANSWERED, seconds)
        check_burst("capacity", found)
        return found.good, found.rate


@asynccontextmanager
async def databases(place: Path) -> AsyncIterator[tuple[Program, Program, Mapping[str, str]]]:
    """A PostgreSQL that flushes to the disk, a Redis, and the variables with their URLs."""
    postgres = await asyncio.to_thread(PostgresProgram, place)
    redis = RedisProgram(place)
    try:
        for program in (postgres, redis):
            program.supervise()
            await program.ready()
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
    """Seconds until a block that is appended to ``file`` is on the disk; the median of many."""
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
    times = [process.cpu_times() for process in program._processes()]
    return float(sum(used.user + used.system for used in times))


def _per_turn(ended: tuple[float, ...], begun: tuple[float, ...], good: int) -> tuple[float, ...]:
    return tuple((after - before) / good for after, before in zip(ended, begun, strict=True))


async def _written(file: Path) -> Mapping[str, int]:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110  (a file of another process)
            await asyncio.sleep(0.05)
    return msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=dict[str, int])


def _shares(seen: Mapping[str, int], whole: float) -> dict[str, float]:
    """``whole`` divided in proportion to the samples of each stage, the largest first."""
    samples = sum(seen.values())
    ranked = sorted(seen.items(), key=lambda item: (item[0] == OTHER, -item[1]))
    return {stage: whole * count / samples for stage, count in ranked}


def _median(many: list[T]) -> T:
    """The round whose rate is the median, so that the figures belong together."""
    return sorted(many, key=lambda costs: costs.rate)[len(many) // 2]
