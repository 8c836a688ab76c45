"""Rasa 3's HTTP API, answering as a real server of version 3.6.21 does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

FAILURE = {"version": "3.6.21", "status": "failure", "details": {}, "help": None}


class FakeRasa:
    """Serves a project that `warmline rasa export` wrote. It finds an intent by the words that a
    text shares with an example. ``failure`` is slow, error, busy, garbage or nonsense; a slow call
    waits for ``released``."""

    def __init__(self, project: Path, *, token: str | None = None) -> None:
        domain = yaml.safe_load((project / "domain.yml").read_text("utf-8"))
        rules = yaml.safe_load((project / "data" / "rules.yml").read_text("utf-8"))["rules"]
        nlu = yaml.safe_load((project / "data" / "nlu.yml").read_text("utf-8"))["nlu"]
        self._examples = {
            entry["intent"]: [words(line) for line in entry["examples"].splitlines()]
            for entry in nlu
        }
        self._actions = {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in rules}
        self._responses = domain["responses"]
        self._token = token
        self._slots: dict[str, dict[str, str]] = {}
        self.failure: str | None = None
        self.released = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._fail_or_authorise])
        app.router.add_post("/model/parse", self._parse)
        app.router.add_post("/conversations/{sender}/tracker/events", self._event)
        app.router.add_post("/webhooks/rest/webhook", self._webhook)
        return app

    @web.middleware
    async def _fail_or_authorise(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.failure == "slow":
            await self.released.wait()
        if self.failure == "error":
            return web.json_response({**FAILURE, "code": 500}, status=500)
        if self.failure == "busy":
            return web.Response(status=429, headers={"Retry-After": "60"})
        if self.failure == "garbage":
            return web.Response(body=b'{"intent": ["<html>', content_type="application/json")
        if self.failure == "nonsense":
            return web.json_response({"intent": {"name": "refund", "confidence": 12}})
        # The REST channel of a Rasa server asks for no token.
        protected = self._token and not request.path.startswith("/webhooks/")
        if protected and request.query.get("token") != self._token:
            return web.json_response({**FAILURE, "code": 401}, status=401)
        return await handler(request)  # type: ignore[no-any-return]

    async def _parse(self, request: web.Request) -> web.Response:
        text = (await request.json())["text"]
        ranking = self._ranking(text)
        return web.json_response({
            "text": text, "intent": ranking[0], "entities": [], "text_tokens": [],
            "intent_ranking": ranking,
        })  # fmt: skip

    async def _event(self, request: web.Request) -> web.Response:
        event, sender = await request.json(), request.match_info["sender"]
        self._slots.setdefault(sender, {})[event["name"]] = event["value"]
        return web.json_response({"sender_id": sender, "slots": self._slots[sender], "events": []})

    async def _webhook(self, request: web.Request) -> web.Response:
        body = await request.json()
        action = self._actions[self._ranking(body["message"])[0]["name"]]
        response = self._variation(action, self._slots.get(body["sender"], {}))
        to = {"recipient_id": body["sender"]}
        messages = [{**to, **{k: response[k] for k in ("text", "buttons") if k in response}}]
        if "custom" in response:
            messages.append({**to, "custom": response["custom"]})
        return web.json_response(messages)

    def _variation(self, action: str, slots: Mapping[str, str]) -> Mapping[str, Any]:
        def holds(response: Mapping[str, Any]) -> bool:
            return all(slots.get(c["name"]) == c["value"] for c in response.get("condition", ()))

        return max(filter(holds, self._responses[action]), key=lambda r: "condition" in r)

    def _ranking(self, text: str) -> list[dict[str, Any]]:
        if text.startswith("/"):
            return [{"name": text[1:], "confidence": 1.0}]
        asked = words(text)
        shares = {
            intent: max(len(asked & line) / len(asked | line) for line in lines)
            for intent, lines in self._examples.items()
        }
        best = sorted(shares, key=lambda intent: -shares[intent])
        found = [{"name": name, "confidence": min(0.99, 0.3 + shares[name])} for name in best]
        if shares[best[0]] < 0.2:
            return [{"name": "nlu_fallback", "confidence": 0.3}, *found]
        return found


def words(text: str) -> set[str]:
    return {word.strip("?!.,-").lower() for word in text.split()} - {""}


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The address of a server of ``app``."""
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()
