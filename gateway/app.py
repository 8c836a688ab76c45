"""The one place that knows how things are joined."""

from __future__ import annotations

import asyncio
import os
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from datetime import timedelta
from functools import partial

import msgspec
import structlog
from aiohttp import web

from gateway.adapters.alone import Alone
from gateway.adapters.local import DiskFiles, SystemClock
from gateway.adapters.otel import tracing_of
from gateway.adapters.outside import SafeOutside
from gateway.adapters.posting import HttpPost
from gateway.adapters.sealing import read_keys
from gateway.adapters.sql.audit import SqlAudit
from gateway.adapters.sql.herald import Herald, Wish
from gateway.adapters.sql.notebook import SqlNotebook
from gateway.adapters.sql.opening import open_database
from gateway.adapters.sql.store import SqlStore, prepare
from gateway.guests import Guest, Guests, Offers
from gateway.hookspecs import Readiness
from gateway.ports import (
    Channel,
    Clock,
    Event,
    House,
    Opener,
    Pages,
    Poller,
    Probe,
    Sender,
    Tenant,
    Traits,
    Watch,
)
from gateway.services.alive import Alive
from gateway.services.answering import Answering
from gateway.services.answers import Answers
from gateway.services.audited import AuditedDesk, AuditRetention
from gateway.services.backlog import Lookout
from gateway.services.context import Contexts
from gateway.services.conversation import Conversations
from gateway.services.crew import Crew
from gateway.services.delivery import Deliveries
from gateway.services.desk import Desk
from gateway.services.dispatch import Departures
from gateway.services.ending import ended
from gateway.services.intake import Intake
from gateway.services.metrics import Metrics
from gateway.services.outcomes import Outcomes
from gateway.services.policy import Policy, load_policy
from gateway.services.pressure import Gate, Pressure
from gateway.services.proofs import Proofs
from gateway.services.retention import Retention
from gateway.services.rounds import Rounds
from gateway.services.summaries import Summaries
from gateway.services.trouble import Trouble
from gateway.services.unclaimed import Unclaimed
from gateway.services.understanding import Understandings
from gateway.services.webhooks import Webhooks
from gateway.services.worker import Worker
from gateway.settings import BadConfig, Problem, Settings
from gateway.web import errors, health, openapi

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
        self.crew = self._crew(together=channels is None)
        self.events = self.crew.events
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        keys = read_keys(core.data_key.get_secret_value() if core.data_key else "")
        self.files = DiskFiles(settings.data_dir / "files", most=core.limits.attachment, keys=keys)
        self.database = open_database(settings.database_url, core.postgres, keys)
        self.database.watch(self.metrics.commit_units.observe)
        self.store = SqlStore(
            self.database,
            idle=timedelta(hours=core.worker.idle_hours),
            lease=timedelta(seconds=core.process.lease),
            herald=self._herald(),
        )
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
        self.answers = Answers(self.store, others=self.crew.others)
        self.trouble = Trouble(
            store=self.store, policy=self.policy, events=self.events, clock=self.clock
        )
        self.deliveries = self._deliveries()
        self.outgoing = self._departures()
        self.proofs = Proofs(
            store=self.store,
            voice=self.offers.voice,
            traits=self._traits(),
            deliver=self.outgoing.wake,
            events=self.events,
            clock=self.clock,
        )
        self.summaries = Summaries(
            self.offers.handlers,
            timeout=core.worker.handler_timeout,
            metrics=self.metrics,
            changed=lambda id: self.events.publish(
                Event(topic="desk", name="conversation", conversation=id)
            ),
        )
        self.worker = self._worker()
        self.incoming = self.crew.lanes(
            "in", self.worker.step, at_once=core.worker.conversations_at_once
        )
        self.rounds = Rounds(
            store=self.store,
            work=self.incoming.wake,
            deliver=self.outgoing.wake,
            clock=self.clock,
            every=self.crew.sweep,
            whose=self.crew.sweeps,
        )
        self.backlog = Lookout(figures=self.store.figures, clock=self.clock, metrics=self.metrics)
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
        self.alive = Alive(self.store.processes, recover=self._recover, lease=core.process.lease)
        self.metrics.lanes.labels("incoming").set_function(lambda: len(self.incoming))
        self.metrics.lanes.labels("outgoing").set_function(lambda: len(self.outgoing))
        self.house = self._house()
        self._running: list[asyncio.Task[None]] = []
        self._renewing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Bring the database's schema up to date. Raises WarmlineError when it cannot be used, or
        (BadKey) when its data cannot be read."""
        await prepare(self.database)

    async def settled(self) -> None:
        """Wait until no turn and no delivery is waiting; those that back off do not count."""
        # Both dispatchers must be idle at one moment; no one event says that.
        while len(self.incoming) or len(self.outgoing):  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def start(self) -> None:
        """Claim what guests need of this machine, bring the schema up to date, settle what a crash
        left, begin to work. Raises WarmlineError when a guest cannot have its door."""
        if self.has_doors:
            for guest in self._sites():
                if isinstance(guest, Opener):
                    await guest.open()
        await self.open()
        await self.store.processes.enter(self.settings.core.process.name, self.settings.core.role)
        cut = await self._settle() if self.works else 0
        self._renewing = asyncio.create_task(self.alive.renewals())
        await self.crew.start(self.rounds.hurry)
        beside = [self.answers.listen(), *self._guests_beside(), *self._beside()]
        if self.works:
            await self.rounds.sweep()
            beside += [self.rounds.alarms(), self.rounds.sweeps()]
            beside.append(self.alive.take_overs())
        self._running = [asyncio.create_task(one) for one in beside]
        log.info("started", channels=sorted(self.offers.channels), cut_off=cut)

    async def _settle(self) -> int:
        """What a crash left. Gives the number of messages whose sending was cut off."""
        await self.store.inbox.survived()
        return await self.deliveries.recover()

    async def quiesce(self) -> None:
        """Stop what runs beside the server; guests close their doors, sockets and polls first,
        so that nobody waits for them."""
        await ended(self._running)
        self._running = []

    async def stop(self) -> None:
        """Take nothing more, finish what runs within the drain time, close."""
        grace = self.settings.core.worker.drain
        await self.quiesce()
        await self.summaries.close()
        await self.incoming.stop(grace)
        await self.outgoing.stop(grace)
        await self.webhooks.lanes.stop(grace)
        await self.posting.close()
        await self.crew.stop()
        await self._leave()
        await self.store.stop()
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.stop)
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
        count = await self.deliveries.recover()
        if count:
            await self.rounds.sweep()
        return count

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
            if isinstance(site, Probe) and not self._rests(site)
        }
        return {"database": self._database_trouble, **probes, **beside, **self.offers.checks}

    def warnings(self) -> dict[str, Readiness]:
        """What ``/readyz`` tells beside: troubles with which messages are taken all the same."""

        async def between() -> str | None:
            return self.crew.trouble()

        return {"redis": between} if self.crew.others is not None else {}

    def routes(self) -> Iterable[web.RouteDef]:
        """Every route of the house and its guests, and the description of them all."""
        doors: list[web.RouteDef] = []
        for site in self._sites():
            if not isinstance(site, Pages):
                continue
            made = list(site.routes(self.house))  # made in any case: some learn the house so
            doors += made if self.has_doors else ()
        doors += health.routes(self.checks(), self.metrics, self.warnings(), self.backlog.look)
        guests = self._sites() if self.has_doors else ()
        return [*doors, *openapi.routes(openapi.described(guests), doors)]

    async def _database_trouble(self) -> str | None:
        await self.store.ping()
        return None

    def _sites(self) -> tuple[object, ...]:
        return (*self.offers.channels.values(), *self.offers.sites)

    def _rests(self, site: object) -> bool:
        """An engine has nothing to do in a process that works no lanes."""
        return not self.works and site in self.offers.understanders

    def _guests_beside(self) -> Iterator[Coroutine[None, None, None]]:
        """What guests do beside the server."""
        for site in self._sites():
            name = str(getattr(site, "name", type(site).__name__))
            if isinstance(site, Poller) and not self._rests(site):
                yield self._keep(name, site.run)
            if isinstance(site, Watch):
                if self.works:
                    watch = partial(self._keep, name, site.watch)
                    yield self.crew.hold(name, watch, site.stand_by)
                else:
                    site.stand_by()

    async def _keep(self, name: str, run: Callable[[House], Awaitable[None]]) -> None:
        """Run a poller for ever: one that fails is started again, later each time."""
        wait = 1.0
        while True:
            begun = self.clock.now()
            try:
                return await run(self.house)
            except Exception:
                log.exception("poller.failed", poller=name)
                self.metrics.failures.labels(name).inc()
            if self.clock.now() - begun > timedelta(minutes=5):
                wait = 1.0
            await self.clock.sleep(wait)
            wait = min(60.0, wait * 2)

    def _beside(self) -> Iterator[Coroutine[None, None, None]]:
        """What is done besides turns, deliveries and what guests do."""
        core = self.settings.core
        if self.has_doors:
            yield self.pressure.rounds()
        if self.works:
            yield AuditRetention(self.audit, self.clock, days=core.audit_days).run()
            yield self.retention.rounds()
        if self.works and core.webhooks.endpoints:
            yield self.webhooks.rounds()

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

    def _crew(self, *, together: bool) -> Crew:
        """The one place that decides whether this process works alone."""
        core = self.settings.core
        self.has_doors, self.works = core.role != "worker", core.role != "web"
        if core.redis_url is not None and together:
            from gateway.adapters.redis.crew import RedisCrew  # noqa: PLC0415  (9 MB, for some)

            return RedisCrew(
                core.redis_url,
                core.redis,
                role=core.role,
                clock=self.clock,
                sweep=core.worker.sweep,
            )
        if core.role != "all":
            what = f"`{core.role}` needs `redis_url`, by which the processes find one another"
            raise BadConfig([Problem(file="settings", line=0, key="role", message=what)])
        return Alone(self.clock, sweep=core.worker.sweep)

    def _departures(self) -> Departures:
        """Lanes of each channel that sends, by itself."""
        step = self.deliveries.step
        channels = {
            name: self.crew.lanes(f"out:{name}", step, at_once=channel.traits.at_once)
            for name, channel in self.offers.channels.items()
            if isinstance(channel, Sender)
        }
        return Departures(channels, gone=self.crew.lanes("out", step, at_once=1))

    def _traits(self) -> dict[str, Traits]:
        return {name: channel.traits for name, channel in self.offers.channels.items()}

    def _deliveries(self) -> Deliveries:
        return Deliveries(
            self.offers.channels,
            limits=self.crew.limits({n: traits.rate for n, traits in self._traits().items()}),
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
            summaries=self.summaries,
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
            doors=self.has_doors,
            records=self.store.reading,
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
