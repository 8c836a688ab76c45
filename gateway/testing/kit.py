"""A gateway to talk to, a clock to turn, a channel that remembers."""

from __future__ import annotations

import asyncio
import heapq
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import yaml
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from gateway.app import Gateway, build_app, build_gateway
from gateway.hookspecs import hookimpl
from gateway.model import (
    Accepted,
    Address,
    Agent,
    ContextCard,
    Finding,
    Inbound,
    Json,
    Message,
    Outbound,
    RenderContext,
    Rendered,
    Reply,
    Sent,
    Turn,
)
from gateway.plugins import InstalledPlugin, PluginRegistry
from gateway.ports import Channel, Clock, Handler, Services, Traits
from gateway.settings import Settings, load
from gateway.testing.databases import ON_POSTGRES, database_of

PATIENCE = 60.0
"""Seconds after which waiting for a gateway to settle fails the test."""


class FakeClock:
    """A clock that stands until it is turned by `advance`."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        due = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (due, self._count, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; whoever slept that long wakes up, in order."""
        end = self._now + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            for _ in range(10):  # let what it wakes run, and sleep again
                await asyncio.sleep(0)
        self._now = end


class FakeChannel:
    """A channel whose provider is this object: it keeps what was sent, and can be made to fail."""

    def __init__(self, name: str = "fake", *, traits: Traits | None = None) -> None:
        self.name = name
        self.traits = traits or Traits()
        self.sent: list[Outbound] = []
        self.tried: list[Outbound] = []
        self._failures: list[Exception] = []
        self._gate: asyncio.Event | None = None
        self.reached = asyncio.Event()

    def fail_with(self, *errors: Exception) -> None:
        """The next sends raise these, one each."""
        self._failures.extend(errors)

    def hold(self) -> None:
        """Sends wait until `release`; `reached` is set when one does."""
        self._gate = asyncio.Event()

    def release(self) -> None:
        if self._gate is not None:
            self._gate.set()

    async def send(self, message: Outbound) -> Sent:
        self.tried.append(message)
        self.reached.set()
        if self._gate is not None:
            await self._gate.wait()
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append(message)
        return Sent(remote_id=f"{self.name}-{message.key}")

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


class FakeHandler:
    """Answers by a function of the turn. It is also a guest: give it to `running`."""

    def __init__(
        self,
        answer: Callable[[Turn], Reply | None],
        *,
        name: str = "fake_handler",
        priority: int = 50,
    ) -> None:
        self.name, self.priority = name, priority
        self._answer = answer
        self.turns: list[Turn] = []

    async def handle(self, turn: Turn) -> Reply | None:
        self.turns.append(turn)
        return self._answer(turn)

    @hookimpl
    def register_handlers(self, register: Callable[[Handler], None], settings: Settings) -> None:
        register(self)


class PlainVoice:
    """A voice that changes nothing: one part for each piece of the body."""

    name = "plain"

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        said = (reply.opener or "", *reply.body, reply.next_step or "")
        return Rendered(parts=tuple(part for part in said if part))

    def lint(self, text: str, context: RenderContext) -> tuple[Finding, ...]:
        return ()

    def schema(self) -> Mapping[str, Json]:
        return {}

    def check_guide(self, path: Path) -> tuple[str, ...]:
        return ()

    @hookimpl
    def register_voice(self, register: Callable[[Any], None], settings: Settings) -> None:
        register(self)


class SimulatedCustomer:
    """A customer on one channel."""

    def __init__(self, running: RunningGateway, address: Address) -> None:
        self._running = running
        self.address = address
        self.heard: list[str] = []
        self._after = 0

    async def say(self, text: str, **more: Any) -> Accepted:
        """Write, and read what comes back once everything is worked."""
        accepted = await self.write(text, **more)
        await self._running.settled()
        await self.listen()
        return accepted

    async def write(self, text: str, **more: Any) -> Accepted:
        """Write, without waiting for an answer."""
        message = Inbound(address=self.address, text=text, at=self._running.clock.now(), **more)
        return await self._running.services.intake.accept(message)

    async def listen(self) -> list[str]:
        """Read what is new; gives all that was heard so far."""
        await self._running.settled()
        for message in await self.messages(after=self._after):
            self.heard.append(message.text)
            self._after = message.id
        return self.heard

    async def messages(self, *, after: int = 0) -> tuple[Message, ...]:
        """What was said to this customer, whatever the channel: not discarded, not failed."""
        found = await self._running.services.mailbox.messages(self.address, after=after, limit=1000)
        return tuple(m for m in found if m.status not in ("queued", "failed"))


