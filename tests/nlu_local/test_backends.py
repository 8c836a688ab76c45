"""Reading in a worker process: the same insights, and what happens when the process ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from gateway.app import build_gateway
from gateway.testing import FakeChannel, FakeHandler, running
from gateway.testing.kit import PlainVoice, as_plugins, settings_for
from plugins.nlu_local import backends
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.backends import InProcessReader, ReaderPool, WorkerProcess, WorkerReader
from plugins.nlu_local.model_store import load_or_train
from plugins.nlu_local.protocol import (
    MAX_FRAME_BYTES,
    MessageInContext,
    ReaderSetup,
    ReadingFailed,
    ReadMessages,
    UnusableModel,
    WorkerReply,
    decode_reply,
    encode_frame,
    frame_size,
)
from plugins.nlu_local.worker import ReaderWorker
from tests.conftest import until

from .conftest import EXAMPLES, answer_with_intent, is_ready, write_examples

WORKER = "plugins.nlu_local.worker"
SETUP = ReaderSetup(languages=("en", "de"))
MESSAGES = (
    MessageInContext("When do you open?"),
    MessageInContext("I am so FRUSTRATED, this is the third time!!!"),
    MessageInContext("sofort!!", "de"),
    MessageInContext("and on Sundays?", "en", ("When do you open?",)),
    MessageInContext("🤬 \x00 𝔤𝔬𝔱𝔥𝔦𝔠"),
)


def worker_pids() -> set[int]:
    """The worker processes of this process."""
    return {child.pid for child in psutil.Process().children() if WORKER in child.cmdline()}


@pytest.fixture
async def reader() -> AsyncIterator[WorkerReader]:
    reader = WorkerReader(SETUP)
    yield reader
    await reader.stop()


@pytest.fixture
async def in_process() -> InProcessReader:
    reader = InProcessReader(SETUP)
    await reader.start()
    return reader


async def test_a_worker_reads_what_a_thread_reads(
    reader: WorkerReader, in_process: InProcessReader, tmp_path: Path
) -> None:
    """All parts of an insight arrive unchanged, with an intent model or without."""
    assert list(await reader.read(MESSAGES)) == list(await in_process.read(MESSAGES))
    for backend in (in_process, reader):
        await load_or_train(EXAMPLES, tmp_path, load=backend.load_intents)
    insights = list(await reader.read(MESSAGES))
    assert insights == list(await in_process.read(MESSAGES))
    assert insights[0].ranking is not None
    assert insights[0].ranking[0].name == "opening_hours"


async def test_a_killed_worker_is_replaced(reader: WorkerReader, tmp_path: Path) -> None:
    """Killed between two batches or in the middle of one: the new worker reads both, with the same
    intent model."""
    await load_or_train(EXAMPLES, tmp_path, load=reader.load_intents)
    before = await reader.read(MESSAGES)
    for _ in range(2):
        reading = asyncio.create_task(reader.read(MESSAGES * 200))
        await asyncio.sleep(0)
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGKILL)
        assert list(await reading)[: len(MESSAGES)] == list(before)
        assert list(await reader.read(MESSAGES)) == list(before)


async def test_start_waits_for_the_preloaded_worker(
    reader: WorkerReader, in_process: InProcessReader, tmp_path: Path
) -> None:
    """It starts no second one, and the first has its setup."""
    await reader.preload()
    (pid,) = worker_pids()
    await reader.start()
    for backend in (in_process, reader):
        await load_or_train(EXAMPLES, tmp_path, load=backend.load_intents)
    assert list(await reader.read(MESSAGES)) == list(await in_process.read(MESSAGES))
    assert worker_pids() == {pid}


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has SCHED_BATCH")
async def test_a_worker_does_not_preempt_the_server(reader: WorkerReader) -> None:
    """Linux lets it wait until a processor is free (sched(7))."""
    await reader.start()
    [pid] = worker_pids()
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH


async def test_a_pool_reads_while_one_process_is_busy() -> None:
    """A long batch delays no message that comes later."""
    pool = ReaderPool(SETUP, 2)
    try:
        await pool.preload()
        await pool.start()
        busy, _ = worker_pids()
        os.kill(busy, signal.SIGSTOP)
        both = {asyncio.create_task(pool.read(MESSAGES)) for _ in range(2)}
        done, waiting = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == len(waiting) == 1
        for _ in range(3):
            assert len(await pool.read(MESSAGES)) == len(MESSAGES)
        os.kill(busy, signal.SIGCONT)
        assert len(await waiting.pop()) == len(MESSAGES)
    finally:
        await pool.stop()
    assert worker_pids() == set()


async def test_stop_ends_a_worker_that_is_still_loading() -> None:
    """Preloaded and never started."""
    reader = WorkerReader(SETUP)
    await reader.preload()
    assert len(worker_pids()) == 1
    await reader.stop()
    assert worker_pids() == set()


async def test_a_gateway_preloads_its_worker(tmp_path: Path) -> None:
    """Before it builds its routes. A process that only serves requests has no worker, and a start
    that fails ends the worker."""
    for role, count in (("web", 0), ("all", 1)):
        config = {
            "plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path)), "readers": 1}},
            "redis_url": "redis://127.0.0.1:1",
            "role": role,
        }
        plugins = as_plugins([nlu_local, FakeChannel(), PlainVoice()])
        gateway = build_gateway(plugins, settings_for(plugins, config, tmp_path / role, {}))
        await gateway.start_plugins()
        assert len(worker_pids()) == count
        await gateway.stop_plugins()
        assert worker_pids() == set()
        await gateway.store.stop()


async def test_a_stopped_reader_starts_no_worker(tmp_path: Path) -> None:
    """Not even for a model whose training ends later."""
    before = worker_pids()
    reader = WorkerReader(SETUP)
    await reader.start()
    await reader.stop()
    with pytest.raises(ReadingFailed):
        await load_or_train(EXAMPLES, tmp_path, load=reader.load_intents)
    assert worker_pids() == before


async def test_a_worker_that_hangs_is_replaced(
    reader: WorkerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call gets its insights from the new one."""
    await reader.start()
    (pid,) = worker_pids()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.read(MESSAGES)
    monkeypatch.setattr(backends, "REPLY_TIMEOUT", 0.01)
    assert len(await reader.read(MESSAGES)) == len(MESSAGES)
    assert pid not in worker_pids()


