"""The one place that knows how things are joined."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from gateway.adapters.local import DiskFiles, LocalEvents, SystemClock
from gateway.adapters.otel import tracing_of
from gateway.adapters.outside import SafeOutside
from gateway.adapters.posting import HttpPost
from gateway.adapters.sealing import read_keys
from gateway.adapters.sql.audit import SqlAudit
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.herald import Herald, Wish
from gateway.adapters.sql.notebook import SqlNotebook
from gateway.adapters.sql.store import SqlStore, prepare
from gateway.guests import Guest, Guests, Offers
from gateway.hookspecs import Readiness
from gateway.ports import Channel, Clock, House, Opener, Pages, Poller, Probe, Tenant, Traits
from gateway.services.answering import Answering
from gateway.services.answers import Answers
from gateway.services.audited import AuditedDesk, AuditRetention
from gateway.services.backlog import Watch
from gateway.services.context import Contexts
from gateway.services.conversation import Conversations
from gateway.services.delivery import Deliveries
from gateway.services.desk import Desk
from gateway.services.dispatch import Departures, Lanes
from gateway.services.intake import Intake
from gateway.services.metrics import Metrics
from gateway.services.outcomes import Outcomes
from gateway.services.policy import Policy, load_policy
from gateway.services.pressure import Gate, Pressure
from gateway.services.proofs import Proofs
from gateway.services.retention import Retention
from gateway.services.rounds import Rounds
from gateway.services.trouble import Trouble
from gateway.services.unclaimed import Unclaimed
from gateway.services.understanding import Understandings
from gateway.services.webhooks import Webhooks
from gateway.services.worker import Worker
from gateway.settings import BadConfig, Problem, Settings
from gateway.web import errors, health

log = structlog.get_logger()


class Gateway:
    """A gateway put together, not yet running. `start` before use, `stop` at the end."""

    def __init__(
        self,
        guests: Guests,
        settings: Settings,
        *,
        clock: Clock | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        """``channels`` stand in for those that the guests offer (a replay); then no guest has
        pages or calls anybody either."""
        core = settings.core
        self.settings = settings
        self.guests = guests
        offers = guests.offers(settings)
        if channels is not None:
            offers = msgspec.structs.replace(offers, channels=channels, sites=())
        self.offers: Offers = offers
        self.policy: Policy = load_policy(settings.path(core.policy) if core.policy else None)
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.events = LocalEvents()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        keys = read_keys(core.data_key.get_secret_value() if core.data_key else "")
        self.files = DiskFiles(settings.data_dir / "files", most=core.limits.attachment, keys=keys)
        self.database = Database(_file(settings), keys)
        self.database.watch(self.metrics.commit_units.observe)
        idle = timedelta(hours=core.worker.idle_hours)
        self.store = SqlStore(self.database, idle=idle, herald=self._herald())
        self.audit = SqlAudit(self.database, self.clock)
        self.tracing = tracing_of(core.tracing.enabled, os.environ)
        if self.tracing is not None:
            self.tracing.wrap(self.store, self.metrics)
        self.outcomes = Outcomes(
            voice=self.offers.voice,
            policy=self.policy,
            traits=self._traits(),
        )
        self.understandings = Understandings(
            self.offers.understanders,
            timeout=core.worker.understand_timeout,
            metrics=self.metrics,
            sure=self.policy.reasons.low_confidence.below,
        )
        self.answers = Answers(self.store)
        self.trouble = Trouble(
            store=self.store, policy=self.policy, events=self.events, clock=self.clock
        )
        self.deliveries = self._deliveries()
        self.outgoing = Departures(
            self.deliveries.step,
            at_once={name: traits.at_once for name, traits in self._traits().items()},
            clock=self.clock,
        )
        self.proofs = Proofs(
            store=self.store,
            voice=self.offers.voice,
            traits=self._traits(),
            deliver=self.outgoing.wake,
            events=self.events,
            clock=self.clock,
        )
        self.worker = self._worker()
        self.incoming = Lanes(
            self.worker.step, at_once=core.worker.conversations_at_once, clock=self.clock
        )
        self.rounds = Rounds(
            store=self.store,
            work=self.incoming.wake,
            deliver=self.outgoing.wake,
            clock=self.clock,
        )
        self.backlog = Watch(figures=self.store.figures, clock=self.clock, metrics=self.metrics)
        self.posting = HttpPost(
            core.webhooks.endpoints, outside=SafeOutside(), timeout=core.webhooks.timeout
        )
        self.webhooks = Webhooks(
            hooks=self.store.hooks,
            post=self.posting,
            clock=self.clock,
            metrics=self.metrics,
            bounds=core.webhooks,
        )
        self.pressure = Pressure(backlog=self.backlog, limits=core.limits, clock=self.clock)
        self.retention = self._retention()
        self.metrics.lanes.labels("incoming").set_function(lambda: len(self.incoming))
        self.metrics.lanes.labels("outgoing").set_function(lambda: len(self.outgoing))
        self.house = self._house()
        self._running: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Bring the database's schema up to date. Raises BadKey when its data cannot be read."""
        await asyncio.to_thread(prepare, self.database)

    async def settled(self) -> None:
        """Wait until no turn and no delivery is waiting; those that back off do not count."""
        # Both dispatchers must be idle at one moment; no one event says that.
        while len(self.incoming) or len(self.outgoing):  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def start(self) -> None:
        """Claim what guests need of this machine, bring the schema up to date, settle what a crash
        left, begin to work. Raises WarmlineError when a guest cannot have its door."""
        for guest in (*self.offers.channels.values(), *self.offers.sites):
            if isinstance(guest, Opener):
                await guest.open()
        await self.open()
        await self.store.inbox.survived()
        cut = await self.deliveries.recover()
        await self.rounds.sweep()
        self._running = [
            asyncio.create_task(self.rounds.alarms()),
            asyncio.create_task(self.rounds.sweeps()),
            *self._beside(),
            *(asyncio.create_task(self._keep(one)) for one in self._pollers()),
        ]
        log.info("started", channels=sorted(self.offers.channels), cut_off=cut)

    async def quiesce(self) -> None:
        """Stop what runs beside the server; guests close their doors, sockets and polls first,
        so that nobody waits for them."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []

    async def stop(self) -> None:
        """Take nothing more, finish what runs within the drain time, close."""
        grace = self.settings.core.worker.drain
        await self.quiesce()
        await self.incoming.stop(grace)
        await self.outgoing.stop(grace)
        await self.webhooks.lanes.stop(grace)
        await self.posting.close()
        await self.store.stop()
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.stop)
        log.info("stopped")

    def checks(self) -> dict[str, Readiness]:
        """What ``/readyz`` asks."""
        probes = {
            f"channel {name}": channel.trouble
            for name, channel in self.offers.channels.items()
            if isinstance(channel, Probe)
        }
        beside = {
            str(getattr(site, "name", type(site).__name__)): site.trouble
            for site in self.offers.sites
            if isinstance(site, Probe)
        }
        return {"database": self._database_trouble, **probes, **beside, **self.offers.checks}

    def routes(self) -> Iterable[web.RouteDef]:
        """Every route of the house and its guests."""
        for site in (*self.offers.channels.values(), *self.offers.sites):
            if isinstance(site, Pages):
                yield from site.routes(self.house)
        yield from health.routes(self.checks(), self.metrics, self.backlog.look)

    async def _database_trouble(self) -> str | None:
        await self.store.ping()
        return None

    def _pollers(self) -> Sequence[Poller]:
        sites = (*self.offers.channels.values(), *self.offers.sites)
        return [site for site in sites if isinstance(site, Poller)]

    async def _keep(self, poller: Poller) -> None:
        """Run a poller for ever: one that fails is started again, later each time."""
        name = getattr(poller, "name", type(poller).__name__)
        wait = 1.0
        while True:
            begun = self.clock.now()
            try:
                return await poller.run(self.house)
            except Exception:
                log.exception("poller.failed", poller=name)
                self.metrics.failures.labels(name).inc()
            if self.clock.now() - begun > timedelta(minutes=5):
                wait = 1.0
            await self.clock.sleep(wait)
            wait = min(60.0, wait * 2)

    def _beside(self) -> Iterable[asyncio.Task[None]]:
        """What is done besides turns and deliveries."""
        days = self.settings.core.audit_days
        yield asyncio.create_task(AuditRetention(self.audit, self.clock, days=days).run())
        yield asyncio.create_task(self.retention.rounds())
        yield asyncio.create_task(self.pressure.rounds())
        if self.settings.core.webhooks.endpoints:
            yield asyncio.create_task(self.webhooks.rounds())

    def _retention(self) -> Retention:
        days = self.settings.core.retention
        return Retention(
            keeping=self.store.keeping,
            files=self.files,
            notebook=SqlNotebook(self.database, self.clock),
            clock=self.clock,
            days=days,
            archive=self.settings.path(days.archive) if days.archive else None,
        )

    def _herald(self) -> Herald:
        """Whom the database's transactions write to."""
        wishes = [
            Wish(endpoint=name, events=one.events, texts=one.include_text)
            for name, one in self.settings.core.webhooks.endpoints.items()
        ]
        return Herald(wishes, now=self.clock.now)

    def _traits(self) -> dict[str, Traits]:
        return {name: channel.traits for name, channel in self.offers.channels.items()}

    def _deliveries(self) -> Deliveries:
        return Deliveries(
            self.offers.channels,
            store=self.store,
            trouble=self.trouble,
            events=self.events,
            clock=self.clock,
            metrics=self.metrics,
            bounds=self.settings.core.delivery,
        )

    def _worker(self) -> Worker:
        bounds = self.settings.core.worker
        offers = self.offers
        conversations = Conversations(
            contexts=Contexts(
                offers.sources,
                records=self.store.reading,
                timeout=bounds.context_timeout,
                metrics=self.metrics,
            ),
            understandings=self.understandings,
            answering=Answering(
                offers.handlers,
                policy=self.policy,
                timeout=bounds.handler_timeout,
                metrics=self.metrics,
            ),
            outcomes=self.outcomes,
            policy=self.policy,
            clock=self.clock,
        )
        unclaimed = Unclaimed(
            store=self.store, policy=self.policy, events=self.events, clock=self.clock
        )
        return Worker(
            store=self.store,
            conversations=conversations,
            outcomes=self.outcomes,
            unclaimed=unclaimed,
            proofs=self.proofs,
            answers=self.answers,
            deliver=self.outgoing.wake,
            events=self.events,
            policy=self.policy,
            clock=self.clock,
            metrics=self.metrics,
            attempts=bounds.attempts,
        )

    def _house(self) -> House:
        intake = Intake(
            store=self.store,
            wake=self.incoming.wake,
            answers=self.answers,
            trouble=self.trouble,
            events=self.events,
            clock=self.clock,
            metrics=self.metrics,
            text=self.settings.core.limits.text,
            files=self.files,
        )
        desk = Desk(
            store=self.store,
            wake=self.incoming.wake,
            voice=self.offers.voice,
            policy=self.policy,
            events=self.events,
            clock=self.clock,
            proofs=self.proofs,
        )
        gate = Gate(
            intake,
            pressure=self.pressure,
            limits=self.settings.core.limits,
            metrics=self.metrics,
        )
        return House(
            intake=gate,
            files=self.files,
            mailbox=self.answers,
            events=self.events,
            desk=AuditedDesk(desk, self.audit),
            clock=self.clock,
            voice=self.offers.voice,
            notebook=SqlNotebook(self.database, self.clock),
            audit=self.audit,
            outside=SafeOutside(),
            tenants=self._tenants(),
        )

    def _tenants(self) -> dict[str, tuple[Tenant, ...]]:
        """Who takes part in another guest's door, by the door's name."""
        found: dict[str, tuple[Tenant, ...]] = {}
        for site in (*self.offers.sites, *self.offers.channels.values()):
            if isinstance(site, Tenant):
                found[site.door] = (*found.get(site.door, ()), site)
        return found


def build_app(gateway: Gateway) -> web.Application:
    """The web application around ``gateway``: started and stopped with it."""
    https = gateway.settings.core.public_url.startswith("https://")
    app = web.Application(
        client_max_size=gateway.settings.core.limits.body,
        middlewares=[errors.shape(gateway.metrics, https=https)],
    )
    app.add_routes(list(gateway.routes()))

    async def live(_: web.Application) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    async def quiesce(_: web.Application) -> None:
        await gateway.quiesce()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(quiesce)
    return app


def put_together(
    guests: Iterable[Guest], settings: Settings, *, clock: Clock | None = None
) -> Gateway:
    """A gateway of these guests. Raises BadConfig or BadGuest."""
    return Gateway(Guests(guests), settings, clock=clock)


def _file(settings: Settings) -> Path:
    """The SQLite file that the settings mean."""
    url = settings.core.database_url
    if url is None:
        return settings.data_dir / "warmline.db"
    if not url.startswith("sqlite:///"):
        what = "only sqlite:///FILE is served by this version; leave it out for the default"
        raise BadConfig([Problem(file="settings", line=0, key="database_url", message=what)])
    return Path(url.removeprefix("sqlite:///"))
