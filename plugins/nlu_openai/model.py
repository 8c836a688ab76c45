"""A language model behind OpenAI's API, and how much it may be used in a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog
from pydantic import SecretStr

from gateway import Json, TryLater, WarmlineError, retry_after

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

T = TypeVar("T")
LETTERS_PER_TOKEN = 2
"""Deliberately few (real text has 3 to 4): the estimate before a call exceeds what it uses."""

log = structlog.get_logger(__name__)


class ModelError(WarmlineError):
    """The server gave no answer that can be used."""


@dataclass(kw_only=True, eq=False)
class LanguageModel:
    """A model of OpenAI, or of a server with a compatible API. A failed call is not repeated.

    ``timeout``: seconds for one call; ``answer_tokens``: the most for one answer.
    """

    api_key: SecretStr
    base_url: str | None
    name: str
    timeout: float
    answer_tokens: int
    temperature: float | None
    budget: DailyBudget
    _client: AsyncOpenAI | None = field(default=None, init=False)

    async def ask(
        self, rules: str, data: Json, schema: Mapping[str, Any], kind: type[T]
    ) -> T | None:
        """The model's answer to ``data`` under ``rules``, in the shape of ``schema``.

        None when the day's budget is used up or the model declines. Raises TryLater (429, 503) or
        ModelError.
        """
        content = msgspec.json.encode(data).decode()
        estimate = (len(rules) + len(content) + len(str(schema))) // LETTERS_PER_TOKEN
        if not self.budget.reserve(estimate, self.answer_tokens):
            return None
        used = (estimate, self.answer_tokens)  # counts when a call is cut off
        try:
            answer = await self._complete(rules, content, schema)
            if answer.usage is not None:
                used = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        except WarmlineError:
            used = (0, 0)
            raise
        finally:
            self.budget.settle(estimate, self.answer_tokens, used=used)
        return _decode(answer, kind)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _complete(
        self, rules: str, content: str, schema: Mapping[str, Any]
    ) -> ChatCompletion:
        from openai import APIStatusError, AsyncOpenAI, OpenAIError  # noqa: PLC0415  (slow to load)

        if self._client is None:
            self._client = AsyncOpenAI(
                api_key=self.api_key.get_secret_value(),
                base_url=self.base_url,
                timeout=self.timeout,
                max_retries=0,
            )
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [
                {"role": "system", "content": rules},
                {"role": "user", "content": content},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
            },
            "max_completion_tokens": self.answer_tokens,
        }
        if self.temperature is not None:
            request["temperature"] = self.temperature
        try:
            answer: ChatCompletion = await self._client.chat.completions.create(**request)
        except APIStatusError as error:
            raise _translated(error) from None
        except (OpenAIError, ValueError) as error:  # its message may quote the customer
            raise ModelError(f"no answer: {type(error).__name__}") from None
        return answer


def object_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def _translated(error: APIStatusError) -> WarmlineError:
    message = f"answered {error.status_code}"
    if error.status_code in (429, 503):
        return TryLater(message, after=retry_after(error.response.headers.get("retry-after")))
    return ModelError(message)


def _decode(answer: ChatCompletion, kind: type[T]) -> T | None:
    if not answer.choices:
        raise ModelError("answered without a choice")
    choice = answer.choices[0]
    if choice.message.refusal or choice.finish_reason in ("length", "content_filter"):
        return None
    try:
        return msgspec.json.decode(choice.message.content or "", type=kind)
    except msgspec.MsgspecError:
        raise ModelError("answered in another shape than the schema") from None


# -- the budget ----------------------------------------------------------------------------------


class TokenUsage(msgspec.Struct):
    """What was used on ``day``: tokens sent and answered, and their cost."""

    day: date
    tokens: int = 0
    cost: float = 0.0


class TokenPrices(msgspec.Struct, frozen=True):
    """Per million tokens, in a currency of your own."""

    read: float = 0.0
    written: float = 0.0

    def cost(self, read: int, written: int) -> float:
        """What these tokens cost."""
        return (read * self.read + written * self.written) / 1_000_000


@dataclass(kw_only=True, eq=False)
class DailyBudget:
    """The limits of a day (None: no limit). ``file`` keeps the count over restarts; ``today``
    returns the date."""

    tokens: int | None
    cost: float | None
    prices: TokenPrices
    file: Path
    today: Callable[[], date]

    def __post_init__(self) -> None:
        self._usage = _read_usage(self.file) or TokenUsage(day=self.today())
        self._reserved = TokenUsage(day=self._usage.day)
        self._logged: date | None = None

    def reserve(self, read: int, written: int) -> bool:
        """Reserve the most that a call may use. False when that exceeds a limit: make no call.
        After True call `settle` with the same figures, whether or not the call succeeded."""
        self._start_day()
        cost = self.prices.cost(read, written)
        tokens = self._usage.tokens + self._reserved.tokens + read + written
        total = self._usage.cost + self._reserved.cost + cost
        if (self.tokens is not None and tokens > self.tokens) or (
            self.cost is not None and total > self.cost
        ):
            self._log_once()
            return False
        self._reserved.tokens += read + written
        self._reserved.cost += cost
        return True

    def settle(self, read: int, written: int, *, used: tuple[int, int]) -> None:
        """Release a reservation and count what was ``used``: tokens sent and answered."""
        self._reserved.tokens -= read + written
        self._reserved.cost -= self.prices.cost(read, written)
        self._start_day()
        self._usage.tokens += sum(used)
        self._usage.cost += self.prices.cost(*used)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self._usage))
        new.replace(self.file)

    def _start_day(self) -> None:
        if self._usage.day != self.today():
            self._usage = TokenUsage(day=self.today())

    def _log_once(self) -> None:
        """Once a day: the other engines work on without this one."""
        usage = self._usage
        if self._logged != usage.day:
            self._logged = usage.day
            log.warning("openai.budget_used_up", tokens=usage.tokens, cost=round(usage.cost, 4))


def _read_usage(file: Path) -> TokenUsage | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=TokenUsage)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        # Losing the count of one day costs less than not starting.
        log.warning("openai.usage_unreadable", file=file.name, error=type(error).__name__)
        return None
