"""Section ``plugins.knowledge``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
