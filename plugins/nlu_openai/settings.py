"""What can be set below ``plugins.nlu_openai``, and what is made of it.

The rest of the package is imported when it is made: asleep it costs a start next to nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from gateway import Settings, WarmlineError

if TYPE_CHECKING:
    from .answers import GroundedAnswers
    from .budget import Budget
    from .engine import NluOpenAI
    from .model import Model
    from .summaries import Summaries


class OpenAISettings(BaseModel):
    """Section ``plugins.nlu_openai``: OpenAI, or any server that speaks its API."""

    model_config = ConfigDict(extra="forbid")

    api_key: SecretStr
    model: str = Field(description="as the server calls it; it must know structured output")
    base_url: str | None = Field(None, description="another server's, ending in /v1; none: OpenAI")
    knowledge: tuple[Path, ...] = Field((), description="examples of intents, in Rasa's format")
    answers: tuple[Path, ...] = Field((), description="answer files and .md pages to answer from")
    answer: bool = Field(True, description="answers customers from `answers`")
    suggest: bool = Field(True, description="drafts answers for people from `answers`")
    summarise: bool = Field(True, description="sums conversations up for the person who takes over")
    timeout: float = Field(4.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="calls side by side")
    longest: int = Field(2000, ge=100, description="characters of a message that are sent")
    history: int = Field(4, ge=0, le=40, description="earlier messages that are sent along")
    examples: int = Field(2, ge=0, le=20, description="of each intent and file, that are sent")
    answer_tokens: int = Field(300, ge=50, description="most for one answer")
    temperature: float | None = Field(None, ge=0, le=2, description="none: the model's own")
    daily_tokens: int | None = Field(500_000, ge=0, description="then it rests until midnight UTC")
    daily_cost: float | None = Field(None, ge=0, description="the same, by the prices below")
    price_read: float = Field(0.0, ge=0, description="of a million tokens sent")
    price_written: float = Field(0.0, ge=0, description="of a million tokens answered")
    _model: Any = PrivateAttr(None)
    _engine: Any = PrivateAttr(None)

    def engine(self, settings: Settings) -> NluOpenAI:
        """The one understander of this section, made when first asked for. Raises BadConfig."""
        from .engine import NluOpenAI  # noqa: PLC0415
        from .sources import read_examples  # noqa: PLC0415

        if self._engine is None:
            paths = [settings.path(path) for path in self.knowledge]
            self._engine = NluOpenAI(
                self._asked(settings),
                examples=read_examples(paths, most=self.examples),
                at_once=self.at_once,
                longest=self.longest,
                history=self.history,
            )
        engine: NluOpenAI = self._engine
        return engine

    def grounded(self, settings: Settings) -> GroundedAnswers:
        """Answers from the files in ``answers``. Raises BadConfig."""
        from .answers import GroundedAnswers  # noqa: PLC0415
        from .sources import Sources, read_passages  # noqa: PLC0415

        paths = [settings.path(path) for path in self.answers]
        return GroundedAnswers(
            self._asked(settings),
            sources=Sources(read_passages(paths, public_url=settings.core.public_url)),
            answers=self.answer,
            suggests=self.suggest,
            longest=self.longest,
            history=self.history,
        )

    def summaries(self, settings: Settings) -> Summaries:
        from .summaries import Summaries  # noqa: PLC0415

        return Summaries(self._asked(settings), longest=self.longest)

    def _asked(self, settings: Settings) -> Model:
        from .model import Model  # noqa: PLC0415

        if find_spec("openai") is None:
            raise WarmlineError("plugins.nlu_openai needs `pip install 'warmline[openai]'`")
        if self._model is None:
            self._model = Model(
                api_key=self.api_key,
                base_url=self.base_url,
                name=self.model,
                timeout=self.timeout,
                answer_tokens=self.answer_tokens,
                temperature=self.temperature,
                budget=self._budget(settings.data_dir / "nlu_openai" / "spent.json"),
            )
        model: Model = self._model
        return model

    def _budget(self, file: Path) -> Budget:
        from .budget import Budget, Prices  # noqa: PLC0415

        return Budget(
            tokens=self.daily_tokens,
            cost=self.daily_cost,
            prices=Prices(read=self.price_read, written=self.price_written),
            file=file,
            today=lambda: datetime.now(UTC).date(),
        )
