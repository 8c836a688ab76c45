"""Section ``plugins.knowledge``."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from gateway import MentionedNames, Services, Settings, WarmlineError
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


class EmbeddingSettings(BaseModel):
    """Part ``embeddings`` of the section ``plugins.knowledge``: a model behind OpenAI's API
    (``/v1/embeddings``), or behind a server with a compatible one, in place of the packaged
    sentence encoder. Questions and passages are sent to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1, description="its name at the server")
    dimensions: int = Field(ge=8, le=4096, description="numbers in one of its vectors")
    base_url: str | None = Field(None, description="another server's, ending in /v1; none: OpenAI")
    api_key: SecretStr | None = Field(
        None, description="also OPENAI_API_KEY; not needed with a `base_url` of your own"
    )
    shorten: bool = Field(
        False, description="ask for `dimensions` numbers, where the model can give fewer"
    )
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one request")

    @model_validator(mode="after")
    def _needs_a_key(self) -> EmbeddingSettings:
        if self.base_url is None and self.api_key is None:
            message = "OpenAI needs a key: set OPENAI_API_KEY, or the `base_url` of another server"
            raise ValueError(message)
        return self

    def search(self) -> PassageSearch:
        """The search that asks this server. Raises WarmlineError without the extra ``openai``."""
        from gateway import EmbeddingModel, client_installed  # noqa: PLC0415  (only where used)
        from plugins.knowledge.search import ServerSearch  # noqa: PLC0415  (numpy)

        if not client_installed():
            raise WarmlineError(
                "plugins.knowledge.embeddings needs `pip install 'warmline[openai]'`"
            )
        return ServerSearch(
            EmbeddingModel(
                api_key=self.api_key,
                base_url=self.base_url,
                name=self.model,
                dimensions=self.dimensions,
                shorten=self.shorten,
                timeout=self.timeout,
            )
        )


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
    learn_from_drafts: bool = Field(
        True, description="calibrate also with what agents made of drafts from the sources"
    )
    phrasing: PhrasingSettings | None = Field(
        None, description="a language model that words answers from the sources"
    )
    embeddings: EmbeddingSettings | None = Field(
        None, description="a model server's embeddings for search, in place of the packaged encoder"
    )
    api_key: SecretStr | None = Field(
        None,
        description="the model server's, where `phrasing` or `embeddings` has none; also "
        "OPENAI_API_KEY",
    )
    _answers: SourceAnswers | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _share_key(cls, values: Any) -> Any:
        """Give the key to the parts: a variable without our prefix sets a field of a section."""
        if isinstance(values, dict) and (key := values.get("api_key")):
            parts = {name: values.get(name) for name in ("phrasing", "embeddings")}
            shared = {
                name: part | {"api_key": key}
                for name, part in parts.items()
                if isinstance(part, dict) and "api_key" not in part
            }
            return values | shared
        return values

    @cached_property
    def search(self) -> PassageSearch:
        """The one search of this section. Raises WarmlineError; see `EmbeddingSettings`."""
        if self.embeddings is not None:
            return self.embeddings.search()
        from plugins.knowledge.search import PassageSearch  # noqa: PLC0415  (numpy)

        return PassageSearch()

    def answers(self, settings: Settings) -> SourceAnswers:
        """The one handler of this section; ``settings`` are those that it is part of."""
        from plugins.knowledge.answering.calibrator import Calibrator  # noqa: PLC0415  (slow)
        from plugins.knowledge.answering.handler import SourceAnswers  # noqa: PLC0415  (slow)

        if self._answers is None:
            files = [settings.path(path) for path in self.questions]
            calibrator = Calibrator(
                wrong_at_most=self.wrong_at_most, questions=files, learns=self.learn_from_drafts
            )
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
