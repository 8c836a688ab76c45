"""Dialogflow beside us, through Google's client, against a gRPC server that speaks its protocol."""

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
from plugins.nlu_local import plugin as nlu_local

from .shop import open_shop

STATUS = {
    "error": grpc.StatusCode.INTERNAL, "busy": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
}  # fmt: skip


class FarDialogflow:
    """Sessions.DetectIntent, with a fixed result."""

    def __init__(self) -> None:
        self.asked: list[dialogflow_v2.DetectIntentRequest] = []
        self.result: dict[str, Any] = {
            "intent": {"name": "projects/p/agent/intents/1", "display_name": "Get refund"},
            "intent_detection_confidence": 0.75,
        }
        self.trouble: str | None = None
        self.released = asyncio.Event()

    def handler(self) -> grpc.GenericRpcHandler:
        detect = grpc.unary_unary_rpc_method_handler(
            self._detect,
            request_deserializer=dialogflow_v2.DetectIntentRequest.deserialize,
            response_serializer=lambda told: told,
        )
        service = "google.cloud.dialogflow.v2.Sessions"
        return grpc.method_handlers_generic_handler(service, {"DetectIntent": detect})

    async def _detect(
        self, asked: dialogflow_v2.DetectIntentRequest, context: grpc.aio.ServicerContext
    ) -> bytes:
        self.asked.append(asked)
        if self.trouble == "slow":
            await self.released.wait()
        if self.trouble in STATUS:
            await context.abort(STATUS[self.trouble], "no")
        if self.trouble == "garbage":
            return b"\xff\xff\xff<html>"
        if self.trouble == "nonsense":
            self.result["intent_detection_confidence"] = 75.0
        answer = dialogflow_v2.DetectIntentResponse(query_result=self.result)
        return dialogflow_v2.DetectIntentResponse.serialize(answer)


@pytest.fixture
async def far() -> FarDialogflow:
    return FarDialogflow()


@pytest.fixture
async def config(far: FarDialogflow, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((far.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    config = open_shop(tmp_path)
    config["plugins"]["nlu_dialogflow"] = {
        "project": "shop-1", "location": "europe-west1", "endpoint": f"127.0.0.1:{port}",
        "names": {"refund": "Get refund"},
    }  # fmt: skip
    yield config
    far.released.set()
    await server.stop(0.1)


async def understood(config: dict[str, Any], folder: Path, *texts: str) -> list[Turn]:
    """Each turn as it was first asked about."""
    seen: list[Turn] = []
    guests = (nlu_local, nlu_dialogflow, FakeChannel(), FakeHandler(seen.append))
    async with running(*guests, config=config, tmp_path=folder) as gw:
        for number, text in enumerate(texts):
            await gw.customer("fake", f"c{number}").say(text)
    return list({turn.id: turn for turn in reversed(seen)}.values())[::-1]


async def test_its_intent(far: FarDialogflow, config: dict[str, Any], tmp_path: Path) -> None:
    """It is told by our name; each message is a session of its own, and what is too long for
    Dialogflow is cut."""
    first, _ = await understood(config, tmp_path, "how do I get a refund?", "money " * 100)
    understanding = first.understanding
    assert understanding.ranked_by == "nlu_dialogflow"
    assert [(one.name, one.confidence) for one in understanding.ranking] == [("refund", 0.75)]
    one, other = far.asked
    assert one.session.startswith("projects/shop-1/locations/europe-west1/agent/sessions/")
    assert one.session != other.session
    assert one.query_input.text.text == "how do I get a refund?"
    assert one.query_input.text.language_code == "en"
    assert len(other.query_input.text.text) == 256


async def test_its_fallback(far: FarDialogflow, config: dict[str, Any], tmp_path: Path) -> None:
    """The agent's fallback intent is out of scope."""
    far.result["intent"]["is_fallback"] = True
    far.result["intent_detection_confidence"] = 1.0
    [turn] = await understood(config, tmp_path, "what is the capital of France?")
    assert turn.understanding.intent.name == "oos"
    assert turn.route.action == "clarify"


@pytest.mark.parametrize(
    "trouble", ["slow", "error", "busy", "denied", "garbage", "nonsense", "down"]
)
async def test_in_trouble(
    far: FarDialogflow, config: dict[str, Any], tmp_path: Path, trouble: str
) -> None:
    """Whatever is wrong, each message is understood by the embedded engine."""
    far.trouble = trouble
    config["plugins"]["nlu_dialogflow"]["timeout"] = 0.5
    if trouble == "down":
        config["plugins"]["nlu_dialogflow"]["endpoint"] = "127.0.0.1:9"
    turns = await understood(config, tmp_path, "how do I get a refund?", "please refund my order")
    assert len(turns) == 2
    for turn in turns:
        assert turn.understanding.intent.name == "refund"
        assert turn.understanding.ranked_by == "nlu_local"
        assert turn.understanding.failed == ("nlu_dialogflow",)
    assert len(far.asked) == {"busy": 1, "down": 0}.get(trouble, 2)
