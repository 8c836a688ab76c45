"""The shop as it is: a whole gateway with its own pipeline, plugins, desk and database, on a clock
that jumps."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from gateway.app import Gateway
from gateway.model import Address, Agent, Fact, Inbound, Message, Outbound, Sent, Suggestion
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.ports import Channel, Clock, Poller, Traits
from gateway.settings import Settings
from gateway.testing.simulation.perception import TruthfulPlugins, TruthReader
from gateway.testing.simulation.scenario import TRAITS, Scenario
from gateway.testing.simulation.values import (
    AgentAnswer,
    Claimed,
    Heard,
    QueuedCase,
    Received,
    Written,
    heard_from,
)

HOUSEKEEPING = timedelta(hours=6)
"""How often, in virtual time, the gateway's background tasks wake up. What they do by the minute in
a server, firing timers and looking for lost work, the simulation does itself at the exact time."""
MOST_WAITING = 200
GSM_SEGMENT, UNICODE_SEGMENT = 160, 70


class JumpingClock(Clock):
    """A clock that stands still until `jump`. Who sleeps wakes at the next `wake_due` after their
    time, once, however far the clock has jumped."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    def jump(self, to: datetime) -> None:
        """It is ``to`` now; never backwards."""
        self._now = max(self._now, to)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), self._count, woken))
        await woken

    def wake_due(self) -> None:
        """Wake everybody whose time has come."""
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


class SimulatedMailbox:
    """A channel whose customers fetch their messages, such as a web chat."""

    def __init__(self, name: str, traits: Traits) -> None:
        self.name, self.traits = name, traits


class SimulatedSender:
    """A channel with a provider that takes every message."""

    def __init__(self, name: str, traits: Traits) -> None:
        self.name, self.traits = name, traits

    async def send(self, message: Outbound) -> Sent:
        facts: tuple[Fact, ...] = ()
        if self.name == "sms":
            facts = (Fact(name="segments", value=str(count_segments(message.text))),)
        return Sent(remote_id=f"{self.name}-{message.id}", facts=facts)


