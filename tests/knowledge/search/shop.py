"""The test help centre in a store, and the questions about it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import html

from gateway import KnowledgeStore, NewDocument, NewSource, Passage
from plugins.knowledge.answering.words import numbers
from plugins.knowledge.readers.reading import SUFFIXES, ReadRequest, read
from tests.knowledge.test_helpcentre import KNOWLEDGE, PAGES, SHOP

FILES = (
    *PAGES,
    *sorted(path for path in SHOP.iterdir() if path.suffix in (".pdf", ".docx", ".csv", ".xlsx")),
)
LIFELIKE = "questions_lifelike.csv"
"""By somebody who never saw the pages. They ask as customers do, so they count more."""
DEVELOPMENT = ("questions_dev.csv", "questions_dev_more.csv", LIFELIKE)


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

    def is_answered_in_translation(self, passage: Passage) -> bool:
        """Whether it is of the page that says the same in another language, and has the numbers of
        the right words, of which there is one at least."""
        asked = numbers(self.fragment)
        other = passage.location.split("#")[0] in translations().get(self.file, ())
        return other and bool(asked) and asked <= numbers(passage.text)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@cache
def translations() -> dict[str, set[str]]:
    """The pages that say the same in the other language."""
    found: dict[str, set[str]] = {}
    for path in PAGES:
        own = path.relative_to(SHOP).as_posix()
        for link in html.fromstring(path.read_bytes()).xpath("//link[@rel='alternate']/@href"):
            other = str(link).replace("{{base}}/", "").lstrip("/")
            found.setdefault(own, set()).add(other)
            found.setdefault(other, set()).add(own)
    return found


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


def is_lifelike(question: str) -> bool:
    """Whether it is of `LIFELIKE`."""
    return question in _lifelike()


@cache
def _lifelike() -> frozenset[str]:
    with (KNOWLEDGE / LIFELIKE).open(encoding="utf-8", newline="") as file:
        return frozenset(row["question"] for row in csv.DictReader(file))


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
