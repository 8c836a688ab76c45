"""Reading in a process beside the server: the same answers, and what happens when it ends."""

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
from plugins.nlu_local import guest as nlu_local
from plugins.nlu_local import reading
from plugins.nlu_local.asking import Said
from plugins.nlu_local.child import Child
from plugins.nlu_local.failures import BadModel, ReadingFailed
from plugins.nlu_local.reading import Beside, Here
from plugins.nlu_local.store import learnt
from plugins.nlu_local.wire import LONGEST, Learn, Read, Setup, Told, frame, size, told
from tests.conftest import until

from .conftest import ROWS
from .test_dialogue import ready, write_examples
from .test_watching import about

SETUP = Setup(languages=("en", "de"))
SAID = (
    Said("When do you open?"),
    Said("I am so FRUSTRATED, this is the third time!!!"),
    Said("sofort!!", "de"),
    Said("and on Sundays?", "en", "When do you open?"),
    Said("🤬 \x00 𝔤𝔬𝔱𝔥𝔦𝔠"),
)


def children() -> set[int]:
    """The processes that read for this one."""
    found = psutil.Process().children()
    return {one.pid for one in found if "plugins.nlu_local.child" in one.cmdline()}


@pytest.fixture
async def beside() -> AsyncIterator[Beside]:
    one = Beside(SETUP)
    yield one
    await one.stop()


async def test_it_tells_what_a_thread_tells(beside: Beside, tmp_path: Path) -> None:
    """Language, intent, feeling, cues and signals come over unchanged, with a model or without."""
    here = Here(SETUP)
    await asyncio.gather(here.start(), beside.start())
    assert list(await beside.read(SAID)) == list(await here.read(SAID))
    for one in (here, beside):
        await learnt(ROWS, tmp_path, use=one.learn)
    found = list(await beside.read(SAID))
    assert found == list(await here.read(SAID))
    assert found[0].ranking is not None
    assert found[0].ranking[0].name == "opening_hours"


async def test_one_that_ended_is_followed_by_another(beside: Beside, tmp_path: Path) -> None:
    """Killed between two batches and in the middle of one: both are answered all the same, by the
    model that was in use."""
    await learnt(ROWS, tmp_path, use=beside.learn)
    before = await beside.read(SAID)
    for _ in range(2):
        asked = asyncio.create_task(beside.read(SAID * 200))
        await asyncio.sleep(0)
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        assert list(await asked)[: len(SAID)] == list(before)
        assert list(await beside.read(SAID)) == list(before)


async def test_it_may_begin_before_it_is_waited_for(beside: Beside, tmp_path: Path) -> None:
    """What began early is the one that is started, and it knows its languages."""
    await beside.begin()
    (pid,) = children()
    await beside.start()
    await learnt(ROWS, tmp_path, use=beside.learn)
    here = Here(SETUP)
    await here.start()
    await learnt(ROWS, tmp_path, use=here.learn)
    assert list(await beside.read(SAID)) == list(await here.read(SAID))
    assert children() == {pid}


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux alone knows such processes")
async def test_being_asked_does_not_push_the_server_aside(beside: Beside) -> None:
    """Linux lets it wait until a processor is free (sched(7))."""
    await beside.start()
    [reader] = children()
    assert os.sched_getscheduler(reader) == os.SCHED_BATCH


async def test_one_that_only_began_is_ended() -> None:
    """Also when it has not loaded yet."""
    beside = Beside(SETUP)
    await beside.begin()
    assert len(children()) == 1
    await beside.stop()
    assert children() == set()


async def test_a_gateway_has_its_reader_begin_first(tmp_path: Path) -> None:
    """Before its doors are built; a process that only has doors begins none. When nothing comes of
    the start, it is ended."""
    for role, count in (("web", 0), ("all", 1)):
        config = {
            "plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}},
            "redis_url": "redis://127.0.0.1:1",
            "role": role,
        }
        guests = as_plugins([nlu_local, FakeChannel(), PlainVoice()])
        gateway = build_gateway(guests, settings_for(guests, config, tmp_path / role, {}))
        await gateway.start_plugins()
        assert len(children()) == count
        await gateway.stop_plugins()
        assert children() == set()
        await gateway.store.stop()


