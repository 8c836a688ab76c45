"""One trace follows a message through both queues, also across processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from gateway import Reply, TryLater, Turn, Undeliverable
from gateway.adapters.tracing import Tracing
from gateway.app.infrastructure import tracing_from_environment
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.spine.conftest import ANSWER_ALL

SECRET_WORD = "zanzibar4711"


@pytest.fixture
def answer_all(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


class SpanRecorder:
    """Tracing that keeps its spans in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def traces(self) -> set[int]:
        return {span.context.trace_id for span in self.spans if span.context}


@asynccontextmanager
async def traced(
    *plugins: Any, recorder: SpanRecorder, **more: Any
) -> AsyncIterator[RunningGateway]:
    """A gateway that is traced into ``recorder`` from its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gateway.app.infrastructure.tracing_from_environment", lambda *_: recorder.tracing
        )
        async with running(*plugins, **more) as gw:
            yield gw


def answer_or_fail(turn: Turn) -> Reply | None:
    if turn.message.text == "break":
        raise ValueError(SECRET_WORD)
    return Reply(body=(f"You said {turn.message.text}.",)) if turn.kind == "message" else None


def parent_id(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


async def test_one_trace_holds_intake_turn_and_delivery(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Each span is a child of the one that caused it and has the turn's id. No span has the words
    of a customer."""
    recorder = SpanRecorder()
    plugins = (FakeChannel(), FakeHandler(answer_or_fail))
    async with traced(*plugins, recorder=recorder, config=answer_all, tmp_path=tmp_path) as gw:
        accepted = await gw.customer("fake", "carla").say(SECRET_WORD)
    assert len(recorder.traces()) == 1
    [intake], [turn] = recorder.named("send inbox"), recorder.named("process inbox")
    [handler], [stage] = recorder.named("handler fake_handler"), recorder.named("stage understand")
    [delivery], [call] = recorder.named("process outbox"), recorder.named("channel fake")
    assert parent_id(intake) is None
    assert parent_id(turn) == span_id(intake)
    assert parent_id(handler) == parent_id(stage) == span_id(turn)
    assert parent_id(delivery) == span_id(turn)
    assert parent_id(call) == span_id(delivery)
    assert intake.attributes
    assert turn.attributes
    assert delivery.attributes
    assert intake.attributes["warmline.turn.id"] == accepted.turn
    assert turn.attributes["warmline.turn.id"] == accepted.turn
    assert turn.attributes["messaging.operation.type"] == "process"
    assert delivery.attributes["warmline.outcome"] == "sent"
    assert not any(
        word in span.to_json() for span in recorder.spans for word in (SECRET_WORD, "carla")
    )


async def test_a_trace_continues_in_another_process(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """One process accepts and dies, one handles it and dies before sending, a third one sends."""
    first, second, third = SpanRecorder(), SpanRecorder(), SpanRecorder()
    clock = FakeClock()
    more: dict[str, Any] = {"config": answer_all, "tmp_path": tmp_path, "clock": clock}
    async with traced(FakeChannel(), FakeHandler(answer_or_fail), recorder=first, **more) as gw:
        await gw.gateway.incoming.stop(1)  # nothing is handled from now on
        await gw.customer("fake", "carla").write("hi")
    fake = FakeChannel()
    fake.fail_with(TryLater("busy", after=60))
    async with traced(fake, FakeHandler(answer_or_fail), recorder=second, **more) as gw:
        await gw.gateway.scheduler.sweep()
        await gw.settled()
    await clock.advance(61)
    async with traced(FakeChannel(), FakeHandler(answer_or_fail), recorder=third, **more) as gw:
        await gw.gateway.scheduler.sweep()
        await gw.settled()
    assert [span.name for span in first.spans] == ["send inbox"]
    [sent] = third.named("process outbox")
    assert third.traces() == first.traces()
    assert sent.attributes
    assert sent.attributes["warmline.outcome"] == "sent"


async def test_concurrent_conversations_have_separate_traces(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Each span belongs to the trace of its own message."""
    recorder = SpanRecorder()
    plugins = (FakeChannel(), FakeHandler(answer_or_fail))
    async with traced(*plugins, recorder=recorder, config=answer_all, tmp_path=tmp_path) as gw:
        customers = [gw.customer("fake", f"c{i}") for i in range(20)]
        await asyncio.gather(*(customer.write("hi") for customer in customers))
        await gw.settled()
    assert len(recorder.traces()) == 20
    names = ["send inbox", "process inbox", "handler fake_handler", "process outbox"]
    for name in names:
        assert len({span.context.trace_id for span in recorder.named(name) if span.context}) == 20


async def test_a_failed_span_has_the_type_of_the_error(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """For a handler that raises and a reply that fails; never the text of the error."""
    recorder, fake = SpanRecorder(), FakeChannel()
    fake.fail_with(Undeliverable(SECRET_WORD))
    plugins = (fake, FakeHandler(answer_or_fail))
    with capture_logs():  # rendering this traceback takes seconds
        async with traced(*plugins, recorder=recorder, config=answer_all, tmp_path=tmp_path) as gw:
            await gw.customer("fake", "carla").say("break")
    handler, *_ = recorder.named("handler fake_handler")
    assert handler.attributes
    assert handler.attributes["error.type"] == "ValueError"
    [delivery] = recorder.named("process outbox")
    assert not delivery.status.is_ok
    assert not any(SECRET_WORD in span.to_json() for span in recorder.spans)


async def test_an_agents_answer_is_traced(tmp_path: Path) -> None:
    """From the desk to the customer's channel."""
    recorder = SpanRecorder()
    plugins = (FakeChannel(), FakeHandler(lambda _: None))
    async with traced(*plugins, recorder=recorder, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("help")
        ana = gw.desk_agent("ana")
        await ana.answer(await ana.claim(), "done")
    answer = recorder.named("send inbox")[-1]
    delivery = recorder.named("process outbox")[-1]
    assert answer.context
    assert delivery.context
    assert answer.context.trace_id == delivery.context.trace_id


def test_without_tracing_opentelemetry_is_not_imported() -> None:
    """Without tracing the SDK and the exporter cost no memory. (redis-py imports the API for its
    metrics when OpenTelemetry is installed.)"""
    program = (
        "import sys, gateway.app;"
        "from gateway.app.infrastructure import tracing_from_environment as tracing;"
        "assert tracing('auto', {}) is None; assert tracing(False, {'X': '1'}) is None;"
        "print([name for name in sys.modules if 'sdk.trace' in name or 'otel' in name[:12]"
        " or name.startswith('opentelemetry.exporter')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_otel_sdk_disabled_turns_tracing_off() -> None:
    """``OTEL_SDK_DISABLED`` wins over all settings."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}
    assert tracing_from_environment("auto", environ) is None
    assert tracing_from_environment(True, environ) is None


async def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over OTLP/HTTP, configured by OpenTelemetry's own variables alone."""
    bodies: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", collect)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
        tracing = tracing_from_environment("auto", os.environ)
        assert tracing is not None
        with tracing.tracer.start_as_current_span("hello"):
            pass
        await asyncio.to_thread(tracing.stop)
    [request] = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    [resource] = request.resource_spans
    names = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert names["service.name"] == "shop"
    assert [s.name for scope in resource.scope_spans for s in scope.spans] == ["hello"]
