"""What everything stands on: settings, guests, the database, and whether we work alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from gateway.adapters.encryption import read_keys
from gateway.adapters.files import DiskFiles
from gateway.adapters.sql.audit import SqlAuditLog
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.storage import SqlPluginStorage
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.webhooks import WebhookRecorder, WebhookSubscription
from gateway.adapters.standalone import StandaloneCluster, SystemClock
from gateway.adapters.tracing_setup import tracing_of
from gateway.plugins import PluginRegistry, Registrations
from gateway.ports import Channel, Clock, Traits
from gateway.routing.policy import Policy, load_policy
from gateway.runtime.cluster import Cluster
from gateway.runtime.metrics import Metrics
from gateway.settings import BadConfig, Problem, Settings


class Infrastructure:
    """Made first, of settings and guests alone; everything else is joined upon it."""

    def __init__(
        self,
        plugins: PluginRegistry,
        settings: Settings,
        *,
        clock: Clock | None,
        channels: Mapping[str, Channel] | None,
    ) -> None:
        """``channels`` as in `Gateway`. Raises BadConfig or BadGuest."""
        core = settings.core
        self.settings = settings
        registrations = plugins.registrations(settings)
        if channels is not None:
            registrations = msgspec.structs.replace(registrations, channels=channels, components=())
        self.registrations: Registrations = registrations
        self.policy: Policy = load_policy(settings.path(core.policy) if core.policy else None)
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.serves_http, self.works_lanes = core.role != "worker", core.role != "web"
        self.cluster: Cluster = self._cluster(together=channels is None)
        self.events = self.cluster.events
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        keys = read_keys(core.data_key.get_secret_value() if core.data_key else "")
        self.files = DiskFiles(settings.data_dir / "files", most=core.limits.attachment, keys=keys)
        self.database = open_database(settings.database_url, core.postgres, keys)
        self.database.observe_commits(self.metrics.commit_units.observe)
        self.store = SqlStore(
            self.database,
            idle=timedelta(hours=core.worker.idle_hours),
            lease=timedelta(seconds=core.process.lease),
            webhooks=self._webhooks(),
        )
        self.audit = SqlAuditLog(self.database, self.clock)
        self.tracing = tracing_of(core.tracing.enabled, os.environ)
        if self.tracing is not None:
            self.tracing.wrap(self.store, self.metrics)

    @property
    def traits(self) -> dict[str, Traits]:
        """What each channel can do."""
        return {name: channel.traits for name, channel in self.registrations.channels.items()}

    @property
    def components(self) -> tuple[object, ...]:
        """Guests that may have doors, or something to do beside the server."""
        return (*self.registrations.channels.values(), *self.registrations.components)

    def is_idle(self, component: object) -> bool:
        """Whether it has nothing to do here: an engine, in a process that works no lanes."""
        return not self.works_lanes and component in self.registrations.understanders

    def storage(self) -> SqlPluginStorage:
        return SqlPluginStorage(self.database, self.clock)

    def _webhooks(self) -> WebhookRecorder:
        """Records events for the configured endpoints."""
        subscriptions = [
            WebhookSubscription(endpoint=name, events=one.events, texts=one.include_text)
            for name, one in self.settings.core.webhooks.endpoints.items()
        ]
        return WebhookRecorder(subscriptions, now=self.clock.now)

    def _cluster(self, *, together: bool) -> Cluster:
        """The one place that decides whether this process works alone."""
        core = self.settings.core
        if core.redis_url is not None and together:
            from gateway.adapters.redis.cluster import RedisCluster  # noqa: PLC0415  (9 MB, for some)

            return RedisCluster(
                core.redis_url,
                core.redis,
                role=core.role,
                clock=self.clock,
                sweep=core.worker.sweep,
            )
        if core.role != "all":
            what = f"`{core.role}` needs `redis_url`, by which the processes find one another"
            raise BadConfig([Problem(file="settings", line=0, key="role", message=what)])
        return StandaloneCluster(self.clock, sweep=core.worker.sweep)
