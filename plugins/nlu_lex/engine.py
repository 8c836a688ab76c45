"""Lex as an understander, by ``RecognizeText`` of its runtime (version 2 of its API)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any
from uuid import uuid4

import msgspec

from gateway import Guess, Insight, Services, TryLater, Turn, Value, WarmlineError

LONGEST = 1024
"""Characters that RecognizeText takes."""
FALLBACK = "FallbackIntent"
OUT_OF_SCOPE = "oos"
BUSY = ("ThrottlingException", "TooManyRequestsException", "ServiceUnavailableException")


class LexError(WarmlineError):
    """The service gave no answer that can be used."""


class Bot(Value, frozen=True, kw_only=True):
    """Which bot, where. ``timeout``: seconds for one call."""

    bot: str
    alias: str
    locale: str
    region: str
    endpoint: str | None = None
    timeout: float = 3.0


class Intent(msgspec.Struct, frozen=True):
    name: str


class Confidence(msgspec.Struct, frozen=True):
    score: float


class Interpretation(msgspec.Struct, frozen=True, rename="camel"):
    intent: Intent
    nlu_confidence: Confidence | None = None


class NluLex:
    """Tells the intent as a Lex bot does; language, emotion and signals are left to others.

    Each message is a session of its own: no dialogue of the bot is begun. boto3 blocks, so each
    call has a thread, of a pool that nobody else waits for. Implements `Understander`, `RemoteUnderstander`
    and `Poller` (which only closes at the end).
    """

    name = "nlu_lex"
    priority = 30

    def __init__(self, bot: Bot, *, at_once: int, ours: Mapping[str, str] | None = None) -> None:
        """``ours``: the bot's name of an intent -> ours; others keep their own."""
        self._bot, self._ours = bot, dict(ours or {})
        self.at_once = at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="lex")
        self._client: Any = None  # boto3 makes its classes when asked; it has no types
        self._making = Lock()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        loop = asyncio.get_running_loop()
        return [
            await loop.run_in_executor(self._threads, self._one, turn.message.text)
            for turn in turns
        ]

    async def run(self, services: Services) -> None:  # noqa: ARG002  (a Poller is handed the house)
        try:
            await asyncio.Event().wait()
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _one(self, text: str) -> Insight:
        from botocore.exceptions import (  # noqa: PLC0415  (loaded when first asked)
            BotoCoreError,
            ClientError,
        )

        try:
            answer = self._connected().recognize_text(
                botId=self._bot.bot,
                botAliasId=self._bot.alias,
                localeId=self._bot.locale,
                sessionId=uuid4().hex,
                text=text[:LONGEST],
            )
        except ClientError as error:
            raise _in_our_words(error.response) from None
        except (BotoCoreError, ValueError) as error:
            raise LexError(f"no answer: {type(error).__name__}") from None
        return Insight(ranking=self._ranking(answer.get("interpretations")))

    def _ranking(self, told: object) -> tuple[Guess, ...]:
        try:
            found = msgspec.convert(told, tuple[Interpretation, ...])
        except msgspec.ValidationError:
            raise LexError("answered in another shape than its documentation tells") from None
        if not found:
            raise LexError("answered without an interpretation")
        real = sorted(
            (
                Guess(name=self._ours.get(one.intent.name, one.intent.name), confidence=sure.score)
                for one in found
                if (sure := one.nlu_confidence) and one.intent.name != FALLBACK
            ),
            key=lambda guess: -guess.confidence,
        )
        if found[0].intent.name != FALLBACK:
            return tuple(real)
        # The bot gives its fallback no figure: it stands in front of what it was preferred to.
        best = real[0].confidence if real else 0.0
        return (Guess(name=OUT_OF_SCOPE, confidence=max(best, 1.0 - best)), *real)

    def _connected(self) -> Any:
        with self._making:
            if self._client is None:
                import boto3  # noqa: PLC0415  (loaded when first asked)
                from botocore.config import Config  # noqa: PLC0415

                self._client = boto3.session.Session().client(
                    "lexv2-runtime",
                    region_name=self._bot.region,
                    endpoint_url=self._bot.endpoint,
                    config=Config(
                        connect_timeout=self._bot.timeout,
                        read_timeout=self._bot.timeout,
                        retries={"total_max_attempts": 1},
                        max_pool_connections=self.at_once,
                    ),
                )
            return self._client


def _in_our_words(response: Mapping[str, Any]) -> WarmlineError:
    code = str(response.get("Error", {}).get("Code", "unknown"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    told = f"answered {status} {code}"
    return TryLater(told) if code in BUSY or status in (429, 503) else LexError(told)
