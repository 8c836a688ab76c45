"""What all other parts need: settings, plugins, the database, files, metrics, the cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from gateway.adapters.encryption import read_keys
from gateway.adapters.files import DiskFiles
from gateway.adapters.history import SqlPastConversations
from gateway.adapters.search.postgres_index import PostgresSearchIndex
from gateway.adapters.search.sqlite_index import SqliteSearchIndex
from gateway.adapters.search.words import excerpt, parse_query
from gateway.adapters.sql.audit import SqlAuditLog
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.health import DatabaseProbe
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.knowledge.store import SqlKnowledge
from gateway.adapters.sql.pages.search import SqlSearchSource
from gateway.adapters.sql.storage import SqlPluginStorage
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.webhooks import ALARM, WebhookRecorder, WebhookSubscription
from gateway.adapters.standalone import StandaloneCluster, SystemClock
from gateway.model import VersionKind, channel_key
from gateway.ops.search import IndexedSearch
from gateway.pipeline.shadow import DatabaseShadowSwitch
from gateway.plugins import PluginRegistry, Registrations, share_phrases
from gateway.ports import (
    AlarmReceiver,
    Channel,
    Clock,
    SupportAddressChannel,
    Traits,
    VersionConsumer,
    VersionWriter,
    WarmlineError,
)
from gateway.routing.business_hours import BusinessHours
from gateway.routing.policy import PolicySource
from gateway.runtime.cluster import Cluster
from gateway.runtime.metrics import Metrics
from gateway.settings import BadConfig, Problem, Settings
from gateway.store.search import SearchIndex
from gateway.support.private import private_folder
from gateway.versions.following import OverlayFollower

if TYPE_CHECKING:
    from gateway.adapters.tracing import Tracing

OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Infrastructure:
    """Built first, from settings and plugins alone. All other parts are built from it."""

    def __init__(
        self,
        plugins: PluginRegistry,
        settings: Settings,
        *,
        clock: Clock | None,
        channels: Mapping[str, Channel] | None,
    ) -> None:
        """``channels`` as in `Gateway`. Raises BadConfig or BadPlugin."""
        core = settings.core
        private_folder(settings.data_dir)
        self.settings = settings
        registrations = plugins.registrations(settings)
        if channels is not None:
            registrations = msgspec.structs.replace(registrations, channels=channels, components=())
        self.registrations: Registrations = registrations
        self.policies = PolicySource(settings.path(core.policy) if core.policy else None)
        self.hours = BusinessHours(
            self.policies,
            settings.brands,
            policy_file=settings.path(core.policy) if core.policy else None,
            settings_file=settings.file,
        )
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.serves_http, self.works_lanes = core.role != "worker", core.role != "web"
        self.cluster: Cluster = self._cluster(may_share=channels is None)
        self.events = self.cluster.events
        keys = read_keys(core.data_key.get_secret_value() if core.data_key else "")
        self.metrics.unreadable.tally = keys.unreadable
        self.files = DiskFiles(
            settings.data_dir / "files",
            most=core.limits.attachment,
            keys=keys,
            quota=core.limits.files * 1_000_000 if core.limits.files else None,
            least_disk=core.limits.disk * 1_000_000,
        )
        self.database = open_database(settings.database_url, core.postgres, keys)
        self.database.observe_commits(self.metrics.commit_units.observe)
        self.store = SqlStore(
            self.database,
            idle=timedelta(hours=core.worker.idle_hours),
            lease=timedelta(seconds=core.process.lease),
            webhooks=self._webhook_recorder(),
        )
        self.probe = DatabaseProbe(
            self.database,
            folders=_folders_with_data(settings, self.database),
            least_disk=core.limits.disk * 1_000_000,
        )
        self.search = IndexedSearch(
            source=SqlSearchSource(self.database),
            index=_search_index(self.database),
            parse=parse_query,
            excerpt=excerpt,
            encrypted=keys.first is not None,
        )
        self.past_conversations = SqlPastConversations(self.database, self.clock)
        self.audit = SqlAuditLog(self.database, self.clock)
        self.storage = SqlPluginStorage(self.database, self.clock)
        self.shadow = DatabaseShadowSwitch(storage=self.storage, audit=self.audit, clock=self.clock)
        self.knowledge = SqlKnowledge(self.database, self.clock)
        self.follower = OverlayFollower(
            store=self.store.versions,
            consumers=(*_version_consumers(registrations), self.policies, self.hours),
            changed=self._share_phrases,
            events=self.events,
            every=core.versions.look_every,
        )
        self.tracing = tracing_from_environment(core.tracing.enabled, os.environ)
        if self.tracing is not None:
            self.tracing.wrap(self.store, self.metrics)

    @property
    def version_writers(self) -> dict[str, VersionWriter]:
        """What writes the team's files, by name, if they are to be written."""
        if not self.settings.core.versions.write_files:
            return {}
        found = (*_version_consumers(self.registrations), self.policies, self.hours)
        return {plugin_name(each): each for each in found if isinstance(each, VersionWriter)}

    def _share_phrases(self, kind: VersionKind) -> None:
        """A new guide may have other phrases of customers."""
        if kind == "guide":
            share_phrases(self.registrations)

    @property
    def traits(self) -> dict[str, Traits]:
        """The traits of each channel, by `Address.channel_key`."""
        return {name: channel.traits for name, channel in self.registrations.channels.items()}

    @property
    def plugin_objects(self) -> tuple[object, ...]:
        """The objects that may serve routes or run background tasks: channels, and what plugins
        register with `register_routes`."""
        return (*self.registrations.channels.values(), *self.registrations.components)

    @property
    def alarms_reach_somebody(self) -> bool:
        """Whether a plugin or another system passes alarms on; see `AlarmReceiver`."""
        return any(
            isinstance(plugin, AlarmReceiver) and plugin.receives_alarms
            for plugin in self.plugin_objects
        ) or any(subscription.wants(ALARM) for subscription in self._webhook_subscriptions())

    def is_active(self, plugin: object) -> bool:
        """Whether ``plugin`` has work in this process. An engine has none in a process that works
        no lanes."""
        return self.works_lanes or plugin not in self.registrations.understanders

    def _webhook_recorder(self) -> WebhookRecorder:
        """Writes events for the webhook endpoints within the database's transactions."""
        return WebhookRecorder(self._webhook_subscriptions(), now=self.clock.now)

    def _webhook_subscriptions(self) -> list[WebhookSubscription]:
        return [
            WebhookSubscription(endpoint=name, events=endpoint.events, texts=endpoint.include_text)
            for name, endpoint in self.settings.core.webhooks.endpoints.items()
        ]

    def _cluster(self, *, may_share: bool) -> Cluster:
        """Decides whether this process works alone. ``may_share``: False for a replay."""
        core = self.settings.core
        if core.redis_url is not None and may_share:
            from gateway.adapters.redis.cluster import RedisCluster  # noqa: PLC0415  (9 MB, for some)

            return RedisCluster(
                core.redis_url,
                core.redis,
                role=core.role,
                clock=self.clock,
                sweep=core.worker.sweep,
            )
        if core.role != "all":
            what = f"`{core.role}` needs `redis_url`, so that the processes find one another"
            raise BadConfig([Problem(file="settings", line=0, key="role", message=what)])
        return StandaloneCluster(self.clock, sweep=core.worker.sweep)


