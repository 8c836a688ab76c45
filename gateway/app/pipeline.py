"""The services that a message passes through: intake, worker, delivery, desk."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from gateway.adapters.public_http import PublicNetworkHttp
from gateway.app.infrastructure import Infrastructure
from gateway.desk.audited import AuditedDesk
from gateway.desk.marks import ConversationMarks
from gateway.desk.outreach import Outreach
from gateway.desk.service import DeskService
from gateway.pipeline.answering import HandlerChain
from gateway.pipeline.by_mail.answer_by_mail import AnswerByMail
from gateway.pipeline.by_mail.visits import CustomerVisits
from gateway.pipeline.case.summary import CardSummaries
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.delivery import OutboxDelivery
from gateway.pipeline.handoffs import AutomaticHandoffs
from gateway.pipeline.intake import InboxIntake
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.reply_waiter import ReplyWaiter
from gateway.pipeline.turn import TurnPipeline
from gateway.pipeline.understanding import UnderstandingStage
from gateway.pipeline.verification import AddressVerification
from gateway.pipeline.worker import TurnWorker
from gateway.ports import (
    DigestReceiver,
    Event,
    ExampleEvaluator,
    MailReader,
    Sender,
    Services,
    TextEncoder,
    Understander,
    WebhookSubscriber,
)
from gateway.runtime.dispatch import OutgoingLanes
from gateway.runtime.load_shedding import LoadMonitor, LoadShedder
from gateway.versions.service import VersionService
from gateway.versions.trials import VersionTrials


class Pipeline:
    """Builds the services that a message passes through, and joins them."""

    def __init__(self, infrastructure: Infrastructure, *, load_monitor: LoadMonitor) -> None:
        self._infrastructure, self._load_monitor = infrastructure, load_monitor
        core, cluster = infrastructure.settings.core, infrastructure.cluster
        self.outcomes = OutcomeBuilder(
            voice=infrastructure.registrations.voice,
            policies=infrastructure.policies,
            traits=infrastructure.traits,
            hours=infrastructure.hours,
        )
        self.understanding = UnderstandingStage(
            infrastructure.registrations.understanders,
            timeout=core.worker.understand_timeout,
            metrics=infrastructure.metrics,
            confident=lambda: infrastructure.policies.current.reasons.low_confidence.below,
            slots=core.slots,
        )
        self.reply_waiter = ReplyWaiter(infrastructure.store, others=cluster.others)
        self.handoffs = AutomaticHandoffs(
            store=infrastructure.store,
            policies=infrastructure.policies,
            events=infrastructure.events,
            clock=infrastructure.clock,
        )
        self.delivery = self._delivery()
        self.outgoing = self._outgoing_lanes()
        self.verification = AddressVerification(
            store=infrastructure.store,
            voice=infrastructure.registrations.voice,
            traits=infrastructure.traits,
            deliver=self.outgoing.wake,
            events=infrastructure.events,
            clock=infrastructure.clock,
        )
        self.summaries = CardSummaries(
            infrastructure.registrations.handlers,
            timeout=core.worker.handler_timeout,
            metrics=infrastructure.metrics,
            changed=lambda id: infrastructure.events.publish(
                Event(topic="desk", name="conversation", conversation=id)
            ),
        )
        self.worker = self._worker()
        self.incoming = cluster.lanes(
            "in", self.worker.step, at_once=core.worker.conversations_at_once
        )
        self.services = self._services()

    def _delivery(self) -> OutboxDelivery:
        infrastructure = self._infrastructure
        return OutboxDelivery(
            channels=infrastructure.registrations.channels,
            limits=infrastructure.cluster.limits(
                {n: traits.rate for n, traits in infrastructure.traits.items()}
            ),
            store=infrastructure.store,
            handoffs=self.handoffs,
            events=infrastructure.events,
            clock=infrastructure.clock,
            metrics=infrastructure.metrics,
            settings=infrastructure.settings.core.delivery,
        )

    def _outgoing_lanes(self) -> OutgoingLanes:
        """Separate lanes for each channel that sends."""
        cluster, step = self._infrastructure.cluster, self.delivery.step
        channels = {
            name: cluster.lanes(f"out:{name}", step, at_once=channel.traits.at_once)
            for name, channel in self._infrastructure.registrations.channels.items()
            if isinstance(channel, Sender)
        }
        return OutgoingLanes(channels, removed=cluster.lanes("out", step, at_once=1))

    def _turns(self) -> TurnPipeline:
        infrastructure, bounds = self._infrastructure, self._infrastructure.settings.core.worker
        handlers = HandlerChain(
            infrastructure.registrations.handlers,
            policies=infrastructure.policies,
            timeout=bounds.handler_timeout,
            metrics=infrastructure.metrics,
        )
        return TurnPipeline(
            contexts=ContextGatherer(
                infrastructure.registrations.sources,
                records=infrastructure.store.queries,
                timeout=bounds.context_timeout,
                metrics=infrastructure.metrics,
            ),
            understanding=self.understanding,
            handlers=handlers,
            outcomes=self.outcomes,
            by_mail=AnswerByMail(
                store=infrastructure.store,
                voice=infrastructure.registrations.voice,
                handlers=handlers,
                outcomes=self.outcomes,
                verification=self.verification,
                traits=infrastructure.traits,
                brands=infrastructure.settings.brands,
                settings=infrastructure.settings.core.answer_by_mail,
                deliver=self.outgoing.wake,
                clock=infrastructure.clock,
            ),
            policies=infrastructure.policies,
            brands=infrastructure.settings.brands,
            hours=infrastructure.hours,
            clock=infrastructure.clock,
            alarms=infrastructure.alarms_reach_somebody,
            closed_notices=infrastructure.settings.core.shadow.out_of_hours,
        )

    def _worker(self) -> TurnWorker:
        infrastructure = self._infrastructure
        return TurnWorker(
            store=infrastructure.store,
            turns=self._turns(),
            outcomes=self.outcomes,
            handoffs=self.handoffs,
            verification=self.verification,
            replies=self.reply_waiter,
            deliver=self.outgoing.wake,
            events=infrastructure.events,
            policies=infrastructure.policies,
            clock=infrastructure.clock,
            metrics=infrastructure.metrics,
            attempts=infrastructure.settings.core.worker.attempts,
            shadow=infrastructure.shadow,
        )

    def _load_shedder(self) -> LoadShedder:
        infrastructure, limits = self._infrastructure, self._infrastructure.settings.core.limits
        intake = InboxIntake(
            store=infrastructure.store,
            wake=self.incoming.wake,
            replies=self.reply_waiter,
            handoffs=self.handoffs,
            events=infrastructure.events,
            clock=infrastructure.clock,
            metrics=infrastructure.metrics,
            max_text=limits.text,
            files=infrastructure.files,
            brands=infrastructure.settings.brands,
        )
        return LoadShedder(
            intake, load_monitor=self._load_monitor, limits=limits, metrics=infrastructure.metrics
        )

    @cached_property
    def _versions(self) -> VersionService:
        infrastructure = self._infrastructure
        return VersionService(
            store=infrastructure.store.versions,
            follower=infrastructure.follower,
            audit=infrastructure.audit,
            events=infrastructure.events,
            clock=infrastructure.clock,
            writers=infrastructure.version_writers,
            folder=infrastructure.settings.data_dir,
        )

    def _trials(self) -> VersionTrials:
        registrations = self._infrastructure.registrations
        return VersionTrials(
            versions=self._versions,
            understanders=sorted(registrations.understanders, key=lambda each: each.priority),
            voice_in_use=registrations.voice,
            policies=self._infrastructure.policies,
            hours=self._infrastructure.hours,
            handlers=registrations.handlers,
            understanding=self.understanding,
            channels=self._infrastructure.traits,
            clock=self._infrastructure.clock,
            timeout=self._infrastructure.settings.core.worker.handler_timeout,
            alarms=self._infrastructure.alarms_reach_somebody,
        )

    def _services(self) -> Services:
        infrastructure = self._infrastructure
        marks = ConversationMarks(
            store=infrastructure.store,
            hours=infrastructure.hours,
            clock=infrastructure.clock,
        )
        desk = DeskService(
            store=infrastructure.store,
            wake_lane=self.incoming.wake,
            voice=infrastructure.registrations.voice,
            policies=infrastructure.policies,
            events=infrastructure.events,
            clock=infrastructure.clock,
            verification=self.verification,
            summaries=self.summaries,
            brands=infrastructure.settings.brands,
            hours=infrastructure.hours,
            marks=marks,
            outreach=Outreach(
                store=infrastructure.store,
                channels=infrastructure.registrations.channels,
                brands=infrastructure.settings.brands,
                clock=infrastructure.clock,
                largest=infrastructure.settings.core.limits.attachment,
            ),
        )
        return Services(
            intake=self._load_shedder(),
            files=infrastructure.files,
            mailbox=self.reply_waiter,
            events=infrastructure.events,
            desk=AuditedDesk(desk, infrastructure.audit),
            clock=infrastructure.clock,
            voice=infrastructure.registrations.voice,
            storage=infrastructure.storage,
            audit=infrastructure.audit,
            public_http=PublicNetworkHttp(),
            ignored=lambda channel, why: infrastructure.metrics.ignored.labels(channel, why).inc(),
            serves_http=infrastructure.serves_http,
            records=infrastructure.store.queries,
            versions=self._versions,
            search=infrastructure.search,
            knowledge=infrastructure.knowledge,
            past_conversations=infrastructure.past_conversations,
            shadow=infrastructure.shadow,
            visits=CustomerVisits(
                store=infrastructure.store,
                files=infrastructure.files,
                voice=infrastructure.registrations.voice,
                hours=infrastructure.hours,
                deliver=self.outgoing.wake,
                events=infrastructure.events,
                clock=infrastructure.clock,
            ),
            trials=self._trials(),
            brands=infrastructure.settings.brands.titles,
            encoder=_encoder(infrastructure.registrations.understanders),
            mail_reader=next(
                (each for each in infrastructure.plugin_objects if isinstance(each, MailReader)),
                None,
            ),
            time_zone=marks.time_zone,
            desk_pages=tuple(infrastructure.registrations.desk_pages),
            example_evaluator=next(
                (
                    each
                    for each in infrastructure.plugin_objects
                    if isinstance(each, ExampleEvaluator)
                ),
                None,
            ),
            digest_receivers=tuple(
                plugin
                for plugin in infrastructure.plugin_objects
                if isinstance(plugin, DigestReceiver)
            ),
            subscribers=_subscribers(
                (
                    *infrastructure.registrations.components,
                    *infrastructure.registrations.channels.values(),
                )
            ),
        )


def _encoder(understanders: Iterable[Understander]) -> TextEncoder | None:
    """The first sentence encoder that an understander has."""
    for engine in understanders:
        if isinstance(engine, TextEncoder) and engine.embedding_model is not None:
            return engine
    return None


def _subscribers(plugins: Iterable[object]) -> dict[str, tuple[WebhookSubscriber, ...]]:
    """The plugins that take part in another plugin's endpoint, by the endpoint's name."""
    found: dict[str, tuple[WebhookSubscriber, ...]] = {}
    for plugin in plugins:
        if isinstance(plugin, WebhookSubscriber):
            found[plugin.endpoint] = (*found.get(plugin.endpoint, ()), plugin)
    return found
