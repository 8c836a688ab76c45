"""The whole gateway: builds all parts, and starts and stops them in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from gateway.adapters.public_http import PublicNetworkHttp
from gateway.adapters.sql.store import prepare
from gateway.adapters.webhook_client import HttpWebhookSender
from gateway.app.infrastructure import Infrastructure, plugin_name
from gateway.app.pipeline import Pipeline
from gateway.app.plugin_setup import PluginSetup
from gateway.desk.audited import AuditRetention
from gateway.hookspecs import Readiness
from gateway.ops.customer_data import CustomerData
from gateway.ops.doctor import backlog_problems
from gateway.ops.retention import RetentionJob
from gateway.ops.search import SearchIndexer
from gateway.pipeline.turn import prepare_readers
from gateway.pipeline.webhooks import OutgoingWebhooks
from gateway.plugins import PluginRegistry
from gateway.ports import (
    Channel,
    Clock,
    CustomerDataHolder,
    ExclusiveTask,
    Lifecycle,
    Poller,
    ReadinessProbe,
    Services,
    StartupResource,
)
from gateway.routing.policy import Policy
from gateway.runtime.load_shedding import BacklogMonitor, LoadMonitor
from gateway.runtime.scheduler import Heartbeat, Scheduler
from gateway.runtime.tasks import LoopWatchdog, cancel_all, contained
from gateway.settings import Settings
from gateway.support.backoff import Backoff
from gateway.support.labels import counted

log = structlog.get_logger()
STEADY = timedelta(minutes=5)
"""A task that fails after it ran for longer than this restarts with the shortest wait."""


@dataclass(kw_only=True)
class BackgroundTasks:
    """The coroutines that run beside the web server for as long as the gateway runs."""

    infrastructure: Infrastructure
    services: Services
    load_monitor: LoadMonitor
    retention: RetentionJob
    customer_data: CustomerData
    indexer: SearchIndexer
    webhooks: OutgoingWebhooks

    def coroutines(self) -> Iterator[Coroutine[None, None, None]]:
        """One coroutine for each task. Each ends by itself, or runs until cancelled."""
        yield from self._plugin_tasks()
        yield from self._core_tasks()

    def _plugin_tasks(self) -> Iterator[Coroutine[None, None, None]]:
        infrastructure = self.infrastructure
        for plugin in infrastructure.plugin_objects:
            name = plugin_name(plugin)
            if isinstance(plugin, Poller) and infrastructure.is_active(plugin):
                yield self._supervise(name, plugin.run)
            if isinstance(plugin, ExclusiveTask):
                if infrastructure.works_lanes:
                    work = partial(self._supervise, name, plugin.watch)
                    yield infrastructure.cluster.run_exclusively(name, work, plugin.stand_by)
                else:
                    plugin.stand_by()

    def _core_tasks(self) -> Iterator[Coroutine[None, None, None]]:
        infrastructure, core = self.infrastructure, self.infrastructure.settings.core
        if infrastructure.serves_http:
            yield self.load_monitor.run()
        if infrastructure.works_lanes:
            yield prepare_readers()
            yield AuditRetention(
                audit=infrastructure.audit, clock=infrastructure.clock, days=core.audit_days
            ).run()
            yield self.retention.run_daily()
            yield self.customer_data.run()
            yield self.indexer.run()
        if infrastructure.works_lanes and core.webhooks.endpoints:
            yield self.webhooks.run()
        yield infrastructure.follower.run()
        yield infrastructure.shadow.run()

    async def _supervise(self, name: str, run: Callable[[Services], Awaitable[None]]) -> None:
        """Run a plugin's task. Restart it when it fails, with a longer wait each time."""
        clock, backoff = self.infrastructure.clock, Backoff()
        while True:
            started = clock.now()
            try:
                with contained():
                    return await run(self.services)
            except Exception:
                log.exception("poller.failed", poller=name)
                self.infrastructure.metrics.plugin_failed(name)
            if clock.now() - started > STEADY:
                backoff.reset()
            await clock.sleep(backoff.next())


