"""Asking a language model: one question, one answer in a given shape, within the budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from pydantic import SecretStr

from gateway import Json, TryLater, WarmlineError

from .budget import Budget

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

T = TypeVar("T")
LETTERS_A_TOKEN = 2
"""Few, so that the estimate held before a call is above what it uses (real text: 3 to 4)."""


class ModelError(WarmlineError):
    """The server gave no answer that can be used."""


class Model:
    """A model behind OpenAI's API, or one that is compatible. Nothing is tried twice."""

    def __init__(
        self,
        *,
        api_key: SecretStr,
        base_url: str | None,
        name: str,
        timeout: float,
        answer_tokens: int,
        temperature: float | None,
        budget: Budget,
    ) -> None:
        self._api_key, self._base_url, self._name = api_key, base_url, name
        self._timeout, self._answer_tokens = timeout, answer_tokens
        self._temperature = temperature
        self._budget = budget
        self._client: AsyncOpenAI | None = None

    async def ask(
        self, rules: str, data: Json, schema: Mapping[str, Any], kind: type[T]
    ) -> T | None:
        """The answer to ``data``, by ``rules``, in the shape of ``schema``.

        None when there is none to be had: the day's budget is spent, or the model declines.
        Raises TryLater (429, 503) or ModelError.
        """
        said = msgspec.json.encode(data).decode()
        read = (len(rules) + len(said) + len(str(schema))) // LETTERS_A_TOKEN
        if not self._budget.take(read, self._answer_tokens):
            return None
        used = (read, self._answer_tokens)  # of a call that is cut off nobody tells
        try:
            answer = await self._create(rules, said, schema)
            if answer.usage is not None:
                used = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        except WarmlineError:
            used = (0, 0)
            raise
        finally:
            self._budget.settle(read, self._answer_tokens, used=used)
        return _content(answer, kind)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _create(self, rules: str, said: str, schema: Mapping[str, Any]) -> ChatCompletion:
        from openai import APIStatusError, OpenAIError  # noqa: PLC0415  (loaded when first asked)

        asked: dict[str, Any] = {
            "model": self._name,
            "messages": [
                {"role": "system", "content": rules},
                {"role": "user", "content": said},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
            },
            "max_completion_tokens": self._answer_tokens,
        }
        if self._temperature is not None:
            asked["temperature"] = self._temperature
        try:
            answer: ChatCompletion = await self._connected().chat.completions.create(**asked)
        except APIStatusError as error:
            raise _in_our_words(error) from None
        except (OpenAIError, ValueError) as error:  # its words may quote the customer
            raise ModelError(f"no answer: {type(error).__name__}") from None
        return answer

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            from openai import AsyncOpenAI  # noqa: PLC0415  (loaded when first asked)

            self._client = AsyncOpenAI(
                api_key=self._api_key.get_secret_value(),
                base_url=self._base_url,
                timeout=self._timeout,
                max_retries=0,
            )
        return self._client


def _in_our_words(error: APIStatusError) -> WarmlineError:
    told = f"answered {error.status_code}"
    if error.status_code in (429, 503):
        after = error.response.headers.get("retry-after", "")
        return TryLater(told, after=float(after) if after.isdigit() else None)
    return ModelError(told)


def _content(answer: ChatCompletion, kind: type[T]) -> T | None:
    if not answer.choices:
        raise ModelError("answered without a choice")
    choice = answer.choices[0]
    if choice.message.refusal or choice.finish_reason in ("length", "content_filter"):
        return None
    try:
        return msgspec.json.decode(choice.message.content or "", type=kind)
    except msgspec.MsgspecError:
        raise ModelError("answered in another shape than asked for") from None
