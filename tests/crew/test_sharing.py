"""Several gateways on one database work as one, through a real Redis."""

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
from tests.conftest import until
from tests.crew.conftest import BOUND, WITHOUT, Crew, talk
from tests.crew.server import RedisServer
from tests.spine.conftest import echo
from tests.webchat.conftest import Tab


async def test_two_workers_share_the_lanes_and_keep_their_order(crew: Crew) -> None:
    """A process with doors takes in, two without answer: each customer in order, once, and
    neither worker does all of it."""
    handlers = [FakeHandler(echo), FakeHandler(echo)]
    web = await crew.join("web")
    for handler in handlers:
        await crew.join("worker", handler=handler, worker={"conversations_at_once": 1})
    customers = [web.customer("fake", f"c{number}") for number in range(12)]
    await talk(customers, 4)
    await crew.hear(customers, 4)
    assert all(handler.turns for handler in handlers)
    assert sum(len(handler.turns) for handler in handlers) == 12 * 4


class Meeting(FakeHandler):
    """Answers when as many turns are under way at one time as were asked for."""

    def __init__(self, count: int, under_way: list[str], all_here: asyncio.Event) -> None:
        super().__init__(echo)
        self._count, self._under_way, self._all_here = count, under_way, all_here

    async def handle(self, turn: Turn) -> Reply | None:
        self._under_way.append(turn.conversation.address.value)
        if len(self._under_way) >= self._count:
            self._all_here.set()
        await self._all_here.wait()
        return await super().handle(turn)


async def test_lanes_are_worked_side_by_side(crew: Crew) -> None:
    """Two processes have one lane each at the same time, though each takes one at a time."""
    under_way: list[str] = []
    both = asyncio.Event()
    web = await crew.join("web")
    for _ in range(2):
        meeting = Meeting(2, under_way, both)
        await crew.join("worker", handler=meeting, worker={"conversations_at_once": 1})
    customers = [web.customer("fake", name) for name in ("ana", "ben")]
    await talk(customers, 1)
    await crew.hear(customers, 1)
    assert sorted(under_way) == ["ana", "ben"]


async def test_what_a_dead_process_had_taken_is_taken_over(crew: Crew, redis: RedisServer) -> None:
    """An entry that its reader never acknowledged is claimed, long before any sweep."""
    web = await crew.join("web", worker={"sweep": 600})
    ana = web.customer("fake", "ana")
    async with redis.client() as client:
        await client.xgroup_create("warmline:lanes:in", "workers", id="0", mkstream=True)
        await ana.write("0")
        await until(lambda: client.xlen("warmline:lanes:in"), BOUND)
        await client.xreadgroup("workers", "dead", {"warmline:lanes:in": ">"})
        worker = await crew.join("worker", worker={"sweep": 600})
        await crew.hear([ana], 1)
        await until(lambda: _nothing_pending(client), BOUND)
    assert worker.gateway.cluster.trouble() is None


async def _nothing_pending(client: Any) -> bool:
    return not (await client.xpending("warmline:lanes:in", "workers"))["pending"]