async def test_a_damaged_model_is_not_used(reader: WorkerReader, tmp_path: Path) -> None:
    """Its error differs from that of a missing file, and the model in use stays in use."""
    await load_or_train(EXAMPLES, tmp_path, load=reader.load_intents)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(UnusableModel, match=r"broken\.npz is not a complete model"):
        await reader.load_intents(broken)
    with pytest.raises(FileNotFoundError):
        await reader.load_intents(tmp_path / "none.npz")
    (insight,) = await reader.read(MESSAGES[:1])
    assert insight.ranking is not None
    await reader.load_intents(None)
    (insight,) = await reader.read(MESSAGES[:1])
    assert insight.ranking is None


def test_an_error_of_the_worker_does_not_quote_the_message() -> None:
    """The reply has only the name of the exception, and the worker handles the next request."""
    requests = [
        ReadMessages(id=1, messages=(MessageInContext("secret words"),)),
        ReaderSetup(id=2, languages=("en",)),
    ]
    sink = BytesIO()
    ReaderWorker().serve(BytesIO(b"".join(map(encode_frame, requests))), sink)
    first, second = sink.getvalue()[4:].split(encode_frame(WorkerReply(id=2))[:4])
    assert decode_reply(first) == WorkerReply(id=1, error="RuntimeError")
    assert decode_reply(second) == WorkerReply(id=2)


async def test_a_server_ends_its_workers(tmp_path: Path) -> None:
    """It has as many as the settings say while it runs."""
    file = write_examples(tmp_path)
    config = {"plugins": {"nlu_local": {"knowledge": str(file), "readers": 2}}}
    async with running(
        nlu_local, FakeHandler(answer_with_intent), FakeChannel(), config=config, tmp_path=tmp_path
    ) as gw:
        await until(lambda: is_ready(gw), 60)
        assert len(worker_pids()) == 2
        customer = gw.customer("fake", "ann")
        await customer.say("what time do you close?")
        assert customer.heard == ["About opening_hours."]
    assert worker_pids() == set()


async def test_a_server_that_is_still_loading_ends_its_worker(tmp_path: Path) -> None:
    """It is stopped before it is ready."""
    config = {"plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}}}
    async with running(nlu_local, FakeChannel(), config=config, tmp_path=tmp_path):
        await until(worker_pids, 60)
    assert worker_pids() == set()


async def test_a_worker_that_does_not_end_is_killed() -> None:
    """One with a large model takes seconds to end, and a server must stop soon."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import time; time.sleep(60)"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(10):
        await WorkerProcess(process).stop()
    assert process.returncode == -signal.SIGKILL


def test_a_worker_ends_when_its_input_closes() -> None:
    """As when the server was killed; it prints nothing."""
    worker = subprocess.run(
        [sys.executable, "-m", WORKER],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (worker.returncode, worker.stdout, worker.stderr) == (0, b"", b"")


def test_a_worker_ends_quietly_when_the_server_ended_while_it_loaded() -> None:
    """A server that cannot start reports that itself."""
    worker = subprocess.Popen(
        [sys.executable, "-m", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert worker.stdin
    assert worker.stdout
    assert worker.stderr
    with worker.stderr:
        worker.stdout.close()
        with worker.stdin:
            worker.stdin.write(encode_frame(SETUP))
        assert (worker.wait(60), worker.stderr.read()) == (0, b"")


def test_the_size_of_a_frame_is_bounded() -> None:
    """Four bytes of something else do not make us wait for gigabytes."""
    with pytest.raises(ValueError, match="a frame of"):
        frame_size((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))


async def test_the_loss_of_a_worker_is_logged(reader: WorkerReader) -> None:
    """Though the messages are read."""
    await reader.start()
    (pid,) = worker_pids()
    reading = asyncio.create_task(reader.read(MESSAGES * 200))
    await asyncio.sleep(0)
    with capture_logs() as logs:
        os.kill(pid, signal.SIGKILL)
        await reading
    assert "nlu.reader_lost" in {entry["event"] for entry in logs}
