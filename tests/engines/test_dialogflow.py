"""Dialogflow, through Google's client, against a gRPC server with its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud import dialogflow_v2

from gateway import Turn
from gateway.testing import FakeChannel, FakeHandler, running
from plugins import nlu_dialogflow
from plugins.nlu_dialogflow.engine import DialogflowUnderstander
from plugins.nlu_local import plugin as nlu_local

from .shop import write_shop

STATUS = {
    "error": grpc.StatusCode.INTERNAL, "busy": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
}  # fmt: skip


class FakeDialogflow:
    """Sessions.DetectIntent, with a fixed result."""

    def __init__(self) -> None:
        self.requests: list[dialogflow_v2.DetectIntentRequest] = []
        self.result: dict[str, Any] = {
            "intent": {"name": "projects/p/agent/intents/1", "display_name": "Get refund"},
            "intent_detection_confidence": 0.75,
        }
        self.failure: str | None = None
        self.released = asyncio.Event()

    def handler(self) -> grpc.GenericRpcHandler:
        detect = grpc.unary_unary_rpc_method_handler(
            self._detect,
            request_deserializer=dialogflow_v2.DetectIntentRequest.deserialize,
            response_serializer=lambda data: data,
        )
        service = "google.cloud.dialogflow.v2.Sessions"
        return grpc.method_handlers_generic_handler(service, {"DetectIntent": detect})

    async def _detect(
        self, request: dialogflow_v2.DetectIntentRequest, context: grpc.aio.ServicerContext
    ) -> bytes:
        self.requests.append(request)
        if self.failure == "slow":
            await self.released.wait()
        if self.failure in STATUS:
            await context.abort(STATUS[self.failure], "no")
        if self.failure == "garbage":
            return b"\xff\xff\xff<html>"
        if self.failure == "nonsense":
            self.result["intent_detection_confidence"] = 75.0
        answer = dialogflow_v2.DetectIntentResponse(query_result=self.result)
        return dialogflow_v2.DetectIntentResponse.serialize(answer)


@pytest.fixture
async def fake() -> FakeDialogflow:
    return FakeDialogflow()


@pytest.fixture
async def config(fake: FakeDialogflow, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((fake.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    config = write_shop(tmp_path)
    config["plugins"]["nlu_dialogflow"] = {
        "project": "shop-1", "location": "europe-west1", "endpoint": f"127.0.0.1:{port}",
        "names": {"refund": "Get refund"},
    }  # fmt: skip
    yield config
    fake.released.set()
    await server.stop(0.1)


async def understood(config: dict[str, Any], folder: Path, *texts: str) -> list[Turn]:
    """The turns, each as a handler first saw it."""
    turns: list[Turn] = []
    plugins = (nlu_local, nlu_dialogflow, FakeChannel(), FakeHandler(turns.append))
    async with running(*plugins, config=config, tmp_path=folder) as gw:
        for number, text in enumerate(texts):
            await gw.customer("fake", f"c{number}").say(text)
    return list({turn.id: turn for turn in reversed(turns)}.values())[::-1]


async def test_what_is_being_worked_on_at_the_end_is_still_understood(
    config: dict[str, Any], tmp_path: Path
) -> None:
    """The engine is released after the last message."""
    turns: list[Turn] = []
    plugins = (nlu_local, nlu_dialogflow, FakeChannel(), FakeHandler(turns.append))
    async with running(*plugins, config=config, tmp_path=tmp_path) as gw:
        await gw.gateway.stop_background()
        await gw.customer("fake", "mia").say("how do I get a refund?")
        understanders = gw.gateway.registrations.understanders
    assert turns[0].understanding.ranked_by == "nlu_dialogflow"
    [engine] = [each for each in understanders if isinstance(each, DialogflowUnderstander)]
    assert engine._client is None


async def test_the_intent_gets_our_name(
    fake: FakeDialogflow, config: dict[str, Any], tmp_path: Path
) -> None:
    """Each message has a session of its own, and a text that is too long for Dialogflow is cut."""
    first, _ = await understood(config, tmp_path, "how do I get a refund?", "money " * 100)
    understanding = first.understanding
    assert understanding.ranked_by == "nlu_dialogflow"
    assert [(guess.name, guess.confidence) for guess in understanding.ranking] == [("refund", 0.75)]
    request, long = fake.requests
    assert request.session.startswith("projects/shop-1/locations/europe-west1/agent/sessions/")
    assert request.session != long.session
    assert request.query_input.text.text == "how do I get a refund?"
    assert request.query_input.text.language_code == "en"
    assert len(long.query_input.text.text) == 256


async def test_the_fallback_is_out_of_scope(
    fake: FakeDialogflow, config: dict[str, Any], tmp_path: Path
) -> None:
    """The bot asks back."""
    fake.result["intent"]["is_fallback"] = True
    fake.result["intent_detection_confidence"] = 1.0
    [turn] = await understood(config, tmp_path, "what is the capital of France?")
    assert turn.understanding.intent.name == "oos"
    assert turn.route.action == "clarify"


@pytest.mark.parametrize(
    "failure", ["slow", "error", "busy", "denied", "garbage", "nonsense", "down"]
)
async def test_each_failure_falls_back_to_the_embedded_engine(
    fake: FakeDialogflow, config: dict[str, Any], tmp_path: Path, failure: str
) -> None:
    """Every message is understood, and the failure is recorded."""
    fake.failure = failure
    config["plugins"]["nlu_dialogflow"]["timeout"] = 0.5
    if failure == "down":
        config["plugins"]["nlu_dialogflow"]["endpoint"] = "127.0.0.1:9"
    turns = await understood(config, tmp_path, "how do I get a refund?", "please refund my order")
    assert len(turns) == 2
    for turn in turns:
        assert turn.understanding.intent.name == "refund"
        assert turn.understanding.ranked_by == "nlu_local"
        assert turn.understanding.failed == ("nlu_dialogflow",)
    assert len(fake.requests) == {"busy": 1, "down": 0}.get(failure, 2)
