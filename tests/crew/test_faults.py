"""Redis may be flushed, killed, stopped, slow, full or out of reach at any moment: nothing is lost,
nothing is said twice, order holds, and the log stays quiet."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from gateway import Reply, Turn
from gateway.store import AlreadyHandled, CommittedTurn, ConversationChanged, TurnOutcome
from gateway.testing import FakeHandler, RunningGateway
from tests.conftest import until
from tests.crew.conftest import BOUND, Crew, talk
from tests.crew.server import RedisServer, Wire
from tests.spine.conftest import Barrier, before, echo

Fault = Callable[[RedisServer, Wire], Awaitable[None]]


async def flushed(redis: RedisServer, wire: Wire) -> None:
    await redis.flush()


async def restarted(redis: RedisServer, wire: Wire) -> None:
    await redis.restart()


async def killed(redis: RedisServer, wire: Wire) -> None:
    redis.kill()


async def stopped(redis: RedisServer, wire: Wire) -> None:
    redis.pause()


async def full(redis: RedisServer, wire: Wire) -> None:
    await redis.most(1)


async def cut(redis: RedisServer, wire: Wire) -> None:
    wire.part()


async def half_open(redis: RedisServer, wire: Wire) -> None:
    wire.hold()


async def slow(redis: RedisServer, wire: Wire) -> None:
    wire.delay = 0.1


async def reset(redis: RedisServer, wire: Wire) -> None:
    wire.sever()


FAULTS = (flushed, restarted, killed, stopped, full, cut, half_open, slow, reset)


async def mended(redis: RedisServer, wire: Wire, fault: Fault) -> None:
    wire.cut, wire.delay = False, 0.0
    wire.release()
    redis.resume()
    if fault is killed:
        await redis.start()
    await redis.most(0)


@pytest.mark.parametrize("fix", [True, False], ids=["mended", "lasting"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_fault_in_the_middle_of_dialogues(
    crew: Crew, redis: RedisServer, wire: Wire, fault: Fault, fix: bool
) -> None:
    """Everything is answered once and in order, whether Redis comes back or not; one process
    reaches it by the faulty wire, the other directly. Each tells of it in a few lines at most."""
    with capture_logs() as logs:
        web, near = await crew.join("web", url=wire.url), await crew.join("worker")
        far = await crew.join("worker", url=wire.url)
        customers = [web.customer("fake", f"c{number}") for number in range(6)]

        async def happening(number: int) -> None:
            if number == 2:
                await fault(redis, wire)
            if number == 4 and fix:
                await mended(redis, wire, fault)

        await talk(customers, 6, happening)
        await crew.hear(customers, 6)
        if fix:
            crews = [one.gateway.cluster for one in (web, near, far)]
            await until(lambda: not any(one.trouble() for one in crews), BOUND)
            for one in customers:
                await one.write("6", remote_id=f"{one.address.value}-6")
            await crew.hear(customers, 7)
        else:
            await mended(redis, wire, fault)  # so that the processes end in peace
    about = [line for line in logs if line["event"].startswith(("redis.", "lane.", "sweep."))]
    assert len(about) <= 3 * 6, about
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]


class Stalled:
    """A worker that stands still between composing an answer and its commit."""

    def __init__(self, running: RunningGateway) -> None:
        self._inbox = running.gateway.store.inbox
        self.barrier = Barrier()
        self.said: list[type[BaseException]] = []

    async def commit(self, outcome: TurnOutcome, at: object) -> CommittedTurn:
        await self.barrier.stop()
        try:
            return await self._real(outcome, at)
        except (AlreadyHandled, ConversationChanged) as late:
            self.said.append(type(late))
            raise

    def __enter__(self) -> Stalled:
        self._real = self._inbox.commit
        self._inbox.commit = self.commit
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.commit = self._real


async def test_a_worker_that_stalls_past_its_lock_cannot_commit_late(
    crew: Crew, redis: RedisServer, wire: Wire
) -> None:
    """Its lock lapsed and another worker answered: the row itself is the fence, and the late
    commit changes nothing."""
    web = await crew.join("web")
    ana = web.customer("fake", "ana")
    far = await crew.join("worker", url=wire.url, process={"name": "far", "lease": 1.0})
    with Stalled(far) as stalled:
        await ana.write("0")
        await stalled.barrier.reached.wait()
        async with redis.client() as client:
            assert await client.exists("warmline:lock:in:fake:ana")
            await crew.join("worker", process={"name": "near", "lease": 1.0})
            wire.hold()  # it stands still: neither its lock nor its lease is extended any more
            assert far.gateway._renewing is not None
            far.gateway._renewing.cancel()
            await crew.hear([ana], 1)
            await until(lambda: _free(client), BOUND)
        stalled.barrier.opened.set()
        await until(lambda: stalled.said, BOUND)
        wire.release()
    assert set(stalled.said) <= {AlreadyHandled, ConversationChanged}
    await ana.write("1")
    await crew.hear([ana], 2)
    said = await web.services.mailbox.messages(ana.address, own=True)
    assert [one.author for one in said] == ["customer", "bot"] * 2


async def _free(client: object) -> bool:
    return not await client.exists("warmline:lock:in:fake:ana")  # type: ignore[attr-defined]  # a Redis


class Slow(FakeHandler):
    """Waits until it is let go, and says how often it began."""

    def __init__(self) -> None:
        super().__init__(echo)
        self.begun = 0
        self.go = asyncio.Event()

    async def handle(self, turn: Turn) -> Reply | None:
        self.begun += 1
        await self.go.wait()
        return await super().handle(turn)


async def test_a_lock_is_kept_for_as_long_as_a_step_takes(crew: Crew, redis: RedisServer) -> None:
    """A handler that takes longer than a lock lasts is not asked again by another worker."""
    web, handlers = await crew.join("web"), [Slow(), Slow()]
    for handler in handlers:
        await crew.join("worker", handler=handler)
    ana, ben = web.customer("fake", "ana"), web.customer("fake", "ben")
    await ana.write("0")
    await until(lambda: sum(one.begun for one in handlers) == 1, BOUND)
    async with redis.client() as client:
        lives = [await client.pttl("warmline:lock:in:fake:ana")]

        async def extended() -> bool:
            lives.append(await client.pttl("warmline:lock:in:fake:ana"))
            return sum(after > before for before, after in itertools.pairwise(lives)) >= 6

        await until(extended, BOUND)  # six times a third of its life: long past its first end
    assert sum(one.begun for one in handlers) == 1
    for one in handlers:
        one.go.set()
    await ben.write("0")
    await crew.hear([ana, ben], 1)


async def test_messages_are_taken_and_answered_before_redis_was_ever_there(
    crew: Crew, redis: RedisServer
) -> None:
    """A start without Redis is slow in nothing but being told of."""
    redis.kill()
    web, _ = await crew.join("web"), await crew.join("worker")
    ana = web.customer("fake", "ana")
    await talk([ana], 3)
    await crew.hear([ana], 3)
    await redis.start()
    await until(lambda: web.gateway.cluster.trouble() is None, BOUND)
    await ana.write("3")
    await crew.hear([ana], 4)


async def test_two_senders_without_redis_send_once(crew: Crew, redis: RedisServer) -> None:
    """The row is taken by one committed UPDATE: whoever comes second finds it taken."""
    one, two = await crew.join(), await crew.join()
    redis.kill()
    await until(lambda: one.gateway.cluster.trouble() and two.gateway.cluster.trouble(), BOUND)
    ana = one.customer("fake", "ana")
    here, there = Barrier(), Barrier()
    with (
        before(one.gateway.store.outbox, "take", here),
        before(two.gateway.store.outbox, "take", there),
    ):
        await ana.write("0")
        await here.reached.wait()
        await there.reached.wait()
        here.opened.set()
        there.opened.set()
        await crew.hear([ana], 1)
        await one.settled()
        await two.settled()
    await crew.hear([ana], 1)
