"""Embeddings of a model behind OpenAI's API, or behind a server with a compatible one."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.ports import Embedding, TryLater, WarmlineError
from gateway.support.backoff import CircuitBreaker
from gateway.support.language_model.model import NO_KEY, ModelError, translated
from gateway.support.personal_data import CARD_NUMBER, EMAIL, IBAN, INTERNATIONAL_PHONE, PHONE

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import CreateEmbeddingResponse
    from pydantic import SecretStr

MOST_TEXTS = 64
"""Texts in one request: servers take 128 and more, and one that is late delays all of it."""
LONGEST = 4_000
"""Characters of a text: about 1,000 tokens, half of what the usual models read."""
AT_ONCE = 4
"""Requests at the same time."""
_PERSONAL = re.compile("|".join((EMAIL, IBAN, CARD_NUMBER, INTERNATIONAL_PHONE, PHONE)))


@dataclass(kw_only=True, eq=False)
class EmbeddingModel:
    """A `TextEncoder` on a server. A failed call is not repeated.

    ``api_key``: None for a server that asks for none; ``base_url``: the server's, ending in
    ``/v1``, None: OpenAI's. ``dimensions``: the numbers of a vector, which every answer is checked
    for; ``shorten``: ask the server for so many. ``timeout``: seconds for one request. E-mail
    addresses, phone, account and card numbers are not sent.
    """

    api_key: SecretStr | None
    base_url: str | None
    name: str
    dimensions: int
    shorten: bool
    timeout: float
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    _client: AsyncOpenAI | None = field(default=None, init=False)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

    @property
    def embedding_model(self) -> str:
        """The model, its server and the size of its vectors: none of them may change."""
        server = urlsplit(self.base_url).netloc if self.base_url else "OpenAI"
        return f"{self.name} at {server}, {self.dimensions} numbers"

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """See `TextEncoder`. Raises TryLater (429, 503, or after several failures) or
        ModelError."""
        ready = [_PERSONAL.sub(" ", text[:LONGEST]).strip() or "-" for text in texts]
        parts = [ready[at : at + MOST_TEXTS] for at in range(0, len(ready), MOST_TEXTS)]
        found = await asyncio.gather(*(self._part(part) for part in parts))
        return [each for part in found for each in part]

    async def close(self) -> None:
        """Close the connections, once nothing asks any more: a request gets new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _part(self, texts: Sequence[str]) -> list[Embedding]:
        async with self._gate:
            if not self.breaker.allows():
                raise TryLater("the server of embeddings failed several times; it is left alone")
            try:
                found = list(self._checked(await self._request(texts), len(texts)))
            except WarmlineError as error:
                self.breaker.failed(after=error.after if isinstance(error, TryLater) else None)
                raise
            except asyncio.CancelledError:
                self.breaker.abandoned()
                raise
            self.breaker.succeeded()
            return found

    async def _request(self, texts: Sequence[str]) -> CreateEmbeddingResponse:
        from openai import APIStatusError, AsyncOpenAI, OpenAIError  # noqa: PLC0415  (slow to load)
        from openai.types import CreateEmbeddingResponse  # noqa: PLC0415

        if self._client is None:
            self._client = AsyncOpenAI(
                api_key=self.api_key.get_secret_value() if self.api_key else NO_KEY,
                base_url=self.base_url,
                timeout=self.timeout,
                max_retries=0,
            )
        size: dict[str, Any] = {"dimensions": self.dimensions} if self.shorten else {}
        try:
            answer = await self._client.embeddings.create(
                model=self.name, input=list(texts), encoding_format="float", **size
            )
        except APIStatusError as error:
            raise translated(error) from None
        # A RuntimeError says that the client was closed. Any message may quote the customer.
        except (OpenAIError, ValueError, RuntimeError) as error:
            raise ModelError(f"no embeddings: {type(error).__name__}") from None
        if not isinstance(answer, CreateEmbeddingResponse):  # the client passes on what is no JSON
            raise ModelError("answered with something that is not JSON")
        return answer

    def _checked(self, answer: CreateEmbeddingResponse, count: int) -> Iterator[Embedding]:
        """The vectors in the order of the texts, each with the norm 1."""
        data = sorted(answer.data or (), key=lambda each: each.index)
        if [each.index for each in data] != list(range(count)):
            raise ModelError(f"answered with {len(data)} vectors to {count} texts")
        for each in data:
            numbers = each.embedding
            if len(numbers) != self.dimensions:
                raise ModelError(
                    f"answered with vectors of {len(numbers)} numbers instead of "
                    f"{self.dimensions}; correct `dimensions`"
                )
            norm = sqrt(sum(number * number for number in numbers))
            if not isfinite(norm) or norm == 0:
                raise ModelError("answered with a vector that has no direction")
            yield array("f", (number / norm for number in numbers))