class SimulatedAgent:
    """A person who answers, with the epoch they last saw."""

    def __init__(self, running: RunningGateway, agent: Agent) -> None:
        self._desk = running.services.desk
        self._running = running
        self.agent = agent

    async def next_card(self) -> ContextCard:
        """The card of the most pressing conversation."""
        await self._running.settled()
        queue = await self._desk.queue()
        if not queue:
            raise AssertionError("the queue is empty")
        return await self._desk.card(queue[0].conversation.id)

    async def claim(self, card: ContextCard | None = None) -> ContextCard:
        card = card or await self.next_card()
        now = card.conversation
        return await self._desk.claim(now.id, self.agent, epoch=now.epoch)

    async def answer(self, card: ContextCard, text: str, **more: Any) -> None:
        key = more.pop("key", uuid4().hex)
        await self._desk.answer(card.conversation.id, self.agent, text, key=key, **more)
        await self._running.settled()

    async def resolve(self, card: ContextCard) -> None:
        await self._desk.resolve(card.conversation.id, self.agent, epoch=card.conversation.epoch)
        await self._running.settled()


class RunningGateway:
    """A gateway that runs on a free port of this machine."""

    def __init__(self, gateway: Gateway, server: TestServer) -> None:
        self.gateway = gateway
        self.services: Services = gateway.services
        self.clock: Clock = gateway.clock
        self.url = str(server.make_url("")).rstrip("/")

    async def settled(self) -> None:
        """Wait until no turn and no delivery is waiting (those that back off do not count)."""
        async with asyncio.timeout(PATIENCE):
            await self.gateway.wait_idle()

    async def pass_time(self, seconds: float) -> None:
        """With a FakeClock: let time pass, alarms included, until everything is worked."""
        if not isinstance(self.clock, FakeClock):
            raise TypeError("run the gateway with a FakeClock to turn its time")
        await self.clock.advance(seconds)
        for lane in await self.gateway.store.timers.fire(self.clock.now()):
            self.gateway.incoming.wake(lane)
        await self.gateway.scheduler.sweep()
        await self.settled()

    def metric(self, name: str, **labels: str) -> float:
        """The value of one series of ``/metrics`` (``warmline_turns_total``); 0 before it exists."""
        return self.gateway.metrics.registry.get_sample_value(name, labels) or 0.0

    def customer(self, channel: str, name: str) -> SimulatedCustomer:
        return SimulatedCustomer(self, Address(channel=channel, value=name))

    def desk_agent(self, name: str, *, skills: Sequence[str] = ()) -> SimulatedAgent:
        return SimulatedAgent(
            self, Agent(id=f"desk:{name}", name=name.capitalize(), skills=tuple(skills))
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ClientSession]:
        """An HTTP client whose paths are relative to this gateway."""
        async with ClientSession(self.url) as session:
            yield session


def settings_for(
    plugins: Iterable[InstalledPlugin],
    config: Mapping[str, Any],
    folder: Path,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings as from a file with ``config`` and from ``environ``, with data below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "warmline.yaml"
    tree = {
        "data_dir": str(folder / "var"),
        "public_url": "http://127.0.0.1",
        "process": {"name": "tests"},
        **config,
    }
    if ON_POSTGRES in os.environ:
        tree.setdefault("database_url", database_of(folder, os.environ[ON_POSTGRES]))
    file.write_text(yaml.safe_dump(tree), "utf-8")
    return load(file, PluginRegistry(plugins).declared(), environ or {})


def as_plugins(modules: Iterable[ModuleType | Any]) -> list[InstalledPlugin]:
    """Modules, or objects with hook implementations, as installed packages."""
    return [
        InstalledPlugin(
            name=getattr(module, "__name__", f"guest{i}"), module=module, package="tests"
        )
        for i, module in enumerate(modules)
    ]


@asynccontextmanager
async def running(
    *modules: ModuleType | Any,
    config: Mapping[str, Any] | None = None,
    tmp_path: Path,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningGateway]:
    """A gateway of ``modules`` alone, over real HTTP and a real SQLite file in ``tmp_path``; with
    WARMLINE_TEST_DATABASE_URL over a database of that PostgreSQL server.

    Without a module that registers a voice, `PlainVoice` speaks. ``config`` is what stands in
    ``warmline.yaml``; give the sections that wake your modules. ``environ`` is all that the
    environment holds.
    """
    plugins = as_plugins(modules)
    if not any(hasattr(plugin.module, "register_voice") for plugin in plugins):
        plugins = as_plugins([*modules, PlainVoice()])
    gateway = build_gateway(
        plugins, settings_for(plugins, config or {}, tmp_path, environ), clock=clock
    )
    server = TestServer(build_app(gateway), skip_url_asserts=True)
    await server.start_server(shutdown_timeout=2.0)
    try:
        yield RunningGateway(gateway, server)
    finally:
        await server.close()
