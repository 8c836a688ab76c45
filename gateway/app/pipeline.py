"""The way of a message, put together: taken in, worked, sent, and seen by people."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.adapters.public_http import PublicNetworkHttp
from gateway.app.infrastructure import Infrastructure
from gateway.desk.audited import AuditedDesk
from gateway.desk.service import DeskService
from gateway.pipeline.answering import HandlerChain
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.delivery import OutboxDelivery
from gateway.pipeline.handoffs import ClaimSla, DeliveryFailureHandler
from gateway.pipeline.intake import InboxIntake
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.reply_waiter import ReplyWaiter
from gateway.pipeline.summary import CardSummaries
from gateway.pipeline.turn import TurnPipeline
from gateway.pipeline.understanding import UnderstandingStage
from gateway.pipeline.verification import AddressVerification
from gateway.pipeline.worker import TurnWorker
from gateway.ports import Event, Sender, Services, WebhookSubscriber
from gateway.runtime.dispatch import OutgoingLanes
from gateway.runtime.load_shedding import LoadMonitor, LoadShedder


class Pipeline:
    """The services that a message passes, joined with one another."""

    def __init__(self, ground: Infrastructure, *, pressure: LoadMonitor) -> None:
        self._ground, self._pressure = ground, pressure
        core, crew = ground.settings.core, ground.crew
        self.outcomes = OutcomeBuilder(
            voice=ground.offers.voice, policy=ground.policy, traits=ground.traits
        )
        self.understandings = UnderstandingStage(
            ground.offers.understanders,
            timeout=core.worker.understand_timeout,
            metrics=ground.metrics,
            sure=ground.policy.reasons.low_confidence.below,
        )
        self.answers = ReplyWaiter(ground.store, others=crew.others)
        self.trouble = DeliveryFailureHandler(
            store=ground.store, policy=ground.policy, events=ground.events, clock=ground.clock
        )
        self.deliveries = self._deliveries()
        self.outgoing = self._departures()
        self.proofs = AddressVerification(
            store=ground.store,
            voice=ground.offers.voice,
            traits=ground.traits,
            deliver=self.outgoing.wake,
            events=ground.events,
            clock=ground.clock,
        )
        self.summaries = CardSummaries(
            ground.offers.handlers,
            timeout=core.worker.handler_timeout,
            metrics=ground.metrics,
            changed=lambda id: ground.events.publish(
                Event(topic="desk", name="conversation", conversation=id)
            ),
        )
        self.worker = self._worker()
        self.incoming = crew.lanes(
            "in", self.worker.step, at_once=core.worker.conversations_at_once
        )
        self.services = self._house()

    def _deliveries(self) -> OutboxDelivery:
        ground = self._ground
        return OutboxDelivery(
            ground.offers.channels,
            limits=ground.crew.limits({n: traits.rate for n, traits in ground.traits.items()}),
            store=ground.store,
            trouble=self.trouble,
            events=ground.events,
            clock=ground.clock,
            metrics=ground.metrics,
            bounds=ground.settings.core.delivery,
        )

    def _departures(self) -> OutgoingLanes:
        """Lanes of each channel that sends, by itself."""
        crew, step = self._ground.crew, self.deliveries.step
        channels = {
            name: crew.lanes(f"out:{name}", step, at_once=channel.traits.at_once)
            for name, channel in self._ground.offers.channels.items()
            if isinstance(channel, Sender)
        }
        return OutgoingLanes(channels, gone=crew.lanes("out", step, at_once=1))

    def _conversations(self) -> TurnPipeline:
        ground, bounds = self._ground, self._ground.settings.core.worker
        return TurnPipeline(
            contexts=ContextGatherer(
                ground.offers.sources,
                records=ground.store.queries,
                timeout=bounds.context_timeout,
                metrics=ground.metrics,
            ),
            understandings=self.understandings,
            answering=HandlerChain(
                ground.offers.handlers,
                policy=ground.policy,
                timeout=bounds.handler_timeout,
                metrics=ground.metrics,
            ),
            outcomes=self.outcomes,
            policy=ground.policy,
            clock=ground.clock,
        )

    def _worker(self) -> TurnWorker:
        ground = self._ground
        unclaimed = ClaimSla(
            store=ground.store, policy=ground.policy, events=ground.events, clock=ground.clock
        )
        return TurnWorker(
            store=ground.store,
            conversations=self._conversations(),
            outcomes=self.outcomes,
            unclaimed=unclaimed,
            proofs=self.proofs,
            answers=self.answers,
            deliver=self.outgoing.wake,
            events=ground.events,
            policy=ground.policy,
            clock=ground.clock,
            metrics=ground.metrics,
            attempts=ground.settings.core.worker.attempts,
        )

    def _gate(self) -> LoadShedder:
        ground, limits = self._ground, self._ground.settings.core.limits
        intake = InboxIntake(
            store=ground.store,
            wake=self.incoming.wake,
            answers=self.answers,
            trouble=self.trouble,
            events=ground.events,
            clock=ground.clock,
            metrics=ground.metrics,
            text=limits.text,
            files=ground.files,
        )
        return LoadShedder(intake, pressure=self._pressure, limits=limits, metrics=ground.metrics)

    def _house(self) -> Services:
        ground = self._ground
        desk = DeskService(
            store=ground.store,
            wake=self.incoming.wake,
            voice=ground.offers.voice,
            policy=ground.policy,
            events=ground.events,
            clock=ground.clock,
            proofs=self.proofs,
            summaries=self.summaries,
        )
        return Services(
            intake=self._gate(),
            files=ground.files,
            mailbox=self.answers,
            events=ground.events,
            desk=AuditedDesk(desk, ground.audit),
            clock=ground.clock,
            voice=ground.offers.voice,
            storage=ground.storage(),
            audit=ground.audit,
            public_http=PublicNetworkHttp(),
            serves_http=ground.has_doors,
            records=ground.store.queries,
            subscribers=_tenants((*ground.offers.sites, *ground.offers.channels.values())),
        )


def _tenants(sites: Iterable[object]) -> dict[str, tuple[WebhookSubscriber, ...]]:
    """Who takes part in another guest's door, by the door's name."""
    found: dict[str, tuple[WebhookSubscriber, ...]] = {}
    for site in sites:
        if isinstance(site, WebhookSubscriber):
            found[site.endpoint] = (*found.get(site.endpoint, ()), site)
    return found
