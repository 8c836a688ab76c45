"""One trace for a message from the inbox to its delivery.

Only the two durable queues are wrapped: a span begins when a row is taken and ends when its result
is committed. The rows hold the trace's context, so the trace continues in whichever process takes
them. Names and attributes are those of OpenTelemetry's semantic conventions for messaging
(https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/); our own begin with
``warmline.``. They are ids, names and states, never a customer's words or address. This module is
imported only when tracing is on.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from datetime import datetime
from typing import Any, cast

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.adapters.sql.store import SqlStore
from gateway.model import Accepted, Address, Conversation, Inbound, Sent
from gateway.model import Status as MessageStatus
from gateway.runtime.metrics import Metrics
from gateway.store import (
    AgentMessage,
    AlreadyHandled,
    CommittedTurn,
    ConversationChanged,
    Inbox,
    NotBefore,
    Outbox,
    OutboxItem,
    TurnOutcome,
    WorkItem,
)

_FORMAT = TraceContextTextMapPropagator()
_Open = tuple[Span, Token[Context], "asyncio.Task[Any] | None"]
_BATCHED = "engine"
"""This kind of work is done for several turns at once, so it belongs to no trace."""


def current_traceparent() -> str | None:
    """The context of the current trace, as a W3C ``traceparent``."""
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier)
    return carrier.get("traceparent")


def context_of(traceparent: str | None) -> Context:
    """The context of the trace ``traceparent``; of a new trace when it is missing or not valid."""
    return _FORMAT.extract({"traceparent": traceparent} if traceparent else {}, Context())


class Tracing:
    """Traces the inbox and outbox of a store, and the work that `Metrics.measure` measures."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer = provider.get_tracer("warmline")

    def wrap(self, store: SqlStore, metrics: Metrics) -> None:
        """Trace what passes through ``store`` from now on."""
        store.inbox = cast(Inbox, TracedInbox(store.inbox, self.tracer))
        store.outbox = cast(Outbox, TracedOutbox(store.outbox, self.tracer))
        metrics.span = self._span

    def stop(self) -> None:
        """Send all spans that wait to be sent. Blocks."""
        shutdown = getattr(self._provider, "shutdown", None)
        if shutdown is not None:
            shutdown()

    def _span(self, kind: str, name: str) -> AbstractContextManager[object]:
        if kind == _BATCHED or not trace.get_current_span().is_recording():
            return trace.use_span(trace.INVALID_SPAN)
        span_kind = SpanKind.CLIENT if kind == "channel" else SpanKind.INTERNAL
        return _WorkSpan(self.tracer, f"{kind} {name}", span_kind)


class _WorkSpan:
    """A span around a piece of work. Of an error it records only the type, because the text may
    quote a customer."""

    def __init__(self, tracer: Tracer, name: str, kind: SpanKind) -> None:
        self._span = tracer.start_span(name, kind=kind)

    def __enter__(self) -> None:
        self._token = context.attach(trace.set_span_in_context(self._span))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            _fail(self._span, kind)
        context.detach(self._token)
        self._span.end()


class _RowSpan:
    """The span of the row that the current task works on. A task that it starts meanwhile gets a
    copy of the context, but works on another row: so the task is kept with the span."""

    def __init__(self) -> None:
        self._open: ContextVar[_Open | None] = ContextVar("row", default=None)

    def begin(self, span: Span) -> None:
        self.end()
        token = context.attach(trace.set_span_in_context(span))
        self._open.set((span, token, asyncio.current_task()))

    @property
    def span(self) -> Span:
        opened = self._opened()
        return opened[0] if opened else trace.INVALID_SPAN

    def _opened(self) -> _Open | None:
        opened = self._open.get()
        return opened if opened and opened[2] is asyncio.current_task() else None

    def end(self, outcome: str | None = None, error: type[BaseException] | None = None) -> None:
        opened = self._opened()
        if opened is None:
            return
        span, token, _ = opened
        self._open.set(None)
        if outcome is not None:
            span.set_attribute("warmline.outcome", outcome)
        if error is not None:
            _fail(span, error)
        context.detach(token)
        span.end()


def _fail(span: Span, kind: type[BaseException]) -> None:
    span.set_attribute("error.type", kind.__name__)
    span.set_status(Status(StatusCode.ERROR))


def _attributes(queue: str, operation: str, kind: str, channel: str) -> dict[str, str]:
    return {
        "messaging.system": "warmline",
        "messaging.destination.name": queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "warmline.channel": channel,
    }


