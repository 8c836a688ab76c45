"""One trace shows the whole way of a message, over both durable waits and over processes."""

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
from gateway.adapters.tracing_setup import tracing_from_environment
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.spine.conftest import ANSWER_ALL

WORDS = "zanzibar4711"


@pytest.fixture
def easy(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


class Seen:
    """What was traced."""

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
async def traced(*guests: Any, seen: Seen, **more: Any) -> AsyncIterator[RunningGateway]:
    """A gateway that is traced from its start on, into ``seen``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.app.infrastructure.tracing_from_environment", lambda *_: seen.tracing)
        async with running(*guests, **more) as gw:
            yield gw


def moody(turn: Turn) -> Reply | None:
    if turn.message.text == "break":
        raise ValueError(WORDS)
    return Reply(body=(f"You said {turn.message.text}.",)) if turn.kind == "message" else None


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


async def test_one_trace_shows_the_whole_way(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Intake, turn with its stages, delivery with its call: each a child of what caused it, with
    the turn's id; and no words."""
    seen = Seen()
    guests = (FakeChannel(), FakeHandler(moody))
    async with traced(*guests, seen=seen, config=easy, tmp_path=tmp_path) as gw:
        accepted = await gw.customer("fake", "carla").say(WORDS)
    assert len(seen.traces()) == 1
    [intake], [turn] = seen.named("send inbox"), seen.named("process inbox")
    [handler], [stage] = seen.named("handler fake_handler"), seen.named("stage understand")
    [delivery], [call] = seen.named("process outbox"), seen.named("channel fake")
    assert parent(intake) is None
    assert parent(turn) == id_of(intake)
    assert parent(handler) == parent(stage) == id_of(turn)
    assert parent(delivery) == id_of(turn)
    assert parent(call) == id_of(delivery)
    assert intake.attributes
    assert turn.attributes
    assert delivery.attributes
    assert intake.attributes["warmline.turn.id"] == accepted.turn
    assert turn.attributes["warmline.turn.id"] == accepted.turn
    assert turn.attributes["messaging.operation.type"] == "process"
    assert delivery.attributes["warmline.outcome"] == "sent"
    assert not any(word in span.to_json() for span in seen.spans for word in (WORDS, "carla"))


async def test_a_trace_goes_on_in_another_process(tmp_path: Path, easy: dict[str, Any]) -> None:
    """One takes it in and dies; another handles it, dies before sending; a third sends it."""
    first, second, third = Seen(), Seen(), Seen()
    clock = FakeClock()
    more: dict[str, Any] = {"config": easy, "tmp_path": tmp_path, "clock": clock}
    async with traced(FakeChannel(), FakeHandler(moody), seen=first, **more) as gw:
        gw.gateway.incoming._stopping = True
        await gw.customer("fake", "carla").write("hi")
    fake = FakeChannel()
    fake.fail_with(TryLater("busy", after=60))
    async with traced(fake, FakeHandler(moody), seen=second, **more) as gw:
        await gw.gateway.scheduler.sweep()
        await gw.settled()
    await clock.advance(61)
    async with traced(FakeChannel(), FakeHandler(moody), seen=third, **more) as gw:
        await gw.gateway.scheduler.sweep()
        await gw.settled()
    assert [span.name for span in first.spans] == ["send inbox"]
    [sent] = third.named("process outbox")
    assert third.traces() == first.traces()
    assert sent.attributes
    assert sent.attributes["warmline.outcome"] == "sent"


async def test_conversations_do_not_mix_their_traces(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Many side by side: each span hangs in the trace of its own message."""
    seen = Seen()
    guests = (FakeChannel(), FakeHandler(moody))
    async with traced(*guests, seen=seen, config=easy, tmp_path=tmp_path) as gw:
        people = [gw.customer("fake", f"c{i}") for i in range(20)]
        await asyncio.gather(*(one.write("hi") for one in people))
        await gw.settled()
    assert len(seen.traces()) == 20
    names = ["send inbox", "process inbox", "handler fake_handler", "process outbox"]
    for name in names:
        assert len({span.context.trace_id for span in seen.named(name) if span.context}) == 20


async def test_what_fails_is_seen_by_its_kind(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A handler that raised, a reply that could not be delivered; never what the error said."""
    seen, fake = Seen(), FakeChannel()
    fake.fail_with(Undeliverable(WORDS))
    guests = (fake, FakeHandler(moody))
    with capture_logs():  # to draw this traceback with all its values takes seconds
        async with traced(*guests, seen=seen, config=easy, tmp_path=tmp_path) as gw:
            await gw.customer("fake", "carla").say("break")
    handler, *_ = seen.named("handler fake_handler")
    assert handler.attributes
    assert handler.attributes["error.type"] == "ValueError"
    [delivery] = seen.named("process outbox")
    assert not delivery.status.is_ok
    assert not any(WORDS in span.to_json() for span in seen.spans)


async def test_a_persons_answer_is_traced(tmp_path: Path) -> None:
    """From the desk to the customer's channel."""
    seen = Seen()
    guests = (FakeChannel(), FakeHandler(lambda _: None))
    async with traced(*guests, seen=seen, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("help")
        ana = gw.desk_agent("ana")
        await ana.answer(await ana.claim(), "done")
    answer = seen.named("send inbox")[-1]
    delivery = seen.named("process outbox")[-1]
    assert answer.context
    assert delivery.context
    assert answer.context.trace_id == delivery.context.trace_id


def test_asleep_nothing_of_it_is_imported() -> None:
    """Who does not trace pays nothing, not even the memory. (redis-py takes up the figures of an
    OpenTelemetry that is installed.)"""
    program = (
        "import sys, gateway.app; from gateway.adapters.tracing_setup import tracing_from_environment;"
        "assert tracing_from_environment('auto', {}) is None; assert tracing_of(False, {'X': '1'}) is None;"
        "print([name for name in sys.modules if 'sdk.trace' in name or 'otel' in name[:12]"
        " or name.startswith('opentelemetry.exporter')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_sdks_own_switch_is_heeded() -> None:
    """``OTEL_SDK_DISABLED`` wins."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}
    assert tracing_from_environment("auto", environ) is None
    assert tracing_from_environment(True, environ) is None


async def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """By OTLP over HTTP, set by OpenTelemetry's own variables alone."""
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
        with tracing._tracer.start_as_current_span("hello"):
            pass
        await asyncio.to_thread(tracing.stop)
    [told] = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    [resource] = told.resource_spans
    names = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert names["service.name"] == "shop"
    assert [s.name for scope in resource.scope_spans for s in scope.spans] == ["hello"]
