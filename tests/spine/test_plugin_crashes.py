"""Whatever a plugin raises or does, a person gets the message and the server goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway import Outbound, Reply, Sent, Turn
from gateway.pipeline.answering import LAST_RESORT
from gateway.runtime.tasks import PluginCrashed, with_timeout
from gateway.testing import FakeChannel, FakeHandler, running
from tests.conftest import until

from .conftest import echo


class Unheard(BaseException):
    """What nobody expects."""


def recurse(turn: Turn) -> Reply | None:
    return recurse(turn)


def raising(error: BaseException) -> Callable[[Turn], Reply | None]:
    def answer(turn: Turn) -> Reply | None:
        if turn.message.text == "hello":
            raise error
        return echo(turn)

    return answer


CRASHES = [
    asyncio.CancelledError(),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    Unheard(),
    MemoryError(),
    BaseExceptionGroup("several", [SystemExit(1), ValueError()]),
]


@pytest.mark.parametrize("error", CRASHES, ids=lambda error: type(error).__name__)
async def test_any_exception_of_a_handler_brings_a_person(
    error: BaseException, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The customer reads that a person will answer; the next customer is answered by the bot."""
    handler = FakeHandler(raising(error))
    async with running(FakeChannel(), handler, config=answer_all, tmp_path=tmp_path) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)
        [item] = await gw.services.desk.queue()
        assert type(error).__name__ in item.handoff.reasons[0].detail
        await dora.say("hi")
        assert dora.heard == ["You said hi."]


async def test_endless_recursion_brings_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """RecursionError is an error like any other."""
    async with running(
        FakeChannel(), FakeHandler(recurse), config=answer_all, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)


class Cancelling(FakeHandler):
    """Cancels the task that runs it, and goes on."""

    async def handle(self, turn: Turn) -> Reply | None:
        task = asyncio.current_task()
        assert task is not None
        if turn.message.text == "hello":
            task.cancel()
            await asyncio.sleep(0)
        return await super().handle(turn)


async def test_a_handler_that_cancels_our_task_brings_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The worker goes on, for this customer as well."""
    async with running(FakeChannel(), Cancelling(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)
        dora = gw.customer("fake", "dora")
        await dora.say("hi")
        assert dora.heard == ["You said hi."]


class Blocking(FakeHandler):
    """Holds the event loop: asleep, or busy while catching every Exception."""

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.message.text == "asleep":
            time.sleep(60)  # noqa: ASYNC251  (what this test is about)
        deadline = time.monotonic() + 60
        while turn.message.text == "busy" and time.monotonic() < deadline:
            with suppress(Exception):
                sum(range(1000))
        return await super().handle(turn)


@pytest.mark.parametrize("said", ["asleep", "busy"])
async def test_a_handler_that_holds_the_event_loop_is_interrupted(
    said: str, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Its customer gets a person after ``worker.step_timeout``, and the others an answer."""
    config = {**answer_all, "worker": {"step_timeout": 0.5}}
    async with running(FakeChannel(), Blocking(echo), config=config, tmp_path=tmp_path) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        await carla.write(said)
        await dora.write("hi")
        assert await carla.listen() == list(LAST_RESORT.body)
        assert await dora.listen() == ["You said hi."]
        [item] = await gw.services.desk.queue()
        assert "held the event loop" in item.handoff.reasons[0].detail


class CrashingChannel(FakeChannel):
    """Its first send raises what no channel should."""

    async def send(self, message: Outbound) -> Sent:
        if not self.tried:
            self.tried.append(message)
            raise SystemExit(2)
        return await super().send(message)


async def test_a_channel_that_crashes_leaves_an_unsure_reply(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A person learns of it, and the next reply of the lane is sent."""
    fake = CrashingChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        await carla.say("hello")
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unsure"
        await dora.say("hi")
        assert [sent.text for sent in fake.sent] == ["You said hi."]


async def test_a_crashing_background_task_is_started_again(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The failure is counted by its name."""

    class Pager(FakeChannel):
        runs = 0

        async def run(self, services: object) -> None:
            self.runs += 1
            raise SystemExit(1)

    fake = Pager()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await until(lambda: fake.runs)
        await gw.customer("fake", "carla").say("hello")
        assert [sent.text for sent in fake.sent] == ["You said hello."]
        assert gw.metric("warmline_plugin_failures_total", plugin="fake") >= 1


async def test_a_cancelled_future_is_no_cancellation_of_ours() -> None:
    """Nobody cancelled the caller, so it gets an error."""

    async def waits() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.cancel)
        await future

    with pytest.raises(PluginCrashed):
        await with_timeout(5.0, waits())


@pytest.mark.parametrize("own", [False, True])
async def test_a_plugins_test_sees_plain_tracebacks(
    tmp_path: Path, answer_all: dict[str, Any], capsys: pytest.CaptureFixture[str], own: bool
) -> None:
    """Without the variables of each call: the words of a customer are among them. What a test has
    configured itself stays."""
    structlog.reset_defaults()
    if own:
        structlog.configure(processors=[structlog.processors.JSONRenderer()])
    handler = FakeHandler(raising(ValueError("no carrier")))
    async with running(FakeChannel(), handler, config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
    logged = capsys.readouterr().out
    assert ('"event": "handler.failed"' in logged) == own
    assert own or "ValueError: no carrier" in logged
    assert "text='hello'" not in logged
    assert "locals" not in logged
    assert "\x1b[" not in logged  # no terminal reads it