class Gateway:
    """All parts of a gateway, built but not running. Call `start` before use, then `stop`."""

    def __init__(
        self,
        plugins: PluginRegistry,
        settings: Settings,
        *,
        clock: Clock | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        """``channels`` replace the channels that the plugins register (for a replay). Then no
        plugin serves pages or runs background tasks either. Raises BadConfig or BadPlugin."""
        core = settings.core
        infrastructure = Infrastructure(plugins, settings, clock=clock, channels=channels)
        self.infrastructure, self.settings = infrastructure, settings
        self.registrations = infrastructure.registrations
        self.clock, self.metrics = infrastructure.clock, infrastructure.metrics
        self.cluster, self.files = infrastructure.cluster, infrastructure.files
        self.database, self.store = infrastructure.database, infrastructure.store
        self.audit = infrastructure.audit
        self.backlog = BacklogMonitor(
            statistics=self.store.statistics, clock=self.clock, metrics=self.metrics
        )
        self.load_monitor = LoadMonitor(backlog=self.backlog, limits=core.limits, clock=self.clock)
        self.pipeline = Pipeline(infrastructure, load_monitor=self.load_monitor)
        self.worker, self.reply_waiter = self.pipeline.worker, self.pipeline.reply_waiter
        self.services = self.pipeline.services
        self.plugin_setup = PluginSetup(infrastructure)
        self.plugin_setup.hand_out(self.services)
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
        self.indexer = SearchIndexer(
            source=infrastructure.search.source,
            index=infrastructure.search.index,
            storage=infrastructure.storage,
            clock=self.clock,
            encrypted=infrastructure.search.encrypted,
        )
        self.customer_data = CustomerData(
            store=self.store.customers,
            files=self.files,
            clock=self.clock,
            archive=self.retention.archive,
            holders={
                plugin_name(plugin): plugin
                for plugin in infrastructure.plugin_objects
                if isinstance(plugin, CustomerDataHolder)
            }
            | {"search": self.indexer},
            erased=(infrastructure.follower.refresh, self.indexer.finish_erasure),
        )
        self.background = BackgroundTasks(
            infrastructure=infrastructure,
            services=self.services,
            load_monitor=self.load_monitor,
            retention=self.retention,
            customer_data=self.customer_data,
            indexer=self.indexer,
            webhooks=self.webhooks,
        )
        self.heartbeat = Heartbeat(
            processes=self.store.processes, recover=self._take_over, lease=core.process.lease
        )
        for key in self.registrations.channels:
            brand = self.settings.brands.by_key(key)
            self.metrics.support_addresses.labels(key, brand).set(1)
        self.metrics.lanes.labels("incoming").set_function(lambda: len(self.incoming))
        self.metrics.lanes.labels("outgoing").set_function(lambda: len(self.outgoing))
        self.watchdog = LoopWatchdog(limit=core.worker.step_timeout)
        self._watching = ExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.lease_renewal: asyncio.Task[None] | None = None

    def _scheduler(self) -> Scheduler:
        return Scheduler(
            store=self.store,
            wake=self.incoming.wake,
            deliver=self.outgoing.wake,
            clock=self.clock,
            interval=self.cluster.sweep_interval,
            may_sweep=self.cluster.may_sweep,
        )

    def _retention(self) -> RetentionJob:
        days = self.settings.core.retention
        return RetentionJob(
            store=self.store.retention,
            files=self.files,
            storage=self.infrastructure.storage,
            clock=self.clock,
            days=days,
            archive=self.settings.path(days.archive) if days.archive else None,
        )

    @property
    def policy(self) -> Policy:
        """The routing policy in force, with what people adopted."""
        return self.infrastructure.policies.current

    async def start_plugins(self) -> None:
        """Start what plugins need time for, such as a process of their own. Call this before
        `build_app`. See `Lifecycle`."""
        for plugin in self._lifecycles():
            await plugin.start()

    async def stop_plugins(self) -> None:
        """Release what `start_plugins` started, also when the start of the gateway failed."""
        await self.plugin_setup.teardown()
        for plugin in self._lifecycles():
            await plugin.stop()

    def _lifecycles(self) -> Iterator[Lifecycle]:
        for plugin in self.infrastructure.plugin_objects:
            if isinstance(plugin, Lifecycle) and self.infrastructure.is_active(plugin):
                yield plugin

    async def open_database(self) -> None:
        """Migrate the database's schema to this version.

        Raises WarmlineError when the database cannot be used, and BadKey when a data key is
        missing. The database is closed again then.
        """
        try:
            await prepare(self.database)
        except BaseException:
            await self.database.stop()
            raise

    async def wait_idle(self) -> None:
        """Wait until no turn and no delivery is waiting. Rows that back off do not count."""
        # Both dispatchers must be idle at the same moment, and no single event says so.
        while len(self.incoming) or len(self.outgoing):  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def start(self) -> None:
        """Open the plugins' resources and the database, recover from a crash, start working.

        Raises WarmlineError when a plugin cannot open a resource, such as its port, and BadPlugin
        when one cannot be set up.
        """
        infrastructure = self.infrastructure
        if infrastructure.serves_http:
            for plugin in infrastructure.plugin_objects:
                if isinstance(plugin, StartupResource):
                    await plugin.open()
        await self.open_database()
        await self.infrastructure.follower.refresh()
        await self.store.processes.register(
            self.settings.core.process.name, self.settings.core.role
        )
        if self.settings.core.brands and infrastructure.works_lanes:
            keys = self.registrations.channels
            brands = {key: self.settings.brands.by_key(key) for key in keys}
            await self.store.customers.assign_brands(brands)
        await self._set_up_plugins()
        cut_off = await self._recover() if infrastructure.works_lanes else 0
        self.lease_renewal = asyncio.create_task(self.heartbeat.renew())
        await self.cluster.start(self.scheduler.sweep_now)
        background = [self.reply_waiter.listen(), *self.background.coroutines()]
        if infrastructure.works_lanes:
            await self.scheduler.sweep()
            background += [self.scheduler.fire_timers(), self.scheduler.sweep_regularly()]
            background.append(self.heartbeat.take_over())
        self._watching.enter_context(self.watchdog.watching())
        background.append(infrastructure.probe.check_integrity())
        self._tasks = [asyncio.create_task(coroutine) for coroutine in background]
        log.info("started", channels=sorted(self.registrations.channels), cut_off=cut_off)

    async def _set_up_plugins(self) -> None:
        try:
            await self.plugin_setup.setup(self.services)
        except BaseException:
            await self.store.processes.unregister()
            await self.infrastructure.search.index.close()
            await self.store.stop()
            raise

    async def _recover(self) -> int:
        """Recover from a crash. Returns how many sends it cut off."""
        await self.store.inbox.count_interrupted(self.infrastructure.clock.now())
        return await self.pipeline.delivery.recover()

    async def stop_background(self) -> None:
        """Cancel the background tasks. Plugins close their ports, sockets and polls first, so that
        the web server does not wait for them."""
        await cancel_all(self._tasks)
        self._tasks = []

    async def stop(self) -> None:
        """Stop taking work, finish what runs within the drain time, close everything."""
        grace = self.settings.core.worker.drain
        await self.stop_background()
        self._watching.close()
        await self.pipeline.summaries.close()
        await self.incoming.stop(grace)
        await self.outgoing.stop(grace)
        await self.webhooks.lanes.stop(grace)
        await self.webhook_sender.close()
        await self.plugin_setup.teardown()
        await self.cluster.stop()
        await self._release_lease()
        await self.infrastructure.search.index.close()
        await self.store.stop()
        if self.infrastructure.tracing is not None:
            await asyncio.to_thread(self.infrastructure.tracing.stop)
        log.info("stopped")

    async def _release_lease(self) -> None:
        """Give up this process's lease, so that others take unfinished rows at once and not when
        the lease expires."""
        if self.lease_renewal is not None:
            self.lease_renewal.cancel()
        try:
            await self.store.processes.unregister()
        except Exception:
            log.exception("process.not_left")  # others take over when the lease expires

    async def _take_over(self) -> int:
        """Recover the sends of processes that died. Returns how many there were."""
        count = await self.pipeline.delivery.recover()
        if count:
            await self.scheduler.sweep()
        return count

    def checks(self) -> dict[str, Readiness]:
        """The checks that decide whether ``/readyz`` answers 200, by name."""
        channels = {
            f"channel {name}": channel.trouble
            for name, channel in self.registrations.channels.items()
            if isinstance(channel, ReadinessProbe)
        }
        others = {
            plugin_name(plugin): plugin.trouble
            for plugin in self.registrations.components
            if isinstance(plugin, ReadinessProbe) and self.infrastructure.is_active(plugin)
        }
        return {
            "database": self.infrastructure.probe.trouble,
            **channels,
            **others,
            **self.registrations.checks,
        }

    def warnings(self) -> dict[str, Readiness]:
        """The checks that ``/readyz`` shows and that do not keep it from answering 200."""

        checks: dict[str, Readiness] = {
            "queues": self._check_queues,
            "lanes": self._check_lanes,
            "event loop": self._check_loop,
            "stored values": self._check_values,
            "stored files": self.files.trouble,
            "plugins": self._check_plugins,
        }
        if self.cluster.others is not None:
            checks["redis"] = self._check_redis
        return checks

    def may_degrade(self) -> Mapping[str, bool]:
        """The `checks` whose failure stops no message: those of plugins that are no channels. True
        for an engine, which a process waits for once, at its start."""
        engines: Collection[object] = self.registrations.understanders
        return {
            plugin_name(plugin): plugin in engines
            for plugin in self.registrations.components
            if isinstance(plugin, ReadinessProbe)
        }

    async def _check_queues(self) -> str | None:
        backlog = await self.backlog.read(timedelta(seconds=1))
        problems = backlog_problems(backlog, self.clock.now())
        return "; ".join(p.what for p in problems if p.severity == "broken") or None

    async def _check_lanes(self) -> str | None:
        failing = self.incoming.failing + self.outgoing.failing
        what = counted(failing, "conversation fails", "conversations fail")
        return f"{what} again and again; see the log" if failing else None

    async def _check_loop(self) -> str | None:
        return self.watchdog.blocked

    async def _check_values(self) -> str | None:
        unreadable = self.database.keys.unreadable
        columns = ", ".join(sorted(unreadable))
        return f"stored values are damaged in {columns}; restore a backup" if unreadable else None

    async def _check_plugins(self) -> str | None:
        failing = self.metrics.failing_plugins()
        left_out = self.pipeline.understanding.left_out()
        said = [f"{name} failed in the last minutes; see the log" for name in failing]
        said += [f"{name} fails again and again and is left out for a while" for name in left_out]
        return "; ".join(said) or None

    async def _check_redis(self) -> str | None:
        return self.cluster.trouble()
