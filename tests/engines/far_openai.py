"""A server that speaks OpenAI's chat API, with a model as gullible as can be.

It answers what the test tells it to, or does what a customer's message asks of it: `say: ...`,
`intent: ...`. It counts what it read, and can be made to misbehave.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from aiohttp import web

SUMS = re.compile(r"(wants|says|told):\s*([^\n;]+)")
ORDERS = re.compile(r"(intent|mood|say|passage):\s*([^\n;]+)")


class FarOpenAI:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.sorts: dict[str, Any] = {"intent": "oos", "confidence": 0.9}
        self.says: dict[str, Any] | None = None
        self.sums: dict[str, str] | None = None
        self.trouble: str | None = None
        self.usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        self.released = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        return app

    @property
    def read(self) -> str:
        """All words that ever left the house."""
        return json.dumps(self.asked, ensure_ascii=False)

    async def _complete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        self.keys.append(request.headers["Authorization"])
        if self.trouble == "slow":
            await self.released.wait()
        if self.trouble == "error":
            return _error(500, "the server had an error")
        if self.trouble == "busy":
            return _error(429, "Rate limit reached", {"Retry-After": "60"})
        if self.trouble == "key":
            return _error(401, "Incorrect API key provided")
        if self.trouble == "garbage":
            return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
        content = '{"intent": "re' if self.trouble == "cut" else json.dumps(self._answer(asked))
        return web.json_response({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": None},
            }],
            "usage": self.usage,
        })  # fmt: skip

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        said = json.loads(asked["messages"][1]["content"])
        if "messages" in said:
            return self._sum(said["messages"], asked["messages"][0]["content"])
        orders = dict(ORDERS.findall(said.get("question") or said.get("message")))
        if "question" not in said:
            sorts = {"mood": "calm", "intensity": 0.1, **self.sorts}
            return {**sorts, **{k: orders[k].strip() for k in ("intent", "mood") if k in orders}}
        if "say" in orders:
            words = orders["say"].replace("PROMPT", asked["messages"][0]["content"])
            return {"passage": int(orders.get("passage", 1)), "answer": words}
        return self.says or {"passage": 0, "answer": ""}

    def _sum(self, messages: list[dict[str, str]], prompt: str) -> dict[str, str]:
        orders = [order for one in messages for order in SUMS.findall(one["text"])]
        told = {"wants": "", "says": "", "told": "", **(self.sums or {}), **dict(orders)}
        return {field: words.replace("PROMPT", prompt) for field, words in told.items()}


def _error(status: int, words: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": words, "type": "t", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)
