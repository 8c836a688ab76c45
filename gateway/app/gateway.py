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
        infrastructure: Infrastructure,
        services: Services,
        *,
        load_monitor: LoadMonitor,
        retention: RetentionJob,
        webhooks: OutgoingWebhooks,
    ) -> None:
        self._infrastructure, self._services = infrastructure, services
        self._load_monitor, self._retention, self._webhooks = load_monitor, retention, webhooks

    def all(self) -> Iterator[Coroutine[None, None, None]]:
        yield from self._guests()
        yield from self._ours()

    def _guests(self) -> Iterator[Coroutine[None, None, None]]:
        infrastructure = self._infrastructure
        for component in infrastructure.components:
            name = plugin_name(component)
            if isinstance(component, Poller) and not infrastructure.is_idle(component):
                yield self._keep(name, component.run)
            if isinstance(component, ExclusiveTask):
                if infrastructure.works_lanes:
                    watch = partial(self._keep, name, component.watch)
                    yield infrastructure.cluster.run_exclusively(name, watch, component.stand_by)
                else:
                    component.stand_by()

    def _ours(self) -> Iterator[Coroutine[None, None, None]]:
        infrastructure, core = self._infrastructure, self._infrastructure.settings.core
        if infrastructure.serves_http:
            yield self._load_monitor.run()
        if infrastructure.works_lanes:
            yield AuditRetention(
                audit=infrastructure.audit, clock=infrastructure.clock, days=core.audit_days
            ).run()
            yield self._retention.rounds()
        if infrastructure.works_lanes and core.webhooks.endpoints:
            yield self._webhooks.run()

    async def _keep(self, name: str, run: Callable[[Services], Awaitable[None]]) -> None:
        """Run a poller for ever: one that fails is started again, later each time."""
        clock, wait = self._infrastructure.clock, 1.0
        while True:
            begun = clock.now()
            try:
                return await run(self._services)
            except Exception:
                log.exception("poller.failed", poller=name)
                self._infrastructure.metrics.failures.labels(name).inc()
            if clock.now() - begun > STEADY:
                wait = 1.0
            await clock.sleep(wait)
            wait = min(60.0, wait * 2)


def plugin_name(component: object) -> str:
    return str(getattr(component, "name", type(component).__name__))


