"""A server with OpenAI's chat API, whose model obeys every message.

It answers what the test sets, or what a customer's message orders (`say: ...`, `intent: ...`). It
records every request, and can be made to fail.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from aiohttp import web

SUMMARY_ORDERS = re.compile(r"(wants|says|told):\s*([^\n;]+)")
ORDERS = re.compile(r"(intent|mood|say|passage):\s*([^\n;]+)")


class FakeOpenAI:
    """``failure`` is slow, error, busy, key, garbage or cut; a slow call waits for ``released``."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.insight: dict[str, Any] = {"intent": "oos", "confidence": 0.9}
        self.answer: dict[str, Any] | None = None
        self.summary: dict[str, str] | None = None
        self.failure: str | None = None
        self.usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        self.released = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        return app

    @property
    def received(self) -> str:
        """Everything that was ever sent here."""
        return json.dumps(self.requests, ensure_ascii=False)

    async def _complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers["Authorization"])
        if self.failure == "slow":
            await self.released.wait()
        if self.failure == "error":
            return _error(500, "the server had an error")
        if self.failure == "busy":
            return _error(429, "Rate limit reached", {"Retry-After": "60"})
        if self.failure == "key":
            return _error(401, "Incorrect API key provided")
        if self.failure == "garbage":
            return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
        content = '{"intent": "re' if self.failure == "cut" else json.dumps(self._obey(body))
        return web.json_response({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": None},
            }],
            "usage": self.usage,
        })  # fmt: skip

    def _obey(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = body["messages"][0]["content"]
        data = json.loads(body["messages"][1]["content"])
        if "messages" in data:
            return self._summarise(data["messages"], prompt)
        orders = dict(ORDERS.findall(data.get("question") or data.get("message")))
        if "question" not in data:
            ordered = {k: orders[k].strip() for k in ("intent", "mood") if k in orders}
            return {"mood": "calm", "intensity": 0.1, **self.insight, **ordered}
        if "say" in orders:
            answer = orders["say"].replace("PROMPT", prompt)
            return {"passage": int(orders.get("passage", 1)), "answer": answer}
        return self.answer or {"passage": 0, "answer": ""}

    def _summarise(self, messages: list[dict[str, str]], prompt: str) -> dict[str, str]:
        orders = [order for m in messages for order in SUMMARY_ORDERS.findall(m["text"])]
        fields = {"wants": "", "says": "", "told": "", **(self.summary or {}), **dict(orders)}
        return {field: text.replace("PROMPT", prompt) for field, text in fields.items()}


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "t", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)
