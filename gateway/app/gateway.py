"""A gateway: everything joined, started and stopped in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from datetime import timedelta
from functools import partial

import structlog

from gateway.adapters.public_http import PublicNetworkHttp
from gateway.adapters.sql.store import prepare
from gateway.adapters.webhook_client import HttpWebhookSender
from gateway.app.infrastructure import Infrastructure
from gateway.app.pipeline import Pipeline
from gateway.desk.audited import AuditRetention
from gateway.hookspecs import Readiness
from gateway.ops.retention import RetentionJob
from gateway.pipeline.webhooks import OutgoingWebhooks
from gateway.plugins import PluginRegistry
from gateway.ports import (
    Channel,
    Clock,
    ExclusiveTask,
    Lifecycle,
    Poller,
    ReadinessProbe,
    Services,
    StartupResource,
)
from gateway.runtime.backlog import BacklogMonitor
from gateway.runtime.heartbeat import Heartbeat
from gateway.runtime.load_shedding import LoadMonitor
from gateway.runtime.scheduler import Scheduler
from gateway.runtime.tasks import cancel_all
from gateway.settings import Settings

log = structlog.get_logger()
STEADY = timedelta(minutes=5)
"""Who ran for so long and fails then is started again at once."""


class BackgroundTasks:
    """Coroutines to be run for as long as the gateway does."""

    def __init__(
        self,
        ground: Infrastructure,
        services: Services,
        *,
        pressure: LoadMonitor,
        retention: RetentionJob,
        webhooks: OutgoingWebhooks,
    ) -> None:
        self._ground, self._house = ground, services
        self._pressure, self._retention, self._webhooks = pressure, retention, webhooks

    def all(self) -> Iterator[Coroutine[None, None, None]]:
        yield from self._guests()
        yield from self._ours()

    def _guests(self) -> Iterator[Coroutine[None, None, None]]:
        ground = self._ground
        for site in ground.sites:
            name = plugin_name(site)
            if isinstance(site, Poller) and not ground.rests(site):
                yield self._keep(name, site.run)
            if isinstance(site, ExclusiveTask):
                if ground.works:
                    watch = partial(self._keep, name, site.watch)
                    yield ground.crew.hold(name, watch, site.stand_by)
                else:
                    site.stand_by()

    def _ours(self) -> Iterator[Coroutine[None, None, None]]:
        ground, core = self._ground, self._ground.settings.core
        if ground.has_doors:
            yield self._pressure.rounds()
        if ground.works:
            yield AuditRetention(ground.audit, ground.clock, days=core.audit_days).run()
            yield self._retention.rounds()
        if ground.works and core.webhooks.endpoints:
            yield self._webhooks.rounds()

    async def _keep(self, name: str, run: Callable[[Services], Awaitable[None]]) -> None:
        """Run a poller for ever: one that fails is started again, later each time."""
        clock, wait = self._ground.clock, 1.0
        while True:
            begun = clock.now()
            try:
                return await run(self._house)
            except Exception:
                log.exception("poller.failed", poller=name)
                self._ground.metrics.failures.labels(name).inc()
            if clock.now() - begun > STEADY:
                wait = 1.0
            await clock.sleep(wait)
            wait = min(60.0, wait * 2)


def plugin_name(site: object) -> str:
    return str(getattr(site, "name", type(site).__name__))


class Gateway:
    """A gateway put together, not yet running. `start` before use, `stop` at the end."""

    def __init__(
        self,
        guests: PluginRegistry,
        settings: Settings,
        *,
        clock: Clock | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        """``channels`` stand in for those that the guests offer (a replay); then no guest has
        pages or calls anybody either. Raises BadConfig or BadGuest."""
        core = settings.core
        ground = Infrastructure(guests, settings, clock=clock, channels=channels)
        self.guests, self.ground = guests, ground
        self.settings, self.offers, self.policy = settings, ground.offers, ground.policy
        self.clock, self.metrics, self.audit = ground.clock, ground.metrics, ground.audit
        self.crew, self.events, self.files = ground.crew, ground.events, ground.files
        self.database, self.store = ground.database, ground.store
        self.backlog = BacklogMonitor(
            figures=self.store.statistics, clock=self.clock, metrics=self.metrics
        )
        self.pressure = LoadMonitor(backlog=self.backlog, limits=core.limits, clock=self.clock)
        self.way = Pipeline(ground, pressure=self.pressure)
        self.worker, self.answers, self.services = (
            self.way.worker,
            self.way.answers,
            self.way.services,
        )
        self.incoming, self.outgoing = self.way.incoming, self.way.outgoing
        self.rounds = self._rounds()
        self.posting = HttpWebhookSender(
            core.webhooks.endpoints, public_http=PublicNetworkHttp(), timeout=core.webhooks.timeout
        )
        self.webhooks = OutgoingWebhooks(
            hooks=self.store.webhooks,
            post=self.posting,
            clock=self.clock,
            metrics=self.metrics,
            bounds=core.webhooks,
        )
        self.retention = self._retention()
        self.beside = BackgroundTasks(
            ground,
            self.services,
            pressure=self.pressure,
            retention=self.retention,
            webhooks=self.webhooks,
        )
        self.alive = Heartbeat(
            self.store.processes, recover=self._recover, lease=core.process.lease
        )
        self.metrics.lanes.labels("incoming").set_function(lambda: len(self.incoming))
        self.metrics.lanes.labels("outgoing").set_function(lambda: len(self.outgoing))
        self._running: list[asyncio.Task[None]] = []
        self._renewing: asyncio.Task[None] | None = None

    def _rounds(self) -> Scheduler:
        return Scheduler(
            store=self.store,
            work=self.incoming.wake,
            deliver=self.outgoing.wake,
            clock=self.clock,
            every=self.crew.sweep,
            whose=self.crew.sweeps,
        )

    def _retention(self) -> RetentionJob:
        days = self.settings.core.retention
        return RetentionJob(
            keeping=self.store.retention,
            files=self.files,
            storage=self.ground.storage(),
            clock=self.clock,
            days=days,
            archive=self.settings.path(days.archive) if days.archive else None,
        )

    async def begin(self) -> None:
        """Have guests begin that take long to get ready; call it before the doors are built."""
        for guest in self._starters():
            await guest.begin()

    async def end(self) -> None:
        """Have them let go what they began, whatever came of the start."""
        for guest in self._starters():
            await guest.end()

    def _starters(self) -> Iterator[Lifecycle]:
        for guest in self.ground.sites:
            if isinstance(guest, Lifecycle) and not self.ground.rests(guest):
                yield guest

    async def open(self) -> None:
        """Bring the database's schema up to date. Raises WarmlineError when it cannot be used, or
        (BadKey) when its data cannot be read; then it is closed again."""
        try:
            await prepare(self.database)
        except BaseException:
            await self.database.stop()
            raise

    async def settled(self) -> None:
        """Wait until no turn and no delivery is waiting; those that back off do not count."""
        # Both dispatchers must be idle at one moment; no one event says that.
        while len(self.incoming) or len(self.outgoing):  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def start(self) -> None:
        """Claim what guests need of this machine, bring the schema up to date, settle what a crash
        left, begin to work. Raises WarmlineError when a guest cannot have its door."""
        ground = self.ground
        if ground.has_doors:
            for guest in ground.sites:
                if isinstance(guest, StartupResource):
                    await guest.open()
        await self.open()
        await self.store.processes.enter(self.settings.core.process.name, self.settings.core.role)
        cut = await self._settle() if ground.works else 0
        self._renewing = asyncio.create_task(self.alive.renewals())
        await self.crew.start(self.rounds.hurry)
        beside = [self.answers.listen(), *self.beside.all()]
        if ground.works:
            await self.rounds.sweep()
            beside += [self.rounds.alarms(), self.rounds.sweeps()]
            beside.append(self.alive.take_overs())
        self._running = [asyncio.create_task(one) for one in beside]
        log.info("started", channels=sorted(self.offers.channels), cut_off=cut)

    async def _settle(self) -> int:
        """What a crash left. Gives the number of messages whose sending was cut off."""
        await self.store.inbox.survived()
        return await self.way.deliveries.recover()

    async def quiesce(self) -> None:
        """Stop what runs beside the server; guests close their doors, sockets and polls first,
        so that nobody waits for them."""
        await cancel_all(self._running)
        self._running = []

    async def stop(self) -> None:
        """Take nothing more, finish what runs within the drain time, close."""
        grace = self.settings.core.worker.drain
        await self.quiesce()
        await self.way.summaries.close()
        await self.incoming.stop(grace)
        await self.outgoing.stop(grace)
        await self.webhooks.lanes.stop(grace)
        await self.posting.close()
        await self.crew.stop()
        await self._leave()
        await self.store.stop()
        if self.ground.tracing is not None:
            await asyncio.to_thread(self.ground.tracing.stop)
        log.info("stopped")

    async def _leave(self) -> None:
        """What is still in hand is free for others, at once and not when the lease runs out."""
        if self._renewing is not None:
            self._renewing.cancel()
        try:
            await self.store.processes.leave()
        except Exception:
            log.exception("process.not_left")  # it will be found when the lease has run out

    async def _recover(self) -> int:
        count = await self.way.deliveries.recover()
        if count:
            await self.rounds.sweep()
        return count

    def checks(self) -> dict[str, Readiness]:
        """What ``/readyz`` asks."""
        probes = {
            f"channel {name}": channel.trouble
            for name, channel in self.offers.channels.items()
            if isinstance(channel, ReadinessProbe)
        }
        beside = {
            plugin_name(site): site.trouble
            for site in self.offers.sites
            if isinstance(site, ReadinessProbe) and not self.ground.rests(site)
        }
        return {"database": self._database_trouble, **probes, **beside, **self.offers.checks}

    def warnings(self) -> dict[str, Readiness]:
        """What ``/readyz`` tells beside: troubles with which messages are taken all the same."""

        async def between() -> str | None:
            return self.crew.trouble()

        return {"redis": between} if self.crew.others is not None else {}

    async def _database_trouble(self) -> str | None:
        await self.store.ping()
        return None
