"""Settings ``plugins.knowledge.phrasing``: a language model that words answers from the sources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway import BadConfig, Problem, Services, Settings, WarmlineError

if TYPE_CHECKING:
    from plugins.knowledge.phrasing.answers import PhrasedAnswers

TIME_TO_CHECK = 1.0
"""Seconds kept for checking what the model said, and for the handler's own work."""


class PhrasingSettings(BaseModel):
    """Part ``phrasing`` of the section ``plugins.knowledge``: a language model behind OpenAI's API,
    or behind a server with a compatible one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="its name at the server; it must support structured output")
    base_url: str | None = Field(None, description="another server's, ending in /v1; none: OpenAI")
    api_key: SecretStr | None = Field(
        None, description="also OPENAI_API_KEY; not needed with a `base_url` of your own"
    )
    customers: bool = Field(
        False, description="customers get what the model words; else people get drafts alone"
    )
    timeout: float = Field(5.0, gt=0, le=60, description="seconds for one call")
    passages: int = Field(5, ge=1, le=10, description="the most that are sent with a question")
    history: int = Field(4, ge=0, le=20, description="earlier messages that are sent along")
    longest: int = Field(2000, ge=100, le=8000, description="characters of a message or passage")
    answer_tokens: int = Field(500, ge=100, le=4000, description="the most tokens of one answer")
    temperature: float | None = Field(None, ge=0, le=2, description="none: the model's default")
    daily_tokens: int | None = Field(500_000, ge=0, description="then no calls until midnight UTC")
    daily_cost: float | None = Field(None, ge=0, description="the same, by the prices below")
    price_read: float = Field(0.0, ge=0, description="of a million tokens sent")
    price_written: float = Field(0.0, ge=0, description="of a million tokens answered")

    @model_validator(mode="after")
    def _needs_a_key(self) -> PhrasingSettings:
        if self.base_url is None and self.api_key is None:
            message = "OpenAI needs a key: set OPENAI_API_KEY, or the `base_url` of another server"
            raise ValueError(message)
        return self

    def phrased_answers(self, settings: Settings, services: Services) -> PhrasedAnswers | None:
        """What words the answers; None without a sentence encoder, since nothing can be checked.

        Raises BadConfig when ``timeout`` leaves no time within ``worker.handler_timeout``, and
        WarmlineError without the extra ``openai``."""
        from gateway import (  # noqa: PLC0415  (a start without this part loads none of it)
            DailyBudget,
            LanguageModel,
            TokenPrices,
            client_installed,
        )
        from plugins.knowledge.phrasing.answers import PhrasedAnswers  # noqa: PLC0415

        limit = settings.core.worker.handler_timeout - TIME_TO_CHECK
        if self.timeout > limit:
            message = (
                f"leaves no time to check the answer: at most {limit:g} with "
                f"worker.handler_timeout {settings.core.worker.handler_timeout:g}"
            )
            key = "plugins.knowledge.phrasing.timeout"
            file = str(settings.file or "settings")
            raise BadConfig([Problem(file=file, line=1, key=key, message=message)])
        if services.encoder is None or services.encoder.embedding_model is None:
            return None
        if not client_installed():
            raise WarmlineError("plugins.knowledge.phrasing needs `pip install 'warmline[openai]'`")
        model = LanguageModel(
            api_key=self.api_key,
            base_url=self.base_url,
            name=self.model,
            timeout=self.timeout,
            answer_tokens=self.answer_tokens,
            temperature=self.temperature,
            budget=DailyBudget(
                tokens=self.daily_tokens,
                cost=self.daily_cost,
                prices=TokenPrices(read=self.price_read, written=self.price_written),
                file=settings.data_dir / "knowledge" / "spent.json",
                today=lambda: datetime.now(UTC).date(),
            ),
        )
        return PhrasedAnswers(
            model=model,
            encoder=services.encoder,
            customers=self.customers,
            passages=self.passages,
            history=self.history,
            longest=self.longest,
            deadline=self.timeout + TIME_TO_CHECK / 2,
        )
