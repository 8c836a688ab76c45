"""The invented shop's help centre, and the questions that are asked about it, agree."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin
from xml.etree import ElementTree

import pytest

KNOWLEDGE = Path(__file__).parent
SHOP = KNOWLEDGE / "helpcentre"
PAGES = sorted([*SHOP.glob("en/*.html"), *SHOP.glob("de/*.html")])
FORBIDDEN = sorted(SHOP.glob("internal/*.html"))
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """What the tests need of a page: text, anchors and links. Unclosed tags are errors."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.language = ""
        self.feed(markup)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "html":
            self.language = of.get("lang") or ""
        self.anchors |= {
            value for name in ("id", "name") if tag != "input" and (value := of.get(name))
        }
        if (link := of.get("href")) and tag in {"a", "link"}:
            self.links.append(link)
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())


@cache
def page(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def pdf_text(path: Path) -> str:
    """The words of a PDF whose fonts are the built-in ones, as fpdf2 writes it."""
    words: list[str] = []
    for stream in re.findall(
        rb"/FlateDecode.*?stream\n(.*?)\nendstream", path.read_bytes(), re.DOTALL
    ):
        shown = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", zlib.decompress(stream))
        words += [re.sub(rb"\\(.)", rb"\1", piece).decode("cp1252") for piece in shown]
    return " ".join(words)


def words_of(xml: bytes) -> Iterator[str]:
    return ElementTree.fromstring(xml).itertext()  # noqa: S314 - our own file


def office_text(path: Path) -> str:
    """The words of a DOCX or XLSX, in the order of its parts."""
    with zipfile.ZipFile(path) as archive:
        parts = [
            name
            for name in archive.namelist()
            if name in {"word/document.xml", "xl/worksheets/sheet1.xml"}
        ]
        return " ".join(" ".join(words_of(archive.read(part))) for part in parts)


@cache
def text_of(file: str) -> str:
    """All words of a file of the shop, with single spaces."""
    path = SHOP / file
    match path.suffix:
        case ".html":
            return page(path).text
        case ".pdf":
            text = pdf_text(path)
        case ".csv":
            with path.open(newline="", encoding="utf-8") as rows:
                text = " ".join(" ".join(row) for row in csv.reader(rows))
        case _:
            text = office_text(path)
    return " ".join(text.split())


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (KNOWLEDGE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_shop_has_sixty_pages_in_two_languages() -> None:
    """38 in English and 22 in German; each declares its language."""
    assert Counter(page(path).language for path in PAGES) == {"en": 38, "de": 22}
    assert all(page(path).language == path.parent.name for path in PAGES)


@pytest.mark.parametrize(
    "path", [*PAGES, *FORBIDDEN], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_links_lead_somewhere(path: Path) -> None:
    """A link within the shop names a page that exists, and an anchor that the page has."""
    here = f"http://shop/{path.relative_to(SHOP)}"
    for link in page(path).links:
        address, fragment = urldefrag(urljoin(here, link.replace("{{base}}", "http://shop")))
        target = SHOP / address.removeprefix("http://shop/")
        assert target.is_file(), link
        assert not fragment or fragment in page(target).anchors, link


def test_the_sitemap_lists_what_may_be_read() -> None:
    """All sixty pages and the booklet, and nothing that robots.txt forbids."""
    tree = ElementTree.parse(SHOP / "sitemap.xml")  # noqa: S314 - our own file
    listed = [
        place.text or "" for place in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")
    ]
    there = [*(str(path.relative_to(SHOP)) for path in PAGES), "service_booklet.pdf"]
    assert sorted(listed) == sorted(f"{{{{base}}}}/{name}" for name in there)
    assert "Disallow: /internal/" in (SHOP / "robots.txt").read_text().splitlines()
    assert len(FORBIDDEN) == 2


def test_the_shop_is_small() -> None:
    """All files together stay below 600 kB, so that nobody minds them in the repository."""
    assert (
        sum(path.stat().st_size for path in SHOP.rglob("*") if "__pycache__" not in path.parts)
        < 600_000
    )


def test_every_topic_is_answered_where_it_says() -> None:
    """A line of topics.md names a file, an anchor in it, and pieces of its text."""
    lines = [
        line
        for line in (SHOP / "topics.md").read_text("utf-8").splitlines()
        if line.startswith("- ")
    ]
    assert len(lines) >= 180
    for line in lines:
        _, place, _, answer = line.split(" | ", 3)
        file, anchor = place.split("#")
        assert not file.endswith(".html") or anchor in page(SHOP / file).anchors, line
        answers = re.sub(r" \[(en|de) only\]$", "", answer).removeprefix("answer: ")
        assert all(piece in text_of(file) for piece in answers.split("; ")), line


@pytest.mark.parametrize("name", ["questions_dev.csv", "questions_dev_more.csv"])
def test_every_question_has_its_answer_in_the_text(name: str) -> None:
    """The fragment and the heading stand in the file, word for word."""
    for row in rows(name):
        if row["style"] != "unanswerable":
            assert row["fragment"] in text_of(row["file"]), row
            assert row["heading"] in text_of(row["file"]), row
        else:
            assert not row["file"] + row["heading"] + row["fragment"], row


def test_every_lifelike_question_has_its_answer_in_a_passage() -> None:
    """180 of the 240, by somebody who never saw the pages, are answered by one at least."""
    asked = rows("questions_lifelike.csv")
    styles = Counter(row["style"] for row in asked)
    assert styles == {"ordinary": 89, "other_language": 51, "paraphrase": 40, "unanswerable": 60}
    assert len({row["question"] for row in asked}) == len(asked)
    for row in asked:
        if row["style"] != "unanswerable":
            assert " ".join(row["fragment"].split()) in text_of(row["file"]), row
        else:
            assert not row["file"] + row["fragment"], row


def test_the_questions_are_as_many_as_the_measurements_say() -> None:
    """70 in ordinary words, 40 in another language, 40 in other words, and 75 without an answer."""
    styles = Counter(row["style"] for row in rows("questions_dev.csv"))
    assert styles == {"ordinary": 70, "other_language": 40, "paraphrase": 40, "unanswerable": 75}
    asked = [
        row["question"]
        for name in ("questions_dev.csv", "questions_dev_more.csv")
        for row in rows(name)
    ]
    assert len(set(asked)) == len(asked)