class Gateway:
    """A gateway put together, not yet running. `start` before use, `stop` at the end."""

    def __init__(
        self,
        plugins: PluginRegistry,
        settings: Settings,
        *,
        clock: Clock | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        """``channels`` stand in for those that the guests offer (a replay); then no guest has
        pages or calls anybody either. Raises BadConfig or BadGuest."""
        core = settings.core
        infrastructure = Infrastructure(plugins, settings, clock=clock, channels=channels)
        self.plugins, self.infrastructure = plugins, infrastructure
        self.settings, self.registrations, self.policy = (
            settings,
            infrastructure.registrations,
            infrastructure.policy,
        )
        self.clock, self.metrics, self.audit = (
            infrastructure.clock,
            infrastructure.metrics,
            infrastructure.audit,
        )
        self.cluster, self.events, self.files = (
            infrastructure.cluster,
            infrastructure.events,
            infrastructure.files,
        )
        self.database, self.store = infrastructure.database, infrastructure.store
        self.backlog = BacklogMonitor(
            statistics=self.store.statistics, clock=self.clock, metrics=self.metrics
        )
        self.load_monitor = LoadMonitor(backlog=self.backlog, limits=core.limits, clock=self.clock)
        self.pipeline = Pipeline(infrastructure, load_monitor=self.load_monitor)
        self.worker, self.reply_waiter, self.services = (
            self.pipeline.worker,
            self.pipeline.reply_waiter,
            self.pipeline.services,
        )
        self.incoming, self.outgoing = self.pipeline.incoming, self.pipeline.outgoing
        self.scheduler = self._scheduler()
        self.webhook_sender = HttpWebhookSender(
            core.webhooks.endpoints, public_http=PublicNetworkHttp(), timeout=core.webhooks.timeout
        )
        self.webhooks = OutgoingWebhooks(
            queue=self.store.webhooks,
            sender=self.webhook_sender,
            clock=self.clock,
            metrics=self.metrics,
            settings=core.webhooks,
        )
        self.retention = self._retention()
        self.background = BackgroundTasks(
            infrastructure,
            self.services,
            load_monitor=self.load_monitor,
            retention=self.retention,
            webhooks=self.webhooks,
        )
        self.heartbeat = Heartbeat(
            processes=self.store.processes, recover=self._recover, lease=core.process.lease
        )
        self.metrics.lanes.labels("incoming").set_function(lambda: len(self.incoming))
        self.metrics.lanes.labels("outgoing").set_function(lambda: len(self.outgoing))
        self._running: list[asyncio.Task[None]] = []
        self._renewing: asyncio.Task[None] | None = None

    def _scheduler(self) -> Scheduler:
        return Scheduler(
            store=self.store,
            work=self.incoming.wake,
            deliver=self.outgoing.wake,
            clock=self.clock,
            interval=self.cluster.sweep_interval,
            may_sweep=self.cluster.may_sweep,
        )

    def _retention(self) -> RetentionJob:
        days = self.settings.core.retention
        return RetentionJob(
            keeping=self.store.retention,
            files=self.files,
            storage=self.infrastructure.storage(),
            clock=self.clock,
            days=days,
            archive=self.settings.path(days.archive) if days.archive else None,
        )

    async def begin(self) -> None:
        """Have guests begin that take long to get ready; call it before the doors are built."""
        for plugin in self._starters():
            await plugin.begin()

    async def end(self) -> None:
        """Have them let go what they began, whatever came of the start."""
        for plugin in self._starters():
            await plugin.end()

    def _starters(self) -> Iterator[Lifecycle]:
        for plugin in self.infrastructure.components:
            if isinstance(plugin, Lifecycle) and not self.infrastructure.is_idle(plugin):
                yield plugin

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
        infrastructure = self.infrastructure
        if infrastructure.serves_http:
            for plugin in infrastructure.components:
                if isinstance(plugin, StartupResource):
                    await plugin.open()
        await self.open()
        await self.store.processes.register(
            self.settings.core.process.name, self.settings.core.role
        )
        cut = await self._settle() if infrastructure.works_lanes else 0
        self._renewing = asyncio.create_task(self.heartbeat.renew())
        await self.cluster.start(self.scheduler.sweep_now)
        background = [self.reply_waiter.listen(), *self.background.all()]
        if infrastructure.works_lanes:
            await self.scheduler.sweep()
            background += [self.scheduler.fire_timers(), self.scheduler.sweep_regularly()]
            background.append(self.heartbeat.take_over())
        self._running = [asyncio.create_task(one) for one in background]
        log.info("started", channels=sorted(self.registrations.channels), cut_off=cut)

    async def _settle(self) -> int:
        """What a crash left. Gives the number of messages whose sending was cut off."""
        await self.store.inbox.count_interrupted()
        return await self.pipeline.delivery.recover()

    async def quiesce(self) -> None:
        """Stop what runs beside the server; guests close their doors, sockets and polls first,
        so that nobody waits for them."""
        await cancel_all(self._running)
        self._running = []

    async def stop(self) -> None:
        """Take nothing more, finish what runs within the drain time, close."""
        grace = self.settings.core.worker.drain
        await self.quiesce()
        await self.pipeline.summaries.close()
        await self.incoming.stop(grace)
        await self.outgoing.stop(grace)
        await self.webhooks.lanes.stop(grace)
        await self.webhook_sender.close()
        await self.cluster.stop()
        await self._leave()
        await self.store.stop()
        if self.infrastructure.tracing is not None:
            await asyncio.to_thread(self.infrastructure.tracing.stop)
        log.info("stopped")

    async def _leave(self) -> None:
        """What is still in hand is free for others, at once and not when the lease runs out."""
        if self._renewing is not None:
            self._renewing.cancel()
        try:
            await self.store.processes.unregister()
        except Exception:
            log.exception("process.not_left")  # it will be found when the lease has run out

    async def _recover(self) -> int:
        count = await self.pipeline.delivery.recover()
        if count:
            await self.scheduler.sweep()
        return count

    def checks(self) -> dict[str, Readiness]:
        """What ``/readyz`` asks."""
        probes = {
            f"channel {name}": channel.trouble
            for name, channel in self.registrations.channels.items()
            if isinstance(channel, ReadinessProbe)
        }
        background = {
            plugin_name(component): component.trouble
            for component in self.registrations.components
            if isinstance(component, ReadinessProbe) and not self.infrastructure.is_idle(component)
        }
        return {
            "database": self._database_trouble,
            **probes,
            **background,
            **self.registrations.checks,
        }

    def warnings(self) -> dict[str, Readiness]:
        """What ``/readyz`` tells beside: troubles with which messages are taken all the same."""

        async def between() -> str | None:
            return self.cluster.trouble()

        return {"redis": between} if self.cluster.others is not None else {}

    async def _database_trouble(self) -> str | None:
        await self.store.ping()
        return None