def _version_consumers(registrations: Registrations) -> Iterator[VersionConsumer]:
    """Everything that follows what people adopt."""
    for each in (
        *registrations.handlers,
        *registrations.understanders,
        registrations.voice,
    ):
        if isinstance(each, VersionConsumer):
            yield each


def _search_index(database: SqlDatabase) -> SearchIndex:
    if not isinstance(database, SqliteDatabase):
        return PostgresSearchIndex(database)
    file = database.file
    return SqliteSearchIndex(file if str(file) == ":memory:" else file.with_name("search.db"))


def _folders_with_data(settings: Settings, database: SqlDatabase) -> tuple[Path, ...]:
    folders = [settings.data_dir]
    if isinstance(database, SqliteDatabase):
        folders.append(database.file.parent)
    return tuple(dict.fromkeys(folders))


def plugin_name(plugin: object) -> str:
    """The name that a plugin's object has, by default that of its class; for one of several support
    addresses also that one's."""
    name = str(getattr(plugin, "name", type(plugin).__name__))
    if isinstance(plugin, SupportAddressChannel):
        return channel_key(name, plugin.support_address)
    return name


def tracing_from_environment(
    enabled: bool | Literal["auto"], environ: Mapping[str, str]
) -> Tracing | None:
    """Tracing, or None when it is off. ``auto`` turns it on when an endpoint is set.

    The SDK and the exporter read their own variables (``OTEL_SERVICE_NAME``,
    ``OTEL_TRACES_SAMPLER``, ``OTEL_BSP_...``: https://opentelemetry.io/docs/specs/otel/
    configuration/sdk-environment-variables/). Without tracing none of them is imported. Raises
    WarmlineError when tracing is on and OpenTelemetry is not installed.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    on = any(environ.get(name) for name in OTLP_ENDPOINTS) if enabled == "auto" else enabled
    named = "OTEL_SERVICE_NAME" in environ or "service.name" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return _exporting_tracing(None if named else "warmline") if on else None


def _exporting_tracing(service_name: str | None) -> Tracing:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from gateway.adapters.tracing import Tracing  # noqa: PLC0415
    except ImportError:
        what = "tracing is enabled, but OpenTelemetry is not installed"
        raise WarmlineError(f"{what}; pip install 'warmline[otel]'") from None
    # A name given here wins over the environment.
    attributes = {"service.name": service_name} if service_name else {}
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
