"""The test help centre in a store, and the questions about it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from gateway import KnowledgeStore, NewDocument, NewSource, Passage
from plugins.knowledge.readers.reading import SUFFIXES, ReadRequest, read
from tests.knowledge.test_helpcentre import KNOWLEDGE, PAGES, SHOP

FILES = (
    *PAGES,
    *sorted(path for path in SHOP.iterdir() if path.suffix in (".pdf", ".docx", ".csv", ".xlsx")),
)
DEVELOPMENT = ("questions_dev.csv", "questions_dev_more.csv")


class Asked(NamedTuple):
    """A question, and the words of the passage that answers it."""

    question: str
    language: str
    file: str
    fragment: str
    style: str

    def is_answered_by(self, passage: Passage) -> bool:
        """Whether it is of the right file and has the right words."""
        words = " ".join((*passage.headings, passage.question, passage.text))
        same_file = passage.location.split("#")[0] == self.file
        return same_file and _plain(self.fragment) in _plain(words)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def documents() -> Iterator[NewDocument]:
    for path in FILES:
        data = path.read_bytes().replace(b"{{base}}", b"https://help.example.org")
        place = path.relative_to(SHOP).as_posix()
        request = ReadRequest(data=data, format=SUFFIXES[path.suffix], location=place)
        results = read(request)
        for number, result in enumerate(results):
            yield result.document.replace(location=f"{place}#{number}")


async def fill(store: KnowledgeStore) -> None:
    source = await store.add_source(NewSource(location="helpcentre"))
    for document in documents():
        await store.put_document(source.id, document)


def asked(files: Iterable[Path] = tuple(KNOWLEDGE / name for name in DEVELOPMENT)) -> list[Asked]:
    """The questions that have an answer."""
    found: list[Asked] = []
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            found += [
                Asked(**{name: row[name] for name in Asked._fields})
                for row in csv.DictReader(file)
                if row["style"] != "unanswerable"
            ]
    return found
