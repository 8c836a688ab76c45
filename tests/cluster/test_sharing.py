"""Several gateways on one database work as one gateway, through a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import channels.rest
import channels.webchat
from channels.webchat import sockets
from gateway import Event, Poller, Reply, Services, Settings, Turn
from gateway.hookspecs import hookimpl
from gateway.pipeline import reply_waiter as answers
from gateway.settings import BadConfig
from gateway.testing import FakeHandler
from tests.cluster.conftest import BOUND, SWEEP_WITHOUT_REDIS, GatewayCluster, write_all
from tests.cluster.server import RedisServer
from tests.conftest import until
from tests.spine.conftest import echo
from tests.webchat.conftest import Tab


async def test_two_workers_share_the_lanes_and_keep_order(cluster: GatewayCluster) -> None:
    """A web process accepts and two workers answer: each message once and in order, and neither
    worker does all of the work."""
    handlers = [FakeHandler(echo), FakeHandler(echo)]
    web = await cluster.add("web")
    for handler in handlers:
        await cluster.add("worker", handler=handler, worker={"conversations_at_once": 1})
    customers = [web.customer("fake", f"c{number}") for number in range(12)]
    await write_all(customers, 4)
    await cluster.check_answers(customers, 4)
    assert all(handler.turns for handler in handlers)
    assert sum(len(handler.turns) for handler in handlers) == 12 * 4


class ConcurrentHandler(FakeHandler):
    """Answers once ``count`` turns run at the same time."""

    def __init__(self, count: int, running: list[str], all_running: asyncio.Event) -> None:
        super().__init__(echo)
        self._count, self._running, self._all_running = count, running, all_running

    async def handle(self, turn: Turn) -> Reply | None:
        self._running.append(turn.conversation.address.value)
        if len(self._running) >= self._count:
            self._all_running.set()
        await self._all_running.wait()
        return await super().handle(turn)


async def test_two_workers_work_on_two_lanes_at_once(cluster: GatewayCluster) -> None:
    """Each worker takes one lane at a time, so two lanes need both."""
    running: list[str] = []
    both = asyncio.Event()
    web = await cluster.add("web")
    for _ in range(2):
        handler = ConcurrentHandler(2, running, both)
        await cluster.add("worker", handler=handler, worker={"conversations_at_once": 1})
    customers = [web.customer("fake", name) for name in ("ana", "ben")]
    await write_all(customers, 1)
    await cluster.check_answers(customers, 1)
    assert sorted(running) == ["ana", "ben"]


async def test_work_of_a_dead_process_is_taken_over(
    cluster: GatewayCluster, redis: RedisServer
) -> None:
    """Another process claims the entry that the dead one left, long before a sweep."""
    web = await cluster.add("web", worker={"sweep": 600})
    ana = web.customer("fake", "ana")
    async with redis.client() as client:
        await client.xgroup_create("warmline:lanes:in", "workers", id="0", mkstream=True)
        await ana.write("0")
        await until(lambda: client.xlen("warmline:lanes:in"), BOUND)
        await client.xreadgroup("workers", "dead", {"warmline:lanes:in": ">"})
        worker = await cluster.add("worker", worker={"sweep": 600})
        await cluster.check_answers([ana], 1)
        await until(lambda: _nothing_pending(client), BOUND)
    assert worker.gateway.cluster.trouble() is None


async def _nothing_pending(client: Any) -> bool:
    return not (await client.xpending("warmline:lanes:in", "workers"))["pending"]


async def test_a_waiting_request_gets_the_answer_of_another_process(
    cluster: GatewayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REST answers as soon as a worker commits: an event ends the wait, not a poll."""
    monkeypatch.setattr(answers, "LOOK_AGAIN", 600.0)
    rest = {"rest": {"open": True, "requests_per_address": None, "answer_timeout": 30}}
    web = await cluster.add("web", channels.rest, channels=rest)
    await cluster.add("worker", channels.rest, channels=rest)
    async with web.session() as http:
        for number in range(5):
            body = {"sender": "ana", "message": str(number)}
            async with http.post("/webhooks/rest/webhook", json=body) as response:
                messages = await response.json()
                assert [message["text"] for message in messages] == [f"You said {number}."]


async def test_an_event_reaches_the_listeners_of_other_processes(cluster: GatewayCluster) -> None:
    """Each listener gets it once, and only events of its topic."""
    one, two = await cluster.add(), await cluster.add()
    async with (
        one.services.events.listen("desk") as events_one,
        two.services.events.listen("desk") as events_two,
    ):
        names: dict[str, list[str]] = {"one": [], "two": []}

        async def collect(events: Any, gateway: str) -> None:
            async for event in events:
                if event.name != "look":
                    names[gateway].append(event.name)

        tasks = [
            asyncio.create_task(collect(events_one, "one")),
            asyncio.create_task(collect(events_two, "two")),
        ]

        def subscribed() -> bool:
            one.services.events.publish(Event(topic="other", name="another topic"))
            one.services.events.publish(Event(topic="desk", name="first"))
            return bool(names["two"])

        await until(subscribed, BOUND, every=0.2)
        one.services.events.publish(Event(topic="desk", name="last"))
        await until(lambda: all("last" in received for received in names.values()), BOUND)
        assert names["one"].count("last") == names["two"].count("last") == 1
        assert "another topic" not in names["two"]
        for task in tasks:
            task.cancel()


