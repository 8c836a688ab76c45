"""Reading in the test's own process."""

from __future__ import annotations

from typing import Any

from gateway import NewPassage
from plugins.knowledge.readers.reading import DocumentFormat, ReadRequest, ReadResult, read


def read_as(format: DocumentFormat, data: bytes | str, **more: Any) -> tuple[ReadResult, ...]:
    raw = data.encode() if isinstance(data, str) else data
    request = {"location": "https://help.example.org/a", **more}
    return read(ReadRequest(data=raw, format=format, **request))


def passages(format: DocumentFormat, data: bytes | str, **more: Any) -> tuple[NewPassage, ...]:
    (result,) = read_as(format, data, **more)
    return result.document.passages


class DirectReader:
    """A `DocumentReader` that reads at once, in the test's process."""

    async def read(self, request: ReadRequest) -> tuple[ReadResult, ...]:
        return read(request)
