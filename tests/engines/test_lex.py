"""Amazon Lex beside us, through boto3, against a server that speaks its protocol."""

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
from plugins.nlu_local import plugin as nlu_local

from .far_rasa import served
from .shop import open_shop

PATH = "/bots/{bot}/botAliases/{alias}/botLocales/{locale}/sessions/{session}/text"


class FarLex:
    """RecognizeText, with a fixed interpretation."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], str]] = []
        self.found: Any = [
            {
                "intent": {"name": "GetRefund", "state": "Fulfilled"},
                "nluConfidence": {"score": 0.8},
            },
            {"intent": {"name": "FallbackIntent"}},
            {"intent": {"name": "opening_hours"}, "nluConfidence": {"score": 0.3}},
        ]
        self.trouble: str | None = None
        self.released = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post(PATH, self._recognise)
        return app

    async def _recognise(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        self.asked.append((dict(request.match_info), (await request.json())["text"]))
        if self.trouble == "slow":
            await self.released.wait()
        if self.trouble == "error":
            return _error(500, "InternalServerException")
        if self.trouble == "busy":
            return _error(429, "ThrottlingException")
        if self.trouble == "denied":
            return _error(403, "AccessDeniedException")
        if self.trouble == "garbage":
            return web.Response(text="<html>", content_type="application/json")
        if self.trouble == "nonsense":
            return web.json_response({"interpretations": [{"intent": 7}]})
        return web.json_response({"sessionId": "s", "interpretations": self.found})


def _error(status: int, code: str) -> web.Response:
    return web.Response(
        status=status, text=json.dumps({"message": "no"}), content_type="application/json",
        headers={"x-amzn-ErrorType": code},
    )  # fmt: skip


@pytest.fixture
async def far() -> FarLex:
    return FarLex()


@pytest.fixture
async def config(
    far: FarLex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, Any]]:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    config = open_shop(tmp_path)
    async with served(far.app()) as url:
        config["plugins"]["nlu_lex"] = {
            "bot": "BOT1234567", "alias": "TSTALIASID", "region": "eu-west-1", "endpoint": url,
            "names": {"refund": "GetRefund"}, "timeout": 3,
        }  # fmt: skip
        yield config
        far.released.set()


async def understood(config: dict[str, Any], folder: Path, *texts: str) -> list[Turn]:
    """Each turn as it was first asked about."""
    seen: list[Turn] = []
    guests = (nlu_local, nlu_lex, FakeChannel(), FakeHandler(seen.append))
    async with running(*guests, config=config, tmp_path=folder) as gw:
        for number, text in enumerate(texts):
            await gw.customer("fake", f"c{number}").say(text)
    return list({turn.id: turn for turn in reversed(seen)}.values())[::-1]


async def test_its_intents(far: FarLex, config: dict[str, Any], tmp_path: Path) -> None:
    """They are told by our names, best first; each message is a session of its own, and what is
    too long for Lex is cut."""
    first, second = await understood(config, tmp_path, "how do I get a refund?", "money " * 500)
    understanding = first.understanding
    assert understanding.ranked_by == "nlu_lex"
    assert [(one.name, one.confidence) for one in understanding.ranking] == [
        ("refund", 0.8), ("opening_hours", 0.3),
    ]  # fmt: skip
    assert second.understanding.failed == ()
    (path, text), (other, cut) = far.asked
    assert (path["bot"], path["alias"], path["locale"]) == ("BOT1234567", "TSTALIASID", "en_US")
    assert text == "how do I get a refund?"
    assert len(cut) == 1024
    assert path["session"] != other["session"]


async def test_its_fallback(far: FarLex, config: dict[str, Any], tmp_path: Path) -> None:
    """The bot's FallbackIntent is out of scope, and stands in front."""
    far.found = far.found[1:]
    [turn] = await understood(config, tmp_path, "what is the capital of France?")
    assert [one.name for one in turn.understanding.ranking] == ["oos", "opening_hours"]


@pytest.mark.parametrize(
    "trouble", ["slow", "error", "busy", "denied", "garbage", "nonsense", "down"]
)
async def test_in_trouble(
    far: FarLex, config: dict[str, Any], tmp_path: Path, trouble: str
) -> None:
    """Whatever is wrong, each message is understood by the embedded engine."""
    far.trouble = trouble
    config["plugins"]["nlu_lex"]["timeout"] = 0.3
    if trouble == "down":
        config["plugins"]["nlu_lex"]["endpoint"] = "http://127.0.0.1:9"
    turns = await understood(config, tmp_path, "how do I get a refund?", "please refund my order")
    assert len(turns) == 2
    for turn in turns:
        assert turn.understanding.intent.name == "refund"
        assert turn.understanding.ranked_by == "nlu_local"
        assert turn.understanding.failed == ("nlu_lex",)
    assert len(far.asked) == {"busy": 1, "down": 0}.get(trouble, 2)
