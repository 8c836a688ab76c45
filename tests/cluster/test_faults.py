"""Redis may be flushed, killed, stopped, slow, full or out of reach at any moment: nothing is lost
or sent twice, order holds, and the log stays quiet."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from gateway import Reply, Turn
from gateway.store import AlreadyHandled, CommittedTurn, ConversationChanged, TurnOutcome
from gateway.testing import FakeHandler, RunningGateway
from tests.cluster.conftest import BOUND, GatewayCluster, write_all
from tests.cluster.server import RedisProxy, RedisServer
from tests.conftest import until
from tests.spine.conftest import Barrier, before, echo

Fault = Callable[[RedisServer, RedisProxy], Awaitable[None]]


async def flushed(redis: RedisServer, proxy: RedisProxy) -> None:
    await redis.flush()


async def restarted(redis: RedisServer, proxy: RedisProxy) -> None:
    await redis.restart()


async def killed(redis: RedisServer, proxy: RedisProxy) -> None:
    redis.kill()


async def stopped(redis: RedisServer, proxy: RedisProxy) -> None:
    redis.pause()


async def full(redis: RedisServer, proxy: RedisProxy) -> None:
    await redis.limit_memory(1)


async def cut(redis: RedisServer, proxy: RedisProxy) -> None:
    proxy.cut()


async def half_open(redis: RedisServer, proxy: RedisProxy) -> None:
    proxy.stall()


async def slow(redis: RedisServer, proxy: RedisProxy) -> None:
    proxy.delay = 0.1


async def reset(redis: RedisServer, proxy: RedisProxy) -> None:
    proxy.close_connections()


FAULTS = (flushed, restarted, killed, stopped, full, cut, half_open, slow, reset)


async def repair(redis: RedisServer, proxy: RedisProxy, fault: Fault) -> None:
    proxy.repair()
    redis.resume()
    if fault is killed:
        await redis.start()
    await redis.limit_memory(0)


@pytest.mark.parametrize("repaired", [True, False], ids=["repaired", "lasting"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_every_message_is_answered_once_despite_a_fault(
    cluster: GatewayCluster, redis: RedisServer, proxy: RedisProxy, fault: Fault, repaired: bool
) -> None:
    """The fault comes in the middle of dialogues, and Redis comes back or not. Two processes reach
    Redis through the proxy, one directly. Each writes a few log lines at most."""
    with capture_logs() as logs:
        web, near = await cluster.add("web", url=proxy.url), await cluster.add("worker")
        far = await cluster.add("worker", url=proxy.url)
        customers = [web.customer("fake", f"c{number}") for number in range(6)]

        async def break_or_repair(number: int) -> None:
            if number == 2:
                await fault(redis, proxy)
            if number == 4 and repaired:
                await repair(redis, proxy, fault)

        await write_all(customers, 6, break_or_repair)
        await cluster.check_answers(customers, 6)
        if repaired:
            clusters = [gw.gateway.cluster for gw in (web, near, far)]
            await until(lambda: not any(c.trouble() for c in clusters), BOUND)
            for customer in customers:
                await customer.write("6", remote_id=f"{customer.address.value}-6")
            await cluster.check_answers(customers, 7)
        else:
            await repair(redis, proxy, fault)  # so that the processes can stop
    lines = [line for line in logs if line["event"].startswith(("redis.", "lane.", "sweep."))]
    assert len(lines) <= 3 * 6, lines
    assert not [line for line in logs if line["log_level"] in ("error", "critical")]


class StalledCommit:
    """Holds a worker between composing an answer and its commit. ``refused``: the errors that the
    late commits raised."""

    def __init__(self, running: RunningGateway) -> None:
        self._inbox = running.gateway.store.inbox
        self.barrier = Barrier()
        self.refused: list[type[BaseException]] = []

    async def commit(self, outcome: TurnOutcome, at: object) -> CommittedTurn:
        await self.barrier.stop()
        try:
            return await self._real(outcome, at)
        except (AlreadyHandled, ConversationChanged) as late:
            self.refused.append(type(late))
            raise

    def __enter__(self) -> StalledCommit:
        self._real = self._inbox.commit
        self._inbox.commit = self.commit
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.commit = self._real


async def test_a_worker_that_stalls_past_its_lock_cannot_commit(
    cluster: GatewayCluster, redis: RedisServer, proxy: RedisProxy
) -> None:
    """Its lock expires and another worker answers. The inbox row is the fence: the late commit
    changes nothing."""
    web = await cluster.add("web")
    ana = web.customer("fake", "ana")
    far = await cluster.add("worker", url=proxy.url, process={"name": "far", "lease": 1.0})
    with StalledCommit(far) as stalled:
        await ana.write("0")
        await stalled.barrier.reached.wait()
        async with redis.client() as client:
            assert await client.exists("warmline:lock:in:fake:ana")
            await cluster.add("worker", process={"name": "near", "lease": 1.0})
            proxy.stall()  # from now on it extends neither its lock nor its lease
            assert far.gateway.lease_renewal is not None
            far.gateway.lease_renewal.cancel()
            await cluster.check_answers([ana], 1)
            await until(lambda: _free(client), BOUND)
        stalled.barrier.opened.set()
        await until(lambda: stalled.refused, BOUND)
        proxy.resume()
    assert set(stalled.refused) <= {AlreadyHandled, ConversationChanged}
    await ana.write("1")
    await cluster.check_answers([ana], 2)
    messages = await web.services.mailbox.messages(ana.address, own=True)
    assert [message.author for message in messages] == ["customer", "bot"] * 2


async def _free(client: object) -> bool:
    return not await client.exists("warmline:lock:in:fake:ana")  # type: ignore[attr-defined]  # a Redis


class BlockedHandler(FakeHandler):
    """Waits until ``go`` is set. ``started``: how often it was called."""

    def __init__(self) -> None:
        super().__init__(echo)
        self.started = 0
        self.go = asyncio.Event()

    async def handle(self, turn: Turn) -> Reply | None:
        self.started += 1
        await self.go.wait()
        return await super().handle(turn)


async def test_a_lock_is_extended_while_a_step_runs(
    cluster: GatewayCluster, redis: RedisServer
) -> None:
    """No other worker calls a handler again that takes longer than a lock lasts."""
    web, handlers = await cluster.add("web"), [BlockedHandler(), BlockedHandler()]
    for handler in handlers:
        await cluster.add("worker", handler=handler)
    ana, ben = web.customer("fake", "ana"), web.customer("fake", "ben")
    await ana.write("0")
    await until(lambda: sum(h.started for h in handlers) == 1, BOUND)
    async with redis.client() as client:
        lifetimes = [await client.pttl("warmline:lock:in:fake:ana")]

        async def extended() -> bool:
            lifetimes.append(await client.pttl("warmline:lock:in:fake:ana"))
            return sum(after > before for before, after in itertools.pairwise(lifetimes)) >= 6

        await until(extended, BOUND)  # six thirds of its lifetime
    assert sum(h.started for h in handlers) == 1
    for handler in handlers:
        handler.go.set()
    await ben.write("0")
    await cluster.check_answers([ana, ben], 1)


async def test_gateways_start_and_answer_without_redis(
    cluster: GatewayCluster, redis: RedisServer
) -> None:
    """They use Redis as soon as it is there."""
    redis.kill()
    web, _ = await cluster.add("web"), await cluster.add("worker")
    ana = web.customer("fake", "ana")
    await write_all([ana], 3)
    await cluster.check_answers([ana], 3)
    await redis.start()
    await until(lambda: web.gateway.cluster.trouble() is None, BOUND)
    await ana.write("3")
    await cluster.check_answers([ana], 4)


async def test_two_processes_without_redis_send_a_reply_once(
    cluster: GatewayCluster, redis: RedisServer
) -> None:
    """One committed UPDATE takes the row; the second process finds it taken."""
    one, two = await cluster.add(), await cluster.add()
    redis.kill()
    await until(lambda: one.gateway.cluster.trouble() and two.gateway.cluster.trouble(), BOUND)
    ana = one.customer("fake", "ana")
    first, second = Barrier(), Barrier()
    with (
        before(one.gateway.store.outbox, "take", first),
        before(two.gateway.store.outbox, "take", second),
    ):
        await ana.write("0")
        await first.reached.wait()
        await second.reached.wait()
        first.opened.set()
        second.opened.set()
        await cluster.check_answers([ana], 1)
        await one.settled()
        await two.settled()
    await cluster.check_answers([ana], 1)
