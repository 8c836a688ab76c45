"""Section ``plugins.knowledge``."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from gateway import MentionedNames, Services, Settings
from plugins.knowledge.phrasing.settings import PhrasingSettings

if TYPE_CHECKING:
    from plugins.knowledge.answering.handler import SourceAnswers
    from plugins.knowledge.search import PassageSearch


class ListedSource(BaseModel):
    """A source that is listed in the configuration: read at the start and re-checked like others.

    ``location`` is a URL, or the path of a folder or a file, from the configuration's folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str = Field(min_length=1, description="a URL, or the path of a folder or a file")
    title: str = ""
    brand: str = ""
    owner: str = Field("", description="who answers for what it says")
    language: str = Field("", pattern=r"^([a-z]{2})?$", description="of texts that do not tell")
    private: bool = Field(False, description="it may be in a network that is not public")


class CrawlLimits(BaseModel):
    """Section ``plugins.knowledge.limits``: how much of a site is read, and how fast."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pages: int = Field(1_000, ge=1, le=20_000, description="pages and files of one source")
    depth: int = Field(10, ge=0, le=50, description="links from the first page")
    minutes: float = Field(60.0, gt=0, le=24 * 60, description="for one source")
    page_bytes: int = Field(10_000_000, ge=10_000, description="of one HTML page")
    file_bytes: int = Field(50_000_000, ge=10_000, description="of one PDF, DOCX or other file")
    total_bytes: int = Field(1_000_000_000, ge=10_000, description="of one source")
    page_seconds: float = Field(30.0, gt=0, description="until a page or file has arrived")
    read_seconds: float = Field(60.0, gt=0, description="to take the text out of one document")
    requests_a_second: float = Field(4.0, gt=0, le=4, description="not bounded on loopback")


class KnowledgeSettings(BaseModel):
    """Section ``plugins.knowledge``: the team's own sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[ListedSource, ...] = ()
    recheck_hours: float = Field(24.0, gt=0, description="between two checks of a source")
    limits: CrawlLimits = CrawlLimits()
    answer: bool = Field(
        True, description="answer customers; false: drafts and lines for agents alone"
    )
    wrong_at_most: float = Field(
        0.05, gt=0, le=0.5, description="share of the answers sent without asking back"
    )
    questions: tuple[Path, ...] = Field(
        (), description="CSV files of questions of people (`text`, `answer`) to calibrate with"
    )
    phrasing: PhrasingSettings | None = Field(
        None, description="a language model that words answers from the sources"
    )
    api_key: SecretStr | None = Field(
        None, description="the language model's, where `phrasing` has none; also OPENAI_API_KEY"
    )
    _answers: SourceAnswers | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _share_key(cls, values: Any) -> Any:
        """Give the key to ``phrasing``: a variable without our prefix sets a field of a section."""
        if isinstance(values, dict) and (key := values.get("api_key")):
            phrasing = values.get("phrasing")
            if isinstance(phrasing, dict) and "api_key" not in phrasing:
                return values | {"phrasing": phrasing | {"api_key": key}}
        return values

    @cached_property
    def search(self) -> PassageSearch:
        """The one search of this section."""
        from plugins.knowledge.search import PassageSearch  # noqa: PLC0415  (numpy)

        return PassageSearch()

    def answers(self, settings: Settings) -> SourceAnswers:
        """The one handler of this section; ``settings`` are those that it is part of."""
        from plugins.knowledge.answering.calibrator import Calibrator  # noqa: PLC0415  (slow)
        from plugins.knowledge.answering.handler import SourceAnswers  # noqa: PLC0415  (slow)

        if self._answers is None:
            files = [settings.path(path) for path in self.questions]
            calibrator = Calibrator(wrong_at_most=self.wrong_at_most, questions=files)
            worded = self.phrasing
            self._answers = SourceAnswers(
                retriever=self._started,
                calibrator=calibrator,
                speaks=self.answer,
                phrasing=partial(worded.phrased_answers, settings) if worded else None,
            )
        return self._answers

    def mentions(self, settings: Settings) -> MentionedNames:  # noqa: ARG002  (see MentionsNames)
        """Any question may have its answer in a source."""
        return MentionedNames(answers_anything=self.answer)

    def _started(self, services: Services) -> PassageSearch | None:
        if services.knowledge is None:
            return None
        self.search.use(services)
        return self.search
