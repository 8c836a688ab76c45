"""The section ``plugins.nlu_openai``, and the objects it describes.

The rest of the package is imported when it is needed: a start without the section loads only this.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from gateway import Settings, WarmlineError

if TYPE_CHECKING:
    from gateway import LanguageModel

    from .answers import GroundedAnswers
    from .summaries import ModelSummaries
    from .understander import OpenAIUnderstander


class OpenAISettings(BaseModel):
    """Section ``plugins.nlu_openai``: OpenAI, or any server with a compatible API."""

    model_config = ConfigDict(extra="forbid")

    api_key: SecretStr
    model: str = Field(description="its name at the server; it must support structured output")
    base_url: str | None = Field(None, description="another server's, ending in /v1; none: OpenAI")
    knowledge: tuple[Path, ...] = Field((), description="examples of intents, in Rasa's format")
    answers: tuple[Path, ...] = Field((), description="answer files and .md pages to answer from")
    answer: bool = Field(True, description="answers customers from `answers`")
    suggest: bool = Field(True, description="drafts answers for people from `answers`")
    summarise: bool = Field(True, description="sums conversations up for the person who takes over")
    timeout: float = Field(4.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="the most calls at the same time")
    longest: int = Field(2000, ge=100, description="characters of a message that are sent")
    history: int = Field(4, ge=0, le=40, description="earlier messages that are sent along")
    examples: int = Field(2, ge=0, le=20, description="of each intent and file, that are sent")
    answer_tokens: int = Field(300, ge=50, description="the most tokens of one answer")
    temperature: float | None = Field(None, ge=0, le=2, description="none: the model's default")
    daily_tokens: int | None = Field(500_000, ge=0, description="then no calls until midnight UTC")
    daily_cost: float | None = Field(None, ge=0, description="the same, by the prices below")
    price_read: float = Field(0.0, ge=0, description="of a million tokens sent")
    price_written: float = Field(0.0, ge=0, description="of a million tokens answered")
    _language_model: Any = PrivateAttr(None)
    _understander: Any = PrivateAttr(None)

    def understander(self, settings: Settings) -> OpenAIUnderstander:
        """The one understander of this section, made at the first call. Raises BadConfig."""
        from .understander import OpenAIUnderstander, read_examples  # noqa: PLC0415

        if self._understander is None:
            paths = [settings.path(path) for path in self.knowledge]
            self._understander = OpenAIUnderstander(
                model=self._shared_model(settings),
                examples=read_examples(paths, most=self.examples),
                at_once=self.at_once,
                longest=self.longest,
                history=self.history,
            )
        understander: OpenAIUnderstander = self._understander
        return understander

    def grounded_answers(self, settings: Settings) -> GroundedAnswers:
        """Answers from the files in ``answers``. Raises BadConfig."""
        from .answers import GroundedAnswers, PassageIndex, read_passages  # noqa: PLC0415

        paths = [settings.path(path) for path in self.answers]
        return GroundedAnswers(
            model=self._shared_model(settings),
            passages=PassageIndex(read_passages(paths, public_url=settings.core.public_url)),
            answers=self.answer,
            suggests=self.suggest,
            longest=self.longest,
            history=self.history,
        )

    def summaries(self, settings: Settings) -> ModelSummaries:
        """Summaries by the same model."""
        from .summaries import ModelSummaries  # noqa: PLC0415

        return ModelSummaries(model=self._shared_model(settings), longest=self.longest)

    def _shared_model(self, settings: Settings) -> LanguageModel:
        from gateway import (  # noqa: PLC0415
            DailyBudget,
            LanguageModel,
            TokenPrices,
            client_installed,
        )

        if not client_installed():
            raise WarmlineError("plugins.nlu_openai needs `pip install 'warmline[openai]'`")
        if self._language_model is None:
            self._language_model = LanguageModel(
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
                    file=settings.data_dir / "nlu_openai" / "spent.json",
                    today=lambda: datetime.now(UTC).date(),
                ),
            )
        model: LanguageModel = self._language_model
        return model
