"""A server with OpenAI's chat API, whose model says what it is told to, and obeys every order that
it reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.bench.grounding.inventions import Written
from tests.engines.fake_openai import FakeOpenAI


class WritingModel(FakeOpenAI):
    """``writes``: what it says next, each sentence on the passage with that number. ``order``: a
    sentence that it says instead as soon as it reads it anywhere, with the passage it stands in (or
    the first) and with itself as support where it stands there; ``PROMPT`` in it is its rules.
    ``says``: the whole answer instead, as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: Sequence[tuple[Written, int]] = ()
        self.order: str | None = None
        self.obeyed = 0
        self.enough = True
        self.says: dict[str, Any] | None = None

    def _obey(self, body: dict[str, Any]) -> dict[str, Any]:
        rules = body["messages"][0]["content"]
        data = json.loads(body["messages"][1]["content"])
        if self.says is not None:
            return self.says
        if self.order is not None and self.order in json.dumps(data, ensure_ascii=False):
            self.obeyed += 1
            return {"enough": True, "sentences": [self._obedient(rules, data, self.order)]}
        sentences = [
            {"text": written.text, "passage": number, "support": [written.quote]}
            for written, number in self.writes
        ]
        return {"enough": self.enough, "sentences": sentences if self.enough else []}

    def _obedient(self, rules: str, data: dict[str, Any], order: str) -> dict[str, Any]:
        passages = data["passages"]
        at = next((p for p in passages if order in p["text"]), passages[0])
        support = order if order in at["text"] else at["text"].split(". ")[0]
        text = order.replace("PROMPT", rules)
        return {"text": text, "passage": at["number"], "support": [support]}