class Watcher:
    """A plugin with an exclusive task and a background task."""

    name = "watcher"

    def __init__(self) -> None:
        self.watching = self.standing_by = self.running = False

    async def run(self, services: Services) -> None:
        self.running = True
        await asyncio.Event().wait()

    async def watch(self, services: Services) -> None:
        self.watching, self.standing_by = True, False
        try:
            await asyncio.Event().wait()
        finally:
            self.watching = False

    def stand_by(self) -> None:
        self.standing_by = True

    @hookimpl
    def register_routes(self, register: Callable[[Poller], None], settings: Settings) -> None:
        register(self)


async def test_one_process_runs_an_exclusive_task_and_another_takes_over(
    cluster: GatewayCluster,
) -> None:
    """Both workers run the background task; one runs the exclusive task. When it stops, the other
    takes over as soon as the lease has expired."""
    watchers = {"worker": Watcher(), "all": Watcher(), "web": Watcher()}
    gateways = {role: await cluster.add(role, watcher) for role, watcher in watchers.items()}

    def one_is_watching() -> bool:
        idle = [role for role, watcher in watchers.items() if not watcher.watching]
        return len(idle) == 2 and all(watchers[role].standing_by for role in idle)

    async def all_are_listed() -> bool:
        processes = await gateways["web"].gateway.cluster.processes()
        return {process.role for process in processes} == watchers.keys()

    await until(all_are_listed, BOUND)
    # It may be either of them: the first may have paused for longer than its lease.
    await until(one_is_watching, BOUND)
    [holder] = [role for role, watcher in watchers.items() if watcher.watching]
    assert holder != "web"
    assert all(watchers[role].running for role in ("worker", "all"))
    [other] = {"worker", "all"} - {holder}
    await gateways[holder].gateway.stop_background()
    await until(lambda: watchers[other].watching, BOUND)
    assert not watchers[holder].watching
    assert not watchers["web"].watching


async def test_the_list_of_processes_has_roles_and_exclusive_tasks(cluster: GatewayCluster) -> None:
    """A process is on the list while it runs."""
    watcher = Watcher()
    web, worker = await cluster.add("web"), await cluster.add("worker", watcher)
    await until(lambda: watcher.watching, BOUND)

    async def listed() -> bool:
        processes = await web.gateway.cluster.processes()
        return {process.role: process.watches for process in processes} == {
            "web": (),
            "worker": ("watcher",),
        }

    await until(listed, BOUND)
    await worker.gateway.cluster.stop()
    assert [process.role for process in await web.gateway.cluster.processes()] == ["web"]


async def test_a_worker_serves_only_health_and_metrics(cluster: GatewayCluster) -> None:
    """The routes of customers and providers are missing."""
    worker = await cluster.add("worker", channels.rest, channels={"rest": {"open": True}})
    async with worker.session() as http:
        async with http.post("/webhooks/rest/webhook", json={}) as response:
            assert response.status == 404
        for path in ("/healthz", "/readyz", "/metrics"):
            async with http.get(path) as response:
                assert response.status == 200, path


async def test_a_gateway_without_redis_is_ready_with_a_warning(
    cluster: GatewayCluster, redis: RedisServer
) -> None:
    """It can accept messages, so /readyz answers 200. The warning shows no secret."""
    gw = await cluster.add()
    redis.kill()
    async with gw.session() as http:

        async def warned() -> dict[str, Any] | None:
            async with http.get("/readyz") as response:
                assert response.status == 200
                state: dict[str, Any] = json.loads(await response.text())
                return state if state["warnings"] else None

        state = await until(warned, BOUND)
    assert state["ready"] is True
    assert "127.0.0.1" in state["warnings"]["redis"]


async def test_a_role_needs_redis(cluster: GatewayCluster) -> None:
    """Without Redis a process cannot find the others."""
    with pytest.raises(BadConfig, match="role: `web` needs `redis_url`"):
        await cluster.add("web", redis_url=None)


async def test_a_rate_limit_holds_for_all_processes_together(
    cluster: GatewayCluster, redis: RedisServer
) -> None:
    """Two processes together send as fast as one would. Without Redis each keeps to the limit by
    itself."""
    patient = {"timeout": 10.0, "sweep": SWEEP_WITHOUT_REDIS}
    one, two = await cluster.add(redis=patient), await cluster.add(redis=patient)
    limits = [gw.gateway.cluster.limits({"sms": 20.0, "mail": None}) for gw in (one, two)]
    loop = asyncio.get_running_loop()

    async def send(count: int) -> float:
        started = loop.time()
        await asyncio.gather(*(limit.wait("sms") for limit in limits for _ in range(count)))
        return loop.time() - started

    assert await send(20) >= 0.95  # a second's worth at once, the other 20 at 20 a second
    await limits[0].wait("mail")
    redis.kill()
    await until(lambda: one.gateway.cluster.trouble() and two.gateway.cluster.trouble(), BOUND)
    assert await send(30) >= 0.45  # a second's worth at once each, the other ten at 20 a second


async def test_a_web_chat_gets_the_answer_of_another_process(
    cluster: GatewayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process has the web chat's socket and another handles the turn. An event wakes the
    socket, which does not poll."""
    monkeypatch.setattr(sockets, "SWEEP", 600.0)
    chat: dict[str, Any] = {"webchat": {}}
    web = await cluster.add("web", channels.webchat, channels=chat)
    await cluster.add("worker", channels.webchat, channels=chat)
    async with web.session() as http, http.ws_connect("/channels/webchat/socket") as socket:
        tab = Tab(socket)
        await tab.hello(token=None)
        for number in range(3):
            await tab.say(str(number), id=f"message-{number:04}")
            answer = await tab.next("message")
            while answer["author"] != "bot":
                answer = await tab.next("message")
            assert answer["text"] == f"You said {number}."
