"""Help centres in a store, and the questions about them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import html

from gateway import KnowledgeStore, NewDocument, NewSource, Passage
from plugins.knowledge.answering.words import numbers
from plugins.knowledge.readers.reading import SUFFIXES, ReadRequest, read
from tests.knowledge.test_helpcentre import KNOWLEDGE, PAGES, SHOP

LIFELIKE = "questions_lifelike.csv"
"""By somebody who never saw the pages. They ask as customers do, so they count more."""
DEVELOPMENT = ("questions_dev.csv", "questions_dev_more.csv", LIFELIKE)
OTHERS = KNOWLEDGE / "others"


class HelpCentre(NamedTuple):
    """Pages, and files of questions about them. ``prefix`` stands before the names of pages, so
    that those of two help centres differ."""

    folder: Path
    pages: tuple[Path, ...]
    questions: tuple[Path, ...]
    prefix: str = ""

    def place(self, page: Path) -> str:
        """The location of a page, without a number."""
        return self.prefix + page.relative_to(self.folder).as_posix()

    def documents(self) -> Iterator[NewDocument]:
        for page in self.pages:
            data = page.read_bytes().replace(b"{{base}}", b"https://help.example.org")
            place = self.place(page)
            request = ReadRequest(data=data, format=SUFFIXES[page.suffix], location=place)
            for number, result in enumerate(read(request)):
                yield result.document.replace(location=f"{place}#{number}")

    def rows(self) -> Iterator[dict[str, str]]:
        """The questions, with and without an answer; ``file`` is that of `place`."""
        for path in self.questions:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    yield row | {"file": row["file"] and self.prefix + row["file"]}


MUSIC = HelpCentre(
    SHOP,
    (
        *PAGES,
        *sorted(p for p in SHOP.iterdir() if p.suffix in (".pdf", ".docx", ".csv", ".xlsx")),
    ),
    tuple(KNOWLEDGE / name for name in DEVELOPMENT),
)
"""The test help centre, of a shop for musical instruments."""
HELP_CENTRES = (
    MUSIC,
    *(
        HelpCentre(
            folder,
            tuple(sorted(folder.glob("*/*.md"))),
            (folder / "questions.csv",),
            f"{folder.name}/",
        )
        for folder in sorted(OTHERS.iterdir())
        if folder.is_dir()
    ),
)
"""The test help centre, and those of other trades, by other writers. All questions about the others
are lifelike."""


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
    pairs = [
        (MUSIC.place(path), str(link).replace("{{base}}/", "").lstrip("/"))
        for path in PAGES
        for link in html.fromstring(path.read_bytes()).xpath("//link[@rel='alternate']/@href")
    ]
    for centre in HELP_CENTRES[1:]:
        by_name: dict[str, list[str]] = {}
        for page in centre.pages:
            by_name.setdefault(page.name, []).append(centre.place(page))
        pairs += [(a, b) for same in by_name.values() for a in same for b in same if a != b]
    found: dict[str, set[str]] = {}
    for own, other in pairs:
        found.setdefault(own, set()).add(other)
        found.setdefault(other, set()).add(own)
    return found


async def fill(store: KnowledgeStore, centre: HelpCentre = MUSIC) -> None:
    source = await store.add_source(NewSource(location=centre.folder.name))
    for document in centre.documents():
        await store.put_document(source.id, document)


def is_lifelike(question: str) -> bool:
    """Whether it is by somebody who never saw the pages."""
    return question in _lifelike()


@cache
def _lifelike() -> frozenset[str]:
    own = MUSIC._replace(questions=(KNOWLEDGE / LIFELIKE,))
    return frozenset(row["question"] for each in (own, *HELP_CENTRES[1:]) for row in each.rows())


def asked(centre: HelpCentre = MUSIC) -> list[Asked]:
    """The questions that have an answer."""
    return [
        Asked(**{name: row[name] for name in Asked._fields})
        for row in centre.rows()
        if row["style"] != "unanswerable"
    ]
