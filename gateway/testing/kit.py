"""A running gateway for tests, a clock that stands still, and fake plugins."""

from __future__ import annotations

import asyncio
import heapq
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, get_args
from uuid import uuid4

import structlog
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
    Cue,
    Emotion,
    Finding,
    Guess,
    Inbound,
    Insight,
    Json,
    Language,
    Message,
    MoodLabel,
    Outbound,
    RenderContext,
    Rendered,
    Reply,
    Sent,
    Turn,
)
from gateway.plugins import InstalledPlugin, PluginRegistry
from gateway.ports import Channel, Clock, Handler, Services, Traits, Understander
from gateway.settings import Settings, load
from gateway.testing.databases import ON_POSTGRES, database_of

SETTLE_TIMEOUT = 60.0
"""Seconds after which `RunningGateway.settled` fails the test."""


MOST_WAKES = 2_000
"""Of sleeping tasks, one after another, in one `FakeClock.advance`."""


class FakeClock:
    """A clock that stands still until `advance`."""

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
        """Let ``seconds`` pass. Sleeping tasks whose time has come wake up, in order; after
        `MOST_WAKES` all that are due wake together at the end, as on a machine that was suspended.
        """
        end = self._now + timedelta(seconds=seconds)
        for _ in range(MOST_WAKES):
            if not self._sleepers or self._sleepers[0][0] > end:
                break
            self._now = self._sleepers[0][0]
            self._wake()
            for _ in range(10):  # let the woken task run until it sleeps again
                await asyncio.sleep(0)
        self._now = end
        while self._sleepers and self._sleepers[0][0] <= end:
            self._wake()
        await asyncio.sleep(0)

    def _wake(self) -> None:
        _, _, woken = heapq.heappop(self._sleepers)
        if not woken.done():
            woken.set_result(None)


class FakeChannel:
    """A channel and its provider in one. It is a plugin, too: pass it to `running`.

    ``sent`` are the messages that were sent, ``tried`` all attempts.
    """

    def __init__(
        self, name: str = "fake", *, traits: Traits | None = None, support_address: str = ""
    ) -> None:
        self.name, self.support_address = name, support_address
        self.traits = traits or Traits()
        self.sent: list[Outbound] = []
        self.tried: list[Outbound] = []
        self.reached = asyncio.Event()
        """Set when an attempt has begun."""
        self._failures: list[Exception] = []
        self._held: asyncio.Event | None = None

    def fail_with(self, *errors: Exception) -> None:
        """Let the next sends raise ``errors``, one each."""
        self._failures.extend(errors)

    def hold(self) -> None:
        """Let all sends wait until `release`."""
        self._held = asyncio.Event()

    def release(self) -> None:
        """Let the waiting sends go on."""
        if self._held is not None:
            self._held.set()

    async def send(self, message: Outbound) -> Sent:
        self.tried.append(message)
        self.reached.set()
        if self._held is not None:
            await self._held.wait()
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append(message)
        return Sent(remote_id=f"{self.name}-{message.key}")

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


class FakeHandler:
    """A handler that answers with a function of the turn. It is a plugin, too: pass it to
    `running`. ``turns`` are the turns that it was asked about."""

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


class FakeUnderstander:
    """An understander that finds in a text what a test says. It is a plugin, too: pass it to
    `running`. ``texts`` are those that it was asked about.

        reader = FakeUnderstander()
        reader.expect("I want to send it back", intent="returns")
        reader.expect("This is the third time!", intent="returns", mood="angry")

    A text that no `expect` names is understood by the function ``otherwise``; without it as a calm
    message whose language and intent are not known.
    """

    def __init__(
        self,
        otherwise: Callable[[str], Insight] | None = None,
        *,
        name: str = "fake_understander",
        priority: int = 50,
    ) -> None:
        self.name, self.priority = name, priority
        self.texts: list[str] = []
        self._otherwise = otherwise or (lambda _: Insight())
        self._expected: dict[str, Insight] = {}

    def expect(
        self,
        text: str,
        *,
        intent: str | None = None,
        confidence: float = 0.9,
        mood: MoodLabel = "calm",
        intensity: float = 0.9,
        language: str = "en",
        signals: Sequence[str] = (),
    ) -> None:
        """Let ``text`` be understood so, wherever a message has just this text.

        ``intensity`` (0..1) is that of ``mood``, and also its distress if the mood is an upset one.
        ``signals`` are kinds such as ``asked_for_person``, or ``harm``. Slots are not an
        understander's: the gateway finds them in the text by their patterns. Raises ValueError for
        a mood that does not exist.
        """
        if mood not in get_args(MoodLabel):
            raise ValueError(f"no mood is `{mood}`; take one of {', '.join(get_args(MoodLabel))}")
        upset = mood not in ("calm", "pleased", "confused")
        self._expected[text] = Insight(
            language=Language(code=language, confidence=1.0),
            ranking=(Guess(name=intent, confidence=confidence),) if intent else (),
            emotion=Emotion(
                label=mood,
                intensity=0.0 if mood == "calm" else intensity,
                distress=intensity if upset else 0.0,
            ),
            signals=tuple(Cue(kind=kind, text=text, start=0, end=len(text)) for kind in signals),
        )

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        texts = [turn.message.text for turn in turns]
        self.texts += texts
        return [self._expected.get(text) or self._otherwise(text) for text in texts]

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


