"""The way of a message, put together: taken in, worked, sent, and seen by people."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.adapters.outside import SafeOutside
from gateway.app.ground import Ground
from gateway.ports import Event, House, Sender, Tenant
from gateway.services.answering import Answering
from gateway.services.answers import Answers
from gateway.services.audited import AuditedDesk
from gateway.services.context import Contexts
from gateway.services.conversation import Conversations
from gateway.services.delivery import Deliveries
from gateway.services.desk import Desk
from gateway.services.dispatch import Departures
from gateway.services.intake import Intake
from gateway.services.outcomes import Outcomes
from gateway.services.pressure import Gate, Pressure
from gateway.services.proofs import Proofs
from gateway.services.summaries import Summaries
from gateway.services.trouble import Trouble
from gateway.services.unclaimed import Unclaimed
from gateway.services.understanding import Understandings
from gateway.services.worker import Worker


class Way:
    """The services that a message passes, joined with one another."""

    def __init__(self, ground: Ground, *, pressure: Pressure) -> None:
        self._ground, self._pressure = ground, pressure
        core, crew = ground.settings.core, ground.crew
        self.outcomes = Outcomes(
            voice=ground.offers.voice, policy=ground.policy, traits=ground.traits
        )
        self.understandings = Understandings(
            ground.offers.understanders,
            timeout=core.worker.understand_timeout,
            metrics=ground.metrics,
            sure=ground.policy.reasons.low_confidence.below,
        )
        self.answers = Answers(ground.store, others=crew.others)
        self.trouble = Trouble(
            store=ground.store, policy=ground.policy, events=ground.events, clock=ground.clock
        )
        self.deliveries = self._deliveries()
        self.outgoing = self._departures()
        self.proofs = Proofs(
            store=ground.store,
            voice=ground.offers.voice,
            traits=ground.traits,
            deliver=self.outgoing.wake,
            events=ground.events,
            clock=ground.clock,
        )
        self.summaries = Summaries(
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
        self.house = self._house()

    def _deliveries(self) -> Deliveries:
        ground = self._ground
        return Deliveries(
            ground.offers.channels,
            limits=ground.crew.limits({n: traits.rate for n, traits in ground.traits.items()}),
            store=ground.store,
            trouble=self.trouble,
            events=ground.events,
            clock=ground.clock,
            metrics=ground.metrics,
            bounds=ground.settings.core.delivery,
        )

    def _departures(self) -> Departures:
        """Lanes of each channel that sends, by itself."""
        crew, step = self._ground.crew, self.deliveries.step
        channels = {
            name: crew.lanes(f"out:{name}", step, at_once=channel.traits.at_once)
            for name, channel in self._ground.offers.channels.items()
            if isinstance(channel, Sender)
        }
        return Departures(channels, gone=crew.lanes("out", step, at_once=1))

    def _conversations(self) -> Conversations:
        ground, bounds = self._ground, self._ground.settings.core.worker
        return Conversations(
            contexts=Contexts(
                ground.offers.sources,
                records=ground.store.reading,
                timeout=bounds.context_timeout,
                metrics=ground.metrics,
            ),
            understandings=self.understandings,
            answering=Answering(
                ground.offers.handlers,
                policy=ground.policy,
                timeout=bounds.handler_timeout,
                metrics=ground.metrics,
            ),
            outcomes=self.outcomes,
            policy=ground.policy,
            clock=ground.clock,
        )

    def _worker(self) -> Worker:
        ground = self._ground
        unclaimed = Unclaimed(
            store=ground.store, policy=ground.policy, events=ground.events, clock=ground.clock
        )
        return Worker(
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

    def _gate(self) -> Gate:
        ground, limits = self._ground, self._ground.settings.core.limits
        intake = Intake(
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
        return Gate(intake, pressure=self._pressure, limits=limits, metrics=ground.metrics)

    def _house(self) -> House:
        ground = self._ground
        desk = Desk(
            store=ground.store,
            wake=self.incoming.wake,
            voice=ground.offers.voice,
            policy=ground.policy,
            events=ground.events,
            clock=ground.clock,
            proofs=self.proofs,
            summaries=self.summaries,
        )
        return House(
            intake=self._gate(),
            files=ground.files,
            mailbox=self.answers,
            events=ground.events,
            desk=AuditedDesk(desk, ground.audit),
            clock=ground.clock,
            voice=ground.offers.voice,
            notebook=ground.notebook(),
            audit=ground.audit,
            outside=SafeOutside(),
            doors=ground.has_doors,
            records=ground.store.reading,
            tenants=_tenants((*ground.offers.sites, *ground.offers.channels.values())),
        )


def _tenants(sites: Iterable[object]) -> dict[str, tuple[Tenant, ...]]:
    """Who takes part in another guest's door, by the door's name."""
    found: dict[str, tuple[Tenant, ...]] = {}
    for site in sites:
        if isinstance(site, Tenant):
            found[site.door] = (*found.get(site.door, ()), site)
    return found
