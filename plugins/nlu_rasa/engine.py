"""Rasa's NLU as an understander: intents, and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from gateway import Guess, Insight, Services, Turn

from .client import Client, Intent, Parsed

FALLBACK = "nlu_fallback"
OUT_OF_SCOPE = "oos"
_SLASHES = re.compile(r"^[\s/]+")


class NluRasa:
    """Tells the intent as a Rasa server does; language, emotion and signals are left to others.

    Implements `Understander`, `RemoteUnderstander` and `Poller` (which only keeps connections open).
    """

    name = "nlu_rasa"
    priority = 20

    def __init__(self, client: Client, *, at_once: int) -> None:
        self._client = client
        self.at_once = at_once

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [
            Insight(ranking=ranking(await self._client.parse(words_of(turn)))) for turn in turns
        ]

    async def run(self, services: Services) -> None:  # noqa: ARG002  (a Poller is handed the house)
        async with self._client.kept_open():
            await asyncio.Event().wait()


def words_of(turn: Turn) -> str:
    """What Rasa gets to read. It takes a message that begins with a slash for an intent, at its
    word: that is for the buttons of our last message, and no way for a customer to choose."""
    text = turn.message.text
    last = next((m for m in reversed(turn.history) if m.author == "bot"), None)
    offered = {button.payload for button in last.buttons} if last else set()
    return text if text in offered else _SLASHES.sub("", text)


def ranking(parsed: Parsed) -> tuple[Guess, ...]:
    """Confidence as Rasa gives it. Its ``nlu_fallback`` is our ``oos``: it stands in front, as
    Rasa puts it there, though its figure may be below that of the best intent."""
    told = [parsed.intent, *parsed.intent_ranking]
    found = {one.name: one.confidence for one in reversed(told) if one.name}
    real = [Guess(name=name, confidence=sure) for name, sure in found.items() if name != FALLBACK]
    real.sort(key=lambda guess: -guess.confidence)
    if parsed.intent.name != FALLBACK:
        return tuple(real)
    return (_out_of_scope(parsed.intent, real), *real)


def _out_of_scope(intent: Intent, real: Sequence[Guess]) -> Guess:
    best = real[0].confidence if real else 0.0
    return Guess(name=OUT_OF_SCOPE, confidence=max(intent.confidence, best))