class PlainVoice:
    """A brand voice that changes nothing: each text of a reply becomes one part."""

    name = "plain"

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        texts = (reply.opener, *reply.body, reply.next_step)
        return Rendered(parts=tuple(text for text in texts if text))

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
    """A customer on one channel. ``heard`` are the texts that they have read."""

    def __init__(self, running: RunningGateway, address: Address) -> None:
        self._running = running
        self.address = address
        self.heard: list[str] = []
        self._after = 0

    async def say(self, text: str, **more: Any) -> Accepted:
        """Send ``text``, wait until everything is handled, and read the replies into ``heard``.
        ``more`` are fields of `Inbound`."""
        accepted = await self.write(text, **more)
        await self._running.settled()
        await self.listen()
        return accepted

    async def write(self, text: str, **more: Any) -> Accepted:
        """Send ``text`` and do not wait for replies. ``more`` are fields of `Inbound`."""
        message = Inbound(address=self.address, text=text, at=self._running.clock.now(), **more)
        return await self._running.services.intake.accept(message)

    async def listen(self) -> list[str]:
        """Wait until everything is handled, read the new replies, and return all of ``heard``."""
        await self._running.settled()
        for message in await self.messages(after=self._after):
            self.heard.append(message.text)
            self._after = message.id
        return self.heard

    async def messages(self, *, after: int = 0) -> tuple[Message, ...]:
        """The messages to this customer with ids above ``after``, without those that are queued or
        have failed."""
        found = await self._running.services.mailbox.messages(self.address, after=after, limit=1000)
        return tuple(m for m in found if m.status not in ("queued", "failed"))


class SimulatedAgent:
    """An agent who uses the desk's service."""

    def __init__(self, running: RunningGateway, agent: Agent) -> None:
        self._desk = running.services.desk
        self._running = running
        self.agent = agent

    async def next_card(self) -> ContextCard:
        """The card of the most urgent conversation. Raises AssertionError if the queue is
        empty."""
        await self._running.settled()
        queue = await self._desk.queue()
        if not queue:
            raise AssertionError("the queue is empty")
        return await self._desk.card(queue[0].conversation.id)

    async def claim(self, card: ContextCard | None = None) -> ContextCard:
        """Claim the conversation of ``card``, else the most urgent one."""
        conversation = (card or await self.next_card()).conversation
        return await self._desk.claim(conversation.id, self.agent, epoch=conversation.epoch)

    async def answer(self, card: ContextCard, text: str, **more: Any) -> None:
        """Send ``text`` to the customer, and wait until everything is handled. ``more`` are
        arguments of `Desk.answer`."""
        key = more.pop("key", uuid4().hex)
        await self._desk.answer(card.conversation.id, self.agent, text, key=key, **more)
        await self._running.settled()

    async def resolve(self, card: ContextCard) -> None:
        """Resolve the conversation, and wait until everything is handled."""
        await self._desk.resolve(card.conversation.id, self.agent, epoch=card.conversation.epoch)
        await self._running.settled()


class RunningGateway:
    """A gateway that serves HTTP at ``url``, on a free port of this machine."""

    def __init__(self, gateway: Gateway, server: TestServer) -> None:
        self.gateway = gateway
        self.services: Services = gateway.services
        self.clock: Clock = gateway.clock
        self.url = str(server.make_url("")).rstrip("/")

    async def settled(self) -> None:
        """Wait until no turn and no delivery is waiting, except those that back off."""
        async with asyncio.timeout(SETTLE_TIMEOUT):
            await self.gateway.wait_idle()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, fire the timers that are due, and wait until everything is handled.
        Raises TypeError unless the gateway has a `FakeClock`."""
        if not isinstance(self.clock, FakeClock):
            raise TypeError("pass `clock=FakeClock()` to `running` to use `pass_time`")
        await self.clock.advance(seconds)
        await self.gateway.scheduler.fire_due()
        await self.gateway.scheduler.sweep()
        await self.settled()

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric (``warmline_turns_total``) with these labels; 0 if it does not
        exist yet."""
        return self.gateway.metrics.registry.get_sample_value(name, labels) or 0.0

    def customer(self, channel: str, name: str) -> SimulatedCustomer:
        """A customer who writes from the address ``name`` on ``channel``, such as ``sms``, or
        ``sms/sales`` for a support address."""
        return SimulatedCustomer(self, Address.from_lane(f"{channel}:{name}"))

    def desk_agent(self, name: str, *, skills: Sequence[str] = ()) -> SimulatedAgent:
        """The agent ``desk:NAME``."""
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
    """The settings in ``config`` (the tree of a ``warmline.yaml``) and ``environ``, with the data
    in ``folder``."""
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
    """Modules, or objects with hooks, as installed plugins."""
    return [
        InstalledPlugin(
            name=getattr(module, "__name__", f"plugin{i}"), module=module, package="tests"
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
    """Run a gateway with only the plugins ``modules`` (modules, or objects with hooks).

    It serves real HTTP, with a SQLite database in ``tmp_path``, or a database at the PostgreSQL
    server in the environment variable WARMLINE_TEST_DATABASE_URL. ``config`` is the tree of a
    ``warmline.yaml``: it must have the sections that wake your plugins. ``environ`` is used as the
    whole environment. Without a module that registers a brand voice, `PlainVoice` is used. Logs
    show tracebacks without variables, unless your tests configured structlog.
    """
    _log_plain_tracebacks()
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


def _log_plain_tracebacks() -> None:
    """Variables show customers' words and secrets, and bury the error in hundreds of lines."""
    if not structlog.is_configured():
        *others, _ = structlog.get_config()["processors"]
        plain = structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        structlog.configure(processors=[*others, plain])
