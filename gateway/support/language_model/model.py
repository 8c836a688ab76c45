"""A language model behind OpenAI's API, or behind a server with a compatible one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from gateway.model import TOKENS, Fact, Json, Reply
from gateway.ports import TryLater, WarmlineError
from gateway.support.http import retry_after
from gateway.support.language_model.budget import DailyBudget

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion
    from pydantic import SecretStr

T = TypeVar("T")
LETTERS_PER_TOKEN = 2
"""Deliberately few (real text has 3 to 4): the estimate before a call exceeds what it uses."""
NO_KEY = "none"
"""Sent to a server that asks for no key: the client insists on one."""


class ModelError(WarmlineError):
    """The server gave no answer that can be used."""


class ModelReply(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a call brought. ``value`` is None when the model declined, or its answer was cut off.
    ``read`` and ``written`` are the tokens sent and answered, as the server counts them."""

    value: T | None
    read: int = 0
    written: int = 0


def with_tokens(reply: Reply, tokens: int) -> Reply:
    """``reply`` with a note of the ``tokens`` that a model took for it, the declined calls of the
    same turn included. The measures count it; customers do not see it."""
    return reply.replace(facts=(*reply.facts, Fact(name=TOKENS, value=str(tokens))))


@dataclass(kw_only=True, eq=False)
class LanguageModel:
    """A model of OpenAI, or of a server with a compatible API. A failed call is not repeated.

    ``api_key``: None for a server that asks for none, such as a small one on this machine.
    ``base_url``: the server's, ending in ``/v1``; None: OpenAI's. ``timeout``: seconds for one
    call; ``answer_tokens``: the most for one answer.
    """

    api_key: SecretStr | None
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
        reply = await self.ask_counted(rules, data, schema, kind)
        return None if reply is None else reply.value

    async def ask_counted(
        self, rules: str, data: Json, schema: Mapping[str, Any], kind: type[T]
    ) -> ModelReply[T] | None:
        """As `ask`, with the tokens used. None when the day's budget is used up: no call was
        made."""
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
        return ModelReply(value=_decode(answer, kind), read=used[0], written=used[1])

    async def close(self) -> None:
        """Close the connections, once nothing asks any more: a request gets new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _complete(
        self, rules: str, content: str, schema: Mapping[str, Any]
    ) -> ChatCompletion:
        from openai import APIStatusError, AsyncOpenAI, OpenAIError  # noqa: PLC0415  (slow to load)
        from openai.types.chat import ChatCompletion  # noqa: PLC0415

        if self._client is None:
            self._client = AsyncOpenAI(
                api_key=self.api_key.get_secret_value() if self.api_key else NO_KEY,
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
            answer = await self._client.chat.completions.create(**request)
        except APIStatusError as error:
            raise translated(error) from None
        # A RuntimeError says that the client was closed. Any message may quote the customer.
        except (OpenAIError, ValueError, RuntimeError) as error:
            raise ModelError(f"no answer: {type(error).__name__}") from None
        if not isinstance(answer, ChatCompletion):  # the client passes on what is not JSON
            raise ModelError("answered with something that is not JSON")
        return answer


def client_installed() -> bool:
    """Whether `LanguageModel` has the client that it needs: the extra ``openai``."""
    return find_spec("openai") is not None


def object_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def translated(error: APIStatusError) -> WarmlineError:
    """What a status of the server means to callers."""
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