def count_segments(text: str) -> int:
    """About how many parts an SMS has: 160 characters each, 70 where one is not ASCII."""
    size = GSM_SEGMENT if text.isascii() else UNICODE_SEGMENT
    return max(1, -(-len(text) // size))


class RealShop:
    """A `Shop` that is a running gateway. Use `open_shop`."""

    def __init__(self, gateway: Gateway, clock: JumpingClock, truth: TruthReader | None) -> None:
        self.gateway = gateway
        self._clock, self._truth = clock, truth
        self._services = gateway.services
        self._seen: dict[str, int] = {}
        self._next_housekeeping = clock.now() + HOUSEKEEPING
        self._keys = 0

    async def next_due(self) -> datetime | None:
        return await self.gateway.store.timers.next_due()

    async def fire(self, at: datetime) -> Sequence[Heard]:
        self._clock.jump(at)  # no housekeeping: the gateway's own task would fire them unseen
        lanes = await self.gateway.store.timers.fire(self._clock.now())
        for lane in lanes:
            self.gateway.incoming.wake(lane)
        await self.gateway.wait_idle()
        heard: list[Heard] = []
        for lane in lanes:
            messages = await self._new(Address.from_lane(lane))
            heard += self._heard(Address.from_lane(lane), messages)
        return heard

    async def write(self, message: Written) -> Received:
        await self._jump(message.at)
        if self._truth is not None:
            self._truth.expect(message.key, message.say.meaning)
        address = message.address
        named = address.channel in ("email", "whatsapp", "telegram", "slack")
        await self._services.intake.accept(
            Inbound(
                address=address,
                text=message.say.text,
                at=message.at,
                remote_id=message.key,
                name=message.name if named else None,
            )
        )
        await self.gateway.wait_idle()
        messages = await self._new(address)
        own = next(m for m in messages if m.remote_id == message.key)
        state = (await self.gateway.store.queries.conversation(own.conversation)).state
        routes = [m.route for m in messages if m.route is not None]
        escalated = next((r for r in reversed(routes) if r.action == "escalate"), None)
        return Received(
            conversation=own.conversation,
            state=state,
            heard=tuple(self._heard(address, messages)),
            handed_over=escalated is not None,
            reasons=tuple(r.code for r in escalated.reasons) if escalated else (),
        )

    async def waiting(self, at: datetime) -> Sequence[QueuedCase]:
        await self._jump(at)
        page = await self._services.desk.queue_page(most=MOST_WAITING)
        return [
            QueuedCase(
                conversation=item.conversation.id,
                epoch=item.conversation.epoch,
                address=item.conversation.address,
                tier=item.handoff.tier,
                priority=item.handoff.priority,
                since=item.waiting_since,
                reasons=tuple(reason.code for reason in item.handoff.reasons),
            )
            for item in page.waiting
        ]

    async def claim(self, item: QueuedCase, agent: Agent, at: datetime) -> Claimed:
        await self._jump(at)
        card = await self._services.desk.claim(item.conversation, agent, epoch=item.epoch)
        return Claimed(
            conversation=item.conversation,
            address=item.address,
            epoch=card.conversation.epoch,
        )

    async def suggestion(self, case: Claimed, at: datetime) -> Suggestion | None:
        await self._jump(at)
        return (await self._services.desk.card(case.conversation)).suggestion

    async def answer(self, case: Claimed, agent: Agent, answer: AgentAnswer, at: datetime) -> int:
        await self._jump(at)
        self._keys += 1
        used = answer.suggestion if answer.outcome in ("sent", "edited") else None
        if answer.outcome == "ignored" and answer.suggestion is not None:
            await self._services.desk.ignore_suggestion(answer.suggestion, agent)
        await self._services.desk.answer(
            case.conversation, agent, answer.text, key=f"answer-{self._keys}", suggestion=used
        )
        await self.gateway.wait_idle()
        messages = await self._new(case.address)
        return sum(message.author == "agent" for message in messages)

    async def transfer(
        self, case: Claimed, agent: Agent, tier: str, why: str, at: datetime
    ) -> None:
        await self._jump(at)
        await self._services.desk.transfer(
            case.conversation, agent, epoch=case.epoch, tier=tier, reason=why
        )

    async def label(self, case: Claimed, agent: Agent, label: str, at: datetime) -> None:
        await self._jump(at)
        await self._services.desk.label(case.conversation, agent, add=(label,))

    async def snooze(self, case: Claimed, agent: Agent, until: datetime, at: datetime) -> None:
        await self._jump(at)
        desk = self._services.desk
        await desk.snooze(case.conversation, agent, until=until, epoch=case.epoch)

    async def settle_promises(self, agent: Agent, at: datetime) -> None:
        await self._jump(at)
        desk = self._services.desk
        for due in await desk.promises_due():
            made = due.promise
            await desk.settle_promise(made.conversation, made.id, agent, kept=True)

    async def resolve(self, case: Claimed, agent: Agent, at: datetime) -> Sequence[Heard]:
        await self._jump(at)
        closed = await self._services.desk.resolve(case.conversation, agent, epoch=case.epoch)
        await self.gateway.wait_idle()
        return self._heard(closed.address, await self._new(closed.address))

    async def _jump(self, at: datetime) -> None:
        self._clock.jump(at)
        if self._clock.now() < self._next_housekeeping:
            return
        self._next_housekeeping = self._clock.now() + HOUSEKEEPING
        self._clock.wake_due()
        for _ in range(10):  # let those who woke run until they sleep again
            await asyncio.sleep(0)
        await self.gateway.wait_idle()

    async def _new(self, address: Address) -> list[Message]:
        """The messages to and from ``address`` since the last call."""
        after = self._seen.get(address.lane, 0)
        found = await self._services.mailbox.messages(address, after=after, limit=1000, own=True)
        if found:
            self._seen[address.lane] = found[-1].id
        return list(found)

    def _heard(self, address: Address, messages: Sequence[Message]) -> list[Heard]:
        """What the customer heard from the bot: the parts of one reply are heard as one."""
        intents = {
            m.turn: m.understanding.intent.name
            for m in messages
            if m.author == "customer" and m.understanding
        }
        heard: dict[int | None, Heard] = {}
        for message in messages:
            if message.author != "bot":
                continue
            part = heard_from(message, address, intents.get(message.turn))
            known = heard.get(message.turn)
            heard[message.turn] = (
                part
                if known is None
                else part.replace(
                    text=f"{known.text}\n{part.text}",
                    survey=part.survey or known.survey,
                    parts=known.parts + 1,
                )
            )
        return list(heard.values())


@asynccontextmanager
async def open_shop(
    settings: Settings, scenario: Scenario, folder: Path
) -> AsyncIterator[RealShop]:
    """A gateway of all installed plugins with simulated channels, an empty database in ``folder``,
    and a clock that stands at the start of ``scenario``. Nothing is sent, and no port is opened.

    Raises BadConfig or BadPlugin as a start of the server does.
    """
    truth = TruthReader() if scenario.perception == "truth" else None
    plugins = installed_plugins()
    clock = JumpingClock(scenario.start)
    gateway = Gateway(
        TruthfulPlugins(plugins, truth) if truth else PluginRegistry(plugins),
        alone_in(settings, folder),
        clock=clock,
        channels={name: _channel(name) for name in scenario.channels},
    )
    await gateway.start()
    registrations = gateway.registrations
    working = [
        asyncio.create_task(plugin.run(gateway.services))
        for plugin in (*registrations.handlers, *registrations.understanders)
        if isinstance(plugin, Poller)
    ]
    try:
        yield RealShop(gateway, clock, truth)
    finally:
        for task in working:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*working, return_exceptions=True)
        await gateway.stop()


def alone_in(settings: Settings, folder: Path) -> Settings:
    """``settings`` for one process with a database of its own in ``folder``, that deletes nothing
    and tells no other system what happens."""
    core = settings.core
    return settings.replace(
        core=core.model_copy(
            update={
                "data_dir": folder,
                "database_url": f"sqlite:///{folder / 'warmline.db'}",
                "redis_url": None,
                "role": "all",
                "retention": type(core.retention)(),
                "webhooks": core.webhooks.model_copy(update={"endpoints": {}}),
            }
        )
    )


def _channel(name: str) -> Channel:
    traits = TRAITS.get(name, Traits())
    if traits.mailbox:
        return SimulatedMailbox(name, traits)
    return SimulatedSender(name, traits)
