"""Amazon Lex, through boto3, against a server with its protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway import Turn
from gateway.testing import FakeChannel, FakeHandler, running
from plugins import nlu_lex
from plugins.nlu_lex.engine import LexUnderstander
from plugins.nlu_local import plugin as nlu_local

from .fake_rasa import served
from .shop import write_shop

PATH = "/bots/{bot}/botAliases/{alias}/botLocales/{locale}/sessions/{session}/text"


class FakeLex:
    """RecognizeText, with a fixed interpretation."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], str]] = []
        self.interpretations: Any = [
            {
                "intent": {"name": "GetRefund", "state": "Fulfilled"},
                "nluConfidence": {"score": 0.8},
            },
            {"intent": {"name": "FallbackIntent"}},
            {"intent": {"name": "opening_hours"}, "nluConfidence": {"score": 0.3}},
        ]
        self.failure: str | None = None
        self.released = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post(PATH, self._recognise)
        return app

    async def _recognise(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        self.requests.append((dict(request.match_info), (await request.json())["text"]))
        if self.failure == "slow":
            await self.released.wait()
        if self.failure == "error":
            return _error(500, "InternalServerException")
        if self.failure == "busy":
            return _error(429, "ThrottlingException")
        if self.failure == "denied":
            return _error(403, "AccessDeniedException")
        if self.failure == "garbage":
            return web.Response(text="<html>", content_type="application/json")
        if self.failure == "nonsense":
            return web.json_response({"interpretations": [{"intent": 7}]})
        return web.json_response({"sessionId": "s", "interpretations": self.interpretations})


def _error(status: int, code: str) -> web.Response:
    return web.Response(
        status=status, text=json.dumps({"message": "no"}), content_type="application/json",
        headers={"x-amzn-ErrorType": code},
    )  # fmt: skip


@pytest.fixture
async def fake() -> FakeLex:
    return FakeLex()


@pytest.fixture
async def config(
    fake: FakeLex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, Any]]:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    config = write_shop(tmp_path)
    async with served(fake.app()) as url:
        config["plugins"]["nlu_lex"] = {
            "bot": "BOT1234567", "alias": "TSTALIASID", "region": "eu-west-1", "endpoint": url,
            "names": {"refund": "GetRefund"}, "timeout": 3,
        }  # fmt: skip
        yield config
        fake.released.set()


async def understood(config: dict[str, Any], folder: Path, *texts: str) -> list[Turn]:
    """The turns, each as a handler first saw it."""
    turns: list[Turn] = []
    plugins = (nlu_local, nlu_lex, FakeChannel(), FakeHandler(turns.append))
    async with running(*plugins, config=config, tmp_path=folder) as gw:
        for number, text in enumerate(texts):
            await gw.customer("fake", f"c{number}").say(text)
    return list({turn.id: turn for turn in reversed(turns)}.values())[::-1]


async def test_what_is_being_worked_on_at_the_end_is_still_understood(
    config: dict[str, Any], tmp_path: Path
) -> None:
    """The engine is released after the last message."""
    turns: list[Turn] = []
    plugins = (nlu_local, nlu_lex, FakeChannel(), FakeHandler(turns.append))
    async with running(*plugins, config=config, tmp_path=tmp_path) as gw:
        await gw.gateway.stop_background()
        await gw.customer("fake", "mia").say("how do I get a refund?")
        understanders = gw.gateway.registrations.understanders
    assert turns[0].understanding.ranked_by == "nlu_lex"
    [engine] = [each for each in understanders if isinstance(each, LexUnderstander)]
    assert engine._threads._shutdown


async def test_intents_get_our_names(fake: FakeLex, config: dict[str, Any], tmp_path: Path) -> None:
    """Best first. Each message has a session of its own, and a text that is too long for Lex is
    cut."""
    first, second = await understood(config, tmp_path, "how do I get a refund?", "money " * 500)
    understanding = first.understanding
    assert understanding.ranked_by == "nlu_lex"
    assert [(guess.name, guess.confidence) for guess in understanding.ranking] == [
        ("refund", 0.8), ("opening_hours", 0.3),
    ]  # fmt: skip
    assert second.understanding.failed == ()
    (path, text), (other_path, cut) = fake.requests
    assert (path["bot"], path["alias"], path["locale"]) == ("BOT1234567", "TSTALIASID", "en_US")
    assert text == "how do I get a refund?"
    assert len(cut) == 1024
    assert path["session"] != other_path["session"]


async def test_the_fallback_is_out_of_scope(
    fake: FakeLex, config: dict[str, Any], tmp_path: Path
) -> None:
    """It comes first."""
    fake.interpretations = fake.interpretations[1:]
    [turn] = await understood(config, tmp_path, "what is the capital of France?")
    assert [guess.name for guess in turn.understanding.ranking] == ["oos", "opening_hours"]


@pytest.mark.parametrize(
    "failure", ["slow", "error", "busy", "denied", "garbage", "nonsense", "down"]
)
async def test_each_failure_falls_back_to_the_embedded_engine(
    fake: FakeLex, config: dict[str, Any], tmp_path: Path, failure: str
) -> None:
    """Every message is understood, and the failure is recorded."""
    fake.failure = failure
    config["plugins"]["nlu_lex"]["timeout"] = 0.3
    if failure == "down":
        config["plugins"]["nlu_lex"]["endpoint"] = "http://127.0.0.1:9"
    turns = await understood(config, tmp_path, "how do I get a refund?", "please refund my order")
    assert len(turns) == 2
    for turn in turns:
        assert turn.understanding.intent.name == "refund"
        assert turn.understanding.ranked_by == "nlu_local"
        assert turn.understanding.failed == ("nlu_lex",)
    assert len(fake.requests) == {"busy": 1, "down": 0}.get(failure, 2)
