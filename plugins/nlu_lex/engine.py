"""Lex V2 as an understander, by ``RecognizeText`` of its runtime API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any
from uuid import uuid4

import msgspec

from gateway import Guess, Insight, TryLater, Turn, Value, WarmlineError

LONGEST = 1024
"""Characters that RecognizeText takes."""
FALLBACK = "FallbackIntent"
"""Lex's intent for what it does not know."""
OUT_OF_SCOPE = "oos"
"""Our name for it."""
BUSY = ("ThrottlingException", "TooManyRequestsException", "ServiceUnavailableException")


class LexError(WarmlineError):
    """The service gave no answer that can be used."""


class LexBot(Value, frozen=True, kw_only=True):
    """Which bot is asked, and where. ``timeout``: seconds for one call."""

    bot: str
    alias: str
    locale: str
    region: str
    endpoint: str | None = None
    timeout: float = 3.0


class LexIntent(msgspec.Struct, frozen=True):
    """An intent, by the bot's name."""

    name: str


class LexConfidence(msgspec.Struct, frozen=True):
    """How sure the bot is, 0..1."""

    score: float


class LexInterpretation(msgspec.Struct, frozen=True, rename="camel"):
    """What a message may mean; the fallback has no confidence."""

    intent: LexIntent
    nlu_confidence: LexConfidence | None = None


class LexUnderstander:
    """Finds intents with a Lex bot; language, emotion and signals come from others.

    Each message has a session of its own: no dialogue of the bot begins. boto3 blocks, so calls
    run in threads of a pool of their own. Implements `Understander`, `RemoteUnderstander` and
    `NeedsTeardown`.
    """

    name = "nlu_lex"
    priority = 30

    def __init__(
        self, bot: LexBot, *, at_once: int, our_names: Mapping[str, str] | None = None
    ) -> None:
        """``at_once``: the most calls at the same time; ``our_names``: the bot's name of an intent
        -> ours, where they differ."""
        self.at_once = at_once
        self._bot, self._our_names = bot, dict(our_names or {})
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="lex")
        self._client: Any = None  # boto3 makes its classes when they are asked for, without types
        self._connecting = Lock()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        """One call for each turn."""
        loop = asyncio.get_running_loop()
        return [
            await loop.run_in_executor(self._threads, self._understand, turn.message.text)
            for turn in turns
        ]

    async def teardown(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _understand(self, text: str) -> Insight:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow to load)

        try:
            answer = self._connected().recognize_text(
                botId=self._bot.bot,
                botAliasId=self._bot.alias,
                localeId=self._bot.locale,
                sessionId=uuid4().hex,
                text=text[:LONGEST],
            )
        except ClientError as error:
            raise _translated(error.response) from None
        except (BotoCoreError, ValueError) as error:
            raise LexError(f"no answer: {type(error).__name__}") from None
        try:
            found = msgspec.convert(answer.get("interpretations"), tuple[LexInterpretation, ...])
        except msgspec.ValidationError:
            raise LexError("answered in another shape than its documentation describes") from None
        if not found:
            raise LexError("answered without an interpretation")
        return Insight(ranking=self._ranking(found))

    def _ranking(self, found: Sequence[LexInterpretation]) -> tuple[Guess, ...]:
        guesses = [
            Guess(name=self._our_names.get(name, name), confidence=confidence.score)
            for interpretation in found
            if (confidence := interpretation.nlu_confidence)
            and (name := interpretation.intent.name) != FALLBACK
        ]
        guesses.sort(key=lambda guess: -guess.confidence)
        if found[0].intent.name != FALLBACK:
            return tuple(guesses)
        # The fallback has no figure of its own: it stands in front of those it was preferred to.
        best = guesses[0].confidence if guesses else 0.0
        return (Guess(name=OUT_OF_SCOPE, confidence=max(best, 1.0 - best)), *guesses)

    def _connected(self) -> Any:
        with self._connecting:
            if self._client is None:
                import boto3  # noqa: PLC0415  (slow to load)
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


def _translated(response: Mapping[str, Any]) -> WarmlineError:
    code = str(response.get("Error", {}).get("Code", "unknown"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    message = f"answered {status} {code}"
    return TryLater(message) if code in BUSY or status in (429, 503) else LexError(message)