class TracedInbox:
    """An `Inbox` that stores the trace with each row, and continues it when the row is taken."""

    def __init__(self, inner: Inbox, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer
        self._row = _RowSpan()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def accept(self, message: Inbound, at: datetime) -> Accepted:
        with self._sending(message.address.channel, message.trace) as span:
            accepted = await self._inner.accept(message.replace(trace=current_traceparent()), at)
            _identify(span, accepted)
        return accepted

    async def accept_agent_message(
        self,
        message: AgentMessage,
        lane: str,
        key: str,
        at: datetime,
        *,
        due: datetime | None = None,
        leaves: Conversation | None = None,
    ) -> Accepted:
        with self._sending(Address.from_lane(lane).channel, message.trace) as span:
            accepted = await self._inner.accept_agent_message(
                message.replace(trace=current_traceparent()), lane, key, at, due=due, leaves=leaves
            )
            _identify(span, accepted)
        return accepted

    async def take(self, lane: str, at: datetime) -> WorkItem | NotBefore | None:
        work = await self._inner.take(lane, at)
        if isinstance(work, WorkItem):
            self._begin(work)
        return work

    async def commit(self, outcome: TurnOutcome, at: datetime) -> CommittedTurn:
        try:
            committed = await self._inner.commit(outcome.replace(trace=current_traceparent()), at)
        except (ConversationChanged, AlreadyHandled) as refused:
            self._row.end(outcome=type(refused).__name__)
            raise
        except BaseException as error:
            self._row.end(error=type(error))
            raise
        self._row.span.set_attribute(
            "messaging.message.conversation_id", str(committed.conversation.id)
        )
        self._row.end(outcome="dropped" if committed.dropped else "committed")
        return committed

    async def mark_failed(self, turn: int, error: str, *, retry_at: datetime | None) -> None:
        await self._inner.mark_failed(turn, error, retry_at=retry_at)
        self._row.span.set_attribute("error.type", error)
        self._row.span.set_status(Status(StatusCode.ERROR))
        self._row.end(outcome="again" if retry_at else "stuck")

    def _sending(self, channel: str, parent: str | None) -> AbstractContextManager[Span]:
        return self._tracer.start_as_current_span(
            "send inbox",
            context=context_of(parent) if parent else None,
            kind=SpanKind.PRODUCER,
            attributes=_attributes("inbox", "send", "send", channel),
            record_exception=False,
        )

    def _begin(self, work: WorkItem) -> None:
        carrier = work.inbound or work.agent_message
        span = self._tracer.start_span(
            "process inbox",
            context=context_of(carrier.trace if carrier else None),
            kind=SpanKind.CONSUMER,
            attributes=_attributes(
                "inbox", "process", "process", Address.from_lane(work.lane).channel
            ),
        )
        span.set_attribute("messaging.message.id", str(work.id))
        span.set_attribute("warmline.turn.id", work.id)
        span.set_attribute("warmline.turn.kind", work.kind)
        span.set_attribute("warmline.attempt", work.attempts + 1)
        self._row.begin(span)


class TracedOutbox:
    """An `Outbox` that continues the trace of the turn that wrote the row."""

    def __init__(self, inner: Outbox, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer
        self._row = _RowSpan()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def take(self, lane: str, at: datetime) -> OutboxItem | NotBefore | None:
        item = await self._inner.take(lane, at)
        if isinstance(item, OutboxItem):
            self._begin(item)
        return item

    async def mark_sent(self, id: int, sent: Sent) -> None:
        await self._inner.mark_sent(id, sent)
        self._row.end(outcome="sent")

    async def retry_later(
        self, id: int, error: str, due: datetime, *, may_have_arrived: bool = False
    ) -> None:
        await self._inner.retry_later(id, error, due, may_have_arrived=may_have_arrived)
        self._row.end(outcome="later")

    async def close(self, id: int, status: MessageStatus, error: str, **address: bool) -> None:
        await self._inner.close(id, status, error, **address)
        self._row.span.set_status(Status(StatusCode.ERROR))
        self._row.end(outcome=status)

    def _begin(self, item: OutboxItem) -> None:
        channel = item.outbound.address.channel
        span = self._tracer.start_span(
            "process outbox",
            context=context_of(item.outbound.trace),
            kind=SpanKind.CONSUMER,
            attributes=_attributes("outbox", "process", "process", channel),
        )
        span.set_attribute("messaging.message.id", str(item.outbound.message))
        span.set_attribute("messaging.message.conversation_id", str(item.conversation))
        span.set_attribute("warmline.attempt", item.attempts)
        self._row.begin(span)


def _identify(span: Span, accepted: Accepted) -> None:
    span.set_attribute("messaging.message.id", str(accepted.turn))
    span.set_attribute("warmline.turn.id", accepted.turn)
    span.set_attribute("warmline.duplicate", accepted.duplicate)