async def test_a_model_learnt_while_it_stopped_began_it_again(tmp_path: Path) -> None:
    """What is stopped stays so: nothing is left running that nobody ends."""
    before = children()
    beside = Beside(SETUP)
    await beside.start()
    await beside.stop()
    with pytest.raises(ReadingFailed):
        await learnt(ROWS, tmp_path, use=beside.learn)
    assert children() == before


async def test_one_that_hangs_is_ended(beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks after the one that was given up gets an answer from a new process."""
    await beside.start()
    (pid,) = children()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await beside.read(SAID)
    monkeypatch.setattr(reading, "HUNG", 0.01)
    assert len(await beside.read(SAID)) == len(SAID)
    assert pid not in children()


async def test_a_broken_model_is_refused(beside: Beside, tmp_path: Path) -> None:
    """It is told apart from one that is not there, and what was in use stays in use."""
    await learnt(ROWS, tmp_path, use=beside.learn)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(BadModel, match=r"broken\.npz is not a whole model"):
        await beside.learn(broken)
    with pytest.raises(FileNotFoundError):
        await beside.learn(tmp_path / "none.npz")
    (one,) = await beside.read(SAID[:1])
    assert one.ranking is not None
    await beside.learn(None)
    (one,) = await beside.read(SAID[:1])
    assert one.ranking is None


def test_what_goes_wrong_there_quotes_nobody() -> None:
    """An error is told by its name alone, and the next one is answered as if nothing had been."""
    asked = [Read(id=1, said=(Said("secret words"),)), Learn(id=2, model=None)]
    sink = BytesIO()
    Child().serve(BytesIO(b"".join(frame(one) for one in asked)), sink)
    first, second = sink.getvalue()[4:].split(frame(Told(id=2))[:4])
    assert told(first) == Told(id=1, error="RuntimeError")
    assert told(second) == Told(id=2)


async def test_it_ends_with_the_server(tmp_path: Path) -> None:
    """A server reads beside from its start, and leaves no process behind."""
    file = write_examples(tmp_path)
    config = {"plugins": {"nlu_local": {"knowledge": str(file)}}}
    async with running(
        nlu_local, FakeHandler(about), FakeChannel(), config=config, tmp_path=tmp_path
    ) as gw:
        await until(lambda: ready(gw), 60)
        assert len(children()) == 1
        customer = gw.customer("fake", "ann")
        await customer.say("what time do you close?")
        assert customer.heard == ["About opening_hours."]
    assert children() == set()


async def test_a_server_stopped_while_it_loaded_left_a_process_behind(tmp_path: Path) -> None:
    """Ready or not, nothing runs on when the server has stopped."""
    config = {"plugins": {"nlu_local": {"knowledge": str(write_examples(tmp_path))}}}
    async with running(nlu_local, FakeChannel(), config=config, tmp_path=tmp_path):
        await until(children, 60)
    assert children() == set()


async def test_a_reader_that_was_slow_to_end_was_left_behind() -> None:
    """Whoever ends a server does not wait long, and one with a large model takes seconds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import time; time.sleep(60)"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(10):
        await reading.Child(process).end()
    assert process.returncode == -signal.SIGKILL


def test_it_ends_when_the_server_was_killed() -> None:
    """Nothing more can be asked of it: it ends by itself, without a word."""
    child = subprocess.run(
        [sys.executable, "-m", "plugins.nlu_local.child"],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, b"", b"")


def test_a_server_that_was_gone_was_complained_of() -> None:
    """It could not start while this one was loading: that it says, and this one nothing."""
    child = subprocess.Popen(
        [sys.executable, "-m", "plugins.nlu_local.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    with child.stderr:
        child.stdout.close()
        with child.stdin:
            child.stdin.write(frame(SETUP))
        assert (child.wait(60), child.stderr.read()) == (0, b"")


def test_a_frame_has_a_bound() -> None:
    """Four bytes of something else do not make us wait for gigabytes."""
    with pytest.raises(ValueError, match="a frame of"):
        size((LONGEST + 1).to_bytes(4, "big"))


async def test_the_loss_is_logged(beside: Beside) -> None:
    """People who run a gateway learn that a process was lost."""
    await beside.start()
    (pid,) = children()
    asked = asyncio.create_task(beside.read(SAID * 200))
    await asyncio.sleep(0)
    with capture_logs() as logs:
        os.kill(pid, signal.SIGKILL)
        await asked
    assert "nlu.reader_lost" in {one["event"] for one in logs}