async def test_a_waiting_request_hears_of_the_turn_of_another_process(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REST's response is given as soon as a worker commits: an event ends the wait, no look."""
    monkeypatch.setattr(answers, "LOOK_AGAIN", 600.0)
    rest = {"rest": {"answer_timeout": 30}}
    web = await crew.join("web", channels.rest, channels=rest)
    await crew.join("worker", channels.rest, channels=rest)
    async with web.session() as http:
        for number in range(5):
            said = {"sender": "ana", "message": str(number)}
            async with http.post("/webhooks/rest/webhook", json=said) as answer:
                told = await answer.json()
                assert [one["text"] for one in told] == [f"You said {number}."]


async def test_an_event_reaches_the_listeners_of_other_processes(crew: Crew) -> None:
    """Once, also where it happened; and nobody hears of what they do not listen to."""
    here, there = await crew.join(), await crew.join()
    async with (
        here.services.events.listen("desk") as mine,
        there.services.events.listen("desk") as other,
    ):
        heard: dict[str, list[str]] = {"here": [], "there": []}

        async def note(events: Any, where: str) -> None:
            async for event in events:
                if event.name != "look":
                    heard[where].append(event.name)

        tasks = [
            asyncio.create_task(note(mine, "here")),
            asyncio.create_task(note(other, "there")),
        ]

        def told() -> bool:
            here.services.events.publish(Event(topic="other", name="none of your business"))
            here.services.events.publish(Event(topic="desk", name="first"))
            return bool(heard["there"])

        await until(told, BOUND, every=0.2)
        here.services.events.publish(Event(topic="desk", name="last"))
        await until(lambda: all("last" in names for names in heard.values()), BOUND)
        assert heard["here"].count("last") == heard["there"].count("last") == 1
        assert "none of your business" not in heard["there"]
        for task in tasks:
            task.cancel()


class Lookout:
    """A guest that watches something, in one process at a time, and is kept busy in each."""

    name = "lookout"

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


async def test_one_process_watches_and_another_takes_over(crew: Crew) -> None:
    """Both poll what each needs, one watches; when it stops the other watches, within the time
    that a lease lasts."""
    lookouts = {"worker": Lookout(), "all": Lookout(), "web": Lookout()}
    there = {role: await crew.join(role, lookout) for role, lookout in lookouts.items()}

    def settled() -> bool:
        idle = [role for role, lookout in lookouts.items() if not lookout.watching]
        return len(idle) == 2 and all(lookouts[role].standing_by for role in idle)

    async def all_told() -> bool:
        told = await there["web"].gateway.cluster.processes()
        return {process.role for process in told} == lookouts.keys()

    await until(all_told, BOUND)
    # Whoever it is: the first may have stood still for longer than its lease.
    await until(settled, BOUND)
    [watcher] = [role for role, lookout in lookouts.items() if lookout.watching]
    assert watcher != "web"
    assert all(lookouts[role].running for role in ("worker", "all"))
    [spare] = {"worker", "all"} - {watcher}
    await there[watcher].gateway.stop_background()
    await until(lambda: lookouts[spare].watching, BOUND)
    assert not lookouts[watcher].watching
    assert not lookouts["web"].watching


async def test_processes_say_who_they_are(crew: Crew) -> None:
    """Each is on the list with its role and what it watches, and off it when it stopped."""
    lookout = Lookout()
    web, worker = await crew.join("web"), await crew.join("worker", lookout)
    await until(lambda: lookout.watching, BOUND)

    async def seen() -> bool:
        found = await web.gateway.cluster.processes()
        return {one.role: one.watches for one in found} == {"web": (), "worker": ("lookout",)}

    await until(seen, BOUND)
    await worker.gateway.cluster.stop()
    assert [one.role for one in await web.gateway.cluster.processes()] == ["web"]


async def test_a_worker_has_no_doors_but_tells_its_health(crew: Crew) -> None:
    """What customers and providers call is not there; what a probe calls is."""
    worker = await crew.join("worker", channels.rest, channels={"rest": {}})
    async with worker.session() as http:
        async with http.post("/webhooks/rest/webhook", json={}) as refused:
            assert refused.status == 404
        for path in ("/healthz", "/readyz", "/metrics"):
            async with http.get(path) as answer:
                assert answer.status == 200, path


async def test_without_redis_it_is_ready_and_says_what_is_wrong(
    crew: Crew, redis: RedisServer
) -> None:
    """Messages can be taken, so /readyz answers 200, with a warning that names no secret."""
    gw = await crew.join()
    redis.kill()
    async with gw.session() as http:

        async def warned() -> dict[str, Any] | None:
            async with http.get("/readyz") as answer:
                assert answer.status == 200
                state: dict[str, Any] = json.loads(await answer.text())
                return state if state["warnings"] else None

        state = await until(warned, BOUND)
    assert state["ready"] is True
    assert "127.0.0.1" in state["warnings"]["redis"]


async def test_a_role_without_redis_is_refused(crew: Crew) -> None:
    """A process of one role alone could find no other."""
    with pytest.raises(BadConfig, match="role: `web` needs `redis_url`"):
        await crew.join("web", redis_url=None)


async def test_a_limit_holds_for_all_processes_together(crew: Crew, redis: RedisServer) -> None:
    """Two that send as fast as they may take, together, as long as one would; without Redis each
    keeps to the limit by itself."""
    patient = {"timeout": 10.0, "sweep": WITHOUT}
    one, two = await crew.join(redis=patient), await crew.join(redis=patient)
    limits = [each.gateway.cluster.limits({"sms": 20.0, "mail": None}) for each in (one, two)]
    loop = asyncio.get_running_loop()

    async def send(count: int) -> float:
        begun = loop.time()
        await asyncio.gather(*(limit.wait("sms") for limit in limits for _ in range(count)))
        return loop.time() - begun

    assert await send(20) >= 0.95  # a second's worth at once, the other 20 at 20 a second
    await limits[0].wait("mail")
    redis.kill()
    await until(lambda: one.gateway.cluster.trouble() and two.gateway.cluster.trouble(), BOUND)
    assert await send(30) >= 0.45  # a second's worth at once each, the other ten at 20 a second


async def test_a_page_hears_what_another_process_committed(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket of a web chat is held by one process, and the turn is made by another: an event
    tells the socket, which does not look by itself."""
    monkeypatch.setattr(sockets, "SWEEP", 600.0)
    chat: dict[str, Any] = {"webchat": {}}
    web = await crew.join("web", channels.webchat, channels=chat)
    await crew.join("worker", channels.webchat, channels=chat)
    async with web.session() as http, http.ws_connect("/channels/webchat/socket") as socket:
        tab = Tab(socket)
        await tab.hello(token=None)
        for number in range(3):
            await tab.say(str(number), id=f"message-{number:04}")
            answer = await tab.next("message")
            while answer["author"] != "bot":
                answer = await tab.next("message")
            assert answer["text"] == f"You said {number}."
